//! Adding keys: what was pasted is understood, what is new is stored, and every line that was not is reported.

use super::Change;
use crate::{
    admin::{
        Asked,
        fields::Fields,
        input,
        outcome::{Keys, Outcome, Place, Say, store},
    },
    app::{Cache, with_cache},
    auth,
    error::{Error, Result},
    pool::{
        Pool,
        paste::{self, Entry, Pasted, Refusal, Refused, guess_provider},
        redact::mask,
        target,
    },
    record::{
        Kind, Record,
        key::{ACTIVE_GROUP, DEFAULT_WEIGHT, Key},
        provider::{self, Preset},
        write::object,
    },
};
use serde_json::Value;
use std::collections::HashSet;

/// More at once are refused whole, before anything is stored.
const MOST: usize = 20_000;

struct New {
    text: Option<String>,
    keys: Option<Vec<One>>,
    provider: Option<String>,
    group: Option<String>,
    weight: Option<u64>,
    dry_run: bool,
}

struct One {
    key: String,
    provider: Option<String>,
    change: Change,
}

impl New {
    fn read(mut fields: Fields, now: u64) -> Result<Self> {
        let one = |item| One::read(Fields::of(item)?, now);
        let new = Self {
            text: fields.text("text"),
            keys: fields.list("keys").map(|items| items.into_iter().map(one).collect()).transpose()?,
            provider: fields.text("provider"),
            group: fields.text("group"),
            weight: fields.number("weight"),
            dry_run: fields.flag("dry_run").unwrap_or(false),
        };
        fields.end().map(|()| new)
    }
}

impl One {
    fn read(mut fields: Fields, now: u64) -> Result<Self> {
        let (key, provider) = (fields.required("key"), fields.text("provider"));
        let one = Self { key, provider, change: Change::read(&mut fields, now)? };
        fields.end().map(|()| one)
    }
}

/// A key that was understood, and what its own entry says beyond the text forms.
struct Wish<'a> {
    entry: Entry,
    change: Option<&'a Change>,
}

/// What will be done.
#[derive(Default)]
struct Plan {
    /// Providers first, they are made from presets as needed.
    records: Vec<Record>,
    added: Vec<String>,
    known: Vec<Value>,
    refused: Vec<Value>,
    providers: Vec<String>,
    ids: HashSet<String>,
}

pub fn add(asked: &Asked) -> Result<Outcome> {
    let new = New::read(input::body(asked)?, asked.now)?;
    let plan = with_cache(|c| plan(&new, c, &asked.pepper, asked.now))?;
    let place = Place::List("added", object! {"added": Value::Null, "known": plan.known, "refused": plan.refused});
    let keys = Keys { status: 201, ids: plan.added, pool: None, place };
    if !new.dry_run {
        return store(plan.records, Say::Keys(keys));
    }
    // It shows the keys as they would be, from a pool that is thrown away.
    let mut pool = Pool::default();
    pool.sync(&plan.records, true, asked.now);
    store(Vec::new(), Say::Keys(Keys { status: 200, pool: Some(Box::new(pool)), ..keys }))
}

fn plan(new: &New, cache: &Cache, pepper: &str, now: u64) -> Result<Plan> {
    let (wishes, refused) = wishes(new)?;
    if wishes.len() > MOST {
        return Err(Error::invalid(format!("At most {MOST} keys at once."), Some("text")));
    }
    let group = new.group.as_deref().map(input::group).transpose()?;
    let weight = new.weight.map(input::weight).transpose()?;
    if let Some(name) = &new.provider
        && !exists(cache, name)
    {
        let message = format!("There is no provider {name}, and no preset of that name.");
        return Err(Error::wrong("provider_not_found", message, Some("provider")));
    }
    let mut plan = Plan { refused: refused.iter().map(refused_view).collect(), ..Plan::default() };
    for wish in wishes {
        let Some(provider) = provider_of(new, &wish.entry, cache) else {
            plan.refused.push(no_provider(&wish.entry));
            continue;
        };
        let label = wish.entry.label.clone().unwrap_or_default();
        let mut key = Key {
            weight: wish.entry.weight.or(weight).unwrap_or(DEFAULT_WEIGHT),
            group: group.clone().unwrap_or_else(|| ACTIVE_GROUP.into()),
            ..Key::new(&provider, &wish.entry.secret, label, now)
        };
        if let Some(change) = wish.change {
            change.apply(&mut key)?;
        }
        plan.take(wish.entry.line, &key, cache, pepper, now)?;
    }
    let made: Result<Vec<Record>> = plan
        .providers
        .iter()
        .filter(|name| cache.pool.provider(name).is_none())
        .filter_map(|name| provider::preset(name))
        .map(|preset| Record::new(Kind::Provider, preset.name, &preset.provider(now), now))
        .collect();
    plan.records.splice(0..0, made?);
    Ok(plan)
}

impl Plan {
    fn take(&mut self, line: u32, key: &Key, cache: &Cache, pepper: &str, now: u64) -> Result<()> {
        let id = auth::key_id(pepper, &key.provider, &key.secret);
        if !self.ids.insert(id.clone()) {
            let refused = Refused { line, reason: Refusal::Duplicate, shown: mask(&key.secret) };
            self.refused.push(refused_view(&refused));
            return Ok(());
        }
        if let Some(id) = cache.key_of(&key.provider, &key.secret) {
            self.known.push(object! {"line": line, "id": id, "key_masked": mask(&key.secret)});
            return Ok(());
        }
        if !self.providers.contains(&key.provider) {
            self.providers.push(key.provider.clone());
        }
        // A key that was deleted and comes back starts without its old notes.
        self.records.push(Record::new(Kind::Key, &*id, key, now)?);
        self.added.push(id);
        Ok(())
    }
}

fn wishes(new: &New) -> Result<(Vec<Wish<'_>>, Vec<Refused>)> {
    match (&new.text, &new.keys) {
        (Some(text), None) => {
            let Pasted { entries, refused } = paste::parse(text);
            let wishes = entries.into_iter().map(|entry| Wish { entry, change: None }).collect();
            Ok((wishes, refused))
        }
        (None, Some(keys)) => Ok(listed(keys)),
        _ => Err(Error::invalid("Send either `text` or `keys`.", Some("text"))),
    }
}

/// Keys as JSON objects; `line` is their place in the list.
fn listed(keys: &[One]) -> (Vec<Wish<'_>>, Vec<Refused>) {
    let (mut wishes, mut refused) = (Vec::new(), Vec::new());
    for (line, one) in (1..).zip(keys) {
        let mut understood = paste::parse(&one.key);
        match (understood.entries.pop(), understood.entries.is_empty(), understood.refused.pop()) {
            (Some(entry), true, None) => {
                let provider = one.provider.clone().or(entry.provider);
                let entry = Entry { line, provider, ..entry };
                wishes.push(Wish { entry, change: Some(&one.change) });
            }
            (_, _, why) => {
                let reason = why.map_or(Refusal::NotAKey, |r| r.reason);
                refused.push(Refused { line, reason, shown: mask(&one.key) });
            }
        }
    }
    (wishes, refused)
}

/// What the caller chose, what the entry says, what the key looks like, or the default.
fn provider_of(new: &New, entry: &Entry, cache: &Cache) -> Option<String> {
    let default = || {
        let chosen = cache.setting("default_provider").filter(|name| cache.pool.provider(name).is_some());
        chosen.or_else(|| target::default(&cache.pool, None, &|_| true)).map(str::to_string)
    };
    let said = entry.provider.clone().filter(|name| exists(cache, name));
    let named_but_unknown = entry.provider.is_some() && said.is_none();
    new.provider
        .clone()
        .or(said)
        .or_else(|| guess_provider(&entry.secret).map(str::to_string))
        .or_else(|| if named_but_unknown { None } else { default() })
}

fn exists(cache: &Cache, name: &str) -> bool {
    cache.pool.provider(name).is_some() || provider::preset(name).is_some_and(Preset::is_complete)
}

fn refused_view(refused: &Refused) -> Value {
    object! {"line": refused.line, "reason": refused.reason.name(), "message": refused.reason.message(),
    "shown": refused.shown}
}

fn no_provider(entry: &Entry) -> Value {
    object! {"line": entry.line, "reason": "provider_unknown",
    "message": "Nothing tells whose key this is. Choose a provider.", "shown": mask(&entry.secret)}
}

//! Adding keys: what was pasted is understood, what is new is stored, and every line that was not is reported.

use super::{
    Change,
    plan::{Plan, check, provider_of},
};
use crate::{
    admin::{Asked, fields::Fields, input, outcome::Outcome},
    app::{Cache, with_cache},
    error::{Error, Result},
    pool::{
        paste::{self, Entry, Pasted, Refusal, Refused},
        redact::mask,
    },
    record::{
        key::{ACTIVE_GROUP, DEFAULT_WEIGHT, Key},
        provider,
        write::object,
    },
};

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

pub fn add(asked: &Asked) -> Result<Outcome> {
    let new = New::read(input::body(asked)?, asked.now)?;
    let plan = with_cache(|c| plan(&new, c, &asked.pepper, asked.now))?;
    plan.answer(object! {}, new.dry_run, asked.now)
}

fn plan(new: &New, cache: &Cache, pepper: &str, now: u64) -> Result<Plan> {
    let (wishes, refused) = wishes(new)?;
    let chosen = new.provider.as_deref();
    check(cache, chosen, wishes.len())?;
    let group = new.group.as_deref().map(input::group).transpose()?;
    let weight = new.weight.map(input::weight).transpose()?;
    let mut plan = Plan::new(&refused);
    for Wish { entry, change } in wishes {
        let Some(provider) = provider_of(cache, chosen, entry.provider.as_deref(), &entry.secret) else {
            plan.without_provider(entry.line, &entry.secret);
            continue;
        };
        let mut key = Key {
            weight: entry.weight.or(weight).unwrap_or(DEFAULT_WEIGHT),
            group: group.clone().unwrap_or_else(|| ACTIVE_GROUP.into()),
            ..Key::new(&provider, &entry.secret, entry.label.unwrap_or_default(), now)
        };
        if let Some(change) = change {
            change.apply(&mut key)?;
        }
        let preset = &mut || provider::preset(&provider).map(|preset| preset.provider(now));
        plan.take(entry.line, key, cache, pepper, preset);
    }
    Ok(plan)
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

//! What adding keys comes to: those that are new, those that are known, those that are refused, and the providers that must be
//! made for them.

use crate::{
    admin::{
        audit::{Deed, When},
        outcome::{Keys, Outcome, Place, Say, store},
    },
    app::Cache,
    auth,
    error::{Error, Result},
    pool::{
        Pool,
        paste::{Refusal, Refused, guess_provider},
        redact::mask,
        target,
    },
    record::{
        Kind, Record,
        key::Key,
        provider::{self, Preset, Provider},
        write::object,
    },
};
use serde_json::Value;
use std::collections::HashSet;

/// More at once are refused whole, before anything is stored.
const MOST: usize = 20_000;

#[derive(Default)]
pub struct Plan {
    keys: Vec<(String, Key)>,
    known: Vec<Value>,
    refused: Vec<Value>,
    /// To be made.
    pub providers: Vec<(String, Provider)>,
    ids: HashSet<String>,
}

impl Plan {
    pub fn new(refused: &[Refused]) -> Self {
        let mut plan = Self::default();
        for Refused { line, reason, shown } in refused {
            plan.refuse(*line, [reason.name(), reason.message()], shown);
        }
        plan
    }

    fn refuse(&mut self, line: u32, [reason, message]: [&str; 2], shown: &str) {
        self.refused.push(object! {"line": line, "reason": reason, "message": message, "shown": shown});
    }

    pub fn refuse_for(&mut self, line: u32, reason: Refusal, secret: &str) {
        self.refuse(line, [reason.name(), reason.message()], &mask(secret));
    }

    pub fn without_provider(&mut self, line: u32, secret: &str) {
        let message = "Nothing tells whose key this is. Choose a provider.";
        self.refuse(line, ["provider_unknown", message], &mask(secret));
    }

    /// `make` gives the key's provider, should there be none.
    pub fn take(
        &mut self,
        line: u32,
        key: Key,
        cache: &Cache,
        pepper: &str,
        make: &mut dyn FnMut() -> Option<Provider>,
    ) {
        let id = auth::key_id(pepper, &key.provider, &key.secret);
        if !self.ids.insert(id.clone()) {
            return self.refuse_for(line, Refusal::Duplicate, &key.secret);
        }
        if let Some(id) = cache.key_of(&key.provider, &key.secret) {
            return self.known.push(object! {"line": line, "id": id, "key_masked": mask(&key.secret)});
        }
        let is_there = cache.pool.provider(&key.provider).is_some()
            || self.providers.iter().any(|(name, _)| *name == key.provider);
        if !is_there {
            self.providers.extend(make().map(|provider| (key.provider.clone(), provider)));
        }
        self.keys.push((id, key));
    }

    /// An audit log's entry, where the records do not say enough.
    pub fn deed(&self, noun: &'static str, verb: &'static str) -> Deed {
        let keys = &mut self.keys.iter().map(|(id, key)| (id.as_str(), key));
        Deed { noun, ..Deed::keys(verb, When::Changed, keys) }
    }

    /// `answer` lacks what the plan says.
    pub fn answer(self, mut answer: Value, dry_run: bool, now: u64) -> Result<Outcome> {
        let mut records = Vec::new();
        // Providers first: keys belong to them.
        for (name, provider) in &self.providers {
            records.push(Record::new(Kind::Provider, name.as_str(), provider, now)?);
        }
        let mut ids = Vec::new();
        for (id, key) in &self.keys {
            // A key that was deleted and comes back starts without its old notes.
            records.push(Record::new(Kind::Key, id.as_str(), key, now)?);
            ids.push(id.clone());
        }
        if let Some(fields) = answer.as_object_mut() {
            fields.insert("added".into(), Value::Null);
            fields.insert("known".into(), self.known.into());
            fields.insert("refused".into(), self.refused.into());
        }
        let keys = Keys { status: 201, ids, pool: None, place: Place::List("added", answer) };
        if !dry_run {
            return store(records, Say::Keys(keys));
        }
        // It shows the keys as they would be, from a pool that is thrown away.
        let mut pool = Pool::default();
        pool.sync(&records, true, now);
        store(Vec::new(), Say::Keys(Keys { status: 200, pool: Some(Box::new(pool)), ..keys }))
    }
}

/// So many keys, for the provider that the caller has chosen.
///
/// # Errors
/// When they are too many, or there is no such provider.
pub fn check(cache: &Cache, chosen: Option<&str>, keys: usize) -> Result<()> {
    if keys > MOST {
        return Err(Error::invalid(format!("At most {MOST} keys at once."), Some("text")));
    }
    match chosen.filter(|name| !exists(cache, name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("There is no provider {name}, and no preset of that name.");
            Err(Error::wrong("provider_not_found", message, Some("provider")))
        }
    }
}

/// What the caller chose, what the entry says, what the key looks like, or the default.
pub fn provider_of(cache: &Cache, chosen: Option<&str>, said: Option<&str>, secret: &str) -> Option<String> {
    let default = || {
        let chosen = cache.setting("default_provider").filter(|name| cache.pool.provider(name).is_some());
        chosen.or_else(|| target::default(&cache.pool, None, &|_| true))
    };
    let known = said.filter(|name| exists(cache, name));
    let named_but_unknown = said.is_some() && known.is_none();
    let found = chosen.or(known).or_else(|| guess_provider(secret));
    found.or_else(|| if named_but_unknown { None } else { default() }).map(str::to_string)
}

fn exists(cache: &Cache, name: &str) -> bool {
    cache.pool.provider(name).is_some() || provider::preset(name).is_some_and(Preset::is_complete)
}

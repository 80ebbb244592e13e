//! Upstream keys: list, one, many.

mod add;
mod bulk;
mod choice;
mod export;
mod filter;
mod import;
mod plan;
mod view;

use super::{
    Asked,
    audit::{Deed, When},
    fields::Fields,
    input,
    outcome::{Keys, Outcome, Place, Say, store},
};
use crate::{
    app::{with_cache, with_dice},
    error::{Error, Fault, Result},
    js,
    pool::{Ticket, class::Class, health},
    record::{
        Kind, Record,
        key::{Key, cooldown_id},
        provider::Provider,
        write::{self, object},
    },
    upstream::{self, Probe},
    usage::{
        row::{self, Dimension, Period, Query, Row},
        sums::Sums,
    },
};
pub use add::add;
pub use bulk::bulk;
pub use export::{export, reveal};
use filter::Filter;
pub use import::import;
use serde_json::Value;
use std::collections::HashMap;
use worker::web_sys::Response;

pub const PROBE_MS: u64 = 10_000;

/// A key that is to be tried alone.
pub struct Suspect {
    ticket: Ticket,
    id: String,
    pub key: Key,
    pub provider: Provider,
    pub url: String,
    /// It is asked what is left on its account, and not whether it works.
    for_balance: bool,
}

#[derive(Default)]
struct Change {
    label: Option<String>,
    weight: Option<u64>,
    group: Option<String>,
    enabled: Option<bool>,
    models: Option<Vec<String>>,
    /// By the cap's name; `None` = no cap.
    caps: Vec<(&'static str, Option<u64>)>,
    #[expect(clippy::option_option, reason = "absent, null and a time mean three things")]
    expires: Option<Option<u64>>,
}

pub fn list(asked: &Asked) -> Result<Outcome> {
    let (ids, answer) = page(asked)?;
    store(Vec::new(), Say::Keys(Keys { status: 200, ids, pool: None, place: Place::List("keys", answer) }))
}

/// The keys' figures alone.
pub fn stats(asked: &Asked) -> Result<Outcome> {
    let (ids, _) = page(asked)?;
    let today = with_cache(|c| c.time(asked.now).day);
    let ever = row::of_keys(ids);
    let day = Query { period: Period::Day, from: today, to: today + 1, only: ever.only.clone(), ..ever };
    store(Vec::new(), Say::Usage(vec![ever, day], tell_stats))
}

fn tell_stats(asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
    let (ids, mut answer) = page(asked)?;
    let mut counted = counted.iter().map(|rows| row::by(Dimension::Key, rows));
    let (ever, today) = (counted.next().unwrap_or_default(), counted.next().unwrap_or_default());
    let none = Sums::default();
    let stats = with_cache(|c| {
        let stats = |id: &String| {
            let (_, slot) = c.pool.find(id)?;
            Some(view::stats(slot, ever.get(id).unwrap_or(&none), today.get(id).unwrap_or(&none), asked.now))
        };
        ids.iter().filter_map(stats).collect()
    });
    if let Some(fields) = answer.as_object_mut() {
        fields.insert("keys".into(), Value::Array(stats));
    }
    js::json_response(200, &write::text(&answer))
}

/// The keys that are asked for, and the answer but for them.
fn page(asked: &Asked) -> Result<(Vec<String>, Value)> {
    let mut query = Fields::query(&asked.query);
    let filter = Filter::read(&mut query)?;
    let (sort, cursor, limit) = (query.text("sort"), query.text("cursor"), query.text("limit"));
    query.end()?;
    // What cannot be read is out of range.
    let limit = limit.map_or(100, |n| n.parse().unwrap_or(0));
    if !(1..=1000).contains(&limit) {
        return Err(Error::invalid("limit is a whole number from 1 to 1000.", Some("limit")));
    }
    let bad_cursor = |_| Error::invalid("cursor is what next_cursor said.", Some("cursor"));
    let from: usize = cursor.as_deref().unwrap_or("0").parse().map_err(bad_cursor)?;
    let order = filter::Order::parse(sort.as_deref().unwrap_or("created"))?;
    let now = asked.now;
    with_cache(|c| {
        let mut found = filter.tickets(&c.pool, now)?;
        order.sort(&mut found, &c.pool, now);
        let page = found.iter().skip(from).take(limit);
        let ids: Vec<String> = page.filter_map(|t| Some(c.pool.slot(*t)?.id.to_string())).collect();
        let next = (from + ids.len() < found.len() && !ids.is_empty()).then(|| (from + ids.len()).to_string());
        let [active, cooling, disabled] = c.pool.count(&|_| true, now);
        let answer = object! {"keys": Value::Null, "total": found.len(), "next_cursor": next, "as_of": now,
        "groups": c.pool.groups(), "counts": object! {"active": active, "cooling": cooling, "disabled": disabled}};
        Ok((ids, answer))
    })
}

pub fn show(id: &str) -> Result<Outcome> {
    let (ticket, _) = find(id)?;
    let history = with_cache(|c| c.pool.slot(ticket).map(view::history)).unwrap_or_default();
    store(Vec::new(), Say::Keys(Keys { status: 200, ids: vec![id.into()], pool: None, place: Place::Whole(history) }))
}

pub fn change(asked: &Asked, id: &str) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let change = Change::read(&mut fields, asked.now)?;
    fields.end()?;
    let (ticket, mut key) = find(id)?;
    change.apply(&mut key)?;
    let mut records = vec![Record::new(Kind::Key, id, &key, asked.now)?];
    if change.enabled == Some(true) {
        records.extend(wake(ticket, asked.now));
    }
    store(records, Say::key(id))
}

pub fn delete(asked: &Asked, id: &str) -> Result<Outcome> {
    let (ticket, _) = find(id)?;
    store(gone(ticket, id, asked.now), Say::Nothing)
}

pub fn reset(asked: &Asked, id: &str) -> Result<Outcome> {
    let (ticket, key) = find(id)?;
    let outcome = store(wake(ticket, asked.now), Say::key(id))?;
    Ok(outcome.told(Deed::keys("reset", When::Changed, &mut [(id, &key)].into_iter())))
}

/// A free call with this key alone; see `probed`.
pub fn test(id: &str) -> Result<Outcome> {
    suspect(id, |provider| Ok(upstream::probe_url(provider)), false)
}

/// What is left on the key's account; see `probed`.
pub fn balance(id: &str) -> Result<Outcome> {
    let address = |provider: &Provider| {
        provider.balance_address().ok_or_else(|| {
            let message = "The key's provider has no balance URL.".into();
            Fault::Conflict { code: "no_balance_url", message }.into()
        })
    };
    suspect(id, address, true)
}

fn suspect(id: &str, url: fn(&Provider) -> Result<String>, for_balance: bool) -> Result<Outcome> {
    let (ticket, key) = find(id)?;
    let provider = with_cache(|c| c.pool.provider(&key.provider).cloned());
    let provider = provider.ok_or_else(|| Error::not_found("provider_not_found", "The key's provider is gone."))?;
    let url = url(&provider)?;
    store(Vec::new(), Say::Probe(Box::new(Suspect { ticket, id: id.into(), key, provider, url, for_balance })))
}

/// What the call shows about the key is noted as a probe's outcome is.
pub fn probed(suspect: &Suspect, probe: Probe, now: u64) -> Result<Outcome> {
    let ticket = suspect.ticket;
    let deed = |verb| Deed::keys(verb, When::Changed, &mut [(suspect.id.as_str(), &suspect.key)].into_iter());
    if suspect.for_balance {
        let record = with_cache(|c| c.pool.balance_answered(ticket, &probe.balance(), now));
        let outcome = store(record.into_iter().collect(), Say::key(&suspect.id))?;
        return Ok(outcome.told(deed("balance")));
    }
    let (status, verdict) = (probe.status, probe.refusal());
    let records = with_dice(|c, dice| match &verdict {
        None => c.pool.probed(ticket, None, now),
        Some(verdict) if c.pool.slot(ticket).is_some_and(|s| s.disabled.as_ref().is_some_and(|d| !d.is_fresh())) => {
            c.pool.probed(ticket, Some(verdict), now)
        }
        Some(verdict) if matches!(verdict.class, Class::KeyDead | Class::KeyBroke) => {
            c.pool.failed(ticket, "", verdict, now, dice)
        }
        Some(_) => Vec::new(),
    });
    let answer = object! {"ok": verdict.is_none(), "status": status,
    "class": verdict.as_ref().map(|v| v.class.name()), "message": verdict.as_ref().map(|v| &v.message)};
    let keys = Keys { status: 200, ids: vec![suspect.id.clone()], pool: None, place: Place::Key(answer) };
    Ok(store(records, Say::Keys(keys))?.told(deed("test")))
}

/// Those of the keys that are there.
pub fn views(keys: &Keys, now: u64, totals: &HashMap<String, Sums>) -> Vec<Value> {
    let none = Sums::default();
    with_cache(|c| {
        let pool = keys.pool.as_deref().unwrap_or(&c.pool);
        let view = |id: &String| Some(view::view(pool, pool.find(id)?.1, totals.get(id).unwrap_or(&none), now));
        keys.ids.iter().filter_map(view).collect()
    })
}

impl Change {
    /// Takes its fields; the caller sees to the rest.
    fn read(fields: &mut Fields, now: u64) -> Result<Self> {
        let mut caps = Vec::new();
        for name in input::CAPS {
            caps.extend(fields.number_or_null(name).map(|cap| (name, cap)));
        }
        Ok(Self {
            caps,
            label: fields.text("label"),
            weight: fields.number("weight"),
            group: fields.text("group"),
            enabled: fields.flag("enabled"),
            models: fields.texts("models"),
            expires: input::expires(fields, now)?,
        })
    }

    fn apply(&self, key: &mut Key) -> Result<()> {
        if let Some(label) = &self.label {
            key.label = input::label(label)?;
        }
        if let Some(weight) = self.weight {
            key.weight = input::weight(weight)?;
        }
        if let Some(group) = &self.group {
            key.group = input::group(group)?;
        }
        if let Some(models) = &self.models {
            key.models = input::models(models.clone())?;
        }
        for (name, cap) in &self.caps {
            let place = match *name {
                "rpm" => &mut key.rpm,
                "tpm" => &mut key.tpm,
                _ => &mut key.concurrency,
            };
            *place = cap.map(|cap| input::cap(name, cap)).transpose()?;
        }
        key.expires = self.expires.unwrap_or(key.expires);
        key.enabled = self.enabled.unwrap_or(key.enabled);
        Ok(())
    }
}

fn find(id: &str) -> Result<(Ticket, Key)> {
    with_cache(|c| c.pool.find(id).map(|(ticket, slot)| (ticket, slot.key.clone()))).ok_or_else(|| missing(id))
}

pub fn missing(id: &str) -> Error {
    Error::not_found("key_not_found", format!("There is no key {id}."))
}

/// What must be stored so that nothing a machine noted keeps the key from work.
fn wake(ticket: Ticket, now: u64) -> Vec<Record> {
    let mut records = ended(ticket, now);
    records.extend(with_cache(|c| c.pool.slot(ticket).map(|slot| health::fresh_start(slot, now))));
    records
}

/// What must be stored so that its rests end.
fn ended(ticket: Ticket, now: u64) -> Vec<Record> {
    with_cache(|c| {
        let slots = c.pool.slot(ticket).into_iter();
        let ids = slots.flat_map(|slot| slot.cools.iter().map(|cool| cooldown_id(&slot.id, cool.model.as_deref())));
        ids.map(|id| Record::deleted(Kind::Cooldown, id, now)).collect()
    })
}

/// `gone`, by the id.
pub fn removed(id: &str, now: u64) -> Vec<Record> {
    find(id).map_or_else(|_| Vec::new(), |(ticket, _)| gone(ticket, id, now))
}

/// What must be stored so that the key and all notes about it are gone.
fn gone(ticket: Ticket, id: &str, now: u64) -> Vec<Record> {
    let mut records = ended(ticket, now);
    records.push(Record::deleted(Kind::Disabled, id, now));
    if with_cache(|c| c.pool.slot(ticket).is_some_and(|s| s.balance.is_some())) {
        records.push(Record::deleted(Kind::Balance, id, now));
    }
    records.push(Record::deleted(Kind::Key, id, now));
    records
}

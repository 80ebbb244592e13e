//! Upstream keys: list, one, many.

mod add;
mod bulk;
mod filter;
mod view;

use super::{Asked, answer, fields::Fields, input, no_content};
use crate::{
    app::{App, with_cache, with_dice},
    error::{Error, Result},
    pool::{Ticket, class::Class},
    record::{
        Kind, Record,
        key::{Key, cooldown_id},
    },
    runtime, upstream,
};
pub use add::add;
pub use bulk::bulk;
use filter::Filter;
use serde_json::{Value, json};
use std::rc::Rc;
use view::View;
use worker::web_sys::Response;

const PROBE_MS: u64 = 10_000;

#[derive(Default)]
struct Change {
    label: Option<String>,
    weight: Option<u64>,
    group: Option<String>,
    enabled: Option<bool>,
    models: Option<Vec<String>>,
    /// By the cap's name; `None` = no cap.
    caps: Vec<(&'static str, Option<u64>)>,
}

pub async fn list(asked: &Asked) -> Result<Response> {
    let mut query = Fields::query(&asked.query);
    let filter = Filter::read(&mut query)?;
    let (sort, cursor, limit) = (query.text("sort")?, query.text("cursor")?, query.text("limit")?);
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
    let (views, total, counts, groups) = with_cache(|c| {
        let mut found = filter.tickets(&c.pool, now)?;
        order.sort(&mut found, &c.pool, now);
        let views: Vec<View> = found
            .iter()
            .skip(from)
            .take(limit)
            .filter_map(|t| Some(View::new(&c.pool, c.pool.slot(*t)?, now)))
            .collect();
        Ok::<_, Error>((views, found.len(), c.pool.count(None, now), json!(c.pool.groups())))
    })?;
    let next = (from + views.len() < total && !views.is_empty()).then(|| (from + views.len()).to_string());
    let [active, cooling, disabled] = counts;
    let keys = with_totals(&asked.app, views).await?;
    answer(
        200,
        &json!({"keys": keys, "total": total, "next_cursor": next, "as_of": now, "groups": groups,
            "counts": {"active": active, "cooling": cooling, "disabled": disabled}}),
    )
}

pub async fn show(asked: &Asked, id: &str) -> Result<Response> {
    find(id)?;
    answer(200, &one(asked, id).await?)
}

pub async fn change(asked: &Asked, id: &str) -> Result<Response> {
    let mut fields = input::body(asked)?;
    let mut caps = Vec::new();
    for name in input::CAPS {
        caps.extend(fields.number_or_null(name)?.map(|cap| (name, cap)));
    }
    let change = Change {
        caps,
        label: fields.text("label")?,
        weight: fields.number("weight")?,
        group: fields.text("group")?,
        enabled: fields.flag("enabled")?,
        models: fields.texts("models")?,
    };
    fields.end()?;
    let (ticket, mut key) = find(id)?;
    change.apply(&mut key)?;
    let mut records = vec![Record::new(Kind::Key, id, &key, asked.now)?];
    if change.enabled == Some(true) {
        records.extend(wake(ticket, asked.now));
    }
    asked.app.write(records, asked.now).await?;
    answer(200, &one(asked, id).await?)
}

pub async fn delete(asked: &Asked, id: &str) -> Result<Response> {
    let (ticket, _) = find(id)?;
    asked.app.write(gone(ticket, id, asked.now), asked.now).await?;
    no_content()
}

pub async fn reset(asked: &Asked, id: &str) -> Result<Response> {
    let (ticket, _) = find(id)?;
    asked.app.write(wake(ticket, asked.now), asked.now).await?;
    answer(200, &one(asked, id).await?)
}

/// A free call with this key alone. What it shows about the key is noted as a probe's outcome is.
pub async fn test(asked: &Asked, id: &str) -> Result<Response> {
    let (ticket, key) = find(id)?;
    let provider = with_cache(|c| c.pool.provider(&key.provider).cloned());
    let provider = provider.ok_or_else(|| Error::not_found("provider_not_found", "The key's provider is gone."))?;
    let upstream::Probe { status, verdict } = upstream::probe(&provider, &key.secret, PROBE_MS).await?;
    let now = runtime::now();
    let records = with_dice(|c, dice| match &verdict {
        None => c.pool.probed(ticket, None, now),
        Some(verdict) if c.pool.slot(ticket).is_some_and(|s| s.disabled.is_some()) => {
            c.pool.probed(ticket, Some(verdict), now)
        }
        Some(verdict) if matches!(verdict.class, Class::KeyDead | Class::KeyBroke) => {
            c.pool.failed(ticket, "", verdict, now, dice)
        }
        Some(_) => Vec::new(),
    });
    asked.app.write(records, now).await?;
    answer(
        200,
        &json!({"ok": verdict.is_none(), "status": status,
            "class": verdict.as_ref().map(|v| v.class.name()), "message": verdict.as_ref().map(|v| &v.message),
            "key": one(asked, id).await?}),
    )
}

impl Change {
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
        key.enabled = self.enabled.unwrap_or(key.enabled);
        Ok(())
    }
}

fn find(id: &str) -> Result<(Ticket, Key)> {
    with_cache(|c| c.pool.find(id).map(|(ticket, slot)| (ticket, slot.key.clone())))
        .ok_or_else(|| Error::not_found("key_not_found", format!("There is no key {id}.")))
}

/// What must be stored so that nothing a machine noted keeps the key from work.
fn wake(ticket: Ticket, now: u64) -> Vec<Record> {
    with_cache(|c| {
        let Some(slot) = c.pool.slot(ticket) else { return Vec::new() };
        let id = &*slot.id;
        let cools = slot.cools.iter().map(|cool| cooldown_id(id, cool.model.as_deref()));
        let mut records: Vec<Record> = cools.map(|cool| Record::deleted(Kind::Cooldown, cool, now)).collect();
        records.push(Record::deleted(Kind::Disabled, id, now));
        records
    })
}

/// What must be stored so that the key and all notes about it are gone.
fn gone(ticket: Ticket, id: &str, now: u64) -> Vec<Record> {
    let mut records = wake(ticket, now);
    records.push(Record::deleted(Kind::Key, id, now));
    records
}

async fn one(asked: &Asked, id: &str) -> Result<Value> {
    let view = with_cache(|c| c.pool.find(id).map(|(_, slot)| View::new(&c.pool, slot, asked.now)));
    let views = with_totals(&asked.app, view.into_iter().collect()).await?;
    views.into_iter().next().ok_or_else(|| Error::not_found("key_not_found", format!("There is no key {id}.")))
}

/// The views with what was counted of their keys.
async fn with_totals(app: &Rc<App>, views: Vec<View>) -> Result<Vec<Value>> {
    let ids: Vec<&str> = views.iter().map(View::id).collect();
    let mut totals = app.store.totals(&ids).await?;
    Ok(views.into_iter().map(|view| view.json(totals.remove(view.id()).unwrap_or_default())).collect())
}

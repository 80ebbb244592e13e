//! The request log, as those who look into it ask for it.

use super::{
    Asked,
    fields::Fields,
    outcome::{Outcome, Say, store},
};
use crate::{
    error::{Error, Result},
    js, json,
    record::write::{self, Json, object},
    usage::requests,
};
use serde_json::Value;
use worker::web_sys::Response;

/// Batches that are read for one page.
const BATCHES: u64 = 5;
const LEAST: &str = "0";

/// Entries from one place on, back in time.
pub struct Wish {
    pub batch: String,
    /// Of that batch only those before this place.
    place: usize,
    /// That one alone.
    alone: bool,
    limit: usize,
    /// Fields that must be equal.
    only: Vec<(&'static str, String)>,
    /// `429`, or `4xx` for all of its class.
    status: Option<String>,
}

impl Wish {
    pub fn most(&self) -> u64 {
        if self.alone { 1 } else { BATCHES }
    }
}

pub fn list(asked: &Asked) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let mut only = Vec::new();
    for name in ["request", "client", "provider", "model", "key"] {
        only.extend(query.text(name).map(|value| (name, value)));
    }
    let (status, cursor, limit) = (query.text("status"), query.text("cursor"), query.text("limit"));
    query.end()?;
    let limit = limit.map_or(100, |n| n.parse().unwrap_or(0));
    if !(1..=1000).contains(&limit) {
        return Err(Error::invalid("limit is a whole number from 1 to 1000.", Some("limit")));
    }
    let bad_cursor = || Error::invalid("cursor is what next_cursor said.", Some("cursor"));
    let (batch, place) = match cursor {
        Some(cursor) => place(&cursor).ok_or_else(bad_cursor)?,
        None => (LEAST.into(), usize::MAX),
    };
    store(Vec::new(), Say::Requests(Box::new(Wish { batch, place, alone: false, limit, only, status })))
}

pub fn show(id: &str) -> Result<Outcome> {
    let (batch, place) = place(id).ok_or_else(|| missing(id))?;
    store(
        Vec::new(),
        Say::Requests(Box::new(Wish { batch, place, alone: true, limit: 1, only: Vec::new(), status: None })),
    )
}

fn missing(id: &str) -> Error {
    Error::not_found("request_not_found", format!("The request log has no entry {id}."))
}

/// An entry's id: its batch, and its place there.
fn place(id: &str) -> Option<(String, usize)> {
    let (batch, place) = id.split_once('.')?;
    Some((batch.into(), place.parse().ok()?))
}

pub fn tell(wish: &Wish, batches: &[(String, String)]) -> Result<Response> {
    let answer = if wish.alone { one(wish, batches)? } else { page(wish, batches) };
    js::json_response(200, &answer)
}

fn one(wish: &Wish, batches: &[(String, String)]) -> Result<String> {
    let id = format!("{}.{}", wish.batch, wish.place);
    let text = batches.first().filter(|(batch, _)| *batch == wish.batch).map_or("", |(_, text)| text);
    let (line, content) = requests::entries(text).nth(wish.place).ok_or_else(|| missing(&id))?;
    Ok(merged(&entry(&id, line), content))
}

fn page(wish: &Wish, batches: &[(String, String)]) -> String {
    let mut found = String::new();
    let mut count = 0;
    // Where the next page begins: there is none when this one came to the end.
    let mut next = batches.last().filter(|_| batches.len() as u64 == BATCHES).map(|(batch, _)| format!("{batch}.0"));
    for (batch, text) in batches {
        let lines: Vec<(&str, &str)> = requests::entries(text).collect();
        for (at, (line, _)) in lines.iter().enumerate().rev() {
            if (*batch == wish.batch && at >= wish.place) || count > wish.limit || !wish.fits(line) {
                continue;
            }
            if count == wish.limit {
                next = Some(format!("{batch}.{}", at + 1));
            } else {
                found.push_str(if count == 0 { "" } else { "," });
                found.push_str(&entry(&format!("{batch}.{at}"), line));
            }
            count += 1;
        }
    }
    format!("{{\"requests\":[{found}],\"next_cursor\":{}}}", write::text(&next.json()))
}

/// An entry with its id in front. A line is stored as the object that it is answered as.
pub fn entry(id: &str, line: &str) -> String {
    merged(&write::text(&object! {"id": id}), line)
}

/// Two objects that are not empty as one.
fn merged(one: &str, other: &str) -> String {
    format!("{},{}", one.strip_suffix('}').unwrap_or(one), other.strip_prefix('{').unwrap_or(other))
}

impl Wish {
    fn fits(&self, line: &str) -> bool {
        if self.only.is_empty() && self.status.is_none() {
            return true;
        }
        let entry = json::read(line).unwrap_or_default();
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let status = entry.get("status").and_then(Value::as_u64).unwrap_or(0).to_string();
        self.only.iter().all(|(name, value)| text(name) == Some(value))
            && self.status.as_ref().is_none_or(|wanted| match wanted.strip_suffix("xx") {
                Some(class) => status.starts_with(class),
                None => status == *wanted,
            })
    }
}

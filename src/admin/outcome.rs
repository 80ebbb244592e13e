//! What a handler decided: what to store, and what the caller is told once that is done. The handlers await nothing.

use super::{Asked, audit, backup, clients, keys, providers, requests, settings};
use crate::{
    error::Result,
    js,
    pool::Pool,
    record::{Record, provider::Provider, write},
    usage::{
        date,
        row::{self, Dimension, Query, Row},
        sums::Sums,
    },
};
use serde_json::Value;
use std::collections::HashMap;
use worker::web_sys::Response;

const DAY_MS: u64 = 86_400_000;

pub struct Outcome {
    pub records: Vec<Record>,
    pub say: Say,
    pub cookie: Option<String>,
    /// What the audit log says; `None` = what the records tell.
    pub deed: Option<audit::Deed>,
}

impl Outcome {
    pub fn told(self, deed: audit::Deed) -> Self {
        Self { deed: Some(deed), ..self }
    }
}

pub enum Say {
    /// Status 204.
    Nothing,
    Json(u16, Value),
    /// A file to keep: its name, its type and what is in it.
    File(String, &'static str, String),
    /// The settings, as they stand then.
    Settings,
    /// Status, name, and what was stored under it.
    Provider(u16, String, Box<Provider>),
    Keys(Keys),
    /// What a free call with this key shows.
    Probe(Box<keys::Suspect>),
    /// What that provider lists.
    Models(String),
    /// Until when it lasts, and what must be known of the storage.
    Session(u64),
    /// How many counts were made durable.
    Flush,
    /// What the request log keeps.
    Requests(Box<requests::Wish>),
    /// All that people have set, under that passphrase.
    Backup(Option<String>),
    /// What is to be done with a backup.
    Restore(Box<backup::Wish>),
    /// What the audit log says.
    Audit(Box<audit::Wish>),
    /// Client keys as they stand then, all of them or that one, with what the queries find that they used.
    Clients(Option<String>, Vec<Query>),
    /// The pool at a glance, with what the queries find.
    Overview(Vec<Query>),
    /// What was counted, told as the function has it.
    Usage(Vec<Query>, fn(&Asked, Vec<Vec<Row>>) -> Result<Response>),
}

/// Keys as they stand then, with what was counted of them.
pub struct Keys {
    pub status: u16,
    pub ids: Vec<String>,
    /// Where a dry run added them; the cache's pool otherwise.
    pub pool: Option<Box<Pool>>,
    pub place: Place,
}

/// Where in the answer the keys stand.
pub enum Place {
    /// The one key is the answer.
    Alone,
    /// The same, with what happened to it.
    Whole(Value),
    /// The one key is the field `key` of an object.
    Key(Value),
    /// All are in a list, the field of that name of an object.
    List(&'static str, Value),
}

impl Say {
    /// One key alone.
    pub fn key(id: &str) -> Self {
        Self::Keys(Keys { status: 200, ids: vec![id.into()], pool: None, place: Place::Alone })
    }

    /// `what` is in it, and it was made `now`.
    pub fn file(what: &str, ending: &str, text: String, now: u64) -> Self {
        let kind = if ending == "json" { "application/json" } else { "text/plain; charset=utf-8" };
        Self::File(["keypool-", what, "-", &date::text(now / DAY_MS), ".", ending].concat(), kind, text)
    }

    /// What must be known of the counts.
    pub fn queries(&mut self) -> Vec<Query> {
        match self {
            Self::Keys(keys) if keys.ids.is_empty() => Vec::new(),
            Self::Keys(keys) => vec![row::of_keys(keys.ids.clone())],
            Self::Usage(queries, _) | Self::Clients(_, queries) | Self::Overview(queries) => std::mem::take(queries),
            _ => Vec::new(),
        }
    }

    pub fn response(self, asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
        let (status, value) = match self {
            Self::Nothing
            | Self::Session(_)
            | Self::Probe(_)
            | Self::Models(_)
            | Self::Flush
            | Self::Requests(_)
            | Self::Audit(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Overview(_) => {
                return js::text_response(204, &js::headers_of(&[("cache-control", "no-store")])?, None);
            }
            Self::File(name, kind, text) => {
                let headers = js::headers_of(&[
                    ("content-type", kind),
                    ("content-disposition", &["attachment; filename=\"", &name, "\""].concat()),
                    ("cache-control", "no-store"),
                    ("x-content-type-options", "nosniff"),
                ])?;
                return js::text_response(200, &headers, Some(&text));
            }
            Self::Json(status, value) => (status, value),
            Self::Settings => (200, settings::view(asked)?),
            Self::Provider(status, name, provider) => (status, providers::view(&name, &provider, asked.now)),
            Self::Keys(keys) => (keys.status, keys.json(asked.now, &row::by(Dimension::Key, &counted.concat()))?),
            Self::Clients(only, _) => (200, clients::tell(asked, only.as_deref(), &counted.concat())?),
            Self::Usage(_, tell) => return tell(asked, counted),
        };
        js::json_response(status, &write::text(&value))
    }
}

impl Keys {
    fn json(self, now: u64, totals: &HashMap<String, Sums>) -> Result<Value> {
        let mut views = keys::views(&self, now, totals);
        let (name, views, mut answer) = match self.place {
            Place::List(name, answer) => (name, Value::Array(views), answer),
            Place::Alone | Place::Whole(_) | Place::Key(_) if views.is_empty() => {
                return Err(keys::missing(&self.ids.concat()));
            }
            Place::Alone => return Ok(views.swap_remove(0)),
            Place::Whole(history) => ("history", history, views.swap_remove(0)),
            Place::Key(answer) => ("key", views.swap_remove(0), answer),
        };
        if let Some(fields) = answer.as_object_mut() {
            fields.insert(name.into(), views);
        }
        Ok(answer)
    }
}

/// With a status and a JSON value.
pub fn answer(status: u16, value: Value) -> Result<Outcome> {
    Ok(Outcome { records: Vec::new(), say: Say::Json(status, value), cookie: None, deed: None })
}

/// `say` it when the records are stored.
pub fn store(records: Vec<Record>, say: Say) -> Result<Outcome> {
    Ok(Outcome { records, say, cookie: None, deed: None })
}

//! What other key pools export, read as keys of ours: gpt-load, one-api with new-api, and one-balance. Their files are data of
//! strangers: whatever is not taken is reported with its place and reason.

mod gpt_load;
mod one_api;
mod one_balance;
#[cfg(test)]
mod tests;

use super::{
    paste::{self, Refusal, Refused},
    redact::mask,
};
use crate::{
    json,
    record::{provider, read::Reader},
};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    GptLoad,
    OneApi,
    OneBalance,
}

#[derive(Debug, Default)]
pub struct Found {
    pub entries: Vec<Entry>,
    pub refused: Vec<Refused>,
}

/// A key as its pool knew it.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of a text, or the place in a list, from 1.
    pub line: u32,
    pub secret: String,
    pub label: String,
    pub weight: Option<u8>,
    pub enabled: bool,
    pub models: Vec<String>,
    /// As it is called there.
    pub group: Option<String>,
    pub at: Place,
    /// Of its provider.
    pub priority: u32,
}

/// Where a key is good for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Nothing tells.
    Unknown,
    Preset(&'static str),
    /// A base URL; nobody has looked at it yet.
    Address(String),
    /// Azure's older addresses: the base URL, and the version.
    Azure(String, Option<String>),
}

impl From {
    pub const ALL: [Self; 3] = [Self::GptLoad, Self::OneApi, Self::OneBalance];

    pub const fn name(self) -> &'static str {
        match self {
            Self::GptLoad => "gpt-load",
            Self::OneApi => "one-api",
            Self::OneBalance => "one-balance",
        }
    }
}

/// `None` when nothing tells where the data are from. Text is JSON, or lines as gpt-load exports them.
pub fn read(data: &Value, from: Option<From>) -> Option<(From, Found)> {
    let parsed = data.as_str().and_then(|text| json::read(text.trim_start_matches('\u{feff}')).ok());
    let data = parsed.as_ref().filter(|value| value.is_array() || value.is_object()).unwrap_or(data);
    if let Some(text) = data.as_str() {
        let from = from.unwrap_or(From::GptLoad);
        return (from == From::GptLoad).then(|| (from, gpt_load::lines(text)));
    }
    let items = listed(data);
    let from = from.or_else(|| items.iter().find_map(|item| kind(item)))?;
    let mut found = Found::default();
    match from {
        From::GptLoad => gpt_load::groups(data, &items, &mut found),
        From::OneApi => one_api::channels(&items, &mut found),
        From::OneBalance => one_balance::keys(data, &items, &mut found),
    }
    Some((from, found))
}

/// The list that all is in, whatever it is wrapped in: an API's `{"data": …}`, a page's `{"items": […]}`, or the
/// `[{"results": […]}]` that Wrangler prints.
fn listed(data: &Value) -> Vec<&Value> {
    let mut data = data;
    // No wrapping is deeper.
    for _ in 0..4 {
        let inner = |value: &'_ Value| {
            ["data", "items", "results", "channels", "groups", "keys"]
                .into_iter()
                .find(|name| value.get(*name).is_some_and(|v| v.is_array() || v.is_object()))
        };
        let first = match data {
            Value::Array(items) => items.first().filter(|item| item.get("results").is_some()),
            _ => Some(data).filter(|data| !is_item(data)),
        };
        match first.and_then(|outer| Some((outer, inner(outer)?))) {
            Some((outer, name)) => data = outer.get(name).unwrap_or(data),
            None => break,
        }
    }
    match data {
        Value::Array(items) => items.iter().collect(),
        other => vec![other],
    }
}

/// It is what is looked for, and wraps nothing.
fn is_item(value: &Value) -> bool {
    kind(value).is_some()
}

fn kind(item: &Value) -> Option<From> {
    let has = |name: &str| item.get(name).is_some();
    match () {
        () if has("channel_type") || has("upstreams") || has("key_value") => Some(From::GptLoad),
        () if has("type") && (has("key") || has("models") || has("base_url")) => Some(From::OneApi),
        () if has("provider") && has("key") || has("model_coolings") => Some(From::OneBalance),
        () => None,
    }
}

impl Found {
    /// Takes the key if it may be one.
    fn take(&mut self, entry: Entry) {
        match paste::check(&entry.secret) {
            Ok(()) => self.entries.push(entry),
            Err(reason) => self.refuse(entry.line, reason, &entry.secret),
        }
    }

    fn refuse(&mut self, line: u32, reason: Refusal, secret: &str) {
        self.refused.push(Refused { line, reason, shown: mask(secret) });
    }
}

impl Entry {
    fn new(line: u32, secret: &str, at: Place) -> Self {
        let (secret, label) = (secret.trim().into(), String::new());
        Self { line, secret, label, weight: None, enabled: true, models: Vec::new(), group: None, at, priority: 0 }
    }
}

/// Of an address as those pools have it, to which they add `/v1` and the like: a base URL of ours. `home` is the preset, or
/// the base URL, that such an address is usually of.
fn address(url: &str, home: &'static str) -> Place {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix("/chat/completions").unwrap_or(url);
    let usual = provider::preset(home).map_or(home, |preset| preset.base_url);
    if host(url) == host(usual) {
        return of(home);
    }
    let is_version =
        |part: &str| part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    let has_path = path(url).len() > 1;
    let versioned = has_path && url.rsplit('/').next().is_some_and(is_version);
    let end = if versioned {
        ""
    } else if has_path || path(usual).is_empty() {
        "/v1"
    } else {
        path(usual)
    };
    Place::Address([url, end].concat())
}

/// A preset by its name, or else a base URL.
fn of(home: &'static str) -> Place {
    if provider::preset(home).is_some() { Place::Preset(home) } else { Place::Address(home.into()) }
}

fn host(url: &str) -> &str {
    url.split('/').nth(2).unwrap_or_default()
}

fn path(url: &str) -> &str {
    let begin = url.split('/').take(3).map(|part| part.len() + 1).sum::<usize>().saturating_sub(1);
    url.get(begin..).unwrap_or_default()
}

fn text<'a>(item: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| item.get(*name)?.as_str()).map(str::trim).filter(|text| !text.is_empty())
}

fn number(item: &Value, name: &str) -> Option<u64> {
    Reader(item).number(name)
}

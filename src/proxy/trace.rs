//! What the request log keeps of a call, gathered on its way. There is none when nothing is kept.

use crate::{
    app::with_cache,
    find, js,
    pool::redact,
    record::{
        client::Log,
        write::{self, object},
    },
    upstream,
};
use serde_json::Value;
use std::cell::RefCell;
use worker::{js_sys::Uint8Array, web_sys::Headers};

/// How much of a body is kept, each way.
const KEPT: usize = 16 * 1024;
/// So much more is looked at, for a secret that the cut would make unknown.
const BEYOND: usize = 256;
/// What of an answer's headers is kept; of a request's, what an upstream may see. None of them carries a credential.
const ANSWERED: [&str; 6] = [
    "content-type",
    "content-length",
    "x-request-id",
    "retry-after",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
];

pub struct Trace {
    bodies: bool,
    method: String,
    /// Without its query, which may hold anything.
    path: String,
    /// The client's own, which must not be kept wherever it stands.
    credential: String,
    sent: RefCell<Option<Part>>,
    got: RefCell<Option<Part>>,
}

/// One way: what the client sent, or what it got.
struct Part {
    headers: Value,
    body: Option<Vec<u8>>,
    /// Of the whole body, as far as it is known.
    length: Option<usize>,
}

impl Trace {
    pub fn new(log: Log, method: &str, rest: &str, credential: &str) -> Option<Self> {
        (log != Log::Off).then(|| Self {
            bodies: log == Log::Bodies,
            method: method.into(),
            path: rest.into(),
            credential: credential.into(),
            sent: RefCell::default(),
            got: RefCell::default(),
        })
    }

    /// `body` is `None` when there is none, or too much of it.
    pub fn sent(&self, headers: &Headers, body: Option<&Uint8Array>) {
        self.sent.replace(Some(self.part(headers, &upstream::PASSED, body)));
    }

    /// `body` is `None` when it is still to come, see `streamed`, or when there is none.
    pub fn got(&self, headers: &Headers, body: Option<&Uint8Array>) {
        self.got.replace(Some(self.part(headers, &ANSWERED, body)));
    }

    /// What has passed of an event stream; `length` is that of all of it.
    pub fn streamed(&self, beginning: impl FnOnce(usize) -> Vec<u8>, length: usize) {
        if let Some(part) = self.got.borrow_mut().as_mut().filter(|_| self.bodies) {
            (part.body, part.length) = (Some(beginning(KEPT + BEYOND)), Some(length));
        }
    }

    fn part(&self, headers: &Headers, names: &[&str], body: Option<&Uint8Array>) -> Part {
        let mut kept = write::none();
        for name in names {
            if let Some(value) = js::header(headers, name) {
                kept.insert((*name).into(), Value::String(value));
            }
        }
        let text = js::header(headers, "content-type").is_some_and(|kind| is_text(&kind));
        let bytes = body.filter(|_| self.bodies && text).map(|body| js::part(body, 0, KEPT + BEYOND).to_vec());
        Part { headers: Value::Object(kept), body: bytes, length: body.map(js::length) }
    }

    /// The entry, `line` being what the log says of the call, and what went in and out.
    pub fn entry(&self, mut line: Value, began: u64) -> (Value, Value) {
        // An answer may name the key that it is about.
        let mut secrets = vec![self.credential.clone()];
        for attempt in line.get("attempts").and_then(Value::as_array).into_iter().flatten() {
            let key = attempt.get("key").and_then(Value::as_str).unwrap_or_default();
            secrets.extend(with_cache(|c| c.pool.find(key).map(|(_, slot)| slot.key.secret.clone())));
        }
        if let Some(fields) = line.as_object_mut() {
            fields.insert("at".into(), began.into());
            fields.insert("method".into(), Value::String(self.method.clone()));
            fields.insert("path".into(), Value::String(self.path.clone()));
        }
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let part = |part: &RefCell<Option<Part>>| part.borrow().as_ref().map(|part| part.json(&secrets));
        (line, object! {"sent": part(&self.sent), "got": part(&self.got)})
    }
}

impl Part {
    fn json(&self, secrets: &[&str]) -> Value {
        let text = self.body.as_ref().map(|body| {
            let text = redact::redact_text(&String::from_utf8_lossy(body), secrets);
            text.get(..text.floor_char_boundary(KEPT)).unwrap_or_default().to_string()
        });
        let cut = text.is_some() && self.length.is_none_or(|length| length > KEPT);
        object! {"headers": self.headers, "body": text, "bytes": self.length, "cut": cut}
    }
}

fn is_text(kind: &str) -> bool {
    kind.starts_with("text/") || find::has(kind, "json") || find::has(kind, "form-urlencoded")
}

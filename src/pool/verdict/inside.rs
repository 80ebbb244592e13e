//! An error that came dressed as a success (row 14): a 200 whose JSON, or whose first SSE event, is an error.
#[cfg(test)]
mod tests;

use super::signals::Signals;
use crate::{find, json};
use serde_json::{Map, Value};

/// No provider's error is larger; a larger answer is not parsed.
const LARGEST: usize = 8 * 1024;

/// What codes stand for, the telling ones first: one body often holds several.
const STATUS_OF_CODE: [(&str, u16); 27] = [
    ("insufficient_quota", 429),
    ("billing_hard_limit_reached", 429),
    ("billing_error", 402),
    ("rate_limit_exceeded", 429),
    ("rate_limit_error", 429),
    ("rate_limited", 429),
    ("resource_exhausted", 429),
    ("invalid_api_key", 401),
    ("authentication_error", 401),
    ("unauthenticated", 401),
    ("model_not_found", 404),
    ("not_found_error", 404),
    ("not_found", 404),
    ("permission_error", 403),
    ("permission_denied", 403),
    ("overloaded_error", 529),
    ("server_is_overloaded", 503),
    ("slow_down", 503),
    ("unavailable", 503),
    ("timeout_error", 504),
    ("deadline_exceeded", 504),
    ("context_length_exceeded", 400),
    ("content_filter", 400),
    ("invalid_argument", 400),
    ("failed_precondition", 400),
    ("invalid_prompt", 400),
    ("invalid_request_error", 400),
];

/// An error found inside a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// What the error's code stands for; 200 when it does not say.
    pub status: u16,
    /// The error as JSON or text, to be judged as a body of that status.
    pub body: Vec<u8>,
}

/// Looks at the beginning of a success: the whole of a short JSON answer, or (`sse`) the first chunk of a stream.
/// `None` also means that too little has come to tell.
pub fn error_inside(head: &[u8], sse: bool) -> Option<Inside> {
    let text = std::str::from_utf8(head).ok().or_else(|| valid_part(head))?.trim_start_matches('\u{feff}').trim_start();
    let error = if sse && !text.starts_with('{') { error_event(text) } else { error_answer(text) }?;
    let signals = Signals::read(error.as_bytes());
    let said = signals.codes().filter_map(|code| code.parse().ok()).find(|status| (400..600).contains(status));
    let meant = || STATUS_OF_CODE.iter().find(|(code, _)| signals.has_code(code)).map(|(_, status)| *status);
    Some(Inside { status: said.or_else(meant).unwrap_or(200), body: error.into_bytes() })
}

/// A chunk may end in the middle of a character.
fn valid_part(head: &[u8]) -> Option<&str> {
    let end = std::str::from_utf8(head).err()?.valid_up_to();
    std::str::from_utf8(head.get(..end)?).ok()
}

fn error_answer(text: &str) -> Option<String> {
    if text.len() > LARGEST || !find::has(text, "error") {
        return None;
    }
    let value = json::read(text).ok()?;
    let fields = value.as_object().or_else(|| value.as_array()?.first()?.as_object())?;
    // Stored objects (a failed response, a fine-tuning job) name their kind and are answers even with an `error`.
    let kind = fields.get("object").and_then(Value::as_str);
    let is_error = kind == Some("error") || (kind.is_none() && has_error(fields) && !fields.contains_key("choices"));
    is_error.then(|| text.to_owned())
}

/// The first event with data, if it is an error. Comments and events without data come before it.
fn error_event(text: &str) -> Option<String> {
    let mut named_error = false;
    let mut data = String::new();
    for line in text.lines() {
        match line.split_once(':') {
            Some(("event", name)) => named_error = name.trim() == "error",
            Some(("data", part)) => data.push_str(part),
            None if line.is_empty() && !data.is_empty() => break,
            _ => {}
        }
    }
    let value = json::read(&data).ok();
    let fields = value.as_ref().and_then(Value::as_object);
    let typed_error = |f: &Map<String, Value>| f.get("type").and_then(Value::as_str) == Some("error");
    let is_error = fields.map_or(named_error && !data.is_empty(), |f| named_error || typed_error(f) || has_error(f));
    is_error.then(|| data.trim().to_owned())
}

fn has_error(fields: &Map<String, Value>) -> bool {
    match fields.get("error") {
        Some(Value::Object(error)) => !error.is_empty(),
        Some(Value::String(error)) => !error.is_empty(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => false,
    }
}

//! What an error body says, whatever its shape: codes from code-like fields, messages from message-like ones.
//! Only fields an upstream fills itself are read, at most 12 levels deep and 8 KiB far.
use crate::{find, json};
use serde_json::{Map, Value};

const SCANNED: usize = 8 * 1024;
const DEPTH: u8 = 12;
/// Fields that hold more fields.
const NESTED: [&str; 8] = ["error", "errors", "details", "detail", "metadata", "violations", "innererror", "response"];

#[derive(Debug, Default)]
pub struct Signals {
    /// Lower-case; numbers as text.
    codes: Vec<String>,
    /// As they came, the outermost first, each once.
    messages: Vec<String>,
    /// Lower-case, without what stands in quotes: that may be the caller's words.
    words: Vec<String>,
    /// HTML or XML where JSON should be.
    pub markup: bool,
}

impl Signals {
    pub fn read(body: &[u8]) -> Self {
        let mut signals = Self::default();
        let text = String::from_utf8_lossy(body.get(..SCANNED).unwrap_or(body));
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.starts_with('<') {
            signals.markup = true;
        } else {
            signals.text(text, DEPTH);
        }
        signals.words = signals.messages.iter().map(|m| unquoted(&m.to_ascii_lowercase())).collect();
        signals
    }

    pub fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|c| c == code)
    }

    pub fn codes(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(String::as_str)
    }

    pub fn opens_with(&self, words: &str) -> bool {
        self.words.iter().any(|w| w.starts_with(words))
    }

    pub fn says(&self, words: &str) -> bool {
        self.words.iter().any(|w| find::has(w, words))
    }

    /// For people; may be empty and is not redacted yet.
    pub fn shown(&self) -> String {
        if self.markup { "a page of markup instead of an answer".into() } else { self.messages.join(": ") }
    }

    /// Text that may be JSON again, as in OpenRouter's `metadata.raw` or a gateway's `message`.
    fn text(&mut self, text: &str, depth: u8) {
        let text = text.trim();
        match json::read(text) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => self.value(&value, depth),
            Ok(Value::String(inner)) => self.message(&inner),
            _ => self.message(text),
        }
    }

    fn message(&mut self, text: &str) {
        if !text.is_empty() && !self.messages.iter().any(|m| m == text) {
            self.messages.push(text.to_owned());
        }
    }

    fn value(&mut self, value: &Value, depth: u8) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.value(item, depth)),
            Value::Object(fields) => self.object(fields, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, depth: u8) {
        fields.iter().for_each(|(name, value)| self.field(name, value, depth));
        for name in NESTED {
            fields.get(name).into_iter().for_each(|value| self.value(value, depth));
        }
    }

    fn field(&mut self, name: &str, value: &Value, depth: u8) {
        match (name, value) {
            ("code" | "type" | "status" | "reason" | "error_code", Value::String(code)) => self.code(code),
            ("code" | "status" | "error_code", Value::Number(_)) => self.code(&json::text(value)),
            ("@type", Value::String(kind)) if kind.ends_with("QuotaFailure") => self.code("quota_failure"),
            ("quotaId", Value::String(id)) if find::has(id, "PerDay") => self.code("quota_of_a_day"),
            ("message" | "msg" | "error" | "detail" | "raw" | "error_msg", Value::String(text)) => {
                self.text(text, depth)
            }
            _ => {}
        }
    }

    fn code(&mut self, code: &str) {
        self.codes.push(code.to_ascii_lowercase());
    }
}

/// Drops what stands in quotes. A single quote opens only at the start of a word: `doesn't` is no quote.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let closing = match c {
            '`' | '"' => Some(c),
            '“' => Some('”'),
            '\'' if !out.ends_with(|c: char| c.is_ascii_alphanumeric()) => Some('\''),
            _ => None,
        };
        if let Some((_, next)) = closing.and_then(|q| after.split_once(q)) {
            rest = next;
        } else {
            out.push(c);
            rest = after;
        }
    }
    out
}

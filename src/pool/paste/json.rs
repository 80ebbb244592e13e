//! JSON pastes: an array of keys, each a string or an object, or one such object, or `{"keys": [...]}`.
use super::{Claim, Refusal};
use serde_json::{Map, Value, value::RawValue};

/// `None` when the text is not JSON that could hold keys; then it is read line by line.
pub fn claims(text: &str) -> Option<Vec<Claim>> {
    let start = text.trim_start();
    if start.starts_with('{') {
        let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        return match fields.get("keys") {
            Some(Value::Array(items)) => Some(items.iter().map(|item| claim(item, 1)).collect()),
            _ => Some(vec![claim(&Value::Object(fields), 1)]),
        };
    }
    let items: Vec<&RawValue> = start.starts_with('[').then(|| serde_json::from_str(text).ok())??;
    let mut lines = Lines { text, counted: 0, line: 1 };
    Some(items.into_iter().map(|item| element(item.get(), &mut lines)).collect())
}

/// Counts lines up to an element; elements come in order, so the whole text is counted once.
struct Lines<'a> {
    text: &'a str,
    counted: usize,
    line: u32,
}

impl Lines<'_> {
    fn of(&mut self, element: &str) -> u32 {
        let at = element.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let breaks = self.text.get(self.counted..at).unwrap_or_default().matches('\n').count();
        self.line = self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
        self.counted = at.max(self.counted);
        self.line
    }
}

fn element(raw: &str, lines: &mut Lines) -> Claim {
    let line = lines.of(raw);
    claim(&serde_json::from_str(raw).unwrap_or(Value::Null), line)
}

fn claim(value: &Value, line: u32) -> Claim {
    let object = match value {
        Value::String(secret) => return Claim { line, secret: secret.trim().to_owned(), ..Claim::default() },
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return unusable(line),
    };
    let Some(secret) = first(object, &["key", "secret", "api_key", "apiKey", "token"]) else { return unusable(line) };
    Claim {
        line,
        secret,
        provider: first(object, &["provider"]).filter(|p| !p.is_empty()),
        weight: first(object, &["weight"]),
        label: first(object, &["label", "name"]),
        refusal: None,
    }
}

fn unusable(line: u32) -> Claim {
    Claim { line, refusal: Some(Refusal::BadJson), ..Claim::default() }
}

/// Strings without outer blanks, numbers as text; `null` counts as absent.
fn first(fields: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match fields.get(*name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Null => None,
        other => Some(other.to_string()),
    })
}

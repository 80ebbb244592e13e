//! JSON pastes: an array of keys, each a string or an object, or one such object, or `{"keys": [...]}`.
use super::{Claim, Refusal};
use crate::{json, record::write};
use serde_json::{Map, Value};

/// `None` when the text is not JSON that could hold keys; then it is read line by line.
pub fn claims(text: &str) -> Option<Vec<Claim>> {
    let start = text.trim_start();
    if let Some(items) = start.strip_prefix('[') {
        return elements(text, text.len() - items.len());
    }
    let value = start.starts_with('{').then(|| json::read(text).ok())??;
    match value.get("keys") {
        Some(Value::Array(items)) => Some(items.iter().map(|item| claim(item, 1)).collect()),
        _ => Some(vec![claim(&value, 1)]),
    }
}

/// The array's elements from `at`, right behind its bracket; each with the line it stands in.
fn elements(text: &str, mut at: usize) -> Option<Vec<Claim>> {
    let (mut claims, mut line) = (Vec::new(), 1);
    let mut counted = 0;
    loop {
        let rest = text.get(at..)?;
        let start = at + rest.len() - rest.trim_start().len();
        if claims.is_empty() && text.get(start..)?.starts_with(']') {
            return is_blank(text.get(start + 1..)?).then_some(claims);
        }
        line += u32::try_from(text.get(counted..start)?.matches('\n').count()).ok()?;
        counted = start;
        let (value, after) = json::read_first(text.get(start..)?)?;
        claims.push(claim(&value, line));
        let after = after.trim_start();
        match after.strip_prefix(',') {
            Some(more) => at = text.len() - more.len(),
            None => return is_blank(after.strip_prefix(']')?).then_some(claims),
        }
    }
}

fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
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
        other => Some(write::text(other)),
    })
}

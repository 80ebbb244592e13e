//! gpt-load: keys of a group as lines, or groups as JSON with their keys inside or in a list of their own.

use super::{Entry, Found, Place, address, number, text};
use crate::{
    json,
    pool::paste::{self, Pasted, Refusal},
};
use serde_json::Value;

pub fn lines(text: &str) -> Found {
    let Pasted { entries, refused } = paste::parse(text);
    let entry = |entry: paste::Entry| Entry {
        label: entry.label.unwrap_or_default(),
        weight: entry.weight,
        ..Entry::new(entry.line, &entry.secret, Place::Unknown)
    };
    Found { entries: entries.into_iter().map(entry).collect(), refused }
}

/// `data` may have the keys beside the groups, as its tables do.
pub fn groups(data: &Value, items: &[&Value], found: &mut Found) {
    let beside = data.get("api_keys").or_else(|| data.get("data")?.get("api_keys"));
    let beside: Vec<&Value> = beside.and_then(Value::as_array).into_iter().flatten().collect();
    let mut line = 0;
    for item in items {
        if item.get("key_value").is_some() {
            // A list of keys alone.
            line += 1;
            key(item, line, Place::Unknown, "", found);
            continue;
        }
        let place = place(item);
        let name = text(item, &["display_name", "name"]).unwrap_or_default();
        let inside = ["api_keys", "keys"].iter().filter_map(|name| item.get(*name)?.as_array()).flatten();
        let id = number(item, "id");
        let of_group = beside.iter().copied().filter(|key| id.is_some() && number(key, "group_id") == id);
        let before = line;
        for one in inside.chain(of_group) {
            line += 1;
            key(one, line, place.clone(), name, found);
        }
        if line == before {
            line += 1;
            found.refuse(line, Refusal::NoKey, "");
        }
    }
}

fn key(item: &Value, line: u32, place: Place, group: &str, found: &mut Found) {
    let Some(secret) = item.as_str().or_else(|| text(item, &["key_value", "key"])) else {
        return found.refuse(line, Refusal::NoKey, "");
    };
    let label = text(item, &["notes", "remark"]).unwrap_or(group).into();
    let enabled = text(item, &["status"]).is_none_or(|status| status == "active");
    found.take(Entry { label, enabled, ..Entry::new(line, secret, place) });
}

/// Of its addresses the one that gets the most.
fn place(group: &Value) -> Place {
    let home = match text(group, &["channel_type"]) {
        Some("gemini") => "gemini",
        Some("anthropic") => "anthropic",
        _ => "openai",
    };
    // In a table they are text.
    let parsed = text(group, &["upstreams"]).and_then(|text| json::read(text).ok());
    let upstreams = parsed.as_ref().or_else(|| group.get("upstreams")).and_then(Value::as_array);
    let mut best: Option<(u64, &str)> = None;
    for upstream in upstreams.into_iter().flatten() {
        let (weight, url) = (number(upstream, "weight").unwrap_or(1), text(upstream, &["url"]));
        if let Some(url) = url.filter(|_| best.is_none_or(|(known, _)| weight > known)) {
            best = Some((weight, url));
        }
    }
    best.map_or(Place::Unknown, |(_, url)| address(url, home))
}

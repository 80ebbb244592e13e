//! The audit log, as those who look into it ask for it.

use crate::{
    admin::{
        Asked,
        fields::Fields,
        outcome::{Outcome, Say, store},
        requests,
    },
    error::{Error, Result},
    js, json,
    record::write::{self, Json},
    usage::audit::ending,
};
use serde_json::Value;
use worker::web_sys::Response;

/// Entries that are read for one page.
const READ: u64 = 500;

/// Where a page begins, and what is looked for.
pub struct Wish {
    pub from: String,
    /// Of the ids of the action that is looked for; see `audit::ends`.
    pub ending: String,
    pub most: u64,
    /// Of a thing that was changed.
    id: Option<String>,
    limit: usize,
}

pub fn list(asked: &Asked) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let (action, id) = (query.text("action"), query.text("id").filter(|id| !id.is_empty()));
    let (cursor, limit) = (query.text("cursor"), query.text("limit"));
    query.end()?;
    let limit = limit.map_or(100, |n| n.parse().unwrap_or(0));
    if !(1..=500).contains(&limit) {
        return Err(Error::invalid("limit is a whole number from 1 to 500.", Some("limit")));
    }
    let is_id = |id: &String| id.len() > 13 && id.bytes().take(13).all(|b| b.is_ascii_digit());
    if cursor.as_ref().is_some_and(|cursor| !is_id(cursor)) {
        return Err(Error::invalid("cursor is what next_cursor said.", Some("cursor")));
    }
    let action = action.filter(|action| !action.is_empty());
    if action.as_ref().is_some_and(|action| !action.chars().all(|c| c.is_ascii_lowercase() || c == '.')) {
        return Err(Error::invalid("action is a name such as key.change, or a noun such as key.", Some("action")));
    }
    let most = if id.is_some() { READ } else { limit as u64 };
    // Right behind the entry that was read last.
    let from = cursor.map(|cursor| cursor + " ").unwrap_or_default();
    let wish = Wish { from, ending: action.as_deref().map(ending).unwrap_or_default(), most, id, limit };
    store(Vec::new(), Say::Audit(Box::new(wish)))
}

pub fn tell(wish: &Wish, found: &[(String, String)]) -> Result<Response> {
    let (mut shown, mut count, mut last) = (String::new(), 0, None);
    for (id, text) in found {
        if count == wish.limit {
            break;
        }
        last = Some(id);
        if wish.fits(text) {
            shown.push_str(if count == 0 { "" } else { "," });
            shown.push_str(&requests::entry(id, text));
            count += 1;
        }
    }
    let more = found.len() as u64 == wish.most || found.last().is_some_and(|(id, _)| Some(id) != last);
    let next = write::text(&last.filter(|_| more).json());
    js::json_response(200, &["{\"entries\":[", &shown, "],\"next_cursor\":", &next, "}"].concat())
}

impl Wish {
    fn fits(&self, text: &str) -> bool {
        let Some(wanted) = &self.id else { return true };
        let entry = json::read(text).unwrap_or_default();
        let ids = entry.get("ids").and_then(Value::as_array);
        ids.into_iter().flatten().any(|id| id.as_str() == Some(wanted))
    }
}

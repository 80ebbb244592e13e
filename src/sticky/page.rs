//! A list that is put together from what several keys' accounts hold: key by key, in an order that never changes, so
//! that the id of the last object on a page says where the next one goes on.

use super::{Kept, Marker, Tag};
use crate::{
    json,
    record::write::{self, object},
    sort::sort,
};
use serde_json::Value;

/// Upstream calls for one page.
const CALLS: u32 = 10;
/// The same while nothing was found: an empty page is the end for a client.
const EMPTY_CALLS: u32 = 30;
/// Objects on one page.
const SIZE: usize = 20;
const FILES: usize = 1000;

/// What one key answers.
#[derive(Debug, Default, PartialEq)]
pub struct Page {
    items: Vec<Item>,
    more: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Item {
    id: String,
    created: u64,
    /// As it came; as it goes out once it is merged.
    text: String,
}

impl Page {
    /// `None` when it is no list.
    pub fn read(answer: &str) -> Option<Self> {
        let mut page = Self::default();
        let mut rest = answer.trim_start().strip_prefix('{')?;
        let mut found = false;
        loop {
            let (name, behind) = json::read_first(rest)?;
            rest = behind.trim_start().strip_prefix(':')?;
            if name.as_str() == Some("data") {
                (page.items, rest) = items(rest)?;
                found = true;
            } else {
                let (value, behind) = json::read_first(rest)?;
                page.more |= name.as_str() == Some("has_more") && value.as_bool() == Some(true);
                rest = behind;
            }
            rest = rest.trim_start();
            match rest.strip_prefix(',') {
                Some(behind) => rest = behind,
                None => return found.then_some(page),
            }
        }
    }
}

/// The items of the array at the beginning, and what follows it.
fn items(text: &str) -> Option<(Vec<Item>, &str)> {
    let (mut items, mut rest) = (Vec::new(), text.trim_start().strip_prefix('[')?);
    loop {
        rest = rest.trim_start();
        if let Some(behind) = rest.strip_prefix(']') {
            return Some((items, behind));
        }
        let (value, behind) = json::read_first(rest)?;
        let text = rest.get(..rest.len() - behind.len())?.to_string();
        let created = value.get("created_at").and_then(Value::as_u64).unwrap_or_default();
        let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_string();
        items.push(Item { id, created, text });
        let behind = behind.trim_start();
        rest = behind.strip_prefix(',').unwrap_or(behind);
    }
}

/// What becomes one page, key by key.
pub struct Merge {
    size: usize,
    /// The client's own limit.
    limit: Option<usize>,
    ascending: bool,
    /// It goes on behind that object, in the account of the key that is next.
    after: Option<String>,
    /// It is the first page.
    first: bool,
    calls: u32,
    answered: bool,
    items: Vec<Item>,
}

impl Merge {
    /// `limit` and `ascending` as the client asks; `after` without its tag.
    pub fn new(rest: &str, limit: Option<usize>, ascending: bool, after: Option<String>) -> Self {
        let usual = if rest == "files" { FILES } else { SIZE };
        let size = limit.unwrap_or(usual).clamp(1, FILES);
        let first = after.is_none();
        Self { size, limit, ascending, after, first, calls: 0, answered: false, items: Vec::new() }
    }

    /// Whether another key may be asked for this page.
    pub fn goes_on(&self) -> bool {
        let most = if self.items.is_empty() { EMPTY_CALLS } else { CALLS };
        self.items.len() < self.size && self.calls < most
    }

    /// How many objects to ask the next key for, and behind which one. `None` when the client leaves it open.
    pub fn wanted(&mut self) -> (Option<usize>, Option<&str>) {
        self.calls += 1;
        (self.limit.map(|_| self.size - self.items.len()), self.after.as_deref())
    }

    /// It could not be asked.
    pub fn skip(&mut self) {
        self.after = None;
    }

    /// Whether the first key is one that the client named.
    pub const fn begins_behind(&self) -> bool {
        self.after.is_some()
    }

    /// Whether any key answered.
    pub const fn has_answers(&self) -> bool {
        self.answered
    }

    /// Of a key whose objects get these tags. Answers whether it has no more.
    pub fn take(&mut self, page: Page, tag: &Tag) -> bool {
        self.answered = true;
        let Page { mut items, mut more } = page;
        // A provider that knows nothing of pages begins again.
        if let Some(at) = self.after.as_ref().and_then(|after| items.iter().position(|item| item.id == *after)) {
            items.drain(..=at);
        }
        let room = self.size - self.items.len();
        more |= items.len() > room;
        items.truncate(room);
        let last = items.last().map(|item| item.id.clone()).filter(|id| more && !id.is_empty());
        let mut marker = Marker::new(Kept::Objects, false, tag.clone());
        for Item { id, created, text } in items {
            let text = String::from_utf8(marker.pass(text.as_bytes())).unwrap_or(text);
            let tagged = tag(&id);
            self.items.push(Item { id: id + &tagged, created, text });
        }
        self.after = last;
        self.after.is_none()
    }

    /// `more`: keys are left, or objects of the last one.
    pub fn answer(self, more: bool) -> String {
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        if self.first && !more {
            let created = |at: usize| self.items.get(at).map(|item| item.created);
            sort(&mut order, &|a, b| {
                let by_time = created(a).cmp(&created(b));
                (if self.ascending { by_time } else { by_time.reverse() }).then(a.cmp(&b))
            });
        }
        let item = |at: &usize| self.items.get(*at);
        let id = |at: Option<&usize>| at.and_then(item).map(|item| item.id.as_str());
        let ends = object! {"first_id": id(order.first()), "last_id": id(order.last()), "has_more": more};
        let mut out = String::from("{\"object\":\"list\",\"data\":[");
        for (nth, item) in order.iter().filter_map(item).enumerate() {
            out.push_str(if nth == 0 { "" } else { "," });
            out.push_str(&item.text);
        }
        out.push_str("],");
        out.push_str(write::text(&ends).get(1..).unwrap_or_default());
        out
    }
}

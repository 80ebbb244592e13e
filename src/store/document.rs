//! What a KV namespace holds under a name, and how two of them become one, whatever the order.

use crate::{
    error::{Error, Result},
    json,
    record::{
        Record,
        read::{self, Reader, Stored},
        write::{self, Json, object},
    },
    sort::sort,
    usage::count::{Count, Row},
};
use serde_json::Value;
use std::{cmp::Ordering, collections::HashMap};

/// One shape for all that is stored: records and what belongs to them, or totals, or a journal's entry of either.
#[derive(Default)]
pub struct Document {
    /// Random; it also stands beside the document, so that an unchanged one need not be parsed.
    pub revision: u64,
    /// The journal's entries that are in.
    pub merged: Vec<Merged>,
    /// Sorted by `place`.
    pub records: Vec<Record>,
    pub rows: Vec<Row>,
}

pub struct Merged {
    pub name: String,
    /// Unix milliseconds.
    pub at: u64,
}

impl Json for Merged {
    fn json(&self) -> Value {
        object! { "name": self.name, "at": self.at }
    }
}

impl Stored for Merged {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self { name: from.text("name")?, at: from.number("at")? })
    }
}

impl Document {
    pub fn text(&self) -> String {
        let merged = write::list(&mut self.merged.iter().map(Json::json));
        let records = write::list(&mut self.records.iter().map(Json::json));
        let rows = write::list(&mut self.rows.iter().map(Json::json));
        let revision = self.revision;
        format!(r#"{{"revision":{revision},"merged":{merged},"records":{records},"rows":{rows}}}"#)
    }

    pub fn holds(&self, entry: &str) -> bool {
        self.merged.iter().any(|merged| merged.name == entry)
    }
}

fn place(record: &Record) -> (&str, &str) {
    (record.kind.name(), &record.id)
}

/// Of one place, the greater holds: whatever the order of merging, the outcome is the same.
fn by_rank(a: &Record, b: &Record) -> Ordering {
    let text = |record: &Record| record.body.as_ref().map(write::text);
    (a.changed, a.body.is_none()).cmp(&(b.changed, b.body.is_none())).then_with(|| text(a).cmp(&text(b)))
}

fn by_place_newest_first(a: &Record, b: &Record) -> Ordering {
    place(a).cmp(&place(b)).then_with(|| by_rank(b, a))
}

/// `held` is sorted by place, before and after.
pub fn take_newer(held: &mut Vec<Record>, news: Vec<Record>) {
    let sorted = held.len();
    for new in news {
        let known = held.get_mut(..sorted).and_then(|held| {
            let at = held.binary_search_by(|old| place(old).cmp(&place(&new))).ok()?;
            held.get_mut(at)
        });
        match known {
            Some(old) if by_rank(&new, old).is_gt() => *old = new,
            Some(_) => {}
            None => held.push(new),
        }
    }
    if held.len() > sorted {
        let mut places: Vec<usize> = (0..held.len()).collect();
        sort(&mut places, &|a, b| match (held.get(a), held.get(b)) {
            (Some(a), Some(b)) => by_place_newest_first(a, b),
            _ => a.cmp(&b),
        });
        let mut unsorted: Vec<Option<Record>> = held.drain(..).map(Some).collect();
        held.extend(places.into_iter().filter_map(|place| unsorted.get_mut(place)?.take()));
        held.dedup_by(|older, newest| older.same_place(newest));
    }
}

pub fn add(held: &mut Vec<Row>, news: Vec<Row>) {
    if news.is_empty() {
        return;
    }
    let mut counts = by_key(std::mem::take(held));
    for row in news {
        counts.entry(row.key).or_default().add(&row.count);
    }
    held.extend(counts.into_iter().map(|(key, count)| Row { key, count }));
}

pub fn by_key(rows: Vec<Row>) -> HashMap<String, Count> {
    rows.into_iter().map(|row| (row.key, row.count)).collect()
}

/// # Errors
/// `Storage` when `text` is no JSON.
pub fn parse(text: &str) -> Result<Document> {
    let value = json::read(text).map_err(|e| Error::storage(format!("a stored value cannot be read: {e}")))?;
    let from = Reader(&value);
    let array = |name| from.field(name).map(|array| array.0);
    Ok(Document {
        revision: from.number("revision").unwrap_or(0),
        merged: array("merged").and_then(read::list).unwrap_or_default(),
        records: array("records").and_then(read::list).unwrap_or_default(),
        rows: array("rows").and_then(read::list).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    fn record(id: &str, body: Option<u64>, changed: u64) -> Record {
        match body {
            Some(body) => Record::new(Kind::Key, id, &body, changed).unwrap(),
            None => Record::deleted(Kind::Key, id, changed),
        }
    }

    fn shown(records: &[Record]) -> Vec<String> {
        records.iter().map(|r| write::text(&r.json())).collect()
    }

    #[test]
    fn in_whatever_order_records_come_the_same_ones_hold() {
        let news = [
            record("b", Some(1), 10),
            record("a", Some(1), 20),
            record("b", Some(2), 30),
            record("b", None, 30),
            record("a", Some(2), 10),
            record("c", Some(3), 10),
            record("c", Some(4), 10),
        ];
        let expected = shown(&[record("a", Some(1), 20), record("b", None, 30), record("c", Some(4), 10)]);
        for turn in 0..news.len() {
            for size in 1..=news.len() {
                let mut turned = news.to_vec();
                turned.rotate_left(turn);
                let mut held = Vec::new();
                turned.chunks(size).for_each(|some| take_newer(&mut held, some.to_vec()));
                assert_eq!(shown(&held), expected);
            }
        }
    }

    #[test]
    fn rows_of_one_key_add_up() {
        let row = |key: &str, ok| Row { key: key.into(), count: Count { ok, ..Count::default() } };
        let mut held = vec![row("a", 1), row("b", 2)];
        add(&mut held, vec![row("b", 3), row("c", 4), row("b", 5)]);
        held.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(held, [row("a", 1), row("b", 10), row("c", 4)]);
    }
}

//! What a KV namespace holds under a name, and how two of them become one, whatever the order.

use super::{DAY_MS, Upkeep};
use crate::{
    error::{Error, Result},
    find, json,
    record::{
        Record,
        read::{self, Reader, Stored},
        write::{self, Json, object},
    },
    sort::sort,
    usage::{
        lines,
        row::{Dimension, Period, Row, Table},
    },
};
use serde_json::Value;
use std::cmp::Ordering;

/// One shape for all that is stored: records and what belongs to them, or rollups, or a journal's entry of either.
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
    /// The other documents that it was added to; told by the one of all times.
    pub with: Vec<String>,
}

impl Json for Merged {
    fn json(&self) -> Value {
        object! { "name": self.name, "at": self.at, "with": self.with }
    }
}

impl Stored for Merged {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self { name: from.text("name")?, at: from.number("at")?, with: from.texts("with").unwrap_or_default() })
    }
}

impl Document {
    pub fn text(&self) -> String {
        let merged = write::list(&mut self.merged.iter().map(Json::json));
        let records = write::list(&mut self.records.iter().map(Json::json));
        let rows = lines::write(&self.rows);
        let revision = self.revision;
        // The rows are the last, see `parse`.
        format!(r#"{{"revision":{revision},"merged":{merged},"records":{records},"rows":{rows}}}"#)
    }

    pub fn holds(&self, entry: &str) -> bool {
        self.held_since(entry).is_some()
    }

    pub fn held_since(&self, entry: &str) -> Option<u64> {
        self.mark(entry).map(|merged| merged.at)
    }

    pub fn mark(&self, entry: &str) -> Option<&Merged> {
        self.merged.iter().find(|merged| merged.name == entry)
    }
}

/// The document of rollups by key and by model; every entry of counts adds to it.
pub const EVER: &str = "usage/ever";

/// Which document holds a period's rollup: each is of a size that can be read and written at once. Minutes stand by the
/// third of an hour, which is how often they are folded.
pub fn of_rollup(period: Period, at: u64) -> String {
    match period {
        Period::Minute => format!("{USAGE}m/{}", at / THIRD),
        Period::Hour => format!("{USAGE}h/{at}"),
        Period::Day => format!("{USAGE}d/{at}"),
        Period::Keys | Period::Models => EVER.into(),
    }
}

const THIRD: u64 = 20;
pub const USAGE: &str = "usage/";

/// The period of a document's row.
pub fn period(document: &str, row: &Row) -> Period {
    match document.strip_prefix(USAGE).and_then(|name| name.split_once('/')) {
        Some(("m", _)) => Period::Minute,
        Some(("h", _)) => Period::Hour,
        Some(("d", _)) => Period::Day,
        _ if row.place.series.of(Dimension::Key).is_empty() => Period::Models,
        _ => Period::Keys,
    }
}

/// When the last of what a document holds is over, in Unix milliseconds; `None` = never.
fn over(document: &str) -> Option<u64> {
    let (period, number) = document.strip_prefix(USAGE)?.split_once('/')?;
    let minutes = match period {
        "m" => THIRD,
        "h" => 60,
        _ => 24 * 60,
    };
    Some((number.parse::<u64>().ok()? + 1) * minutes * 60_000)
}

/// For how many seconds a document is kept from now on; `None` = forever. KV takes no less than a minute.
pub fn expires_after_s(document: &str, upkeep: &Upkeep) -> Option<u64> {
    let days = if document.starts_with("usage/d/") { upkeep.days } else { upkeep.minute_days };
    let end = over(document)?.saturating_add(days.saturating_mul(DAY_MS));
    Some((end.saturating_sub(upkeep.now) / 1000).max(60))
}

/// Lines of the journal, summed up for the documents that they are added to.
pub fn spread(rows: &[Row]) -> Vec<(String, Vec<Row>)> {
    // A name is made once for all rows that go there.
    let mut documents: Vec<(Period, u64, Table)> = Vec::new();
    for row in rows {
        for period in Period::ALL {
            let Some(place) = period.place(&row.place) else { continue };
            let (shelf, number) = match period {
                Period::Minute => (period, place.at / THIRD),
                Period::Hour | Period::Day => (period, place.at),
                Period::Keys | Period::Models => (Period::Keys, 0),
            };
            let at = documents.iter().rposition(|(known, other, _)| (*known, *other) == (shelf, number));
            let at = at.unwrap_or_else(|| {
                documents.push((shelf, number, Table::default()));
                documents.len() - 1
            });
            if let Some((_, _, table)) = documents.get_mut(at) {
                period.add(table.at(place), &row.sums);
            }
        }
    }
    let name = |period, number| of_rollup(period, if period == Period::Minute { number * THIRD } else { number });
    documents.into_iter().map(|(period, number, mut table)| (name(period, number), table.take())).collect()
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

/// # Errors
/// `Storage` when `text` is none of ours.
pub fn parse(text: &str) -> Result<Document> {
    let (mut document, rows) = head(text)?;
    document.rows = lines::read(rows).ok_or_else(|| Error::storage("stored counts cannot be read"))?;
    Ok(document)
}

/// A document without its rows, which follow as text: there may be many.
///
/// # Errors
/// `Storage` when `text` is no JSON.
pub fn head(text: &str) -> Result<(Document, &str)> {
    // In a record's texts the quotes would be escaped.
    let (head, rows) = match find::around(text, "\"rows\":") {
        Some((head, rows)) => (format!("{head}\"rows\":0}}"), rows.trim_ascii_end().strip_suffix('}').unwrap_or(rows)),
        None => (text.into(), "[]"),
    };
    let value = json::read(&head).map_err(|e| Error::storage(format!("a stored value cannot be read: {e}")))?;
    let from = Reader(&value);
    let array = |name| from.field(name).map(|array| array.0);
    let document = Document {
        revision: from.number("revision").unwrap_or(0),
        merged: array("merged").and_then(read::list).unwrap_or_default(),
        records: array("records").and_then(read::list).unwrap_or_default(),
        rows: Vec::new(),
    };
    Ok((document, rows))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Kind,
        usage::{
            row::{Place, Series},
            sums::Sums,
        },
    };
    use std::rc::Rc;

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
    fn rows_of_an_entry_go_to_their_documents() {
        let row = |key: &str, at| {
            let series = Series(["p", key, "m", "c"].map(Rc::from));
            Row { place: Place { at, day: 20_000, series }, sums: Sums::default() }
        };
        let documents = spread(&[row("k", 119), row("", 120)]);
        let shape: Vec<(&str, usize)> = documents.iter().map(|(name, rows)| (name.as_str(), rows.len())).collect();
        let expected =
            [("usage/m/5", 1), ("usage/h/1", 1), ("usage/d/20000", 2), (EVER, 2), ("usage/m/6", 1), ("usage/h/2", 1)];
        assert_eq!(shape, expected);
        for (name, rows) in &documents {
            assert!(rows.iter().all(|row| of_rollup(period(name, row), row.place.at) == *name), "{name}");
        }
        let over = documents.iter().map(|(name, _)| over(name)).collect::<Vec<_>>();
        let hour = 3_600_000;
        assert_eq!(over[..4], [Some(2 * hour), Some(2 * hour), Some(20_001 * 24 * hour), None]);
    }
}

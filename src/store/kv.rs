//! KV: a document of all records, one of all totals, and a journal of what is to be merged into them. Every change
//! goes into the journal under a fresh name first. A document names the entries it holds, so when two isolates write
//! it at the same time, the next fold finds missing what the later one overwrote, and merges it again.

use super::{
    Loaded,
    bindings::{Namespace, number, options, settled},
    is_trimmed,
};
use crate::{
    error::{Error, Result},
    js::field,
    record::{
        Record,
        read::{self, Reader, Stored},
        write::{self, Json, object},
    },
    runtime,
    sort::sort,
    usage::count::{Count, Row},
};
use serde_json::Value;
use std::{cell::Cell, cmp::Ordering, collections::HashMap};
use wasm_bindgen::JsValue;
use worker::js_sys::Array;

const RECORDS: &str = "records";
const TOTALS: &str = "totals";
const JOURNAL: &str = "journal/";
/// A list answers in the order of names: changes come before counts.
const CHANGES: &str = "journal/changes/";
const COUNTS: &str = "journal/counts/";

/// An entry is deleted when a document that named it so long ago still does: whatever another isolate wrote from an
/// older document, which it may see for a minute, would show by now.
const SETTLED_MS: u64 = 5 * 60_000;
/// A document names an entry this much longer than a stale list may still show it.
const REMEMBERED_MS: u64 = 20 * 60_000;
/// Entries that a fold merges and deletes at the most, of each kind: a cron with its probes stays within a free
/// plan's 50 subrequests.
const MERGED: usize = 5;
const DELETED: usize = 2;
/// A cron that nothing tells of work lists the journal every other minute, because a free plan has 1,000 lists a day.
const IDLE_MS: u64 = 90_000;
const MINUTE_MS: u64 = 60_000;

thread_local! {
    /// The time of the last cron in this isolate that folded.
    static TICKED: Cell<Option<u64>> = const { Cell::new(None) };
    /// This isolate knows of something to fold, or has begun to serve since.
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

pub struct Kv(Namespace);

/// One shape for all that is stored: records and what belongs to them, or totals, or a journal's entry of either.
#[derive(Default)]
struct Document {
    /// Random; it also stands beside the document, so that an unchanged one need not be parsed.
    revision: u64,
    /// The journal's entries that are in.
    merged: Vec<Merged>,
    /// Sorted by `place`.
    records: Vec<Record>,
    rows: Vec<Row>,
}

struct Merged {
    name: String,
    /// Unix milliseconds.
    at: u64,
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

impl Kv {
    pub const fn new(namespace: Namespace) -> Self {
        Self(namespace)
    }

    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        if known == 0 {
            WOKEN.set(true);
        }
        let found = settled(self.0.get_with_metadata(RECORDS)).await?;
        // A revision of 0 would mean "nothing is known" to the next load.
        let revision = field(&found, "metadata").as_f64().map_or(1, runtime::millis);
        if revision == known {
            return Ok(None);
        }
        let held = parse(&field(&found, "value"))?.unwrap_or_default();
        Ok(Some(Loaded { revision, records: held.records, full: true }))
    }

    pub async fn write(&self, records: &[Record], now: u64) -> Result<()> {
        let name = self.note(records, now).await?;
        // It is durable already; a fold that fails is made up for by the next one.
        let _ = self.fold_first(Some(name), now).await;
        Ok(())
    }

    /// Answers the entry's name.
    pub async fn note(&self, records: &[Record], now: u64) -> Result<String> {
        let name = format!("{CHANGES}{now:013}-{}", runtime::random_id()?);
        WOKEN.set(true);
        self.put(&name, &Document { records: records.to_vec(), ..Document::default() }).await?;
        Ok(name)
    }

    pub async fn ensure(&self, record: Record, now: u64) -> Result<Record> {
        let held = self.read(RECORDS).await?.unwrap_or_default();
        match held.records.into_iter().find(|r| r.same_place(&record)) {
            Some(held) => Ok(held),
            None => self.write(std::slice::from_ref(&record), now).await.map(|()| record),
        }
    }

    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        WOKEN.set(true);
        self.put(&format!("{COUNTS}{id}"), &Document { rows: rows.to_vec(), ..Document::default() }).await
    }

    pub async fn fold(&self, now: u64) -> Result<u64> {
        self.fold_first(None, now).await
    }

    /// As `fold`, at the latest every other minute.
    pub async fn tick(&self, now: u64) -> Result<()> {
        if is_due(TICKED.get(), WOKEN.get(), now) {
            TICKED.set(Some(now));
            self.fold(now).await?;
        }
        Ok(())
    }

    pub async fn totals(&self, keys: &[String]) -> Result<HashMap<String, Count>> {
        let held = self.read(TOTALS).await?.unwrap_or_default();
        let mut totals = by_key(held.rows);
        Ok(keys.iter().filter_map(|key| totals.remove_entry(key)).collect())
    }

    /// Begins with the entry `first`, which a list may not show yet.
    async fn fold_first(&self, first: Option<String>, now: u64) -> Result<u64> {
        WOKEN.set(false);
        let (listed, _) = self.list(None).await?;
        let listed = listed.into_iter().filter(|name| first.as_ref() != Some(name));
        let names: Vec<String> = first.iter().cloned().chain(listed).collect();
        let mut folded = 0;
        for (document, kind) in [(RECORDS, CHANGES), (TOTALS, COUNTS)] {
            let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.starts_with(kind)).collect();
            if !names.is_empty() {
                folded += self.fold_into(document, &names, now).await?;
            }
        }
        Ok(folded)
    }

    /// All records and totals, with what no fold has merged yet. Changes nothing.
    pub async fn everything(&self) -> Result<(Vec<Record>, Vec<Row>)> {
        let (mut names, mut cursor) = self.list(None).await?;
        while let Some(next) = cursor {
            let (more, after) = self.list(Some(next)).await?;
            names.extend(more);
            cursor = after;
        }
        let mut all = self.read(RECORDS).await?.unwrap_or_default();
        let totals = self.read(TOTALS).await?.unwrap_or_default();
        (all.rows, all.merged) = (totals.rows, all.merged.into_iter().chain(totals.merged).collect());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.merge(&mut all, &names, usize::MAX, 0).await?;
        Ok((all.records, all.rows))
    }

    async fn fold_into(&self, name: &str, entries: &[&str], now: u64) -> Result<u64> {
        let mut document = self.read(name).await?.unwrap_or_default();
        let merged = self.merge(&mut document, entries, MERGED, now).await?;
        if merged > 0 {
            document.records.retain(|record| !is_trimmed(record, now));
            document.merged.retain(|m| m.at + REMEMBERED_MS > now || entries.contains(&m.name.as_str()));
            document.revision = runtime::random().map(u64::from_le_bytes)? >> 11;
            self.put(name, &document).await?;
        }
        if entries.iter().any(|entry| !document.holds(entry)) {
            WOKEN.set(true);
        }
        let settled_long_ago = |m: &&Merged| m.at + SETTLED_MS < now && entries.contains(&m.name.as_str());
        for entry in document.merged.iter().filter(settled_long_ago).take(DELETED) {
            settled(self.0.delete(&entry.name)).await?;
        }
        Ok(merged)
    }

    /// Merges those of `entries`, up to `limit`, that the document does not hold yet.
    async fn merge(&self, document: &mut Document, entries: &[&str], limit: usize, now: u64) -> Result<u64> {
        let (mut records, mut rows, mut merged) = (Vec::new(), Vec::new(), 0);
        let missing: Vec<&str> = entries.iter().copied().filter(|entry| !document.holds(entry)).take(limit).collect();
        for name in missing {
            // A list may show what is gone, or what is not here yet.
            let Some(entry) = self.read(name).await? else { continue };
            records.extend(entry.records);
            rows.extend(entry.rows);
            document.merged.push(Merged { name: name.into(), at: now });
            merged += 1;
        }
        take_newer(&mut document.records, records);
        add(&mut document.rows, rows);
        Ok(merged)
    }

    /// Up to 1,000 names of the journal, and where the list goes on.
    async fn list(&self, cursor: Option<JsValue>) -> Result<(Vec<String>, Option<JsValue>)> {
        let options = options(&[("prefix", JOURNAL.into()), ("cursor", cursor.unwrap_or_default())]);
        let found = settled(self.0.list(&options)).await?;
        let keys = Array::from(&field(&found, "keys"));
        let names = keys.iter().filter_map(|key| field(&key, "name").as_string()).collect();
        Ok((names, Some(field(&found, "cursor")).filter(JsValue::is_string)))
    }

    async fn read(&self, name: &str) -> Result<Option<Document>> {
        parse(&settled(self.0.get(name)).await?)
    }

    async fn put(&self, name: &str, document: &Document) -> Result<()> {
        let options = options(&[("metadata", number(document.revision))]);
        settled(self.0.put(name, &document.text(), &options)).await.map(|_| ())
    }
}

impl Document {
    fn text(&self) -> String {
        let merged = write::list(&mut self.merged.iter().map(Json::json));
        let records = write::list(&mut self.records.iter().map(Json::json));
        let rows = write::list(&mut self.rows.iter().map(Json::json));
        let revision = self.revision;
        format!(r#"{{"revision":{revision},"merged":{merged},"records":{records},"rows":{rows}}}"#)
    }

    fn holds(&self, entry: &str) -> bool {
        self.merged.iter().any(|merged| merged.name == entry)
    }
}

/// Whether a cron folds, `last` being the last one in this isolate that did.
fn is_due(last: Option<u64>, woken: bool, now: u64) -> bool {
    match last {
        _ if woken => true,
        Some(last) => now.abs_diff(last) >= IDLE_MS,
        // An isolate that may live for this one cron.
        None => (now / MINUTE_MS).is_multiple_of(2),
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
fn take_newer(held: &mut Vec<Record>, news: Vec<Record>) {
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

fn add(held: &mut Vec<Row>, news: Vec<Row>) {
    if news.is_empty() {
        return;
    }
    let mut counts = by_key(std::mem::take(held));
    for row in news {
        counts.entry(row.key).or_default().add(&row.count);
    }
    held.extend(counts.into_iter().map(|(key, count)| Row { key, count }));
}

fn by_key(rows: Vec<Row>) -> HashMap<String, Count> {
    rows.into_iter().map(|row| (row.key, row.count)).collect()
}

fn parse(text: &JsValue) -> Result<Option<Document>> {
    let Some(text) = text.as_string() else { return Ok(None) };
    let value: Value =
        serde_json::from_str(&text).map_err(|e| Error::storage(format!("a stored value cannot be read: {e}")))?;
    let from = Reader(&value);
    let array = |name| from.field(name).map(|array| array.0);
    Ok(Some(Document {
        revision: from.number("revision").unwrap_or(0),
        merged: array("merged").and_then(read::list).unwrap_or_default(),
        records: array("records").and_then(read::list).unwrap_or_default(),
        rows: array("rows").and_then(read::list).unwrap_or_default(),
    }))
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
    fn crons_that_find_nothing_list_less_than_a_free_plan_allows() {
        let day = (0..1440).map(|minute| 1_700_000_000_000 + minute * MINUTE_MS);
        let mut last = None;
        let in_one_isolate = day.clone().filter(|now| {
            let due = is_due(last, false, *now);
            if due {
                last = Some(*now);
            }
            due
        });
        assert_eq!(in_one_isolate.count(), 720);
        assert_eq!(day.filter(|now| is_due(None, false, *now)).count(), 720);
    }

    #[test]
    fn a_cron_folds_when_it_knows_of_work_or_has_rested() {
        let now = 1_700_000_000_000;
        assert!(is_due(Some(now), true, now) && is_due(None, true, now + MINUTE_MS));
        assert!(is_due(Some(now), false, now + 60 * MINUTE_MS) && !is_due(Some(now), false, now + MINUTE_MS));
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

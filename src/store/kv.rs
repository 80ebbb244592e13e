//! KV: a document of all records, some of rollups, and a journal of what is to be merged into them. Every change goes
//! into the journal under a fresh name first. A document names the entries it holds, so when two isolates write it at
//! the same time, the next fold finds missing what the later one overwrote, and merges it again.

mod cache;
mod counts;
mod logins;
mod logs;

use super::{
    Audited, Loaded, MINUTE_MS, Upkeep,
    bindings::{Namespace, number, options, settled},
    document::{self, Document, Merged, USAGE, spread, take_newer},
    is_trimmed,
};
use crate::{
    config::Level,
    error::Result,
    js::field,
    record::{Record, write::object},
    runtime,
    usage::row::{Period, Row, Table},
};
use std::cell::{Cell, RefCell};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Array, Map};

const RECORDS: &str = "records";
const JOURNAL: &str = "journal/";
/// A list answers in the order of names: changes come before counts.
const CHANGES: &str = "journal/changes/";
const COUNTS: &str = "journal/counts/";
/// What could not be read, under its name; kept for people to look at.
const BROKEN: &str = "broken/";
const BROKEN_DAYS: u64 = 30;

/// An entry is deleted when the documents that named it so long ago still do: whatever another isolate wrote from an
/// older document, which it may see for a minute, would show by now.
const SETTLED_MS: u64 = 5 * 60_000;
/// A document names an entry this much longer than a stale list may still show it, or its isolate may write it again.
const REMEMBERED_MS: u64 = 20 * 60_000;
/// Changes that a fold merges and deletes at the most: a cron with its probes stays within a free plan's 50
/// subrequests.
const MERGED: usize = 5;
const DELETED: usize = 2;
/// A cron folds counts so rarely because each document is a write of a free plan's 1,000 a day; what waits is read with
/// the documents.
const FOLD_MINUTES: u64 = 20;
/// So many entries of counts are folded sooner.
const MANY: usize = 40;
/// A cron that nothing tells of work lists the journal every other minute, because a free plan has 1,000 lists a day.
const IDLE_MS: u64 = 90_000;
/// KV takes one write a second to a name; a timer may be late, and the next one not.
const WRITE_MS: u64 = 1_100;
/// KV gives so many values at once.
const GIVEN: usize = 100;

thread_local! {
    /// The time of the last cron in this isolate that folded.
    static TICKED: Cell<Option<u64>> = const { Cell::new(None) };
    /// This isolate knows of something to fold, or has begun to serve since.
    static WOKEN: Cell<bool> = const { Cell::new(false) };
    /// Counts are waiting for the next step of a fold.
    static GOES_ON: Cell<bool> = const { Cell::new(false) };
    /// When this isolate last wrote each document.
    static WRITTEN: RefCell<Vec<(String, u64)>> = const { RefCell::new(Vec::new()) };
}

pub use counts::oldest;

pub struct Kv(Namespace);

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
        let held = document(&field(&found, "value"))?.unwrap_or_default();
        Ok(Some(Loaded { revision, records: held.records, full: true }))
    }

    pub async fn write(&self, records: &[Record], audited: &[Audited], now: u64) -> Result<()> {
        self.keep_audited(audited).await?;
        if records.is_empty() {
            return Ok(());
        }
        let name = self.note(records, now).await?;
        // It is durable already; a fold that fails is made up for by the next one.
        let _ = self.fold_changes(&self.journal().await.unwrap_or_default(), &[name], now).await;
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
            None => {
                let name = self.note(std::slice::from_ref(&record), now).await?;
                // Whoever asks next must find it.
                self.fold_changes(&[], &[name], now).await.map(|_| record)
            }
        }
    }

    pub async fn fold(&self, upkeep: &Upkeep) -> Result<u64> {
        WOKEN.set(false);
        let names = self.journal().await?;
        let changes = self.fold_changes(&names, &[], upkeep.now).await?;
        Ok(changes + self.fold_counts(&names, upkeep).await?.0)
    }

    /// As `fold`, at the latest every other minute; counts more rarely.
    pub async fn tick(&self, upkeep: &Upkeep) -> Result<()> {
        let counts_due = GOES_ON.take() || (upkeep.now / MINUTE_MS).is_multiple_of(FOLD_MINUTES);
        if counts_due || is_due(TICKED.get(), WOKEN.get(), upkeep.now) {
            TICKED.set(Some(upkeep.now));
            WOKEN.set(false);
            let names = self.journal().await?;
            self.fold_changes(&names, &[], upkeep.now).await?;
            if counts_due || of(&names, COUNTS).count() >= MANY {
                let (_, waiting) = self.fold_counts(&names, upkeep).await?;
                GOES_ON.set(waiting);
            }
        }
        Ok(())
    }

    /// All records and rollups, with what no fold has merged yet. Changes nothing.
    pub async fn everything(&self) -> Result<(Vec<Record>, Vec<(Period, Vec<Row>)>)> {
        let entries = self.counts().await?;
        let changes = self.all_names(CHANGES).await?;
        let mut all = self.read(RECORDS).await?.unwrap_or_default();
        self.merge(&mut all, &changes.iter().map(String::as_str).collect::<Vec<_>>(), usize::MAX, 0).await?;
        let mut names = self.all_names(USAGE).await?;
        for (name, text) in &entries {
            for (name, _) in spread(&counts::known(name, text).rows) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        let mut tables = Period::ALL.map(|period| (period, Table::default()));
        let each = &mut |document: &str, row: Row| {
            let of = document::period(document, &row);
            if let Some((_, table)) = tables.iter_mut().find(|(period, _)| *period == of) {
                table.at(row.place).add(&row.sums);
            }
        };
        self.rollups(&names, &entries, each).await?;
        Ok((all.records, tables.into_iter().map(|(period, mut table)| (period, table.take())).collect()))
    }

    /// Merges changes, beginning with those entries that a list may not show yet.
    async fn fold_changes(&self, names: &[String], first: &[String], now: u64) -> Result<u64> {
        let listed = of(names, CHANGES).filter(|name| !first.contains(name));
        let names: Vec<&str> = first.iter().chain(listed).map(String::as_str).collect();
        if names.is_empty() { Ok(0) } else { self.fold_into(RECORDS, &names, now).await }
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
        let (mut records, mut merged) = (Vec::new(), 0);
        let missing: Vec<&str> = entries.iter().copied().filter(|entry| !document.holds(entry)).take(limit).collect();
        for name in missing {
            // A list may show what is gone, or what is not here yet.
            let Some(entry) = settled(self.0.get(name)).await?.as_string() else { continue };
            records.extend(self.sound(name, &entry).await?.records);
            document.merged.push(Merged { name: name.into(), at: now, with: Vec::new() });
            merged += 1;
        }
        take_newer(&mut document.records, records);
        Ok(merged)
    }

    /// The journal's first 1,000 names.
    async fn journal(&self) -> Result<Vec<String>> {
        self.list(JOURNAL, None).await.map(|(names, _)| names)
    }

    async fn all_names(&self, prefix: &str) -> Result<Vec<String>> {
        let (mut names, mut cursor) = self.list(prefix, None).await?;
        while let Some(next) = cursor {
            let (more, after) = self.list(prefix, Some(next)).await?;
            names.extend(more);
            cursor = after;
        }
        Ok(names)
    }

    /// Up to 1,000 names, and where the list goes on.
    async fn list(&self, prefix: &str, cursor: Option<JsValue>) -> Result<(Vec<String>, Option<JsValue>)> {
        let options = options(&[("prefix", prefix.into()), ("cursor", cursor.unwrap_or_default())]);
        let found = settled(self.0.list(&options)).await?;
        let keys = Array::from(&field(&found, "keys"));
        let names = keys.iter().filter_map(|key| field(&key, "name").as_string()).collect();
        Ok((names, Some(field(&found, "cursor")).filter(JsValue::is_string)))
    }

    async fn read(&self, name: &str) -> Result<Option<Document>> {
        document(&settled(self.0.get(name)).await?)
    }

    /// A value of which something is to be made. One that cannot be read, because whoever wrote it died meanwhile, holds up
    /// nothing: it is set aside, and counts as empty.
    async fn sound(&self, name: &str, text: &str) -> Result<Document> {
        match document::parse(text) {
            Ok(document) => Ok(document),
            Err(_) => {
                let options = options(&[("expirationTtl", number(BROKEN_DAYS * 86_400))]);
                settled(self.0.put(&[BROKEN, name].concat(), text, &options)).await?;
                if name.starts_with(JOURNAL) {
                    settled(self.0.delete(name)).await?;
                }
                Ok(broken(name))
            }
        }
    }

    /// Names of values that were set aside.
    pub async fn broken(&self) -> Result<Vec<String>> {
        let (names, _) = self.list(BROKEN, None).await?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(BROKEN)).map(str::to_string).collect())
    }

    /// Those that there are; their texts stay with JavaScript.
    async fn values(&self, names: &[String]) -> Result<Vec<(String, JsValue)>> {
        let mut found = Vec::new();
        for names in names.chunks(GIVEN) {
            let asked: Array = names.iter().map(|name| JsValue::from_str(name)).collect();
            let map: Map = settled(self.0.get_many(&asked)).await?.unchecked_into();
            for name in names {
                let value: JsValue = map.get(&name.into());
                if value.is_string() {
                    found.push((name.clone(), value));
                }
            }
        }
        Ok(found)
    }

    async fn put(&self, name: &str, document: &Document) -> Result<()> {
        self.put_for(name, document, None).await
    }

    /// For so many seconds.
    async fn put_for(&self, name: &str, document: &Document, seconds: Option<u64>) -> Result<()> {
        let mut fields = vec![("metadata", number(document.revision))];
        fields.extend(seconds.map(|seconds| ("expirationTtl", number(seconds))));
        settled(self.0.put(name, &document.text(), &options(&fields))).await.map(|_| ())
    }
}

/// How long to wait until the document may be written again; it counts as written then.
fn wait(name: &str, now: u64) -> u64 {
    WRITTEN.with_borrow_mut(|written| {
        written.retain(|(_, at)| at + WRITE_MS > now);
        let free = written.iter().filter(|(known, _)| known == name).map(|(_, at)| at + WRITE_MS).max();
        let at = free.unwrap_or(now);
        written.push((name.into(), at));
        at - now
    })
}

fn of<'a>(names: &'a [String], kind: &'static str) -> impl Iterator<Item = &'a String> {
    names.iter().filter(move |name| name.starts_with(kind))
}

/// `None` when nothing is stored under the name.
fn document(text: &JsValue) -> Result<Option<Document>> {
    text.as_string().map(|text| document::parse(&text)).transpose()
}

fn texted(value: &JsValue) -> String {
    value.as_string().unwrap_or_default()
}

fn broken(name: &str) -> Document {
    runtime::log(Level::Error, "value_broken", || object! {"name": name});
    Document::default()
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

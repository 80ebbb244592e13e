//! KV: a document of all records, one of all totals, and a journal of what is to be merged into them. Every change
//! goes into the journal under a fresh name first. A document names the entries it holds, so when two isolates write
//! it at the same time, the next fold finds missing what the later one overwrote, and merges it again.

use super::{
    Loaded,
    bindings::{Namespace, number, options, settled},
    document::{self, Document, Merged, add, by_key, take_newer},
    is_trimmed,
};
use crate::{
    error::Result,
    js::field,
    record::Record,
    runtime,
    usage::count::{Count, Row},
};
use std::{cell::Cell, collections::HashMap};
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
        document(&settled(self.0.get(name)).await?)
    }

    async fn put(&self, name: &str, document: &Document) -> Result<()> {
        let options = options(&[("metadata", number(document.revision))]);
        settled(self.0.put(name, &document.text(), &options)).await.map(|_| ())
    }
}

/// `None` when nothing is stored under the name.
fn document(text: &JsValue) -> Result<Option<Document>> {
    text.as_string().map(|text| document::parse(&text)).transpose()
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

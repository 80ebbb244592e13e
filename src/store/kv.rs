//! KV: one document of all records, one of all totals, and a journal of what is to be merged into them. Every
//! change goes into the journal under a fresh name first, and stays there until a later fold saw it merged, so two
//! isolates that write a document at the same time lose nothing. See docs/adr/0005.

use super::{Loaded, is_trimmed, replaces};
use crate::{
    error::{Error, Result},
    record::{Kind, Record},
    usage::count::{Count, Row},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeSet, HashMap};
use worker::kv::{KvError, KvStore};

const RECORDS: &str = "records";
const TOTALS: &str = "totals";
const JOURNAL: &str = "journal/";
/// An entry is deleted when it is this old and known to be merged: by then every reader sees the merged document.
const SETTLED_MS: u64 = 5 * 60_000;
/// The name of a merged entry is remembered this much longer than a stale list may still show it.
const REMEMBERED_MS: u64 = 20 * 60_000;
const FRESH_MS: u64 = 2 * 60_000;
/// Entries a fold works on at the most: with their deletion and a cron's probes within a free plan's 50 subrequests.
const ENTRIES: usize = 12;

pub struct Kv(KvStore);

#[derive(Default, Serialize, Deserialize)]
struct Records {
    revision: u64,
    records: Vec<Record>,
}

#[derive(Default, Serialize, Deserialize)]
struct Totals {
    /// Names of the journal's entries that are in.
    merged: BTreeSet<String>,
    totals: HashMap<String, Count>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Entry {
    records: Vec<Record>,
    rows: Vec<Row>,
}

/// What stands beside the document of records, so that an unchanged one need not be parsed.
#[derive(Serialize, Deserialize)]
struct Tag {
    revision: u64,
}

impl Kv {
    pub const fn new(namespace: KvStore) -> Self {
        Self(namespace)
    }

    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        let (text, tag) = self.0.get(RECORDS).text_with_metadata::<Tag>().await.map_err(failed)?;
        if tag.is_some_and(|tag| tag.revision == known) {
            return Ok(None);
        }
        let held: Records = parse(text)?;
        // A revision of 0 would mean "nothing is known" to the next load.
        Ok(Some(Loaded { revision: held.revision.max(1), records: held.records, full: true }))
    }

    pub async fn write(&self, records: &[Record], now: u64) -> Result<()> {
        self.note(records, now).await?;
        // It is durable already; a fold that fails is made up for by the next one.
        let _ = self.fold(now).await;
        Ok(())
    }

    pub async fn note(&self, records: &[Record], now: u64) -> Result<()> {
        let name = format!("{JOURNAL}{now:013}-{}", crate::runtime::random_id()?);
        self.put(&name, &Entry { records: records.to_vec(), rows: Vec::new() }).await
    }

    pub async fn ensure(&self, record: Record, now: u64) -> Result<Record> {
        let held: Records = self.read(RECORDS).await?;
        match held.records.into_iter().find(|r| r.same_place(&record)) {
            Some(held) => Ok(held),
            None => self.write(std::slice::from_ref(&record), now).await.map(|()| record),
        }
    }

    /// `id` begins with the time, see `app::flush`.
    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        self.put(&format!("{JOURNAL}{id}"), &Entry { records: Vec::new(), rows: rows.to_vec() }).await
    }

    pub async fn fold(&self, now: u64) -> Result<u64> {
        let listed = self.0.list().prefix(JOURNAL.into()).execute().await.map_err(failed)?;
        if listed.keys.is_empty() {
            return Ok(0);
        }
        let mut records: Records = self.read(RECORDS).await?;
        let mut totals: Totals = self.read(TOTALS).await?;
        let listed: Vec<String> = listed.keys.into_iter().map(|key| key.name).collect();
        let names = due(&listed, &totals.merged, now);
        let settled: Vec<&String> = names.iter().copied().filter(|n| stage(n, &totals.merged, now) == 1).collect();
        let (mut changed, mut folded) = (false, 0);
        for name in &names {
            let entry: Entry = self.read(name).await?;
            changed |= merge(&mut records.records, entry.records);
            if totals.merged.insert((*name).clone()) {
                folded += 1;
                for row in entry.rows {
                    totals.totals.entry(row.key).or_default().add(&row.count);
                }
            }
        }
        if changed {
            records.records.retain(|r| !is_trimmed(r, now));
            records.revision = now.max(records.revision + 1);
            self.put_records(&records).await?;
        }
        let before = totals.merged.len();
        totals.merged.retain(|name| listed.contains(name) || written(name) + REMEMBERED_MS > now);
        if folded > 0 || totals.merged.len() < before {
            self.put(TOTALS, &totals).await?;
        }
        for name in settled {
            self.0.delete(name).await.map_err(failed)?;
        }
        Ok(folded)
    }

    pub async fn totals(&self, keys: &[&str]) -> Result<HashMap<String, Count>> {
        let mut held: Totals = self.read(TOTALS).await?;
        Ok(keys.iter().filter_map(|key| held.totals.remove_entry(*key)).collect())
    }

    async fn read<T: Default + DeserializeOwned>(&self, name: &str) -> Result<T> {
        parse(self.0.get(name).text().await.map_err(failed)?)
    }

    async fn put_records(&self, records: &Records) -> Result<()> {
        let tag = Tag { revision: records.revision };
        let put = self.0.put(RECORDS, text(records)?).and_then(|put| put.metadata(tag)).map_err(failed)?;
        put.execute().await.map_err(failed)
    }

    async fn put<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        self.0.put(name, text(value)?).map_err(failed)?.execute().await.map_err(failed)
    }
}

/// The entries a fold works on, the most urgent first.
fn due<'a>(listed: &'a [String], merged: &BTreeSet<String>, now: u64) -> Vec<&'a String> {
    let mut due: Vec<&String> = listed.iter().filter(|name| stage(name, merged, now) < 3).collect();
    due.sort_by_key(|name| stage(name, merged, now));
    due.truncate(ENTRIES);
    due
}

/// 0: not merged yet. 1: merged long ago, to be deleted. 2: merged just now, and merged again in case two isolates
/// wrote the document at once. 3: nothing to do.
fn stage(name: &str, merged: &BTreeSet<String>, now: u64) -> u8 {
    match merged.contains(name) {
        false => 0,
        true if written(name) + SETTLED_MS < now => 1,
        true if written(name) + FRESH_MS > now => 2,
        true => 3,
    }
}

/// Takes over what is newer; answers whether anything was.
fn merge(held: &mut Vec<Record>, news: Vec<Record>) -> bool {
    let mut at: HashMap<(Kind, String), usize> =
        held.iter().enumerate().map(|(i, r)| ((r.kind, r.id.clone()), i)).collect();
    let mut changed = false;
    for new in news {
        let place = (new.kind, new.id.clone());
        match at.get(&place).and_then(|i| held.get_mut(*i)) {
            // The same entry is merged again and again until it is deleted.
            Some(old) if new.changed == old.changed && same_body(&new, old) => {}
            Some(old) if replaces(&new, old) => {
                *old = new;
                changed = true;
            }
            Some(_) => {}
            None => {
                at.insert(place, held.len());
                held.push(new);
                changed = true;
            }
        }
    }
    changed
}

fn same_body(a: &Record, b: &Record) -> bool {
    a.body.as_ref().map(|body| body.get()) == b.body.as_ref().map(|body| body.get())
}

/// When an entry was written: its name says so.
fn written(name: &str) -> u64 {
    name.strip_prefix(JOURNAL).and_then(|id| id.split('-').next()?.parse().ok()).unwrap_or(0)
}

fn parse<T: Default + DeserializeOwned>(text: Option<String>) -> Result<T> {
    let Some(text) = text else { return Ok(T::default()) };
    serde_json::from_str(&text).map_err(|e| Error::Storage(format!("a stored value cannot be read: {e}")))
}

/// As a string: what KV's own serializing makes of a map is `{}`.
fn text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::Internal(e.to_string()))
}

fn failed(error: KvError) -> Error {
    Error::Storage(error.to_string())
}

//! Counts in KV: rollups in documents of a size that can be read and written at once, and the journal's entries that
//! are to be added to them.

use super::{
    super::{
        Upkeep,
        bindings::settled,
        document::{self, Document, EVER, Merged, of_rollup, spread},
    },
    COUNTS, Kv, REMEMBERED_MS, SETTLED_MS, broken, of, texted, wait,
};
use crate::{
    error::Result,
    runtime,
    usage::row::{Query, Row, Table},
};
use std::cell::RefCell;
use wasm_bindgen::JsValue;

/// Entries of counts that a fold adds, and that it deletes, at the most.
const ENTRIES: usize = 12;
/// A fold reads entries of about so many bytes; the next one goes on. See `npm run bench:fold`.
const STEP: usize = 50_000;
thread_local! {
    /// The name of the first entry that was listed last.
    static OLDEST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The id of the oldest entry, by the last list of all.
pub fn oldest() -> Option<String> {
    OLDEST.with_borrow(|name| Some(name.as_ref()?.strip_prefix(COUNTS)?.into()))
}

/// What an entry adds to a document, with the entry's name.
type Part<'a> = (&'a str, Vec<Row>);

impl Kv {
    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        self.put(&format!("{COUNTS}{id}"), &Document { rows: rows.to_vec(), ..Document::default() }).await
    }

    pub async fn usage(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        // Before the documents: what is gone from the journal by then is in them.
        let entries = self.counts().await?;
        let mut names: Vec<String> = Vec::new();
        for name in queries.iter().flat_map(documents) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut tables: Vec<Table> = queries.iter().map(|_| Table::default()).collect();
        let each = &mut |document: &str, row: Row| {
            let period = document::period(document, &row);
            for (query, table) in queries.iter().zip(&mut tables).filter(|(query, _)| query.period == period) {
                if let Some(place) = query.shown(&row.place) {
                    table.at(place).add(&row.sums);
                }
            }
        };
        self.rollups(&names, &entries, each).await?;
        Ok(tables.iter_mut().map(Table::take).collect())
    }

    /// Shows the rows of documents, with what the entries add to them, by the document's name; two rows may be of one place.
    /// One value after the other, for each is many times its size when it is read.
    pub(super) async fn rollups(
        &self,
        names: &[String],
        entries: &[(String, JsValue)],
        each: &mut dyn FnMut(&str, Row),
    ) -> Result<()> {
        let mut held = Vec::new();
        for (name, text) in self.values(names).await? {
            let mut document = known(&name, &text);
            std::mem::take(&mut document.rows).into_iter().for_each(|row| each(&name, row));
            held.push((name, document));
        }
        for (entry, text) in entries {
            for (name, rows) in spread(&known(entry, text).rows) {
                let is_in = held.iter().any(|(known, held)| *known == name && held.holds(entry));
                if !is_in && names.contains(&name) {
                    rows.into_iter().for_each(|row| each(&name, row));
                }
            }
        }
        Ok(())
    }

    /// The journal's entries of counts.
    pub(super) async fn counts(&self) -> Result<Vec<(String, JsValue)>> {
        let names = self.all_names(COUNTS).await?;
        OLDEST.replace(names.first().cloned());
        self.values(&names).await
    }

    /// Adds entries to the documents they belong to, that of all times last, and deletes what has settled in all of
    /// them. In steps: answers how many entries are new, and `true` when some wait.
    pub(super) async fn fold_counts(&self, names: &[String], upkeep: &Upkeep) -> Result<(u64, bool)> {
        let now = upkeep.now;
        let listed: Vec<&String> = of(names, COUNTS).collect();
        if listed.is_empty() {
            return Ok((0, false));
        }
        let mut ever = match settled(self.0.get(EVER)).await?.as_string() {
            Some(text) => self.sound(EVER, &text).await?,
            None => Document::default(),
        };
        let (mut due, mut settling) = (Vec::new(), Vec::new());
        for name in &listed {
            match ever.mark(name) {
                None => due.push((*name).clone()),
                Some(mark) if mark.at + SETTLED_MS < now && settling.len() < ENTRIES => settling.push(mark),
                Some(_) => {}
            }
        }
        let waiting = due.len();
        due.truncate(ENTRIES);
        self.settle(&settling, &mut due, now).await?;
        let entries = self.read_some(&due).await?;
        let mut parts: Vec<(String, Vec<Part>)> = Vec::new();
        // Of each entry its own documents: one that it has no part in would never name it.
        let mut places: Vec<(&str, Vec<String>)> = Vec::new();
        for (entry, content) in &entries {
            let spread = spread(&content.rows);
            let own = spread.iter().map(|(document, _)| document).filter(|name| *name != EVER);
            places.push((entry, own.cloned().collect()));
            for (document, rows) in spread {
                match parts.iter_mut().find(|(known, _)| *known == document) {
                    Some((_, parts)) => parts.push((entry, rows)),
                    None if document == EVER => parts.push((document, vec![(entry, rows)])),
                    // Before that one, which therefore stays the last.
                    None => parts.insert(0, (document, vec![(entry, rows)])),
                }
            }
        }
        let others: Vec<String> = parts.iter().map(|(name, _)| name).filter(|name| *name != EVER).cloned().collect();
        let held = self.values(&others).await?;
        let new = entries.iter().filter(|(entry, _)| !ever.holds(entry)).count();
        for (name, mut parts) in parts {
            // Read when its turn comes: all of them together would be much.
            let mut document = match held.iter().find(|(known, _)| *known == name) {
                _ if name == EVER => std::mem::take(&mut ever),
                Some((_, text)) => self.sound(&name, &texted(text)).await?,
                None => Document::default(),
            };
            parts.retain(|(entry, _)| !document.holds(entry));
            // Whatever may come up again must be known again.
            document.merged.retain(|m| m.at + REMEMBERED_MS > now || listed.iter().any(|name| **name == m.name));
            if !parts.is_empty() {
                let places = if name == EVER { places.as_slice() } else { &[] };
                self.add(&name, &mut document, parts, places, upkeep).await?;
            }
        }
        Ok((new as u64, waiting > new))
    }

    /// Deletes the entries that all their documents have named for long enough. One that a document does not name any
    /// more, because it was written again from an older copy, is due again.
    async fn settle(&self, marks: &[&Merged], due: &mut Vec<String>, now: u64) -> Result<()> {
        let mut names: Vec<String> = Vec::new();
        for name in marks.iter().flat_map(|mark| &mark.with) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let mut heads = Vec::new();
        for (name, text) in self.values(&names).await? {
            // One that cannot be read names nothing: what was in it is due again.
            heads.push((name, document::head(&texted(&text)).map_or_else(|_| Document::default(), |(head, _)| head)));
        }
        for mark in marks {
            // A document that has expired asks for nothing any more.
            let since =
                heads.iter().filter(|(name, _)| mark.with.contains(name)).map(|(_, d)| d.held_since(&mark.name));
            let mut lost = false;
            let mut settled_in_all = true;
            for since in since {
                lost |= since.is_none();
                settled_in_all &= since.is_some_and(|since| since + SETTLED_MS < now);
            }
            if lost {
                due.push(mark.name.clone());
            } else if settled_in_all {
                settled(self.0.delete(&mark.name)).await?;
            }
        }
        Ok(())
    }

    /// As many of the entries, the oldest first, as a cron has processor time for.
    async fn read_some(&self, names: &[String]) -> Result<Vec<(String, Document)>> {
        let (mut some, mut length) = (Vec::new(), 0);
        for (name, text) in self.values(names).await? {
            let text = texted(&text);
            length += text.len();
            if length > STEP && !some.is_empty() {
                break;
            }
            let content = self.sound(&name, &text).await?;
            some.push((name, content));
        }
        Ok(some)
    }

    /// Adds rows of entries to a document, and writes it; `places` are the other documents that have some of them.
    async fn add(
        &self,
        name: &str,
        document: &mut Document,
        parts: Vec<Part<'_>>,
        places: &[(&str, Vec<String>)],
        upkeep: &Upkeep,
    ) -> Result<()> {
        let mut table = Table::default();
        table.add(std::mem::take(&mut document.rows));
        for (entry, rows) in parts {
            table.add(rows);
            let with = places.iter().find(|(known, _)| *known == entry).map(|(_, with)| with.clone());
            document.merged.push(Merged { name: entry.into(), at: upkeep.now, with: with.unwrap_or_default() });
        }
        document.rows = table.take();
        runtime::sleep(wait(name, runtime::now())).await;
        self.put_for(name, document, document::expires_after_s(name, upkeep)).await
    }
}

/// What cannot be read counts as empty, for nothing is written from it.
pub(super) fn known(name: &str, text: &JsValue) -> Document {
    document::parse(&texted(text)).unwrap_or_else(|_| broken(name))
}

/// Where a query's rollups are.
fn documents(query: &Query) -> Vec<String> {
    let mut names: Vec<String> = (query.from..query.to).map(|at| of_rollup(query.period, at)).collect();
    names.dedup();
    names
}

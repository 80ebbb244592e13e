//! Counts in KV: rollups in documents of a size that can be read and written at once, and the journal's entries that
//! are to be added to them.

use super::{
    super::{
        Upkeep,
        bindings::settled,
        document::{self, Document, EVER, Merged, of_rollup, spread},
    },
    COUNTS, Kv, REMEMBERED_MS, SETTLED_MS, of,
};
use crate::{
    error::Result,
    usage::row::{Query, Row, Table},
};

/// Entries of counts that a fold looks at.
const ENTRIES: usize = 12;
/// What an entry adds to a document, with the entry's name.
type Part<'a> = (&'a str, Vec<Row>);

impl Kv {
    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        self.put(&format!("{COUNTS}{id}"), &Document { rows: rows.to_vec(), ..Document::default() }).await
    }

    pub async fn usage(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        // Before the documents: what is gone from the journal by then is in them.
        let entries = self.counts().await?;
        let mut answers = Vec::new();
        for query in queries {
            let mut table = Table::default();
            for (name, row) in self.rollups(&documents(query), &entries).await? {
                let place = if document::period(&name, &row) == query.period { query.shown(&row.place) } else { None };
                if let Some(place) = place {
                    table.at(place).add(&row.sums);
                }
            }
            answers.push(table.take());
        }
        Ok(answers)
    }

    /// The rows of documents, with what the entries add to them; two rows may be of one place.
    pub(super) async fn rollups(&self, names: &[String], entries: &[(String, Document)]) -> Result<Vec<(String, Row)>> {
        let mut rows = Vec::new();
        let held = self.read_many(names).await?;
        for (entry, (document, more)) in
            entries.iter().flat_map(|(entry, content)| spread(&content.rows).into_iter().map(move |part| (entry, part)))
        {
            let is_in = held.iter().any(|(name, held)| *name == document && held.holds(entry));
            if !is_in && names.contains(&document) {
                rows.extend(more.into_iter().map(|row| (document.clone(), row)));
            }
        }
        rows.extend(
            held.into_iter().flat_map(|(name, held)| held.rows.into_iter().map(move |row| (name.clone(), row))),
        );
        Ok(rows)
    }

    /// The journal's entries of counts.
    pub(super) async fn counts(&self) -> Result<Vec<(String, Document)>> {
        self.read_many(&self.all_names(COUNTS).await?).await
    }

    /// Adds entries to the documents they belong to, that of all times last: an entry which that one names was in all
    /// others once, and is looked at again when it should have settled.
    pub(super) async fn fold_counts(&self, names: &[String], upkeep: &Upkeep) -> Result<u64> {
        let now = upkeep.now;
        let mut names = of(names, COUNTS).peekable();
        if names.peek().is_none() {
            return Ok(0);
        }
        let ever = self.read(EVER).await?.unwrap_or_default();
        let is_due = |name: &&String| ever.held_since(name).is_none_or(|since| since + SETTLED_MS < now);
        let due: Vec<String> = names.filter(is_due).take(ENTRIES).cloned().collect();
        let entries = self.read_many(&due).await?;
        let mut parts: Vec<(String, Vec<Part>)> = Vec::new();
        for (entry, content) in &entries {
            for (document, rows) in spread(&content.rows) {
                match parts.iter_mut().find(|(known, _)| *known == document) {
                    Some((_, parts)) => parts.push((entry, rows)),
                    None if document == EVER => parts.push((document, vec![(entry, rows)])),
                    // Before that one, which therefore stays the last.
                    None => parts.insert(0, (document, vec![(entry, rows)])),
                }
            }
        }
        let wanted: Vec<String> = parts.iter().map(|(name, _)| name.clone()).collect();
        let mut held = self.read_many(&wanted).await?;
        let mut unsettled: Vec<&str> = Vec::new();
        for (name, parts) in &mut parts {
            let at = held.iter().position(|(known, _)| known == name);
            let mut document = at.map_or_else(Document::default, |at| held.swap_remove(at).1);
            let is_settled = |entry: &str| document.held_since(entry).is_some_and(|since| since + SETTLED_MS < now);
            unsettled.extend(parts.iter().map(|(entry, _)| *entry).filter(|entry| !is_settled(entry)));
            parts.retain(|(entry, _)| !document.holds(entry));
            if !parts.is_empty() {
                self.add(name, &mut document, parts, upkeep).await?;
            }
        }
        let settled_entries =
            entries.iter().map(|(entry, _)| entry).filter(|entry| !unsettled.contains(&entry.as_str()));
        for entry in settled_entries {
            settled(self.0.delete(entry)).await?;
        }
        Ok(due.iter().filter(|entry| ever.held_since(entry).is_none()).count() as u64)
    }

    /// Adds rows of entries to a document, and writes it.
    async fn add(&self, name: &str, document: &mut Document, parts: &mut [Part<'_>], upkeep: &Upkeep) -> Result<()> {
        let mut table = Table::default();
        table.add(std::mem::take(&mut document.rows));
        document.merged.retain(|merged| merged.at + REMEMBERED_MS > upkeep.now);
        for (entry, rows) in parts {
            table.add(std::mem::take(rows));
            document.merged.push(Merged { name: (*entry).into(), at: upkeep.now });
        }
        document.rows = table.take();
        self.put_for(name, document, document::expires_after_s(name, upkeep)).await
    }
}

/// Where a query's rollups are.
fn documents(query: &Query) -> Vec<String> {
    let mut names: Vec<String> = (query.from..query.to).map(|at| of_rollup(query.period, at)).collect();
    names.dedup();
    names
}

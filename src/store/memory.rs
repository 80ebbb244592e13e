//! The contract in memory, for native tests.

use super::{Loaded, is_trimmed};
use crate::{
    record::Record,
    usage::count::{Count, Row},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

#[derive(Default)]
pub struct Memory(RefCell<Inner>);

#[derive(Default)]
struct Inner {
    revision: u64,
    records: Vec<(u64, Record)>,
    journal: BTreeMap<String, Vec<Row>>,
    totals: HashMap<String, Count>,
}

impl Memory {
    pub fn load(&self, known: u64) -> Option<Loaded> {
        let inner = self.0.borrow();
        let changed = |(revision, _): &&(u64, Record)| known == 0 || *revision > known;
        let records = inner.records.iter().filter(changed).map(|(_, r)| r.clone()).collect();
        (known == 0 || known != inner.revision + 1).then(|| Loaded {
            revision: inner.revision + 1,
            records,
            full: known == 0,
        })
    }

    pub fn write(&self, records: &[Record]) {
        let mut inner = self.0.borrow_mut();
        inner.revision += 1;
        let revision = inner.revision + 1;
        for record in records {
            match inner.records.iter_mut().find(|(_, held)| held.same_place(record)) {
                Some((at, held)) if record.changed >= held.changed => (*at, *held) = (revision, record.clone()),
                Some(_) => {}
                None => inner.records.push((revision, record.clone())),
            }
        }
    }

    pub fn ensure(&self, record: Record) -> Record {
        let held = self.0.borrow().records.iter().find(|(_, held)| held.same_place(&record)).map(|(_, r)| r.clone());
        held.unwrap_or_else(|| {
            self.write(std::slice::from_ref(&record));
            record
        })
    }

    pub fn append(&self, id: &str, rows: &[Row]) {
        self.0.borrow_mut().journal.entry(id.into()).or_insert_with(|| rows.to_vec());
    }

    pub fn fold(&self, now: u64) -> u64 {
        let mut inner = self.0.borrow_mut();
        inner.records.retain(|(_, r)| !is_trimmed(r, now));
        let journal = std::mem::take(&mut inner.journal);
        let folded = journal.len() as u64;
        for row in journal.into_values().flatten() {
            inner.totals.entry(row.key).or_default().add(&row.count);
        }
        folded
    }

    pub fn totals(&self, keys: &[String]) -> HashMap<String, Count> {
        let inner = self.0.borrow();
        keys.iter().filter_map(|key| Some((key.clone(), inner.totals.get(key)?.clone()))).collect()
    }
}

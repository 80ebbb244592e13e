//! The records that all isolates share, with the rules of D1's table: the one changed later holds.

use keypool::record::{Kind, Record};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Shared {
    revision: u64,
    records: BTreeMap<(Kind, String), (u64, Record)>,
}

impl Shared {
    pub fn note(&mut self, records: Vec<Record>) {
        if records.is_empty() {
            return;
        }
        self.revision += 1;
        for record in records {
            let place = (record.kind, record.id.clone());
            if self.records.get(&place).is_none_or(|(_, held)| record.changed >= held.changed) {
                self.records.insert(place, (self.revision, record));
            }
        }
    }

    /// What changed after revision `known` (0: all there is), and the revision that is known then.
    pub fn load(&self, known: u64) -> (Vec<Record>, u64) {
        let changed = self.records.values().filter(|(revision, _)| *revision > known);
        (changed.map(|(_, record)| record.clone()).collect(), self.revision)
    }
}

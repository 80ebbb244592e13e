//! The contract in memory, for native tests.

use super::{Audited, Cached, Loaded, Logins, Logs, Shelf, Upkeep, is_trimmed};
use crate::{
    auth::throttle::{Seen, Wrong},
    cached::Entry,
    record::Record,
    usage::{
        audit,
        row::{Period, Query, Row, Table},
        sums::Sums,
    },
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
};

#[derive(Default)]
pub struct Memory(RefCell<Box<Inner>>);

#[derive(Default)]
struct Inner {
    revision: u64,
    records: Vec<(u64, Record)>,
    journal: BTreeMap<String, Vec<Row>>,
    folded: HashSet<String>,
    rollups: Vec<(Period, Row)>,
    /// By id: how many entries, and their text.
    requests: BTreeMap<String, (u64, String)>,
    cache: BTreeMap<String, Entry>,
    audit: BTreeMap<String, (u64, String)>,
    /// By window and address.
    logins: BTreeMap<(u64, String), u64>,
}

impl Inner {
    const fn log(&mut self, shelf: Shelf) -> &mut BTreeMap<String, (u64, String)> {
        match shelf {
            Shelf::Requests => &mut self.requests,
            Shelf::Audit => &mut self.audit,
        }
    }
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

    pub fn write(&self, records: &[Record], audited: &[Audited]) {
        let mut inner = self.0.borrow_mut();
        for entry in audited {
            inner.audit.entry(entry.id.clone()).or_insert_with(|| (1, entry.text.clone()));
        }
        if records.is_empty() {
            return;
        }
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
            self.write(std::slice::from_ref(&record), &[]);
            record
        })
    }

    pub fn append(&self, id: &str, rows: &[Row]) {
        let mut inner = self.0.borrow_mut();
        if !inner.folded.contains(id) {
            inner.journal.entry(id.into()).or_insert_with(|| rows.to_vec());
        }
    }

    pub fn oldest(&self) -> Option<String> {
        self.0.borrow().journal.keys().next().cloned()
    }

    pub fn fold(&self, upkeep: &Upkeep) -> u64 {
        let mut inner = self.0.borrow_mut();
        inner.records.retain(|(_, r)| !is_trimmed(r, upkeep.now));
        let journal = std::mem::take(&mut inner.journal);
        inner.folded.extend(journal.keys().cloned());
        let rows: Vec<(Period, Row)> = rolled(journal.values()).collect();
        inner.rollups.extend(rows);
        let [minute, hour, day] = upkeep.first();
        inner.rollups.retain(|(period, row)| match period {
            Period::Minute => row.place.at >= minute,
            Period::Hour => row.place.at >= hour,
            Period::Day => row.place.at >= day,
            Period::Keys | Period::Models => true,
        });
        journal.len() as u64
    }

    pub fn logs(&self, ask: &Logs) -> Vec<(String, String)> {
        let inner = &mut self.0.borrow_mut();
        match ask {
            Logs::Keep(batch, _) => {
                inner.requests.entry(batch.id.clone()).or_insert_with(|| (batch.entries, batch.text.clone()));
                Vec::new()
            }
            Logs::From(shelf, first, ending, most) => inner
                .log(*shelf)
                .range(first.to_string()..)
                .filter(|(id, _)| audit::ends(id, ending))
                .take(usize::try_from(*most).unwrap_or(usize::MAX))
                .map(|(id, (_, text))| (id.clone(), text.clone()))
                .collect(),
            Logs::Trim(shelf, first, rows) => {
                let mut newer = 0;
                inner.log(*shelf).retain(|id, (entries, _)| {
                    let kept = id.as_str() < *first && newer < *rows;
                    newer += *entries;
                    kept
                });
                Vec::new()
            }
        }
    }

    pub fn logins(&self, ask: &Logins, window: u64) -> Seen {
        let logins = &mut self.0.borrow_mut().logins;
        match ask {
            Logins::Of(_) => (),
            Logins::Add(tries) => {
                for (address, count) in *tries {
                    *logins.entry((window, address.clone())).or_default() += count;
                }
            }
            Logins::Forget(address) => logins.retain(|(_, known), _| known != address),
        }
        let Logins::Of(address) = ask else { return Seen::default() };
        [window, window - 1].map(|window| {
            let of_window = logins.iter().filter(|((at, _), _)| *at == window);
            of_window.fold(Wrong::default(), |wrong, ((_, known), count)| Wrong {
                here: wrong.here + if known == address { *count } else { 0 },
                all: wrong.all + count,
            })
        })
    }

    pub fn cached(&self, ask: &Cached) -> Option<Entry> {
        let cache = &mut self.0.borrow_mut().cache;
        match ask {
            Cached::Find(id) => return cache.get(*id).cloned(),
            Cached::Keep(id, entry) => drop(cache.insert((*id).into(), (*entry).clone())),
            Cached::Trim(now, most) => {
                cache.retain(|_, entry| entry.until > *now);
                let mut newest: Vec<(u64, String, usize)> =
                    cache.iter().map(|(id, entry)| (entry.at, id.clone(), entry.text().len())).collect();
                newest.sort_by(|a, b| b.cmp(a));
                let mut sum = 0;
                for (_, id, bytes) in newest {
                    sum += u64::try_from(bytes).unwrap_or(u64::MAX);
                    if sum > *most {
                        cache.remove(&id);
                    }
                }
            }
        }
        None
    }

    pub fn usage(&self, queries: &[Query]) -> Vec<Vec<Row>> {
        let inner = self.0.borrow();
        let all: Vec<(Period, Row)> = inner.rollups.iter().cloned().chain(rolled(inner.journal.values())).collect();
        let answer = |query: &Query| {
            let mut table = Table::default();
            for (_, row) in all.iter().filter(|(period, _)| *period == query.period) {
                if let Some(place) = query.shown(&row.place) {
                    table.at(place).add(&row.sums);
                }
            }
            table.take()
        };
        queries.iter().map(answer).collect()
    }
}

fn rolled<'a>(entries: impl Iterator<Item = &'a Vec<Row>>) -> impl Iterator<Item = (Period, Row)> {
    let rolled = |row: &'a Row| {
        Period::ALL.into_iter().filter_map(move |period| {
            let mut sums = Sums::default();
            period.add(&mut sums, &row.sums);
            Some((period, Row { place: period.place(&row.place)?, sums }))
        })
    };
    entries.flatten().flat_map(rolled)
}

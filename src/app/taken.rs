//! What is read and written, taken into the cache.

use super::{Cache, EVERY_SESSION, PEPPER};
use crate::{
    body::rules::Rules,
    config::Level,
    record::{Kind, Record, client::Client, write::object},
    runtime,
    sort::sort,
    store::Loaded,
    usage::price::Prices,
};
use std::rc::Rc;

/// What this isolate wrote may take this long to be read back.
const RECENT_MS: u64 = 15 * 60_000;

impl Cache {
    pub(super) fn absorb(&mut self, loaded: Loaded, now: u64) {
        self.revision = loaded.revision;
        if loaded.full {
            self.clients.clear();
            self.settings.clear();
            self.revoked.clear();
            self.revoked_until = 0;
            self.imported.clear();
            self.prices = Prices::default();
            self.rules = Rules::default();
            self.config = None;
        }
        self.pool.sync(&loaded.records, loaded.full, now);
        self.take(&loaded.records);
        self.look_for_unreadable(&loaded);
        // What this isolate wrote a moment ago may not be in what it read.
        self.recent.retain(|r| r.changed + RECENT_MS > now);
        if loaded.full && !self.recent.is_empty() {
            let newer = newer(&self.recent, &loaded.records);
            self.pool.sync(&newer, false, now);
            self.take(&newer);
        }
    }

    fn look_for_unreadable(&mut self, loaded: &Loaded) {
        if loaded.full {
            self.unreadable.clear();
        }
        for record in &loaded.records {
            let is_read = match record.kind {
                Kind::Key => self.pool.find(&record.id).is_some(),
                Kind::Provider => self.pool.provider(&record.id).is_some(),
                Kind::Client => self.clients.values().any(|(id, _)| **id == *record.id),
                _ => true,
            };
            let is_broken = !is_read && record.body.is_some();
            if !is_broken && self.unreadable.is_empty() {
                continue;
            }
            let name = [record.kind.name(), " ", &record.id].concat();
            self.unreadable.retain(|known| *known != name);
            if is_broken {
                runtime::log(Level::Error, "record_broken", || object! {"name": name.as_str()});
                self.unreadable.push(name);
            }
        }
    }

    pub(super) fn remember(&mut self, records: Vec<Record>, now: u64) {
        self.pool.sync(&records, false, now);
        self.take(&records);
        self.keep(&records, now);
    }

    pub(super) fn keep(&mut self, records: &[Record], now: u64) {
        // What is changed again and again is kept once.
        let mine = newer(&std::mem::take(&mut self.recent), records);
        self.recent.extend(mine.into_iter().filter(|old| old.changed + RECENT_MS > now));
        self.recent.extend(records.iter().cloned());
    }

    /// All but the pool's records.
    pub(super) fn take(&mut self, records: &[Record]) {
        for record in records {
            match record.kind {
                Kind::Client => {
                    self.clients.retain(|_, (id, _)| **id != *record.id);
                    if let Some(client) = record.read::<Client>() {
                        self.clients.insert(client.hash.clone(), (record.id.as_str().into(), Rc::new(client)));
                    }
                }
                Kind::Setting => {
                    (self.config, self.offset) = (None, None);
                    self.settings.retain(|(name, _)| *name != record.id);
                    self.settings.extend(record.read::<String>().map(|value| (record.id.clone(), value)));
                }
                Kind::Price => self.prices.take(&record.id, record.read()),
                Kind::Rule => self.rules.take(record),
                Kind::Revoked if record.id == EVERY_SESSION => self.revoked_until = record.changed,
                Kind::Revoked => {
                    self.revoked.insert(record.id.clone());
                }
                Kind::Imported => {
                    self.imported.insert(record.id.clone());
                }
                Kind::Secret if record.id == PEPPER => self.pepper = record.read(),
                Kind::Secret => {
                    let pepper = record.read().filter(|pepper| !self.older_peppers.contains(pepper));
                    self.older_peppers.extend(pepper);
                }
                Kind::Provider
                | Kind::Key
                | Kind::Disabled
                | Kind::Cooldown
                | Kind::Balance
                | Kind::Models
                | Kind::Alias => {}
            }
        }
    }
}

/// Those of `mine`, the oldest first, that are not in `read` as they are or newer.
fn newer(mine: &[Record], read: &[Record]) -> Vec<Record> {
    let place = |at: usize| read.get(at).map(|r| (r.kind, r.id.as_str()));
    let mut places: Vec<usize> = (0..read.len()).collect();
    sort(&mut places, &|a, b| place(a).cmp(&place(b)));
    let is_newer = |mine: &&Record| {
        let found = places.binary_search_by(|at| place(*at).cmp(&Some((mine.kind, mine.id.as_str()))));
        let held = found.ok().and_then(|at| places.get(at)).and_then(|at| read.get(*at));
        held.is_none_or(|held| held.changed < mine.changed)
    };
    mine.iter().filter(is_newer).cloned().collect()
}

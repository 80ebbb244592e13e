//! Where records and counts are kept: D1 or KV, whichever is bound (both: D1), or memory in tests. One contract for
//! all three, see contract.rs.

mod bindings;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod d1;
mod document;
mod kv;
#[cfg(test)]
mod memory;
mod schema;

use crate::{
    error::{Fault, Result},
    record::{Kind, Record},
    usage::count::{Count, Row},
};
use bindings::binding;
use std::collections::HashMap;
use wasm_bindgen::JsValue;

pub enum Store {
    D1(d1::D1),
    Kv(kv::Kv),
    #[cfg(test)]
    Memory(memory::Memory),
}

/// What `load` found.
#[derive(Debug)]
pub struct Loaded {
    /// To be given to the next `load`.
    pub revision: u64,
    pub records: Vec<Record>,
    /// `records` are all there are; otherwise those that changed.
    pub full: bool,
}

const DAY_MS: u64 = 24 * 3_600_000;
/// A deleted record is kept this long, so that every isolate learns of it; so is a cooldown, which never lasts longer.
pub const TOMBSTONE_MS: u64 = 2 * DAY_MS;
/// A revoked session is kept until it has expired for sure; see `config::SETTINGS` for the longest session.
pub const REVOKED_MS: u64 = 31 * DAY_MS;

impl Store {
    /// # Errors
    /// `NoStorage` when neither is bound.
    pub fn bind(env: &JsValue) -> Result<Self> {
        let kv = binding(env, "API_TOKENS", "getWithMetadata").map(kv::Kv::new);
        match binding(env, "DB", "prepare") {
            Some(database) => Ok(Self::D1(d1::D1::new(database, kv))),
            None => kv.map(Self::Kv).ok_or_else(|| Fault::NoStorage.into()),
        }
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::D1(_) => "d1",
            Self::Kv(_) => "kv",
            #[cfg(test)]
            Self::Memory(_) => "memory",
        }
    }

    /// What changed after the revision `known` (0 = everything); `None` when nothing did.
    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        match self {
            Self::D1(d1) => d1.load(known).await,
            Self::Kv(kv) => kv.load(known).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.load(known)),
        }
    }

    /// Makes the records durable; of two with one kind and id, the one changed later holds.
    pub async fn write(&self, records: &[Record], now: u64) -> Result<()> {
        match self {
            _ if records.is_empty() => Ok(()),
            Self::D1(d1) => d1.write(records).await,
            Self::Kv(kv) => kv.write(records, now).await,
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.write(records);
                Ok(())
            }
        }
    }

    /// Like `write`, for what machines note; on KV it waits for the next fold to reach other isolates.
    pub async fn note(&self, records: &[Record], now: u64) -> Result<()> {
        match self {
            _ if records.is_empty() => Ok(()),
            Self::D1(d1) => d1.write(records).await,
            Self::Kv(kv) => kv.note(records, now).await.map(|_| ()),
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.write(records);
                Ok(())
            }
        }
    }

    /// Writes the record if there is none of its kind and id; answers the one that is there then.
    pub async fn ensure(&self, record: Record, now: u64) -> Result<Record> {
        match self {
            Self::D1(d1) => d1.ensure(record).await,
            Self::Kv(kv) => kv.ensure(record, now).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.ensure(record)),
        }
    }

    /// Makes counts durable, once however often it is called with the same `id`.
    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        match self {
            Self::D1(d1) => d1.append(id, rows).await,
            Self::Kv(kv) => kv.append(id, rows).await,
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.append(id, rows);
                Ok(())
            }
        }
    }

    /// Adds appended counts to the totals and clears old deletions away; answers how many entries it folded. May be
    /// repeated and may run twice at once.
    pub async fn fold(&self, now: u64) -> Result<u64> {
        match self {
            Self::D1(d1) => d1.fold(now).await,
            Self::Kv(kv) => kv.fold(now).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.fold(now)),
        }
    }

    /// As `fold`, every minute; on KV not each time, unless there is something to do.
    pub async fn tick(&self, now: u64) -> Result<()> {
        match self {
            Self::Kv(kv) => kv.tick(now).await,
            Self::D1(d1) => d1.fold(now).await.map(|_| ()),
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.fold(now);
                Ok(())
            }
        }
    }

    /// The totals of these keys; a key without any is missing.
    pub async fn totals(&self, keys: &[String]) -> Result<HashMap<String, Count>> {
        match self {
            _ if keys.is_empty() => Ok(HashMap::new()),
            Self::D1(d1) => d1.totals(keys).await,
            Self::Kv(kv) => kv.totals(keys).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.totals(keys)),
        }
    }
}

/// Whether a record is old enough to be cleared away.
fn is_trimmed(record: &Record, now: u64) -> bool {
    let keep = match record.kind {
        Kind::Revoked => REVOKED_MS,
        Kind::Cooldown => TOMBSTONE_MS,
        Kind::Provider
        | Kind::Key
        | Kind::Disabled
        | Kind::Balance
        | Kind::Client
        | Kind::Setting
        | Kind::Price
        | Kind::Secret => {
            if record.body.is_some() {
                u64::MAX
            } else {
                TOMBSTONE_MS
            }
        }
    };
    record.changed.saturating_add(keep) < now
}

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
mod vault;

use crate::{
    auth::throttle::Seen,
    cached::Entry,
    error::{Fault, Result},
    record::{Kind, Record},
    usage::{
        audit::Entry as Audited,
        requests::Batch,
        row::{Query, Row},
    },
};
use bindings::binding;
pub use vault::{Secrecy, secrecy};
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
        vault::learn(env);
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
    ///
    /// # Errors
    /// `Encryption`, see `vault::open`.
    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        let mut loaded = self.load_sealed(known).await?;
        if let Some(Loaded { records, full, .. }) = &mut loaded {
            vault::open(records, *full, matches!(self, Self::Kv(_))).await?;
        }
        Ok(loaded)
    }

    /// As it is stored.
    async fn load_sealed(&self, known: u64) -> Result<Option<Loaded>> {
        match self {
            Self::D1(d1) => d1.load(known).await,
            Self::Kv(kv) => kv.load(known).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.load(known)),
        }
    }

    /// Makes the records durable; of two with one kind and id, the one changed later holds. What the audit log says of it
    /// is there before they are, and on D1 with them.
    pub async fn write(&self, records: &[Record], audited: &[Audited], now: u64) -> Result<()> {
        if records.is_empty() && audited.is_empty() {
            return Ok(());
        }
        let sealed = vault::seal(records).await?;
        let records = sealed.as_deref().unwrap_or(records);
        match self {
            Self::D1(d1) => d1.write(records, audited).await?,
            Self::Kv(kv) => kv.write(records, audited, now).await?,
            #[cfg(test)]
            Self::Memory(memory) => memory.write(records, audited),
        }
        vault::stored(records);
        Ok(())
    }

    /// Encrypts some of what is stored in clear, or under a former key; answers how many records. What somebody changes
    /// at the same time holds: a record is written as a millisecond younger than it was, and so older than that.
    pub async fn reseal(&self, most: usize, now: u64) -> Result<usize> {
        let known = secrecy();
        if known.plain + known.old == 0 {
            return Ok(0);
        }
        let mut due = self.load_sealed(0).await?.map(|loaded| loaded.records).unwrap_or_default();
        due.retain(vault::is_due);
        due.truncate(most);
        vault::open(&mut due, false, false).await?;
        // A damaged one stays as it is.
        due.retain(|record| record.sealed().is_none());
        due.iter_mut().for_each(|record| record.changed += 1);
        self.write(&due, &[], now).await.map(|()| due.len())
    }

    /// Like `write`, for what machines note; on KV it waits for the next fold to reach other isolates.
    pub async fn note(&self, records: &[Record], now: u64) -> Result<()> {
        match self {
            _ if records.is_empty() => Ok(()),
            Self::D1(d1) => d1.write(records, &[]).await,
            Self::Kv(kv) => kv.note(records, now).await.map(|_| ()),
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.write(records, &[]);
                Ok(())
            }
        }
    }

    /// Names of stored values that could not be read and were set aside.
    pub async fn broken(&self) -> Result<Vec<String>> {
        match self {
            Self::Kv(kv) => kv.broken().await,
            Self::D1(_) => Ok(Vec::new()),
            #[cfg(test)]
            Self::Memory(_) => Ok(Vec::new()),
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

    /// Makes counts durable, once however often it is called with the same `id`, which begins with a time (see
    /// `entry_id`).
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

    /// Adds appended counts to the rollups and clears what is old away; answers how many entries it folded. May be
    /// repeated and may run twice at once.
    pub async fn fold(&self, upkeep: &Upkeep) -> Result<u64> {
        match self {
            Self::D1(d1) => d1.fold(upkeep).await,
            Self::Kv(kv) => kv.fold(upkeep).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.fold(upkeep)),
        }
    }

    /// As `fold`, every minute, but not each time: what waits in the journal is found by `usage` all the same.
    pub async fn tick(&self, upkeep: &Upkeep) -> Result<()> {
        match self {
            Self::Kv(kv) => kv.tick(upkeep).await,
            Self::D1(d1) => d1.tick(upkeep).await,
            #[cfg(test)]
            Self::Memory(memory) => {
                memory.fold(upkeep);
                Ok(())
            }
        }
    }

    /// When the oldest of the counts that wait in the journal were written. On KV it is what the last `usage` of this
    /// isolate found, as a list of names is dear, and folded ones stand there for a while.
    pub async fn waits_since(&self) -> Result<Option<u64>> {
        let oldest = match self {
            Self::D1(d1) => d1.oldest().await?,
            Self::Kv(_) => kv::oldest(),
            #[cfg(test)]
            Self::Memory(memory) => memory.oldest(),
        };
        Ok(oldest.and_then(|id| id.split('-').next()?.parse().ok()))
    }

    /// Keeps, reads or clears away what a log has; answers what was read, by id and text.
    pub async fn logs(&self, ask: &Logs<'_>) -> Result<Vec<(String, String)>> {
        match self {
            Self::D1(d1) => d1.logs(ask).await,
            Self::Kv(kv) => kv.logs(ask).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.logs(ask)),
        }
    }

    /// Finds, keeps or clears away cached answers; answers what was found, also when it is not fresh any more.
    pub async fn cached(&self, ask: &Cached<'_>) -> Result<Option<Entry>> {
        match self {
            Self::D1(d1) => d1.cached(ask).await,
            Self::Kv(kv) => kv.cached(ask).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.cached(ask)),
        }
    }

    /// Adds wrong passwords or forgets an address's; answers what is known of it then, or nothing when that is of no use.
    pub async fn logins(&self, ask: &Logins<'_>, window: u64) -> Result<Seen> {
        match self {
            Self::D1(d1) => d1.logins(ask, window).await,
            Self::Kv(kv) => kv.logins(ask, window).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.logins(ask, window)),
        }
    }

    /// What was counted, as each query asks for it, whether it is folded or not. Two rows may be of one place.
    pub async fn usage(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        match self {
            _ if queries.is_empty() => Ok(Vec::new()),
            Self::D1(d1) => d1.usage(queries).await,
            Self::Kv(kv) => kv.usage(queries).await,
            #[cfg(test)]
            Self::Memory(memory) => Ok(memory.usage(queries)),
        }
    }
}

/// Which log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// In batches; see `usage::requests`.
    Requests,
    /// Entry by entry, written by `Store::write`; see `usage::audit`.
    Audit,
}

/// What is asked of a log. Ids begin so that the newest comes first.
pub enum Logs<'a> {
    /// A batch of requests. Once only, for about so many days.
    Keep(&'a Batch, u64),
    /// That one and those before it in time, so many at the most, the newest first; only those whose ids end so (see
    /// `audit::ends`).
    From(Shelf, &'a str, &'a str, u64),
    /// Clears some of those away that are not newer than one of that name would be, and of those that have so many newer
    /// entries.
    Trim(Shelf, &'a str, u64),
}

/// What is asked of the cache of answers.
pub enum Cached<'a> {
    /// The one of that name.
    Find(&'a str),
    /// In the place of the one that has the name.
    Keep(&'a str, &'a Entry),
    /// Clears some of those away that have expired at that time, and of the oldest when all are more than so many bytes.
    Trim(u64, u64),
}

/// What is asked of the wrong passwords of a window of time (see `auth::throttle`) and the one before it.
pub enum Logins<'a> {
    /// How many were of that address, and how many there were.
    Of(&'a str),
    /// By address.
    Add(&'a [(String, u64)]),
    /// That address has sent the right one.
    Forget(&'a str),
}

/// What a fold must know.
pub struct Upkeep {
    /// Unix milliseconds.
    pub now: u64,
    /// Rollups by minute and hour are kept for so many days.
    pub minute_days: u64,
    /// Those by day.
    pub days: u64,
    /// The pool is so large that a rollup is one row no more.
    pub large: bool,
}

impl Upkeep {
    /// The first minute, hour and day that are kept.
    const fn first(&self) -> [u64; 3] {
        let minutes = self.now.saturating_sub(self.minute_days.saturating_mul(DAY_MS)) / MINUTE_MS;
        let days = self.now.saturating_sub(self.days.saturating_mul(DAY_MS)) / DAY_MS;
        [minutes, minutes / 60, days]
    }
}

const MINUTE_MS: u64 = 60_000;

/// An entry's id: those of one time stand together, and no two are alike.
pub fn entry_id(now: u64, random: &str) -> String {
    format!("{now:013}-{random}")
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
        | Kind::Models
        | Kind::Alias
        | Kind::Imported
        | Kind::Client
        | Kind::Setting
        | Kind::Price
        | Kind::Rule
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

//! The logs in KV: what is kept is a value that expires by itself.

use super::{
    super::{
        Audited, Logs, Shelf,
        bindings::{number, options, settled},
    },
    Kv, texted,
};
use crate::{
    error::Result,
    usage::{audit, requests},
};

const DAY_SECONDS: u64 = 86_400;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: usize = 10;
/// What is moved to D1: more would be more calls than a free plan's request has.
const MOVED: u64 = 1000;

impl Kv {
    pub async fn logs(&self, ask: &Logs<'_>) -> Result<Vec<(String, String)>> {
        match ask {
            Logs::Keep(batch, days) => {
                self.keep(Shelf::Requests, &batch.id, &batch.text, *days).await?;
                Ok(Vec::new())
            }
            Logs::From(shelf, first, ending, most) => {
                let most = usize::try_from(*most).unwrap_or(usize::MAX);
                let names = self.kept(*shelf, most, &|id, _| id >= *first && audit::ends(id, ending)).await?;
                let found = self.values(&names).await?.into_iter();
                Ok(found
                    .map(|(name, text)| (name.get(prefix(*shelf).len()..).unwrap_or_default().into(), texted(&text)))
                    .collect())
            }
            Logs::Trim(shelf, first, rows) => {
                let names = self.kept(*shelf, usize::MAX, &|id, newer| id >= *first || newer >= *rows).await?;
                // The oldest first, so that there is never a gap.
                for name in names.iter().rev().take(TRIMMED) {
                    settled(self.0.delete(name)).await?;
                }
                Ok(Vec::new())
            }
        }
    }

    pub(super) async fn keep_audited(&self, audited: &[Audited]) -> Result<()> {
        for entry in audited {
            self.keep(Shelf::Audit, &entry.id, &entry.text, entry.days).await?;
        }
        Ok(())
    }

    /// The newest entries, as they are written into another store.
    pub async fn newest_audited(&self) -> Result<Vec<Audited>> {
        let found = self.logs(&Logs::From(Shelf::Audit, "", "", MOVED)).await?;
        Ok(found.into_iter().map(|(id, text)| Audited { id, text, days: 1 }).collect())
    }

    async fn keep(&self, shelf: Shelf, id: &str, text: &str, days: u64) -> Result<()> {
        let options = options(&[("expirationTtl", number(days * DAY_SECONDS))]);
        settled(self.0.put(&[prefix(shelf), id].concat(), text, &options)).await.map(|_| ())
    }

    /// The first names that are wanted, by their ids and how many entries are newer. They come in order.
    async fn kept(&self, shelf: Shelf, most: usize, wanted: &dyn Fn(&str, u64) -> bool) -> Result<Vec<String>> {
        let (mut names, mut newer, mut cursor) = (Vec::new(), 0, None);
        loop {
            let (more, next) = self.list(prefix(shelf), cursor).await?;
            for name in more {
                let id = name.get(prefix(shelf).len()..).unwrap_or_default();
                let (is_wanted, entries) = (wanted(id, newer), requests::entries_of(id));
                newer += entries;
                if is_wanted && names.len() < most {
                    names.push(name);
                }
            }
            if names.len() >= most || next.is_none() {
                return Ok(names);
            }
            cursor = next;
        }
    }
}

const fn prefix(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Requests => "requests/",
        Shelf::Audit => "audit/",
    }
}

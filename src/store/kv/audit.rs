//! The audit log in KV: an entry is a value that expires by itself.

use super::{
    super::{
        Audit, Audited,
        bindings::{number, options, settled},
    },
    Kv,
};
use crate::{error::Result, usage::audit};
use wasm_bindgen::JsValue;

const AUDIT: &str = "audit/";
const DAY_SECONDS: u64 = 86_400;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: usize = 10;
/// What is moved to D1: more would be more calls than a free plan's request has.
const MOVED: u64 = 1000;

impl Kv {
    pub(super) async fn keep_audited(&self, audited: &[Audited]) -> Result<()> {
        for entry in audited {
            let options = options(&[("expirationTtl", number(entry.days * DAY_SECONDS))]);
            settled(self.0.put(&[AUDIT, &entry.id].concat(), &entry.text, &options)).await?;
        }
        Ok(())
    }

    /// The newest entries, as they are written into another store.
    pub async fn newest_audited(&self) -> Result<Vec<Audited>> {
        let found = self.audit(&Audit::After("", None, MOVED)).await?;
        Ok(found.into_iter().map(|(id, text)| Audited { id, text, days: 1 }).collect())
    }

    pub async fn audit(&self, ask: &Audit<'_>) -> Result<Vec<(String, String)>> {
        match ask {
            Audit::After(after, action, most) => {
                let most = usize::try_from(*most).unwrap_or(usize::MAX);
                let wanted = |id: &str, _| id > *after && action.is_none_or(|action| audit::fits(id, action));
                let names = self.audited(&wanted, most).await?;
                let found = self.values(&names).await?.into_iter();
                Ok(found.map(|(name, text)| (name.get(AUDIT.len()..).unwrap_or_default().into(), text)).collect())
            }
            Audit::Trim(first, rows) => {
                let old = |id: &str, newer| id >= *first || newer >= *rows;
                let names = self.audited(&old, usize::MAX).await?;
                // The oldest first, so that there is never a gap.
                for name in names.iter().rev().take(TRIMMED) {
                    settled(self.0.delete(name)).await?;
                }
                Ok(Vec::new())
            }
        }
    }

    /// The first names that are wanted, by their ids and how many are newer. They come in order.
    async fn audited(&self, wanted: &dyn Fn(&str, u64) -> bool, most: usize) -> Result<Vec<String>> {
        let (mut names, mut newer, mut cursor) = (Vec::new(), 0, None::<JsValue>);
        loop {
            let (more, next) = self.list(AUDIT, cursor).await?;
            for name in more {
                if names.len() < most && wanted(name.get(AUDIT.len()..).unwrap_or_default(), newer) {
                    names.push(name);
                }
                newer += 1;
            }
            if names.len() >= most || next.is_none() {
                return Ok(names);
            }
            cursor = next;
        }
    }
}

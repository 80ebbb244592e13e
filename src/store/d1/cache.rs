//! The cache of answers in D1: a row each.

use super::{super::bindings::number, D1};
use crate::{cached::Entry, error::Result};

const CACHED: &str = "select head || char(10) || body as value from cache where id = ?1";
const CACHE: &str = "insert or replace into cache (id, at, expires, bytes, head, body) values (?1, ?2, ?3, length(?5) + length(cast(?4 as blob)), ?5, ?4)";
/// In steps; the cron goes on. The oldest go first.
const TRIM: &str = "delete from cache where id in (select id from (select id, expires, \
    sum(bytes) over (order by at desc, id) as newest from cache) where expires <= ?1 or newest > ?2 limit 2000)";

impl D1 {
    pub async fn cached(&self, id: &str) -> Result<Option<Entry>> {
        let found = self.batch(vec![(CACHED, vec![id.into()])]).await?;
        Ok(found.iter().flatten().next().and_then(|text| Entry::parse(text)))
    }

    pub async fn cache(&self, id: &str, entry: &Entry) -> Result<()> {
        let head = entry.head();
        let values =
            vec![id.into(), number(entry.at), number(entry.until), entry.body.as_str().into(), head.as_str().into()];
        self.batch(vec![(CACHE, values)]).await.map(|_| ())
    }

    pub async fn trim_cache(&self, now: u64, most: u64) -> Result<()> {
        self.batch(vec![(TRIM, vec![number(now), number(most)])]).await.map(|_| ())
    }
}

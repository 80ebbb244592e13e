//! The cache of answers in D1: a row each.

use super::{
    super::{Cached, bindings::number},
    D1,
};
use crate::{cached::Entry, error::Result};

const FIND: &str = "select head || char(10) || body as value from cache where id = ?1";
const KEEP: &str = "insert or replace into cache (id, at, expires, bytes, head, body) \
    values (?1, ?2, ?3, length(cast(?4 as blob)) + length(?5), ?5, ?4)";
/// In steps; the cron goes on. The oldest go first.
const TRIM: &str = "delete from cache where id in (select id from (select id, expires, \
    sum(bytes) over (order by at desc, id) as newest from cache) where expires <= ?1 or newest > ?2 limit 2000)";

impl D1 {
    pub async fn cached(&self, ask: &Cached<'_>) -> Result<Option<Entry>> {
        let statement = match ask {
            Cached::Find(id) => (FIND, vec![(*id).into()]),
            Cached::Keep(id, entry) => {
                let (body, head) = (entry.body.as_str().into(), entry.head().into());
                (KEEP, vec![(*id).into(), number(entry.at), number(entry.until), body, head])
            }
            Cached::Trim(now, most) => (TRIM, vec![number(*now), number(*most)]),
        };
        let found = self.batch(vec![statement]).await?;
        Ok(found.iter().flatten().next().and_then(|text| Entry::parse(text)))
    }
}

//! The logs in D1: a table each, of the same columns.

use super::{
    super::{Audited, Logs, Shelf, bindings::number},
    D1, Statement, parts,
};
use crate::{error::Result, record::write::Json};

const KEEP: &str = "insert into requests (id, entries, body) values (?1, ?2, ?3) on conflict (id) do nothing";
const KEEP_AUDITED: &str = "insert into audit (id, body) select value ->> 0, value ->> 1 from json_each(?1) where true \
    on conflict (id) do nothing";

/// What makes the entries a part of a batch.
pub fn audited(entries: &[Audited]) -> Vec<Statement<'static>> {
    let rows = &mut entries.iter().map(|entry| [&*entry.id, &*entry.text].as_slice().json());
    parts(rows).into_iter().map(|part| (KEEP_AUDITED, vec![part.into()])).collect()
}

impl D1 {
    pub async fn logs(&self, ask: &Logs<'_>) -> Result<Vec<(String, String)>> {
        let sql: String;
        let statement = match ask {
            Logs::Keep(batch, _) => {
                (KEEP, vec![batch.id.as_str().into(), number(batch.entries), batch.text.as_str().into()])
            }
            Logs::From(shelf, first, ending, most) => {
                let table = table(*shelf);
                sql = [
                    "select id || char(10) || body as value from ",
                    table,
                    " where id >= ?1 and id glob ?2 order by id limit ?3",
                ]
                .concat();
                (&*sql, vec![(*first).into(), ["*", ending].concat().into(), number(*most)])
            }
            // In steps, the oldest first; the cron goes on.
            Logs::Trim(shelf, first, rows) => {
                let table = table(*shelf);
                sql = [
                    "delete from ",
                    table,
                    " where id in (select id from (select id, sum(entries) over (order by id) - entries as newer from ",
                    table,
                    ") where id >= ?1 or newer >= ?2 order by id desc limit 500)",
                ]
                .concat();
                (&*sql, vec![(*first).into(), number(*rows)])
            }
        };
        let mut found = Vec::new();
        for text in self.batch(vec![statement]).await?.iter().flatten() {
            found.extend(text.split_once('\n').map(|(id, text)| (id.to_string(), text.to_string())));
        }
        Ok(found)
    }
}

const fn table(shelf: Shelf) -> &'static str {
    match shelf {
        Shelf::Requests => "requests",
        Shelf::Audit => "audit",
    }
}

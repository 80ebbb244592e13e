//! The audit log in D1: a row an entry.

use super::{
    super::{Audit, Audited, bindings::number},
    D1, Statement, parts,
};
use crate::{error::Result, record::write::Json};

const KEEP: &str = "insert into audit (id, body) select value ->> 0, value ->> 1 from json_each(?1) where true \
    on conflict (id) do nothing";
const READ: &str =
    "select id || char(10) || body as value from audit where id > ?1 and id glob ?2 order by id limit ?3";
/// In steps, the oldest first; the cron goes on.
const TRIM: &str = "delete from audit where id in (select id from (select id, row_number() over (order by id) as place \
    from audit) where id >= ?1 or place > ?2 order by id desc limit 2000)";

/// What makes the entries a part of a batch.
pub fn kept(audited: &[Audited]) -> Vec<Statement<'static>> {
    let rows = &mut audited.iter().map(|entry| [&*entry.id, &*entry.text].as_slice().json());
    parts(rows).into_iter().map(|part| (KEEP, vec![part.into()])).collect()
}

impl D1 {
    pub async fn audit(&self, ask: &Audit<'_>) -> Result<Vec<(String, String)>> {
        let statement = match ask {
            Audit::After(id, action, most) => {
                let names = match action {
                    None => "*".into(),
                    Some(action) if action.contains('.') => ["*-", action].concat(),
                    Some(noun) => ["*-", noun, ".*"].concat(),
                };
                (READ, vec![(*id).into(), names.into(), number(*most)])
            }
            Audit::Trim(first, rows) => (TRIM, vec![(*first).into(), number(*rows)]),
        };
        let mut entries = Vec::new();
        for found in self.batch(vec![statement]).await?.iter().flatten() {
            entries.extend(found.split_once('\n').map(|(id, text)| (id.to_string(), text.to_string())));
        }
        Ok(entries)
    }
}

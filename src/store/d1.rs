//! D1: one row a record, one statement for any number of them. A migration is applied when it is found missing, and
//! what a KV namespace holds is taken over when its mark is.

use super::{
    Loaded, REVOKED_MS, TOMBSTONE_MS,
    bindings::{Database, failed, number, settled},
    kv::Kv,
    schema::{MIGRATIONS, TABLE, statements},
};
use crate::{
    error::{Error, Result},
    js::field,
    json,
    record::{
        Record,
        read::{self, Stored},
        write::{self, Json},
    },
    usage::count::{Count, Row},
};
use serde_json::Value;
use std::collections::HashMap;
use wasm_bindgen::JsValue;
use worker::js_sys::Array;

/// D1 takes strings of up to 2 MB; JSON is sent in parts of about this many bytes.
const PART: usize = 500_000;

// Every answer is read as text, from a column named `value`.

const REVISION: &str = "select cast(value as text) as value from meta where name = 'revision'";
const BUMP: &str = "update meta set value = value + 1 where name = 'revision'";
const APPLIED: &str = "select name as value from d1_migrations";
/// Grouped, so that no answer is one string of more than 2 MB.
const CHANGED: &str = "select json_group_array(json_object('kind', kind, 'id', id, 'body', json(body), \
    'changed', changed)) as value from records where revision > ?1 group by rowid / 1000";
const HELD: &str = "select json_array(json_object('kind', kind, 'id', id, 'body', json(body), 'changed', changed)) \
    as value from records where kind = ?1 and id = ?2";
const INSERT: &str = "insert into records (kind, id, body, changed, revision) \
    select value ->> 'kind', value ->> 'id', nullif(value -> 'body', 'null'), value ->> 'changed', \
    (select value from meta where name = 'revision') from json_each(?1) where true on conflict (kind, id) do ";
/// A secret never changes: digests were made with it.
const REPLACE: &str = "update set body = excluded.body, changed = excluded.changed, revision = excluded.revision \
    where excluded.changed >= records.changed and excluded.kind <> 'secret'";
const APPEND: &str = "insert into journal (id, body) values (?1, ?2) on conflict (id) do nothing";
const ENTRIES: &str = "select cast(count(*) as text) as value from (select id from journal limit 500)";
const FOLD: &str = "insert into totals (key, attempts, ok, failed, prompt_tokens, completion_tokens, last_used) \
    select row.value ->> '$.key', sum(row.value ->> '$.count.attempts'), sum(row.value ->> '$.count.ok'), \
    sum(row.value ->> '$.count.failed'), sum(row.value ->> '$.count.prompt_tokens'), \
    sum(row.value ->> '$.count.completion_tokens'), max(row.value ->> '$.count.last_used') \
    from (select body from journal order by id limit 500) as entry, json_each(entry.body) as row where true \
    group by 1 on conflict (key) do update set attempts = attempts + excluded.attempts, ok = ok + excluded.ok, \
    failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens, \
    completion_tokens = completion_tokens + excluded.completion_tokens, \
    last_used = max(last_used, excluded.last_used)";
const FOLDED: &str = "delete from journal where id in (select id from journal order by id limit 500)";
/// Worded as the partial index of the migration is, or it would not be used.
const TRIM: &str = "delete from records where (body is null or kind in ('cooldown', 'revoked')) and changed < ?1 \
    and (kind <> 'revoked' or changed < ?2)";
const TOTALS: &str = "select json_group_array(json_object('key', key, 'count', json_object('attempts', attempts, \
    'ok', ok, 'failed', failed, 'prompt_tokens', prompt_tokens, 'completion_tokens', completion_tokens, \
    'last_used', last_used))) as value from totals where key in (select value from json_each(?1))";
const MOVED: &str = "select name as value from meta where name = 'moved_from_kv'";
const MARK_MOVED: &str = "insert into meta (name, value) values ('moved_from_kv', 1)";

pub struct D1 {
    database: Database,
    /// Bound as well: what it holds is moved here once, and it is not asked again.
    kv: Option<Kv>,
}

/// SQL and what is bound to its parameters.
type Statement<'a> = (&'a str, Vec<JsValue>);

impl D1 {
    pub const fn new(database: Database, kv: Option<Kv>) -> Self {
        Self { database, kv }
    }

    /// The first load of an isolate sees to the schema as well, in one round trip when all is well.
    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        loop {
            let mut batch = vec![(REVISION, vec![]), (CHANGED, vec![number(known)])];
            if known == 0 {
                batch.extend([(APPLIED, vec![]), (MOVED, vec![])]);
            }
            let [revision, changed, rest @ ..] = &match self.batch(batch).await {
                Err(error) if known == 0 && error.is_of_storage("no such table") => {
                    self.migrate().await?;
                    continue;
                }
                answers => answers?,
            }[..] else {
                return Err(Error::storage("D1 answered a part of the batch"));
            };
            if let [applied, moved] = rest {
                if MIGRATIONS.iter().any(|(name, _)| !applied.iter().any(|a| a == name)) {
                    self.migrate().await?;
                    continue;
                }
                if let (Some(kv), []) = (&self.kv, moved.as_slice()) {
                    self.take_over(kv).await?;
                    continue;
                }
            }
            let revision = revision.first().map_or(0, |text| whole(text));
            return match revision == known {
                true => Ok(None),
                false => Ok(Some(Loaded { revision, records: records(changed)?, full: known == 0 })),
            };
        }
    }

    pub async fn write(&self, records: &[Record]) -> Result<()> {
        let replace = format!("{INSERT}{REPLACE}");
        let parts = parts(&mut records.iter().map(Json::json)).into_iter().map(|part| (&*replace, vec![part.into()]));
        self.batch([(BUMP, vec![])].into_iter().chain(parts).collect()).await.map(|_| ())
    }

    pub async fn ensure(&self, record: Record) -> Result<Record> {
        let insert = format!("{INSERT}nothing");
        let part = write::list(&mut [record.json()].into_iter());
        let held = vec![record.kind.name().into(), record.id.as_str().into()];
        let answers = self.batch(vec![(BUMP, vec![]), (&insert, vec![part.into()]), (HELD, held)]).await?;
        let held = records(answers.last().map_or(&[], Vec::as_slice))?.pop();
        held.ok_or_else(|| Error::storage("a record is missing right after it was written"))
    }

    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        let body = write::list(&mut rows.iter().map(Json::json));
        self.batch(vec![(APPEND, vec![id.into(), body.into()])]).await.map(|_| ())
    }

    pub async fn fold(&self, now: u64) -> Result<u64> {
        let (old, older) = (now.saturating_sub(TOMBSTONE_MS), now.saturating_sub(REVOKED_MS));
        let trim = (TRIM, vec![number(old), number(older)]);
        let answers = self.batch(vec![(ENTRIES, vec![]), (FOLD, vec![]), (FOLDED, vec![]), trim]).await?;
        Ok(answers.iter().flatten().next().map_or(0, |text| whole(text)))
    }

    pub async fn totals(&self, keys: &[String]) -> Result<HashMap<String, Count>> {
        let mut totals = HashMap::new();
        for text in self.batch(vec![(TOTALS, vec![write::text(&keys.json()).into()])]).await?.iter().flatten() {
            let rows: Vec<Row> = list(text)?;
            totals.extend(rows.into_iter().map(|row| (row.key, row.count)));
        }
        Ok(totals)
    }

    /// Applies what is missing. Its name goes in first, so of two isolates that try, one fails and changes nothing.
    async fn migrate(&self) -> Result<()> {
        let answers = self.batch(vec![(TABLE, vec![]), (APPLIED, vec![])]).await?;
        let done: Vec<&String> = answers.iter().flatten().collect();
        for (name, sql) in MIGRATIONS.iter().filter(|(name, _)| !done.iter().any(|d| d == name)) {
            let statements = statements(sql);
            let mut batch = vec![("insert into d1_migrations (name) values (?1)", vec![(*name).into()])];
            batch.extend(statements.iter().map(|statement| (statement.as_str(), vec![])));
            self.batch_once(batch, "UNIQUE constraint failed: d1_migrations").await?;
        }
        Ok(())
    }

    /// Records may be moved again, as the newer one holds; the counts go with the mark, and so only once.
    async fn take_over(&self, kv: &Kv) -> Result<()> {
        let (records, rows) = kv.everything().await?;
        self.write(&records).await?;
        let mut batch = vec![(MARK_MOVED, vec![])];
        for (i, part) in parts(&mut rows.iter().map(Json::json)).into_iter().enumerate() {
            // As the journal's first entries, which the fold in this batch is sure to take.
            batch.push((APPEND, vec![format!("!kv-{i}").into(), part.into()]));
        }
        batch.extend([(FOLD, vec![]), (FOLDED, vec![])]);
        self.batch_once(batch, "UNIQUE constraint failed: meta").await
    }

    /// A batch whose first statement is refused as `done` when another isolate was faster.
    async fn batch_once(&self, batch: Vec<Statement<'_>>, done: &str) -> Result<()> {
        match self.batch(batch).await {
            Err(error) if error.is_of_storage(done) => Ok(()),
            outcome => outcome.map(|_| ()),
        }
    }

    /// In one transaction; answers what each statement found.
    async fn batch(&self, statements: Vec<Statement<'_>>) -> Result<Vec<Vec<String>>> {
        let batch = Array::new();
        for (sql, values) in statements {
            let statement = self.database.prepare(sql).map_err(failed)?;
            let values: Array = values.into_iter().collect();
            batch.push(statement.bind(&values).map_err(failed)?.as_ref());
        }
        let answers = settled(self.database.batch(&batch)).await?;
        Ok(Array::from(&answers).iter().map(|answer| column(&answer)).collect())
    }
}

fn column(answer: &JsValue) -> Vec<String> {
    Array::from(&field(answer, "results")).iter().filter_map(|row| field(&row, "value").as_string()).collect()
}

fn whole(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn records(parts: &[String]) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for part in parts {
        records.extend(list::<Record>(part)?);
    }
    Ok(records)
}

fn list<T: Stored>(text: &str) -> Result<Vec<T>> {
    let array = json::read(text).map_err(broken)?;
    Ok(read::list(&array).unwrap_or_default())
}

/// JSON arrays, each of about `PART` bytes.
fn parts(items: &mut dyn Iterator<Item = Value>) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    for item in items {
        part.push(if part.is_empty() { '[' } else { ',' });
        part.push_str(&write::text(&item));
        if part.len() > PART {
            parts.push(std::mem::take(&mut part) + "]");
        }
    }
    if !part.is_empty() {
        parts.push(part + "]");
    }
    parts
}

fn broken(fault: json::Broken) -> Error {
    Error::storage(format!("a stored value cannot be read: {fault}"))
}

//! D1: one row a record, one statement for any number of them. A migration is applied when it is found missing.

use super::{
    Loaded, REVOKED_MS, TOMBSTONE_MS,
    schema::{MIGRATIONS, TABLE, statements},
};
use crate::{
    error::{Error, Result},
    record::Record,
    usage::count::{Count, Row},
};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result};

/// D1 takes strings of up to 2 MB; records are sent in parts of about this many bytes.
const PART: usize = 500_000;

const REVISION: &str = "select value from meta where name = 'revision'";
const BUMP: &str = "update meta set value = value + 1 where name = 'revision'";
/// Grouped, so that no answer is one string of more than 2 MB.
const CHANGED: &str = "select json_group_array(json_object('kind', kind, 'id', id, 'body', json(body), \
    'changed', changed)) as part from records where revision > ?1 group by rowid / 1000";
const UPSERT: &str = "insert into records (kind, id, body, changed, revision) \
    select value ->> 'kind', value ->> 'id', value -> 'body', value ->> 'changed', \
    (select value from meta where name = 'revision') from json_each(?1) where true \
    on conflict (kind, id) do update set body = excluded.body, changed = excluded.changed, \
    revision = excluded.revision where excluded.changed >= records.changed";
const FOLD: &str = "insert into totals (key, attempts, ok, failed, prompt_tokens, completion_tokens, last_used) \
    select row.value ->> 'key', sum(row.value ->> 'attempts'), sum(row.value ->> 'ok'), \
    sum(row.value ->> 'failed'), sum(row.value ->> 'prompt_tokens'), sum(row.value ->> 'completion_tokens'), \
    max(row.value ->> 'last_used') \
    from (select body from journal order by id limit 500) as entry, json_each(entry.body) as row where true \
    group by 1 on conflict (key) do update set attempts = attempts + excluded.attempts, ok = ok + excluded.ok, \
    failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens, \
    completion_tokens = completion_tokens + excluded.completion_tokens, \
    last_used = max(last_used, excluded.last_used)";
const FOLDED: &str = "delete from journal where id in (select id from journal order by id limit 500)";
/// Worded as the partial index of the migration is, or it would not be used.
const TRIM: &str = "delete from records where (body is null or kind in ('cooldown', 'revoked')) and changed < ?1 \
    and (kind <> 'revoked' or changed < ?2)";
const TOTALS: &str = "select json_group_array(json_object('key', key, 'attempts', attempts, 'ok', ok, \
    'failed', failed, 'prompt_tokens', prompt_tokens, 'completion_tokens', completion_tokens, \
    'last_used', last_used)) as part from totals where key in (select value from json_each(?1))";

pub struct D1(D1Database);

#[derive(Deserialize)]
struct Part {
    part: String,
}

#[derive(Deserialize)]
struct Number {
    value: u64,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl D1 {
    pub const fn new(database: D1Database) -> Self {
        Self(database)
    }

    pub async fn load(&self, known: u64) -> Result<Option<Loaded>> {
        if known == 0 {
            return self.load_all().await.map(Some);
        }
        let revision: Option<Number> = self.0.prepare(REVISION).first(None).await.map_err(failed)?;
        let revision = revision.map_or(0, |r| r.value);
        if revision == known {
            return Ok(None);
        }
        let changed = self.sql(CHANGED, &[number(known)])?.all().await.map_err(failed)?;
        Ok(Some(Loaded { revision, records: records(&changed)?, full: false }))
    }

    /// The first load of an isolate sees to the schema as well, in one round trip when all is well.
    async fn load_all(&self) -> Result<Loaded> {
        loop {
            let names = self.0.prepare("select name from d1_migrations");
            let batch = vec![names, self.0.prepare(REVISION), self.sql(CHANGED, &[number(0)])?];
            let results = match self.0.batch(batch).await {
                Ok(results) => results,
                Err(error) if error.to_string().contains("no such table") => {
                    self.migrate().await?;
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            let [names, revision, parts] = results.as_slice() else {
                return Err(Error::Storage("D1 answered a part of the batch".into()));
            };
            let names: Vec<Name> = names.results().map_err(failed)?;
            if MIGRATIONS.iter().any(|(known, _)| names.iter().all(|n| n.name != *known)) {
                self.migrate().await?;
                continue;
            }
            let revision: Vec<Number> = revision.results().map_err(failed)?;
            let revision = revision.first().map_or(0, |r| r.value);
            return Ok(Loaded { revision, records: records(parts)?, full: true });
        }
    }

    pub async fn write(&self, records: &[Record]) -> Result<()> {
        let mut batch = vec![self.0.prepare(BUMP)];
        for part in parts(records)? {
            batch.push(self.sql(UPSERT, &[part.into()])?);
        }
        self.batch(batch).await
    }

    pub async fn ensure(&self, record: Record) -> Result<Record> {
        let insert = UPSERT.split(" on conflict").next().unwrap_or_default();
        let insert = format!("{insert} on conflict (kind, id) do nothing");
        let part = parts(std::slice::from_ref(&record))?.pop().unwrap_or_default();
        self.batch(vec![self.0.prepare(BUMP), self.sql(&insert, &[part.into()])?]).await?;
        let held = "select json_group_array(json_object('kind', kind, 'id', id, 'body', json(body), 'changed', \
            changed)) as part from records where kind = ?1 and id = ?2";
        let held = self.sql(held, &[record.kind.name().into(), record.id.as_str().into()])?;
        let held = records(&held.all().await.map_err(failed)?)?.pop();
        held.ok_or_else(|| Error::Storage("a record is missing right after it was written".into()))
    }

    pub async fn append(&self, id: &str, rows: &[Row]) -> Result<()> {
        let body = serde_json::to_string(rows).map_err(broken)?;
        let sql = "insert into journal (id, body) values (?1, ?2) on conflict (id) do nothing";
        self.batch(vec![self.sql(sql, &[id.into(), body.into()])?]).await
    }

    pub async fn fold(&self, now: u64) -> Result<u64> {
        let count = self.0.prepare("select count(*) as value from journal");
        let entries = count.first::<Number>(None).await.map_err(failed)?.map_or(0, |n| n.value);
        let (old, older) = (now.saturating_sub(TOMBSTONE_MS), now.saturating_sub(REVOKED_MS));
        let trim = self.sql(TRIM, &[number(old), number(older)])?;
        let fold = if entries == 0 { vec![trim] } else { vec![self.0.prepare(FOLD), self.0.prepare(FOLDED), trim] };
        self.batch(fold).await?;
        Ok(entries.min(500))
    }

    pub async fn totals(&self, keys: &[&str]) -> Result<HashMap<String, Count>> {
        let keys = json!(keys).to_string();
        let found = self.sql(TOTALS, &[keys.into()])?.all().await.map_err(failed)?;
        let mut totals = HashMap::new();
        for part in found.results::<Part>().map_err(failed)? {
            let rows: Vec<Row> = serde_json::from_str(&part.part).map_err(broken)?;
            totals.extend(rows.into_iter().map(|row| (row.key, row.count)));
        }
        Ok(totals)
    }

    /// Applies what is missing. Its name goes in first, so of two isolates that try, one fails and changes nothing.
    async fn migrate(&self) -> Result<()> {
        self.batch(vec![self.0.prepare(TABLE)]).await?;
        let done = self.0.prepare("select name from d1_migrations").all().await.map_err(failed)?;
        let done: Vec<Name> = done.results().map_err(failed)?;
        for (name, sql) in MIGRATIONS.iter().filter(|(name, _)| done.iter().all(|d| d.name != *name)) {
            let mut batch = vec![self.sql("insert into d1_migrations (name) values (?1)", &[(*name).into()])?];
            batch.extend(statements(sql).into_iter().map(|statement| self.0.prepare(statement)));
            match self.batch(batch).await {
                Err(Error::Storage(cause)) if cause.contains("UNIQUE constraint failed: d1_migrations") => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    fn sql(&self, sql: &str, values: &[JsValue]) -> Result<D1PreparedStatement> {
        self.0.prepare(sql).bind(values).map_err(failed)
    }

    async fn batch(&self, statements: Vec<D1PreparedStatement>) -> Result<()> {
        self.0.batch(statements).await.map(|_| ()).map_err(failed)
    }
}

/// D1 takes f64 but no BigInt; all our numbers are below 2^53.
#[expect(clippy::cast_precision_loss, reason = "times and revisions are below 2^53")]
fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

fn records(found: &D1Result) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for part in found.results::<Part>().map_err(failed)? {
        records.extend(serde_json::from_str::<Vec<Record>>(&part.part).map_err(broken)?);
    }
    Ok(records)
}

/// JSON arrays of records, each of about `PART` bytes.
fn parts(records: &[Record]) -> Result<Vec<String>> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    for record in records {
        part.push(if part.is_empty() { '[' } else { ',' });
        part.push_str(&serde_json::to_string(record).map_err(broken)?);
        if part.len() > PART {
            parts.push(std::mem::take(&mut part) + "]");
        }
    }
    if !part.is_empty() {
        parts.push(part + "]");
    }
    Ok(parts)
}

fn failed(error: worker::Error) -> Error {
    Error::Storage(error.to_string())
}

fn broken(error: serde_json::Error) -> Error {
    Error::Storage(format!("a stored value cannot be read: {error}"))
}

//! D1: one row a record, one statement for any number of them. A migration is applied when it is found missing, and
//! what a KV namespace holds is taken over when its mark is.

mod cache;
mod logins;
mod logs;

use super::{
    Audited, Loaded, MINUTE_MS, REVOKED_MS, TOMBSTONE_MS, Upkeep,
    bindings::{Database, failed, number, settled},
    entry_id,
    kv::Kv,
    schema::{MIGRATIONS, TABLE, statements},
};
use crate::{
    config::Level,
    error::{Error, Result},
    js::field,
    json,
    record::{
        Record,
        read::{self, Stored},
        write::{self, Json, object},
    },
    runtime,
    usage::{
        lines,
        row::{Query, Row},
    },
};
use serde_json::Value;
use wasm_bindgen::JsValue;
use worker::js_sys::Array;

/// D1 takes strings of up to 2 MB; JSON is sent in parts of about this many bytes.
const PART: usize = 500_000;
/// So many rows are about as long.
const CHUNK: usize = 2000;
/// A fold every so many minutes writes a fifth of the rows that one a minute would.
const FOLD_MINUTES: u64 = 5;
/// So many entries are folded sooner.
const MANY: u64 = 100;
/// For how long an isolate may try to write an entry that it is not sure of.
const UNSURE_MS: u64 = 3_600_000;

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
/// Once only, also after it was folded.
const APPEND: &str = "insert into entries (id, body) select ?1, ?2 where not exists (select 1 from rollups, \
    json_each(body) as done where period = 'f' and done.value = ?1) on conflict (id) do nothing";
const ENTRIES: &str = "select cast(count(*) as text) as value from (select id from entries limit 500)";
const OLDEST: &str = "select min(id) as value from entries";
/// Lines of entries are summed up first, then spread over the periods, then added to what is there: whoever does it at
/// the same time waits for this batch. Slots of 10 seconds are for minutes alone.
const FOLD: &str = "insert into rollups (period, at, part, body) with lines as materialized ( \
    select line.value ->> 0 as minute, line.value ->> 1 as day, line.value -> 2 as p, line.value -> 3 as k, \
    line.value -> 4 as m, line.value -> 5 as c, line.value -> 6 as sums \
    from (select body from entries order by id limit 500) as entry, json_each(entry.body) as line), \
    fresh as materialized (select minute, day, p, k, m, c, metric.key as metric, \
    iif(metric.key = 'u', max(metric.value), sum(metric.value)) as value \
    from lines, json_each(sums) as metric group by 1, 2, 3, 4, 5, 6, 7), \
    lasting as (select * from fresh where metric not glob '[st][0-5]'), \
    spread as materialized (select 'm' as period, minute as at, substr(k, 2, ?1) as part, \
    json_array(minute, 0, json(p), json(k), json(m), json(c)) as series, metric, value from fresh \
    union all select 'h', minute / 60, substr(k, 2, ?1), \
    json_array(minute / 60, 0, json(p), json(k), json(m), json(c)), metric, value from lasting \
    union all select 'd', day, substr(k, 2, ?1), json_array(day, 0, json(p), json(k), json(m), json(c)), metric, value \
    from lasting \
    union all select 'k', 0, substr(k, 2, ?1), json_array(0, 0, json(p), json(k), '', ''), metric, value \
    from lasting where k <> '\"\"' \
    union all select 'e', 0, '', json_array(0, 0, json(p), '', json(m), ''), metric, value from lasting), \
    touched as materialized (select distinct period, at, part from spread) \
    select period, at, part, json_group_array(json(line)) from ( \
    select period, at, part, json_insert(series, '$[6]', json(json_group_object(metric, value))) as line from ( \
    select period, at, part, series, metric, iif(metric = 'u', max(value), sum(value)) as value from ( \
    select * from spread union all select period, rollups.at, part, json_remove(line.value, '$[6]'), metric.key, \
    metric.value from touched join rollups using (period, at, part), json_each(rollups.body) as line, \
    json_each(line.value, '$[6]') as metric) \
    group by 1, 2, 3, 4, 5) group by 1, 2, 3, series) group by 1, 2, 3 \
    on conflict (period, at, part) do update set body = excluded.body";
/// An isolate that is not sure of an entry writes it again, but not after an hour.
const REMEMBER: &str = "insert into rollups (period, at, part, body) select 'f', 0, '', json_group_array(id) from ( \
    select done.value as id from rollups, json_each(body) as done where period = 'f' and done.value >= ?1 \
    union select id from (select id from entries order by id limit 500)) where true \
    on conflict (period, at, part) do update set body = excluded.body";
const FOLDED: &str = "delete from entries where id in (select id from entries order by id limit 500)";
/// In steps; the cron goes on.
const TRIM_ROLLUPS: &str = "delete from rollups where (period, at, part) in ( \
    select period, at, part from rollups where period = 'm' and at < ?1 \
    union all select period, at, part from rollups where period = 'h' and at < ?2 \
    union all select period, at, part from rollups where period = 'd' and at < ?3 limit 200)";
/// Parameters: 1 period, 2 from, 3 to, 4 whether times are told apart, 5 to 8 whether the dimensions are, 9 the JSON path of the
/// dimension of which only those of the JSON array 10. Answered in pieces, so that none is a string of more than 2 MB.
const USAGE: &str = "select json_group_array(json(line)) as value from ( \
    select at, key, json_array(at, 0, provider, key, model, client, json(json_group_object(metric, value))) as line \
    from (select iif(?4, at, 0) as at, iif(?5, json_extract(s, '$[2]'), '') as provider, \
    iif(?6, json_extract(s, '$[3]'), '') as key, iif(?7, json_extract(s, '$[4]'), '') as model, \
    iif(?8, json_extract(s, '$[5]'), '') as client, metric.key as metric, \
    iif(metric.key = 'u', max(metric.value), sum(metric.value)) as value from ( \
    select rollups.at as at, line.value as s from rollups, json_each(body) as line \
    where period = ?1 and rollups.at >= ?2 and rollups.at < ?3 \
    union all select at, s from (select case ?1 when 'm' then line.value ->> 0 when 'h' then (line.value ->> 0) / 60 \
    when 'd' then line.value ->> 1 else 0 end as at, line.value as s from entries, json_each(entries.body) as line) \
    where at >= ?2 and at < ?3), json_each(s, '$[6]') as metric \
    where (?10 is null or json_extract(s, ?9) in (select value from json_each(?10))) \
    and (?1 <> 'k' or json_extract(s, '$[3]') <> '') and (?1 = 'm' or metric.key not glob '[st][0-5]') \
    group by 1, 2, 3, 4, 5, 6) group by at, provider, key, model, client) group by at, substr(key, 1, 1)";
/// What was a KV namespace's is in parts of its own.
const TAKE: &str = "insert into rollups (period, at, part, body) select ?3, value ->> 0, ?2, \
    json_group_array(json(value)) from json_each(?1) group by 2";
/// Worded as the partial index of the migration is, or it would not be used.
const TRIM: &str = "delete from records where (body is null or kind in ('cooldown', 'revoked')) and changed < ?1 \
    and (kind <> 'revoked' or changed < ?2)";
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

    pub async fn write(&self, records: &[Record], audited: &[Audited]) -> Result<()> {
        let replace = format!("{INSERT}{REPLACE}");
        let mut batch = logs::audited(audited);
        if !records.is_empty() {
            batch.push((BUMP, vec![]));
        }
        for part in parts(&mut records.iter().map(Json::json)) {
            batch.push((&replace, vec![part.into()]));
        }
        self.batch(batch).await.map(|_| ())
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
        let body = lines::write(rows);
        self.batch(vec![(APPEND, vec![id.into(), body.into()])]).await.map(|_| ())
    }

    pub async fn fold(&self, upkeep: &Upkeep) -> Result<u64> {
        let now = upkeep.now;
        let (old, older) = (now.saturating_sub(TOMBSTONE_MS), now.saturating_sub(REVOKED_MS));
        let unsure = entry_id(now.saturating_sub(UNSURE_MS), "");
        let answers = self
            .batch(vec![
                (ENTRIES, vec![]),
                (FOLD, vec![number(u64::from(upkeep.large))]),
                (REMEMBER, vec![unsure.into()]),
                (FOLDED, vec![]),
                (TRIM, vec![number(old), number(older)]),
                (TRIM_ROLLUPS, upkeep.first().map(number).to_vec()),
            ])
            .await?;
        Ok(answers.iter().flatten().next().map_or(0, |text| whole(text)))
    }

    pub async fn tick(&self, upkeep: &Upkeep) -> Result<()> {
        let due = (upkeep.now / MINUTE_MS).is_multiple_of(FOLD_MINUTES);
        let waiting = || async { self.batch(vec![(ENTRIES, vec![])]).await };
        if due || waiting().await?.iter().flatten().any(|count| whole(count) >= MANY) {
            self.fold(upkeep).await?;
        }
        Ok(())
    }

    pub async fn usage(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>> {
        let statements = queries.iter().map(|query| {
            let flag = |is: bool| number(u64::from(is));
            let mut values: Vec<JsValue> = vec![query.period.name().into(), number(query.from), number(query.to)];
            values.push(flag(query.timed));
            values.extend(query.by.map(flag));
            let (dimension, these) = match &query.only {
                Some((dimension, these)) => {
                    (format!("$[{}]", *dimension as u64 + 2), write::text(&these.json()).into())
                }
                None => ("$[2]".into(), JsValue::NULL),
            };
            values.extend([dimension.into(), these]);
            (USAGE, values)
        });
        let answers = self.batch(statements.collect()).await?;
        Ok(answers.iter().map(|parts| rows(parts)).collect())
    }

    pub async fn oldest(&self) -> Result<Option<String>> {
        Ok(self.batch(vec![(OLDEST, vec![])]).await?.into_iter().flatten().next())
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

    /// Records may be moved again, as the newer one holds; the rollups go with the mark, and so only once.
    async fn take_over(&self, kv: &Kv) -> Result<()> {
        let (records, rollups) = kv.everything().await?;
        let audited = kv.newest_audited().await?;
        self.write(&records, &audited).await?;
        let mut batch = vec![(MARK_MOVED, vec![])];
        for (i, (period, rows)) in rollups.iter().flat_map(|(p, rows)| rows.chunks(CHUNK).map(|c| (*p, c))).enumerate()
        {
            let (period, part) = (period.name().into(), format!("kv-{i}").into());
            batch.push((TAKE, vec![lines::write(rows).into(), part, period]));
        }
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

/// What cannot be read is left out: somebody has written it by hand.
fn rows(parts: &[String]) -> Vec<Row> {
    let mut rows = Vec::new();
    for part in parts {
        match lines::read(part) {
            Some(more) => rows.extend(more),
            None => runtime::log(Level::Error, "value_broken", || object! {"name": "rollups"}),
        }
    }
    rows
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

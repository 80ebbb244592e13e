//! The way back: all of the file is read and checked first, then what differs is written at once.

use super::{check, file};
use crate::{
    admin::{
        Asked,
        audit::{Deed, When},
        fields::Fields,
        input, keys,
        outcome::{Outcome, Say, store},
    },
    app::{Cache, with_cache},
    auth,
    error::{Error, Result},
    record::{Kind, Record, read::Reader, write::object},
};
use serde_json::{Map, Value};
use std::collections::HashSet;

/// Peppers that are known at the most: whoever shows an unknown client key has them all tried.
const PEPPERS: usize = 10;

pub struct Wish {
    file: Value,
    passphrase: Option<String>,
    /// What the file does not have goes.
    replace: bool,
    dry_run: bool,
}

/// What a file holds, kind by kind.
#[derive(Default)]
struct Content {
    records: Vec<(Kind, String, Value)>,
    peppers: Vec<String>,
    counts: Map<String, Value>,
}

pub fn restore(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let (file, passphrase, mode) = (fields.object("file"), fields.text("passphrase"), fields.text("mode"));
    let dry_run = fields.flag("dry_run").unwrap_or(false);
    fields.end()?;
    let file = file.ok_or_else(|| Error::invalid("file is missing: the JSON of a backup.", Some("file")))?;
    let replace = match mode.as_deref() {
        Some("merge") => false,
        Some("replace") => true,
        _ => return Err(Error::invalid("mode is merge or replace.", Some("mode"))),
    };
    let file = Value::Object(Fields::into_map(file));
    store(Vec::new(), Say::Restore(Box::new(Wish { file, passphrase, replace, dry_run })))
}

/// Once it is clear what is in the file.
pub async fn opened(asked: &Asked, wish: Wish) -> Result<Outcome> {
    let data = file::content(wish.file, wish.passphrase.as_deref()).await?;
    let content = content(&data, asked.app.config()?.allow_private_upstreams)?;
    drop(data);
    let (written, deleted) = with_cache(|c| {
        let written = written(c, &content, asked)?;
        let deleted = if wish.replace { gone(c, &content) } else { Vec::new() };
        Ok::<_, Error>((written, deleted))
    })?;
    let counts = (written.len() as u64, deleted.len() as u64);
    let said = object! {"records": Value::Object(content.counts), "written": counts.0, "deleted": counts.1,
    "dry_run": wish.dry_run};
    let mut records = written;
    for (kind, id) in deleted.into_iter().filter(|_| !wish.dry_run) {
        records.extend(removed(kind, id, asked.now));
    }
    if wish.dry_run {
        records.clear();
    }
    let fields = vec![if wish.replace { "replace" } else { "merge" }.into()];
    let deed = Deed { count: counts.0 + counts.1, fields, ..Deed::new("backup", "restore", When::Changed) };
    Ok(store(records, Say::Json(200, said))?.told(deed))
}

fn content(data: &Value, private: bool) -> Result<Content> {
    let damaged = |message: String| Error::wrong("backup_damaged", message, Some("file"));
    let list = data.get("records").and_then(Value::as_array);
    let list = list.ok_or_else(|| damaged("The file has no list of records.".into()))?;
    let mut content = Content::default();
    let mut hashes: HashSet<String> = HashSet::new();
    for (place, item) in (1..).zip(list) {
        let from = Reader(item);
        let (name, id) = (from.text("kind").unwrap_or_default(), from.text("id").unwrap_or_default());
        let checked = match (Kind::of(&name), from.field("body")) {
            (Some(kind), Some(body)) => check::record(kind, &id, body.0, private).map(|body| (kind, body)),
            _ => Err("it is no record".into()),
        };
        let (kind, body) =
            checked.map_err(|why| damaged(format!("Record {place} of the file ({name} {id}): {why}.")))?;
        let count = content.counts.get(&name).and_then(Value::as_u64).unwrap_or(0);
        content.counts.insert(name, (count + 1).into());
        let hash = Reader(&body).text("hash").filter(|_| kind == Kind::Client);
        if hash.is_some_and(|hash| !hashes.insert(hash)) {
            return Err(damaged(format!(
                "Record {place} of the file (client {id}): another one is the same client key."
            )));
        }
        match (kind, body) {
            (Kind::Secret, Value::String(pepper)) => content.peppers.push(pepper),
            (kind, body) => content.records.push((kind, id, body)),
        }
    }
    Ok(content)
}

/// The records that are not here as they are in the file.
fn written(cache: &Cache, content: &Content, asked: &Asked) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let known = cache.peppers();
    let new: Vec<&String> = content.peppers.iter().filter(|pepper| !known.contains(&pepper.as_str())).collect();
    if known.len() + new.len() > PEPPERS {
        let message = format!("Backups of {PEPPERS} other keypools were restored here already; that is the most.");
        return Err(Error::invalid(message, Some("file")));
    }
    for pepper in new {
        let id: String = auth::keyed_digest(pepper, "id").chars().take(8).collect();
        records.push(Record::new(Kind::Secret, ["pepper ", &id].concat(), pepper, asked.now)?);
    }
    for (kind, id, body) in &content.records {
        let id = place(cache, content, *kind, id, body);
        let record = Record { kind: *kind, id, body: Some(body.clone()), changed: asked.now };
        if !cache.is_held(&record) {
            records.push(record);
        }
    }
    Ok(records)
}

/// The id under which it is here, if it is, or shall be. A key's and a client key's are told by their secret.
fn place(cache: &Cache, content: &Content, kind: Kind, id: &str, body: &Value) -> String {
    match kind {
        Kind::Key => place_of_key(cache, content, id, body),
        Kind::Client => {
            let known = Reader(body).text("hash").and_then(|hash| cache.clients.get(&hash));
            known.map_or_else(|| id.into(), |(id, _)| id.to_string())
        }
        _ => id.into(),
    }
}

/// The one that the key has here, or that of the file, which must be made of the key.
fn place_of_key(cache: &Cache, content: &Content, id: &str, body: &Value) -> String {
    let from = Reader(body);
    let (provider, secret) = (from.text("provider").unwrap_or_default(), from.text("secret").unwrap_or_default());
    if let Some(known) = cache.key_of(&provider, &secret) {
        return known;
    }
    let made = |pepper: &str| auth::key_id(pepper, &provider, &secret);
    let peppers = cache.peppers();
    if peppers.iter().any(|pepper| made(pepper) == id) || content.peppers.iter().any(|pepper| made(pepper) == id) {
        return id.into();
    }
    made(peppers.first().copied().unwrap_or_default())
}

/// What is here and not in the file. What was taken over from secrets stays known, or it would be taken over again.
fn gone(cache: &Cache, content: &Content) -> Vec<(Kind, String)> {
    let named = |kind: Kind, id: &str| [kind.name(), " ", id].concat();
    let mut kept: HashSet<String> = HashSet::new();
    for (kind, id, body) in &content.records {
        kept.insert(named(*kind, &place(cache, content, *kind, id, body)));
    }
    let mut gone = Vec::new();
    cache.each(&mut |kind, id, _| {
        if !matches!(kind, Kind::Secret | Kind::Imported) && !kept.contains(&named(kind, id)) {
            gone.push((kind, id.to_string()));
        }
    });
    gone
}

/// With all that machines noted of it.
fn removed(kind: Kind, id: String, now: u64) -> Vec<Record> {
    match kind {
        Kind::Key => keys::removed(&id, now),
        Kind::Provider => {
            vec![Record::deleted(Kind::Models, &*id, now), Record::deleted(kind, id, now)]
        }
        _ => vec![Record::deleted(kind, id, now)],
    }
}

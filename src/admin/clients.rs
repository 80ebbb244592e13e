//! Client keys: made here, shown once, stored as a digest.

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::with_cache,
    auth,
    error::{Error, Result},
    pool::redact,
    record::{
        Kind, Record,
        client::{Client, Log, Right},
        usage_mode::UsageMode,
        write::object,
    },
    runtime,
};
use serde_json::Value;

pub fn list(asked: &Asked) -> Result<Outcome> {
    let mut clients: Vec<(u64, Value)> = Vec::new();
    with_cache(|c| {
        for (id, client) in c.clients.values() {
            let place = clients.partition_point(|(created, _)| *created <= client.created);
            clients.insert(place, (client.created, view(id, client)));
        }
    });
    let clients: Vec<Value> = clients.into_iter().map(|(_, view)| view).collect();
    answer(200, object! {"clients": clients, "env_client": asked.app.var("PROXY_API_KEY").is_some()})
}

pub fn add(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let label = input::label(&fields.text("label").unwrap_or_default())?;
    let (rights, groups) = (rights(&mut fields)?, fields.texts("groups").map(input::groups).transpose()?);
    let log = log(&mut fields)?;
    let usage_mode = input::usage_mode(&mut fields)?.flatten();
    fields.end()?;
    let key = auth::client_key(&runtime::random::<40>()?);
    let client = Client {
        label,
        hash: auth::client_hash(&asked.pepper, &key),
        masked: redact::mask(&key),
        enabled: true,
        rights: rights.unwrap_or(vec![Right::SeeAttempts]),
        groups: groups.unwrap_or_default(),
        log: log.flatten(),
        usage_mode,
        created: asked.now,
    };
    let id: String = runtime::random_id()?.chars().take(12).collect();
    let mut made = view(&id, &client);
    if let Some(fields) = made.as_object_mut() {
        fields.insert("key".into(), key.into());
    }
    store(vec![Record::new(Kind::Client, id, &client, asked.now)?], Say::Json(201, made))
}

pub fn change(asked: &Asked, id: &str) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let mut client = find(id)?;
    if let Some(label) = fields.text("label") {
        client.label = input::label(&label)?;
    }
    client.enabled = fields.flag("enabled").unwrap_or(client.enabled);
    client.rights = rights(&mut fields)?.unwrap_or(client.rights);
    client.groups = fields.texts("groups").map(input::groups).transpose()?.unwrap_or(client.groups);
    client.log = log(&mut fields)?.unwrap_or(client.log);
    client.usage_mode = input::usage_mode(&mut fields)?.unwrap_or(client.usage_mode);
    fields.end()?;
    store(vec![Record::new(Kind::Client, id, &client, asked.now)?], Say::Json(200, view(id, &client)))
}

pub fn delete(asked: &Asked, id: &str) -> Result<Outcome> {
    find(id)?;
    store(vec![Record::deleted(Kind::Client, id, asked.now)], Say::Nothing)
}

fn rights(fields: &mut Fields) -> Result<Option<Vec<Right>>> {
    let Some(names) = fields.texts("rights") else { return Ok(None) };
    let known = Right::ALL.into_iter().filter(|right| names.iter().any(|name| name == right.name())).collect();
    match names.iter().find(|name| Right::parse(name).is_none()) {
        Some(name) => Err(Error::invalid(
            format!("{name} is not a right; there are see_attempts, force_key, paced and cache."),
            Some("rights"),
        )),
        None => Ok(Some(known)),
    }
}

/// `default` = as the setting says.
#[expect(clippy::option_option, reason = "absent, the default and a depth mean three things")]
fn log(fields: &mut Fields) -> Result<Option<Option<Log>>> {
    let Some(name) = fields.text("log") else { return Ok(None) };
    let log = Log::parse(&name);
    if log.is_none() && name != "default" {
        return Err(Error::invalid("log is default, off, meta or bodies.", Some("log")));
    }
    Ok(Some(log))
}

fn find(id: &str) -> Result<Client> {
    with_cache(|c| c.clients.values().find(|(known, _)| known == id).map(|(_, client)| client.clone()))
        .ok_or_else(|| Error::not_found("client_not_found", format!("There is no client key {id}.")))
}

fn view(id: &str, client: &Client) -> Value {
    object! {"id": id, "label": client.label, "enabled": client.enabled, "created": client.created,
    "key_masked": client.masked, "rights": client.rights, "groups": client.groups,
    "log": client.log.map_or("default", Log::name),
    "usage_mode": client.usage_mode.map(UsageMode::name)}
}

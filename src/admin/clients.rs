//! Client keys: made here, shown once, stored as a digest.

mod bounds;

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, store},
    stats,
};
use crate::{
    app::with_cache,
    auth,
    error::{Error, Result},
    pool::redact,
    record::{
        Kind, Record,
        client::{Client, Limit, Log, Right},
        usage_mode::UsageMode,
        write::{self, object},
    },
    runtime,
    usage::{
        date,
        metric::Metric,
        row::{self, Dimension, Period, Query, Row},
    },
};
use serde_json::Value;

/// A limit that many ask for: so many requests in so many seconds.
const PRESET: [u64; 2] = [100, 900];

pub fn list(asked: &Asked) -> Result<Outcome> {
    store(Vec::new(), Say::Clients(None, used(asked, None)))
}

pub fn add(asked: &Asked) -> Result<Outcome> {
    let mut client = Client::new(&[Right::SeeAttempts], &[]);
    read(asked, &mut client)?;
    let key = auth::client_key(&runtime::random::<40>()?);
    (client.hash, client.masked) = (auth::client_hash(&asked.pepper, &key), redact::mask(&key));
    client.created = asked.now;
    let id: String = runtime::random_id()?.chars().take(12).collect();
    let mut made = view(asked, &id, &client, &[]);
    if let Some(fields) = made.as_object_mut() {
        fields.insert("key".into(), key.into());
    }
    store(vec![Record::new(Kind::Client, id, &client, asked.now)?], Say::Json(201, made))
}

pub fn change(asked: &Asked, id: &str) -> Result<Outcome> {
    let mut client = find(id)?;
    read(asked, &mut client)?;
    let record = Record::new(Kind::Client, id, &client, asked.now)?;
    store(vec![record], Say::Clients(Some(id.into()), used(asked, Some(id))))
}

pub fn delete(asked: &Asked, id: &str) -> Result<Outcome> {
    find(id)?;
    store(vec![Record::deleted(Kind::Client, id, asked.now)], Say::Nothing)
}

/// All of them, the oldest first, or the one that was changed; `days` are what `used` asks for.
pub fn tell(asked: &Asked, only: Option<&str>, days: &[Row]) -> Result<Value> {
    let known = with_cache(|c| c.clients.values().cloned().collect::<Vec<_>>());
    if let Some(only) = only {
        let changed = known.iter().find(|(id, _)| **id == *only);
        return changed.map(|(id, client)| view(asked, id, client, days)).ok_or_else(|| missing(only));
    }
    let mut clients: Vec<(u64, Value)> = Vec::new();
    for (id, client) in &known {
        let place = clients.partition_point(|(created, _)| *created <= client.created);
        clients.insert(place, (client.created, view(asked, id, client, days)));
    }
    let clients: Vec<Value> = clients.into_iter().map(|(_, view)| view).collect();
    let [requests, window_s] = PRESET;
    let presets = [object! {"name": "100 in 15 min", "requests": requests, "window_s": window_s}];
    let env_client = asked.app.var("PROXY_API_KEY").is_some();
    Ok(object! {"clients": clients, "env_client": env_client, "limit_presets": presets[..]})
}

/// Whatever they used on the days of this month.
pub fn used(asked: &Asked, only: Option<&str>) -> Vec<Query> {
    let today = stats::today(asked);
    let [from, _] = date::month(today);
    let by = row::dimensions(&[Dimension::Client]);
    let only = only.map(|id| (Dimension::Client, vec![id.to_string()]));
    vec![Query { period: Period::Day, from, to: today + 1, timed: true, by, only }]
}

/// Takes over what the body says of a client key.
fn read(asked: &Asked, client: &mut Client) -> Result<()> {
    let mut fields = input::body(asked)?;
    if let Some(label) = fields.text("label") {
        client.label = input::label(&label)?;
    }
    client.enabled = fields.flag("enabled").unwrap_or(client.enabled);
    if let Some(rights) = rights(&mut fields)? {
        client.rights = rights;
    }
    if let Some(groups) = fields.texts("groups") {
        client.groups = input::groups(groups)?;
    }
    if let Some(group) = fields.text_or_null("group") {
        client.group = group.map(|name| input::group(&name)).transpose()?;
    }
    client.log = log(&mut fields)?.unwrap_or(client.log);
    client.usage_mode = input::usage_mode(&mut fields)?.unwrap_or(client.usage_mode);
    bounds::read(&mut fields, client, asked.now)?;
    fields.end()
}

fn rights(fields: &mut Fields) -> Result<Option<Vec<Right>>> {
    let Some(names) = fields.texts("rights") else { return Ok(None) };
    let known = Right::ALL.into_iter().filter(|right| names.iter().any(|name| name == right.name())).collect();
    match names.iter().find(|name| Right::parse(name).is_none()) {
        Some(name) => {
            let all = Right::ALL.map(Right::name).join(", ");
            Err(Error::invalid(format!("{name} is not a right; there are {all}."), Some("rights")))
        }
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
    let found = with_cache(|c| c.clients.values().find(|(known, _)| **known == *id).map(|(_, client)| client.clone()));
    found.map(|client| (*client).clone()).ok_or_else(|| missing(id))
}

fn missing(id: &str) -> Error {
    Error::not_found("client_not_found", format!("There is no client key {id}."))
}

fn view(asked: &Asked, id: &str, client: &Client, days: &[Row]) -> Value {
    let mut view = object! {"id": id, "label": client.label, "enabled": client.enabled, "created": client.created,
    "key_masked": client.masked, "rights": client.rights, "group": client.group, "groups": client.groups,
    "log": client.log.map_or("default", Log::name), "usage_mode": client.usage_mode.map(UsageMode::name),
    "expires": client.expires, "models": client.models, "providers": client.providers, "ips": client.ips,
    "window_s": client.limits.window_s, "pace": client.pace.name(), "cache_s": client.cache_s,
    "used": told(days, id, stats::today(asked))};
    if let Some(fields) = view.as_object_mut() {
        for limit in Limit::ALL {
            write::field(fields, limit.name(), &client.limits.of(limit));
        }
    }
    view
}

/// By the names of the limits.
fn told(days: &[Row], id: &str, today: u64) -> Value {
    let [(day_tokens, day), (month_tokens, month)] = spent(days, id, today);
    object! {"day_tokens": day_tokens, "month_tokens": month_tokens, "day_micros": day / 1000,
    "month_micros": month / 1000}
}

/// Tokens and billionths of a dollar, today and this month.
fn spent(days: &[Row], id: &str, today: u64) -> [(u64, u64); 2] {
    let sum = |from: u64| {
        let mine = |row: &&Row| row.place.at >= from && **row.place.series.of(Dimension::Client) == *id;
        days.iter().filter(mine).fold((0, 0), |(tokens, nanos), row| {
            (tokens + row.of(Metric::In) + row.of(Metric::Out), nanos + row.of(Metric::Cost))
        })
    };
    [sum(today), sum(0)]
}

/// How much of its budgets is used, in percent: of the one that is used most. `None` without any.
pub fn budget_share(client: &Client, days: &[Row], id: &str, today: u64) -> Option<u64> {
    let [day, month] = spent(days, id, today);
    let used = |limit| match limit {
        Limit::DayTokens => Some(day.0),
        Limit::MonthTokens => Some(month.0),
        Limit::DayMoney => Some(day.1 / 1000),
        Limit::MonthMoney => Some(month.1 / 1000),
        Limit::Rpm | Limit::Tpm | Limit::Requests => None,
    };
    client.limits.all().filter_map(|(limit, most)| Some(used(limit)?.saturating_mul(100) / most.max(1))).max()
}

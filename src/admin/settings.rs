//! Settings that may change at run time.

use super::{
    Asked, input,
    outcome::{Outcome, Say, store},
};
use crate::{
    app::with_cache,
    config,
    error::{Error, Result},
    js,
    record::{
        Kind, Record,
        write::{self, Json, object},
    },
};
use serde_json::{Map, Value};

const DEFAULT_PROVIDER: &str = "default_provider";

pub fn view(asked: &Asked) -> Result<Value> {
    let mut stored = Map::new();
    with_cache(|c| {
        for (name, text) in &c.settings {
            stored.insert(name.clone(), stored_value(name, text));
        }
    });
    let config = asked.app.config()?;
    // Of a var that cannot be read there is only what was stored in its place.
    let defaults = asked.app.read_config(&[]).unwrap_or_else(|_| (*config).clone());
    Ok(object! {"settings": Value::Object(stored), "effective": *config, "defaults": defaults})
}

/// A field of null returns a setting to its var or default.
pub fn change(asked: &Asked) -> Result<Outcome> {
    let changes = input::body(asked)?.into_map();
    let records: Result<Vec<Record>> = changes.iter().map(|(name, value)| record(name, value, asked.now)).collect();
    store(records?, Say::Settings)
}

fn record(name: &str, value: &Value, now: u64) -> Result<Record> {
    let invalid = |message: String| Error::invalid(message, None);
    let text = match value {
        Value::Null => return Ok(Record::deleted(Kind::Setting, name, now)),
        Value::String(text) => text.clone(),
        Value::Number(_) => write::text(value),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(invalid(format!("{name} is a number or a text.")));
        }
    };
    if name == DEFAULT_PROVIDER {
        if with_cache(|c| c.pool.provider(&text).is_none()) {
            return Err(invalid(format!("There is no provider {text}.")));
        }
    } else {
        config::check(name, &text, js::is_zone).map_err(|problem| invalid(format!("{problem}.")))?;
    }
    Record::new(Kind::Setting, name, &text, now)
}

fn stored_value(name: &str, text: &str) -> Value {
    match text.parse::<u64>() {
        Ok(number) if name != DEFAULT_PROVIDER => number.json(),
        _ => text.json(),
    }
}

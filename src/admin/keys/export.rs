//! Whole keys, for those who must have them: one to look at, or many as a file. The audit log knows of both before they are
//! shown.

use super::{choice::Choice, find, missing};
use crate::{
    admin::{
        Asked,
        audit::{Deed, When},
        input,
        outcome::{Outcome, Say, answer, store},
    },
    error::{Error, Result},
    pool::paste,
    record::{
        key::Key,
        write::{self, object},
    },
};
use serde_json::Value;

pub fn reveal(id: &str) -> Result<Outcome> {
    let (_, key) = find(id)?;
    let outcome = answer(200, object! {"id": id, "key": key.secret})?;
    Ok(outcome.told(Deed::keys("reveal", When::Always, &mut [(id, &key)].into_iter())))
}

/// As `POST /keys` reads them again.
pub fn export(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let (choice, format) = (Choice::read(&mut fields)?, fields.text("format").unwrap_or_else(|| "lines".into()));
    fields.end()?;
    let (found, lost) = choice.keys(asked.now)?;
    if let Some(id) = lost.first() {
        return Err(missing(id));
    }
    let say = match format.as_str() {
        "lines" => {
            let mut text = String::new();
            for (_, _, key) in &found {
                text.push_str(&paste::line(&key.secret, key.weight, &key.label));
                text.push('\n');
            }
            Say::file("keys", "txt", text, asked.now)
        }
        "json" => {
            let keys = write::list(&mut found.iter().map(|(_, _, key)| whole(key, asked.now)));
            Say::file("keys", "json", ["{\"keys\":", &keys, "}\n"].concat(), asked.now)
        }
        _ => return Err(Error::invalid("format is lines or json.", Some("format"))),
    };
    let keys = &mut found.iter().map(|(_, id, key)| (id.as_str(), key));
    Ok(store(Vec::new(), say)?.told(Deed { fields: vec![format], ..Deed::keys("export", When::Always, keys) }))
}

/// One that has expired is off: nobody may set a time that is over.
fn whole(key: &Key, now: u64) -> Value {
    let expires = key.expires.filter(|at| *at > now);
    object! {"key": key.secret, "provider": key.provider, "label": key.label, "weight": key.weight, "group": key.group,
    "enabled": key.is_on(now), "expires": expires, "models": key.models, "rpm": key.rpm, "tpm": key.tpm, "concurrency": key.concurrency}
}

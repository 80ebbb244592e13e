//! The audit log: what was done through the admin API, when, from where and in which session. It says what was changed
//! and never to what: a value may be a secret.

mod list;

use super::{Asked, outcome::Outcome};
use crate::{
    app::{Cache, with_cache},
    config::Level,
    error::{Error, Result},
    js,
    pool::redact,
    record::{
        Kind, Record,
        key::Key,
        write::{self, Json, object},
    },
    runtime,
    usage::audit::{Entry, entry_id},
};
use serde_json::Value;

pub use list::{Wish, list, tell};

/// Of many things, the ids and names of so many are kept.
const NAMED: usize = 20;
/// Where the settings cannot be read: whoever mends them makes an entry, too.
const DAYS: u64 = 365;

/// What was done, as far as it is not seen from the records that are stored.
pub struct Deed {
    pub noun: &'static str,
    pub verb: &'static str,
    pub count: u64,
    /// Of the first of those things.
    pub ids: Vec<String>,
    /// What people call them.
    pub names: Vec<String>,
    /// Of what was changed.
    pub fields: Vec<String>,
    pub when: When,
}

/// When a deed is worth an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// When something is stored.
    Changed,
    /// Always: it shows what is secret. Without an entry it must not be done.
    Always,
    /// Always, but a storage that takes nothing any more must not keep an admin out.
    IfPossible,
}

impl Deed {
    pub const fn new(noun: &'static str, verb: &'static str, when: When) -> Self {
        Self { noun, verb, count: 0, ids: Vec::new(), names: Vec::new(), fields: Vec::new(), when }
    }

    /// It was done to these keys.
    pub fn keys<'a>(verb: &'static str, when: When, keys: &mut dyn Iterator<Item = (&'a str, &'a Key)>) -> Self {
        let mut deed = Self::new("key", verb, when);
        for (id, key) in keys {
            let body = (deed.ids.len() < NAMED).then(|| key.json());
            deed.add(Kind::Key, id, body.as_ref());
        }
        deed
    }

    fn add(&mut self, kind: Kind, id: &str, body: Option<&Value>) {
        self.count += 1;
        if self.ids.len() < NAMED {
            self.ids.push(id.into());
            self.names.push(body.map_or_else(|| id.into(), |body| name(kind, id, body)));
        }
    }
}

/// What people call it. A key's label may be the key itself, pasted into the wrong field.
fn name(kind: Kind, id: &str, body: &Value) -> String {
    let text = |field: &str| body.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    match kind {
        Kind::Key => {
            let secret = text("secret").unwrap_or_default();
            text("label").map_or_else(|| redact::mask(secret), |label| redact::redact_line(label, &[secret]))
        }
        Kind::Client => text("label").map_or_else(|| id.into(), |label| redact::redact_line(label, &[])),
        Kind::Rule => text("name").unwrap_or(id).into(),
        _ => id.into(),
    }
}

/// What the audit log is to say of an outcome, and whether it may go without.
pub fn entries(asked: &Asked, session: &str, outcome: &mut Outcome) -> Result<(Vec<Entry>, bool)> {
    let (changed, deed) = (!outcome.records.is_empty(), outcome.deed.take());
    let may_fail = deed.as_ref().is_some_and(|deed| deed.when == When::IfPossible);
    let mut deeds = match deed {
        Some(deed) if changed || deed.when != When::Changed => vec![deed],
        None if changed => with_cache(|c| told(c, &outcome.records)),
        _ => Vec::new(),
    };
    // Whoever logs in learns of all that were refused before.
    if let Some(count) = with_cache(|c| c.throttle.rest().filter(|_| may_fail)) {
        deeds.push(Deed { count, ..Deed::new("session", "refused", When::IfPossible) });
    }
    let entries: Result<Vec<Entry>> = deeds.iter().map(|deed| entry(asked, Some(session), deed)).collect();
    entries.map(|entries| (entries, may_fail))
}

/// What records that are to be stored change, for each kind and way of change.
fn told(cache: &Cache, records: &[Record]) -> Vec<Deed> {
    let mut deeds: Vec<Deed> = Vec::new();
    for record in records {
        let Some(noun) = noun(record.kind) else { continue };
        let held = cache.held(record.kind, &record.id);
        let verb = match (&held, &record.body, record.kind) {
            (_, _, Kind::Revoked) => "logout",
            (_, _, Kind::Setting) | (Some(_), Some(_), _) => "change",
            (_, None, _) => "delete",
            (None, Some(_), _) => "add",
        };
        let at = deeds.iter().position(|deed| (deed.noun, deed.verb) == (noun, verb)).unwrap_or_else(|| {
            deeds.push(Deed::new(noun, verb, When::Changed));
            deeds.len() - 1
        });
        let Some(deed) = deeds.get_mut(at) else { continue };
        if record.kind != Kind::Revoked {
            deed.add(record.kind, &record.id, record.body.as_ref().or(held.as_ref()));
        }
        for field in differences(held.as_ref(), record.body.as_ref()) {
            if !deed.fields.iter().any(|known| known == field) {
                deed.fields.push(field.into());
            }
        }
    }
    if deeds.is_empty() {
        // Whatever is stored is told of, also by a route that nobody has thought of here.
        deeds.push(Deed { count: records.len() as u64, ..Deed::new("record", "change", When::Changed) });
    }
    deeds
}

/// `None` for what machines note, which goes with something that people do.
const fn noun(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Provider => Some("provider"),
        Kind::Key => Some("key"),
        Kind::Alias => Some("model"),
        Kind::Client => Some("client"),
        Kind::Setting => Some("settings"),
        Kind::Price => Some("price"),
        Kind::Rule => Some("rule"),
        Kind::Revoked => Some("session"),
        Kind::Disabled | Kind::Cooldown | Kind::Balance | Kind::Models | Kind::Imported | Kind::Secret => None,
    }
}

/// The fields that are not as they were. There are none of what is new or gone.
fn differences<'a>(held: Option<&Value>, new: Option<&'a Value>) -> impl Iterator<Item = &'a str> {
    let held = held.and_then(Value::as_object);
    let new = new.and_then(Value::as_object).filter(|_| held.is_some());
    let differs = move |(field, value): &(&String, &Value)| held.and_then(|held| held.get(*field)) != Some(*value);
    new.into_iter().flatten().filter(differs).map(|(field, _)| field.as_str())
}

fn entry(asked: &Asked, session: Option<&str>, deed: &Deed) -> Result<Entry> {
    let action = [deed.noun, ".", deed.verb].concat();
    let random: String = runtime::random_id()?.chars().take(8).collect();
    let ip = js::header(&asked.request.headers(), "cf-connecting-ip");
    let days = asked.app.config().map_or(DAYS, |config| config.audit_days);
    let text =
        write::text(&object! {"at": asked.now, "who": asked.who, "session": session, "ip": ip, "action": action,
        "count": deed.count, "ids": deed.ids, "names": deed.names, "fields": deed.fields});
    Ok(Entry { id: entry_id(asked.now, &random, &action), text, days })
}

/// Wrong passwords are told of in sums, so that a flood of them is no flood of writes.
pub async fn refused(asked: &Asked) {
    let Some(count) = with_cache(|c| c.throttle.to_tell(asked.now)) else { return };
    let deed = Deed { count, ..Deed::new("session", "refused", When::Always) };
    let written = match entry(asked, None, &deed) {
        Ok(entry) => asked.app.write(Vec::new(), &[entry], asked.now).await,
        Err(error) => Err(error),
    };
    if let Err(error) = written {
        with_cache(|c| c.throttle.not_told(count));
        lost(&error);
    }
}

pub fn lost(error: &Error) {
    runtime::log(Level::Error, "audit_failed", || object! {"error": error.message()});
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cache() -> Cache {
        let mut cache = Cache::default();
        let key = |id: &str, label: &str| {
            let body = json!({"provider": "p", "secret": "sk-very-secret-0001", "label": label, "weight": 10,
                "group": "active", "enabled": true, "models": [], "rpm": null, "tpm": null, "concurrency": null,
                "created": 1});
            Record { kind: Kind::Key, id: id.into(), body: Some(body), changed: 1 }
        };
        cache.pool.sync(&[key("one", "first"), key("two", "")], true, 1);
        cache.settings.push(("max_attempts".into(), "3".into()));
        cache
    }

    fn shown(deeds: &[Deed]) -> Vec<String> {
        let shown = |deed: &Deed| {
            let things = deed.ids.iter().zip(&deed.names).map(|(id, name)| format!("{id}={name}"));
            let things: Vec<String> = things.collect();
            format!("{}.{} {} {things:?} {:?}", deed.noun, deed.verb, deed.count, deed.fields)
        };
        deeds.iter().map(shown).collect()
    }

    #[test]
    fn records_tell_what_was_done_to_what() {
        let cache = cache();
        let mut body = cache.held(Kind::Key, "one").unwrap();
        body["weight"] = 3.into();
        body["label"] = "sk-very-secret-0001".into();
        let records = [
            Record { kind: Kind::Key, id: "one".into(), body: Some(body), changed: 2 },
            Record::deleted(Kind::Disabled, "one", 2),
            Record::deleted(Kind::Key, "two", 2),
            Record::new(Kind::Provider, "new", &"", 2).unwrap(),
            Record::new(Kind::Setting, "time_zone", &"UTC", 2).unwrap(),
            Record::deleted(Kind::Setting, "max_attempts", 2),
        ];
        let expected = [
            r#"key.change 1 ["one=[redacted]"] ["label", "weight"]"#,
            r#"key.delete 1 ["two=…0001"] []"#,
            r#"provider.add 1 ["new=new"] []"#,
            r#"settings.change 2 ["time_zone=time_zone", "max_attempts=max_attempts"] []"#,
        ];
        assert_eq!(shown(&told(&cache, &records)), expected);
    }

    #[test]
    fn nothing_is_stored_without_a_word() {
        let records = [Record::deleted(Kind::Cooldown, "one *", 2), Record::deleted(Kind::Balance, "one", 2)];
        assert_eq!(shown(&told(&cache(), &records)), ["record.change 2 [] []"]);
    }

    #[test]
    fn of_many_things_the_first_are_named() {
        let records: Vec<Record> = (0..30).map(|n| Record::deleted(Kind::Client, n.to_string(), 2)).collect();
        let deeds = told(&cache(), &records);
        assert_eq!((deeds.len(), deeds[0].count, deeds[0].names.len()), (1, 30, NAMED));
    }

    #[test]
    fn what_changes_nothing_is_known() {
        let cache = cache();
        let is_held = |kind, id: &str, body| cache.is_held(&Record { kind, id: id.into(), body, changed: 9 });
        assert!(is_held(Kind::Key, "one", cache.held(Kind::Key, "one")));
        assert!(is_held(Kind::Setting, "max_attempts", Some("3".into())) && is_held(Kind::Setting, "other", None));
        assert!(!is_held(Kind::Setting, "max_attempts", None) && !is_held(Kind::Disabled, "one", None));
    }
}

//! An upstream key, and what machines noted about it. People write `Key`; machines write `Disabled` and `Cooldown`.

use super::{
    read::{self, Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;

pub const MAX_WEIGHT: u8 = 100;
pub const DEFAULT_WEIGHT: u8 = 10;
pub const ACTIVE_GROUP: &str = "active";
/// Takes a share of the traffic, and all of it when no active key is left.
pub const STANDBY_GROUP: &str = "standby";

#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    pub provider: String,
    pub secret: String,
    pub label: String,
    /// 0 to 100; a key of weight 0 gets no traffic.
    pub weight: u8,
    pub group: String,
    /// False only when a person switched the key off.
    pub enabled: bool,
    /// Globs of the models it may serve; empty = all.
    pub models: Vec<String>,
    /// What one isolate may ask of it: requests and tokens a minute, and requests at a time. `None` = no cap.
    pub rpm: Option<u32>,
    pub tpm: Option<u32>,
    pub concurrency: Option<u32>,
    /// Unix milliseconds, as `created` is. From then on it is not used.
    pub expires: Option<u64>,
    pub created: u64,
}

/// Why a machine disabled a key. Kept after the key came back, so that a relapse continues the backoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Disabled {
    /// A class of failure by its name, see `pool::class`.
    pub class: String,
    /// The upstream's status.
    pub status: Option<u16>,
    /// One redacted line of what the upstream said.
    pub message: String,
    pub since: u64,
    /// Failed probes in a row.
    pub probes: u32,
    pub next_probe: u64,
    /// When it came back; `None` while it is disabled, 0 after a fresh start: then only the history means anything.
    pub restored: Option<u64>,
    /// Newest first.
    pub history: Vec<Event>,
}

/// A key was disabled, or came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: u64,
    /// What it was disabled for; `None` = it came back.
    pub class: Option<String>,
    pub status: Option<u16>,
    pub message: String,
}

/// So many events are kept, and of each one's message so many characters.
const EVENTS: usize = 10;
const MESSAGE: usize = 60;

impl Disabled {
    /// Someone gave the key a fresh start; `None` when there is no history to be kept.
    pub fn fresh(history: Vec<Event>) -> Option<Self> {
        (!history.is_empty()).then(|| Self {
            class: String::new(),
            status: None,
            message: String::new(),
            since: 0,
            probes: 0,
            next_probe: 0,
            restored: Some(0),
            history,
        })
    }

    pub fn is_fresh(&self) -> bool {
        self.restored == Some(0)
    }
}

impl Event {
    pub fn disabled(at: u64, class: &str, status: Option<u16>, message: &str) -> Self {
        Self { at, class: Some(class.into()), status, message: message.chars().take(MESSAGE).collect() }
    }

    pub const fn restored(at: u64) -> Self {
        Self { at, class: None, status: None, message: String::new() }
    }

    /// Puts it in front of the others.
    pub fn add_to(self, history: &mut Vec<Self>) {
        history.insert(0, self);
        history.truncate(EVENTS);
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cooldown {
    pub until: u64,
    pub class: String,
    pub status: Option<u16>,
    pub message: String,
    pub since: u64,
}

impl Key {
    /// As keys are when nobody says more.
    pub fn new(provider: &str, secret: &str, label: String, now: u64) -> Self {
        Self {
            provider: provider.into(),
            secret: secret.into(),
            label,
            weight: DEFAULT_WEIGHT,
            group: ACTIVE_GROUP.into(),
            enabled: true,
            models: Vec::new(),
            rpm: None,
            tpm: None,
            concurrency: None,
            expires: None,
            created: now,
        }
    }

    /// Whether a person lets it be used.
    pub fn is_on(&self, now: u64) -> bool {
        self.enabled && self.expires.is_none_or(|at| at > now)
    }
}

impl Json for Key {
    fn json(&self) -> Value {
        object! { "provider": self.provider, "secret": self.secret, "label": self.label, "weight": self.weight, "group": self.group, "enabled": self.enabled, "models": self.models, "rpm": self.rpm, "tpm": self.tpm, "concurrency": self.concurrency, "expires": self.expires, "created": self.created }
    }
}

impl Json for Disabled {
    fn json(&self) -> Value {
        object! { "class": self.class, "status": self.status, "message": self.message, "since": self.since, "probes": self.probes, "next_probe": self.next_probe, "restored": self.restored, "history": self.history }
    }
}

/// As short as can be: each key may have some.
impl Json for Event {
    fn json(&self) -> Value {
        let mut event = vec![self.at.json()];
        if let Some(class) = &self.class {
            event.extend([class.json(), self.status.json(), self.message.json()]);
        }
        Value::Array(event)
    }
}

impl Json for Cooldown {
    fn json(&self) -> Value {
        object! { "until": self.until, "class": self.class, "status": self.status, "message": self.message, "since": self.since }
    }
}

impl Stored for Key {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            provider: from.text("provider")?,
            secret: from.text("secret")?,
            label: from.text("label").unwrap_or_default(),
            weight: u8::try_from(from.number("weight")?).ok()?.min(MAX_WEIGHT),
            group: from.text("group")?,
            enabled: from.flag("enabled")?,
            models: from.texts("models").unwrap_or_default(),
            rpm: from.small("rpm"),
            tpm: from.small("tpm"),
            concurrency: from.small("concurrency"),
            expires: from.number("expires"),
            created: from.number("created")?,
        })
    }
}

impl Stored for Disabled {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            class: from.text("class")?,
            status: from.status("status"),
            message: from.text("message")?,
            since: from.number("since")?,
            probes: from.small("probes")?,
            next_probe: from.number("next_probe")?,
            restored: from.number("restored"),
            history: from.field("history").and_then(|list| read::list(list.0)).unwrap_or_default(),
        })
    }
}

impl Stored for Event {
    fn read(from: &Reader) -> Option<Self> {
        let part = |at| from.0.get(at).map(Reader);
        Some(Self {
            at: from.0.get(0)?.as_u64()?,
            class: part(1).and_then(|class| String::read(&class)),
            status: part(2).and_then(|status| u16::try_from(status.0.as_u64()?).ok()),
            message: part(3).and_then(|message| String::read(&message)).unwrap_or_default(),
        })
    }
}

impl Stored for Cooldown {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            until: from.number("until")?,
            class: from.text("class")?,
            status: from.status("status"),
            message: from.text("message")?,
            since: from.number("since")?,
        })
    }
}

/// The id of a cooldown's record. Key ids contain no space. `None` stands for all models.
pub fn cooldown_id(key: &str, model: Option<&str>) -> String {
    format!("{key} {}", model.unwrap_or("*"))
}

/// Reads `cooldown_id` back.
pub fn split_cooldown_id(id: &str) -> Option<(&str, Option<&str>)> {
    let (key, model) = id.split_once(' ')?;
    Some((key, Some(model).filter(|m| *m != "*")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cooldown_id_reads_back() {
        for model in [None, Some("gpt-4o"), Some("a b")] {
            assert_eq!(split_cooldown_id(&cooldown_id("k1", model)), Some(("k1", model)));
        }
    }
}

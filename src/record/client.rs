//! A client key: what our users' programs present to us.

use super::{
    read::{Reader, Stored},
    usage_mode::UsageMode,
    write::{Json, object},
};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub label: String,
    /// HMAC-SHA-256 of the whole client key under the stored pepper, in hex.
    pub hash: String,
    /// What a person may see of it.
    pub masked: String,
    pub enabled: bool,
    pub rights: Vec<Right>,
    /// The groups of keys it may ask for; `*` = any.
    pub groups: Vec<String>,
    /// How much of its calls the request log keeps; `None` = as the setting says.
    pub log: Option<Log>,
    /// `None` = the provider's.
    pub usage_mode: Option<UsageMode>,
    /// Unix milliseconds.
    pub created: u64,
}

/// How much the request log keeps of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Off,
    /// All but the bodies.
    Meta,
    Bodies,
}

impl Log {
    pub const NAMES: [&str; 3] = ["off", "meta", "bodies"];

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Meta, Self::Bodies].into_iter().find(|log| log.name() == text)
    }

    pub const fn name(self) -> &'static str {
        let [off, meta, bodies] = Self::NAMES;
        match self {
            Self::Off => off,
            Self::Meta => meta,
            Self::Bodies => bodies,
        }
    }
}

/// What a client key may do besides calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Its answers tell how many attempts were made, and with which key.
    SeeAttempts,
    /// It may choose the key.
    ForceKey,
    /// It may choose how evenly its streams come.
    Paced,
    /// It may have its answers cached.
    Cache,
}

impl Right {
    pub const ALL: [Self; 4] = [Self::SeeAttempts, Self::ForceKey, Self::Paced, Self::Cache];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SeeAttempts => "see_attempts",
            Self::ForceKey => "force_key",
            Self::Paced => "paced",
            Self::Cache => "cache",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == text)
    }
}

impl Json for Client {
    fn json(&self) -> Value {
        object! { "label": self.label, "hash": self.hash, "masked": self.masked, "enabled": self.enabled, "rights": self.rights, "groups": self.groups, "log": self.log.map(Log::name), "usage_mode": self.usage_mode.map(UsageMode::name), "created": self.created }
    }
}

impl Json for Right {
    fn json(&self) -> Value {
        self.name().json()
    }
}

impl Stored for Client {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            label: from.text("label")?,
            hash: from.text("hash")?,
            masked: from.text("masked")?,
            enabled: from.flag("enabled")?,
            rights: from
                .texts("rights")
                .map_or(vec![Right::SeeAttempts], |names| names.iter().filter_map(|name| Right::parse(name)).collect()),
            groups: from.texts("groups").unwrap_or_default(),
            log: from.text("log").and_then(|log| Log::parse(&log)),
            usage_mode: from.text("usage_mode").and_then(|name| UsageMode::parse(&name)),
            created: from.number("created")?,
        })
    }
}

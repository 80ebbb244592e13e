//! A client key: what our users' programs present to us.

use super::{
    read::{Reader, Stored},
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
    /// Unix milliseconds.
    pub created: u64,
}

/// What a client key may do besides calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Its answers tell how many attempts were made, and with which key.
    SeeAttempts,
    /// It may choose the key.
    ForceKey,
}

impl Right {
    pub const ALL: [Self; 2] = [Self::SeeAttempts, Self::ForceKey];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SeeAttempts => "see_attempts",
            Self::ForceKey => "force_key",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == text)
    }
}

impl Json for Client {
    fn json(&self) -> Value {
        object! { "label": self.label, "hash": self.hash, "masked": self.masked, "enabled": self.enabled, "rights": self.rights, "groups": self.groups, "created": self.created }
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
            created: from.number("created")?,
        })
    }
}

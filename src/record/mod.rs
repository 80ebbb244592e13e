//! What is stored: small records, each of one kind, with one class of writer, so that no two writers undo each
//! other's work. See docs/adr/0002.

pub mod client;
pub mod key;
pub mod provider;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A kind's name is stored: it never changes, kinds are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// id: the provider's name. Written by people.
    Provider,
    /// id: see `auth::key_id`. Written by people.
    Key,
    /// id: a key's id. Why a key is disabled, and when it is probed. Written by machines.
    Disabled,
    /// id: key id, a space, and the model (`*` for all). Written by machines.
    Cooldown,
    /// id: random. Written by people.
    Client,
    /// id: the setting's name. Written by people.
    Setting,
    /// id: the `jti` of a session that was logged out.
    Revoked,
    /// id: `pepper`. Written once, by the first login.
    Secret,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Key => "key",
            Self::Disabled => "disabled",
            Self::Cooldown => "cooldown",
            Self::Client => "client",
            Self::Setting => "setting",
            Self::Revoked => "revoked",
            Self::Secret => "secret",
        }
    }
}

/// One stored thing. Of two records with the same kind and id, the one changed later holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub kind: Kind,
    pub id: String,
    /// JSON; `None` says that it was deleted.
    #[serde(default)]
    pub body: Option<Box<RawValue>>,
    /// Unix milliseconds.
    pub changed: u64,
}

impl Record {
    /// # Errors
    /// When `value` has no JSON form, which is a fault of ours.
    pub fn new<T: Serialize>(kind: Kind, id: impl Into<String>, value: &T, now: u64) -> crate::error::Result<Self> {
        let body = serde_json::value::to_raw_value(value).map_err(|e| crate::error::Error::Internal(e.to_string()))?;
        Ok(Self { kind, id: id.into(), body: Some(body), changed: now })
    }

    pub fn deleted(kind: Kind, id: impl Into<String>, now: u64) -> Self {
        Self { kind, id: id.into(), body: None, changed: now }
    }

    /// The body as `T`; `None` when deleted or not readable as such.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.body.as_ref()?.get()).ok()
    }

    pub fn same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_stored_under_its_name() {
        for kind in [Kind::Provider, Kind::Key, Kind::Disabled, Kind::Cooldown, Kind::Client, Kind::Setting] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        }
    }
}

//! What is stored: small records, each of one kind, with one class of writer, so that no two writers undo each
//! other's work. See docs/adr/0002.

pub mod alias;
pub mod balance;
pub mod client;
pub mod glob;
pub mod key;
pub mod models;
pub mod pace;
pub mod price;
pub mod provider;
pub mod read;
pub mod rule;
pub mod secret;
pub mod tag;
pub mod usage_mode;
pub mod write;

use read::{Reader, Stored};
use serde_json::Value;
use write::{Json, object};

/// A kind's name is stored: it never changes, kinds are only added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// id: the provider's name. Written by people.
    Provider,
    /// id: see `auth::key_id`. Written by people.
    Key,
    /// id: a key's id. Why a key is disabled, and when it is probed. Written by machines.
    Disabled,
    /// id: key id, a space, and the model (`*` for all). Written by machines.
    Cooldown,
    /// id: a key's id. What its provider says is left on its account. Written by machines.
    Balance,
    /// id: a provider's name. The models that it lists. Written by machines.
    Models,
    /// id: the model's name that it stands for, or a glob. Written by people.
    Alias,
    /// id: random. Written by people.
    Client,
    /// id: a key's id. It was taken over from a secret, and will not be again.
    Imported,
    /// id: the setting's name. Written by people.
    Setting,
    /// id: the provider's glob, a space, and the model's. Written by people.
    Price,
    /// id: random, or a shipped rule's, which is then switched on or off. Written by people.
    Rule,
    /// id: the `jti` of a session that was logged out; `*` = all that began until then.
    Revoked,
    /// id: `pepper`, written once, by the first login; or `pepper` and more, of another keypool whose backup was restored.
    Secret,
}

impl Kind {
    const ALL: [Self; 14] = [
        Self::Provider,
        Self::Key,
        Self::Disabled,
        Self::Cooldown,
        Self::Balance,
        Self::Models,
        Self::Alias,
        Self::Client,
        Self::Imported,
        Self::Setting,
        Self::Price,
        Self::Rule,
        Self::Revoked,
        Self::Secret,
    ];

    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Key => "key",
            Self::Disabled => "disabled",
            Self::Cooldown => "cooldown",
            Self::Balance => "balance",
            Self::Models => "models",
            Self::Alias => "alias",
            Self::Client => "client",
            Self::Imported => "imported",
            Self::Setting => "setting",
            Self::Price => "price",
            Self::Rule => "rule",
            Self::Revoked => "revoked",
            Self::Secret => "secret",
        }
    }
}

/// One stored thing. Of two records with the same kind and id, the one changed later holds.
#[derive(Debug, Clone)]
pub struct Record {
    pub kind: Kind,
    pub id: String,
    /// JSON; `None` says that it was deleted.
    pub body: Option<Value>,
    /// Unix milliseconds.
    pub changed: u64,
}

impl Record {
    /// # Errors
    /// When `value` has no JSON form, which is a fault of ours.
    pub fn new<T: Json>(kind: Kind, id: impl Into<String>, value: &T, now: u64) -> crate::error::Result<Self> {
        Ok(Self { kind, id: id.into(), body: Some(value.json()), changed: now })
    }

    pub fn deleted(kind: Kind, id: impl Into<String>, now: u64) -> Self {
        Self { kind, id: id.into(), body: None, changed: now }
    }

    /// The body as `T`; `None` when deleted or not readable as such, as is one whose secret part could not be decrypted.
    pub fn read<T: Stored>(&self) -> Option<T> {
        if self.sealed().is_some() {
            return None;
        }
        T::read(&Reader(self.body.as_ref()?))
    }

    pub fn same_place(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}

impl Json for Record {
    fn json(&self) -> Value {
        object! { "kind": self.kind.name(), "id": self.id, "body": self.body, "changed": self.changed }
    }
}

impl Stored for Record {
    fn read(from: &Reader) -> Option<Self> {
        let kind = from.text("kind")?;
        Some(Self {
            kind: Kind::of(&kind)?,
            id: from.text("id")?,
            body: from.field("body").map(|body| body.0.clone()).filter(|body| !body.is_null()),
            changed: from.number("changed")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_stored_under_its_name() {
        for kind in Kind::ALL {
            let text = write::text(&Record::deleted(kind, "k", 8).json());
            assert_eq!(text, format!(r#"{{"kind":"{}","id":"k","body":null,"changed":8}}"#, kind.name()));
        }
    }

    #[test]
    fn a_record_reads_back_and_a_deleted_one_too() {
        let kept = Record::new(Kind::Setting, "max_attempts", &"3", 7).unwrap();
        let gone = Record::deleted(Kind::Key, "k", 8);
        for record in [kept, gone] {
            let stored = record.json();
            let back = <Record as Stored>::read(&Reader(&stored)).unwrap();
            assert_eq!(
                (back.kind, back.id, back.body, back.changed),
                (record.kind, record.id, record.body, record.changed)
            );
        }
    }
}

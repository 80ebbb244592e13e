//! The part of a record that must not be stored in clear where it can be encrypted. In memory a record has it in clear;
//! stored, it may have its encrypted form in its place.

use super::{Kind, Record};
use crate::json;
use serde_json::{Map, Value};

/// The field of the encrypted form.
const SEALED: &str = "sealed";

impl Record {
    /// Whether records of its kind may have such a part.
    pub const fn may_be_secret(&self) -> bool {
        self.field().is_some()
    }

    /// A key, or the values of headers, which may be tokens.
    const fn field(&self) -> Option<&'static str> {
        match self.kind {
            Kind::Key => Some("secret"),
            Kind::Provider => Some("headers"),
            Kind::Disabled
            | Kind::Cooldown
            | Kind::Balance
            | Kind::Models
            | Kind::Alias
            | Kind::Client
            | Kind::Imported
            | Kind::Setting
            | Kind::Price
            | Kind::Rule
            | Kind::Revoked
            | Kind::Secret => None,
        }
    }

    /// Its encrypted form, if that is what it has.
    pub fn sealed(&self) -> Option<&str> {
        self.field()?;
        self.body.as_ref()?.get(SEALED)?.as_str()
    }

    /// As JSON; `None` when it has none in clear.
    pub fn secret(&self) -> Option<String> {
        let value = self.body.as_ref()?.get(self.field()?)?;
        let is_empty = value.as_str() == Some("") || value.as_object().is_some_and(Map::is_empty);
        (!is_empty).then(|| json::text(value))
    }

    /// Puts the encrypted form in the place of the one in clear.
    pub fn seal(&mut self, sealed: &str) {
        self.swap(|field| (field, SEALED), Value::String(sealed.into()));
    }

    /// Puts the one in clear, as `secret` gave it, in the place of the encrypted form; answers whether it can be.
    pub fn open(&mut self, secret: &str) -> bool {
        let value = json::read(secret).ok();
        let can_be = value.is_some();
        self.swap(|field| (SEALED, field), value.unwrap_or_default());
        can_be
    }

    fn swap(&mut self, names: fn(&'static str) -> (&'static str, &'static str), value: Value) {
        let Some((from, to)) = self.field().map(names) else { return };
        if let Some(body) = self.body.as_mut().and_then(Value::as_object_mut) {
            body.remove(from);
            body.insert(to.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        key::Key,
        provider::{self, Provider},
    };

    #[test]
    fn what_is_sealed_is_not_in_clear_and_reads_back() {
        let key = Key::new("p", "sk-\"1\"", "label".into(), 5);
        let headers = vec![("x-token".to_string(), "t0ken".to_string())];
        let provider = Provider { headers, ..provider::PRESETS[0].provider(5) };
        let clear =
            [Record::new(Kind::Key, "k", &key, 5).unwrap(), Record::new(Kind::Provider, "p", &provider, 5).unwrap()];
        for (record, word) in clear.iter().zip(["sk-", "t0ken"]) {
            let secret = record.secret().unwrap();
            let mut stored = record.clone();
            stored.seal("v1.x.y");
            assert_eq!((stored.sealed(), stored.secret()), (Some("v1.x.y"), None));
            assert!(!json::text(stored.body.as_ref().unwrap()).contains(word) && secret.contains(word));
            assert!(stored.open(&secret) && stored.sealed().is_none());
            assert_eq!(stored.secret(), record.secret());
        }
        assert_eq!(clear[0].clone().read::<Key>(), Some(key));
        assert_eq!(clear[1].clone().read::<Provider>(), Some(provider));
    }

    #[test]
    fn what_is_sealed_is_neither_a_key_nor_a_provider() {
        let mut key = Record::new(Kind::Key, "k", &Key::new("p", "sk", String::new(), 5), 5).unwrap();
        key.seal("v1.x.y");
        let mut provider = Record::new(Kind::Provider, "p", &provider::PRESETS[0].provider(5), 5).unwrap();
        provider.seal("v1.x.y");
        assert_eq!((key.read::<Key>(), provider.read::<Provider>()), (None, None));
    }

    #[test]
    fn where_there_is_no_secret_there_is_nothing_to_seal() {
        let plain = Record::new(Kind::Provider, "p", &provider::PRESETS[0].provider(5), 5).unwrap();
        let setting = Record::new(Kind::Setting, "secret", &"x", 5).unwrap();
        for record in [plain, setting, Record::deleted(Kind::Key, "k", 5)] {
            assert_eq!((record.secret(), record.sealed()), (None, None));
        }
    }
}

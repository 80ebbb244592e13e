//! What is stored of people's records, as far as this isolate knows.

use super::Cache;
use crate::{
    auth,
    record::{
        Kind, Record,
        write::{Json, object},
    },
};
use serde_json::Value;

impl Cache {
    /// All of them, which is what a backup holds.
    pub fn each(&self, f: &mut dyn FnMut(Kind, &str, &dyn Json)) {
        self.peppers().into_iter().for_each(|pepper| f(Kind::Secret, super::PEPPER, &pepper));
        self.settings.iter().for_each(|(name, text)| f(Kind::Setting, name, text));
        self.pool.providers().for_each(|(name, provider)| f(Kind::Provider, name, provider));
        self.pool.keys().for_each(|(_, slot)| f(Kind::Key, &slot.id, &slot.key));
        self.imported.iter().for_each(|id| f(Kind::Imported, id, &true));
        self.pool.aliases().iter().for_each(|(name, alias)| f(Kind::Alias, name, alias));
        self.clients.values().for_each(|(id, client)| f(Kind::Client, id, &**client));
        self.prices.all().iter().for_each(|price| f(Kind::Price, &price.id(), price));
        self.rules.own().iter().for_each(|ready| f(Kind::Rule, &ready.id, &ready.rule));
        let off = self.rules.shipped().iter().filter(|ready| !self.rules.is_on(ready));
        off.for_each(|ready| f(Kind::Rule, &ready.id, &object! {"enabled": false}));
    }

    /// The secrets behind the digests that are stored: first that of this keypool, then those of others whose backups were
    /// restored here.
    pub fn peppers(&self) -> Vec<&str> {
        let mut all = Vec::new();
        if let Some(own) = &self.pepper {
            all.push(own.as_str());
        }
        for other in &self.older_peppers {
            all.push(other);
        }
        all
    }

    /// The id of the key, if it is here.
    pub fn key_of(&self, provider: &str, secret: &str) -> Option<String> {
        for pepper in self.peppers() {
            let id = auth::key_id(pepper, provider, secret);
            if self.pool.find(&id).is_some() {
                return Some(id);
            }
        }
        None
    }

    /// The body under that kind and id; `None` of what machines note.
    pub fn held(&self, kind: Kind, id: &str) -> Option<Value> {
        match kind {
            Kind::Provider => self.pool.provider(id).map(Json::json),
            Kind::Key => self.pool.find(id).map(|(_, slot)| slot.key.json()),
            Kind::Alias => self.pool.aliases().iter().find(|(name, _)| name == id).map(|(_, alias)| alias.json()),
            Kind::Client => self.clients.values().find(|(known, _)| **known == *id).map(|(_, client)| client.json()),
            Kind::Imported => self.imported.contains(id).then(|| true.json()),
            Kind::Setting => self.setting(id).map(Json::json),
            Kind::Price => self.prices.all().iter().find(|price| price.id() == id).map(Json::json),
            Kind::Rule => self.rules.find(id).map(|ready| match ready.source {
                None => ready.rule.json(),
                Some(_) => object! {"enabled": self.rules.is_on(ready)},
            }),
            Kind::Disabled | Kind::Cooldown | Kind::Balance | Kind::Models | Kind::Revoked | Kind::Secret => None,
        }
    }

    /// Whether a record would change nothing. What machines note may be known elsewhere only.
    pub fn is_held(&self, record: &Record) -> bool {
        let of_people = matches!(
            record.kind,
            Kind::Provider
                | Kind::Key
                | Kind::Alias
                | Kind::Client
                | Kind::Imported
                | Kind::Setting
                | Kind::Price
                | Kind::Rule
        );
        of_people && self.held(record.kind, &record.id) == record.body
    }
}

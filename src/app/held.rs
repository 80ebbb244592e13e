//! What is stored of people's records, as far as this isolate knows.

use super::Cache;
use crate::record::{
    Kind, Record,
    write::{Json, object},
};
use serde_json::Value;

impl Cache {
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

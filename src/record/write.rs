//! JSON to be stored or sent, written field by field; the counterpart of read.rs. serde's derived writers, one for each
//! type and each way out, would be a fortieth of the upload.

pub use crate::json::text;

use crate::json::quote;
use serde_json::{Map, Value};

/// Something that has a JSON form.
pub trait Json {
    fn json(&self) -> Value;
}

/// An object. What a value is made of must be `Json`; an `Option` that is `None` is null.
macro_rules! object {
    () => { serde_json::Value::Object($crate::record::write::none()) };
    ($($name:literal: $value:expr),+ $(,)?) => {{
        let mut fields = $crate::record::write::none();
        $($crate::record::write::field(&mut fields, $name, &$value);)+
        serde_json::Value::Object(fields)
    }};
}
pub(crate) use object;

/// For `object!`; a function, because what makes a map is no small code.
#[inline(never)]
pub fn none() -> Map<String, Value> {
    Map::new()
}

/// For `object!`.
#[inline(never)]
pub fn field<T: Json + ?Sized>(fields: &mut Map<String, Value>, name: &str, value: &T) {
    insert(fields, name, value.json());
}

#[inline(never)]
fn insert(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.into(), value);
}

/// An object written as it grows, for what is written for each call: there, a `Value` is dearer than all it is made of.
pub struct Line(String);

impl Line {
    pub fn with_room(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// The value is JSON text.
    pub fn json(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.0.push_str(value);
        self
    }

    pub fn text(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        self.name(name);
        match value {
            Some(value) => quote(value, &mut self.0),
            None => self.0.push_str("null"),
        }
        self
    }

    pub fn number(&mut self, name: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.json(name, &value.to_string()),
            None => self.json(name, "null"),
        }
    }

    pub fn flag(&mut self, name: &str, value: bool) -> &mut Self {
        self.json(name, if value { "true" } else { "false" })
    }

    /// All of it.
    pub fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    /// A name needs no escapes.
    fn name(&mut self, name: &str) {
        self.0.push_str(if self.0.is_empty() { "{\"" } else { ",\"" });
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}

/// The items as an array, without a copy of them all.
pub fn list(items: &mut dyn Iterator<Item = Value>) -> String {
    let mut list = String::from("[");
    for item in items {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&text(&item));
    }
    list + "]"
}

impl<T: Json + ?Sized> Json for &T {
    fn json(&self) -> Value {
        (**self).json()
    }
}

impl Json for str {
    fn json(&self) -> Value {
        Value::String(self.into())
    }
}

impl Json for std::rc::Rc<str> {
    fn json(&self) -> Value {
        (**self).json()
    }
}

impl Json for String {
    fn json(&self) -> Value {
        self.as_str().json()
    }
}

impl Json for bool {
    fn json(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Json for u64 {
    fn json(&self) -> Value {
        Value::Number((*self).into())
    }
}

impl Json for u32 {
    fn json(&self) -> Value {
        u64::from(*self).json()
    }
}

impl Json for u16 {
    fn json(&self) -> Value {
        u64::from(*self).json()
    }
}

impl Json for u8 {
    fn json(&self) -> Value {
        u64::from(*self).json()
    }
}

impl Json for usize {
    fn json(&self) -> Value {
        Value::Number((*self).into())
    }
}

impl Json for Value {
    fn json(&self) -> Value {
        self.clone()
    }
}

impl<T: Json> Json for Option<T> {
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Json::json)
    }
}

impl<T: Json> Json for [T] {
    fn json(&self) -> Value {
        let mut items = Vec::new();
        for item in self {
            items.push(item.json());
        }
        Value::Array(items)
    }
}

impl<T: Json> Json for Vec<T> {
    fn json(&self) -> Value {
        self.as_slice().json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{
        alias::Alias,
        balance::Balance,
        client::{Client, Limit, Limits, Log, Right},
        key::{Cooldown, Disabled, Event, Key},
        models::{Model, Models},
        pace::Pace,
        price::{Price, Rates},
        provider::{PRESETS, Provider},
        read::{Reader, Stored},
        rule::{Action, Rule},
    };
    use std::fmt::Debug;

    fn reads_back<T: Json + Stored + PartialEq + Debug>(value: &T) {
        assert_eq!(T::read(&Reader(&value.json())).as_ref(), Some(value));
    }

    /// Each field with a value of its own: the compiler notices none that is forgotten in a writer.
    #[test]
    fn whatever_is_stored_reads_back_with_every_field() {
        let word = String::from;
        reads_back(&Provider {
            enabled: false,
            affinity: false,
            usage_mode: crate::record::usage_mode::UsageMode::AskAndHide,
            first_byte_timeout_ms: Some(1),
            answer_timeout_ms: Some(2),
            idle_timeout_ms: Some(3),
            overall_timeout_ms: Some(4),
            layout: crate::record::provider::Layout::Azure,
            api_version: Some(word("a")),
            headers: vec![(word("x-a"), word("b"))],
            priority: 5,
            weight: 6,
            models: vec![word("m")],
            balance_url: Some(word("u")),
            balance_path: Some(word("v")),
            ..PRESETS[1].provider(5)
        });
        reads_back(&Key {
            provider: word("p"),
            secret: word("s"),
            label: word("l"),
            weight: 1,
            group: word("g"),
            enabled: true,
            models: vec![word("m")],
            rpm: Some(2),
            tpm: Some(3),
            concurrency: Some(4),
            expires: Some(6),
            created: 5,
        });
        reads_back(&Disabled {
            class: word("c"),
            status: Some(1),
            message: word("m"),
            since: 2,
            probes: 3,
            next_probe: 4,
            restored: Some(5),
            history: vec![Event::restored(7), Event::disabled(6, "c", Some(8), "m"), Event::disabled(6, "c", None, "")],
        });
        reads_back(&Cooldown { until: 1, class: word("c"), status: Some(2), message: word("m"), since: 3 });
        let rates = Rates { input: 1, cached_input: 2, output: 3 };
        reads_back(&Price { provider: word("p"), model: word("m"), rates });
        reads_back(&Alias {
            target: Some(word("t")),
            fallbacks: vec![word("f")],
            economy: Some(word("e")),
            fallback_on: vec![word("refused")],
        });
        let model = Model { id: word("i"), created: 3, owned_by: word("o") };
        reads_back(&Models { at: 1, asked: 2, error: Some(word("e")), list: vec![model] });
        for action in [
            Action::Drop,
            Action::Rename(word("t")),
            Action::Force(Value::Null),
            Action::Default(vec![1_u64].json()),
            Action::SetHeader(word("v")),
            Action::DropHeader,
        ] {
            let (provider, model, name, about) = (word("p"), word("m"), word("n"), word("a"));
            reads_back(&Rule { enabled: true, provider, model, action, name, about, created: 1 });
        }
        reads_back(&Balance {
            amount: Some(0.25),
            currency: Some(word("c")),
            at: Some(1),
            asked: 2,
            failed: Some(word("f")),
            status: Some(3),
            message: word("m"),
        });
        let mut limits = Limits::default();
        limits.window_s = Some(3);
        Limit::ALL.into_iter().for_each(|limit| limits.set(limit, Some(4 + limit as u64)));
        reads_back(&Client {
            label: word("l"),
            hash: word("h"),
            masked: word("m"),
            enabled: true,
            rights: vec![Right::ForceKey],
            group: Some(word("h")),
            groups: vec![word("g")],
            log: Some(Log::Meta),
            usage_mode: Some(crate::record::usage_mode::UsageMode::Ask),
            expires: Some(1),
            models: vec![word("o")],
            providers: vec![word("p")],
            ips: vec![word("i")],
            limits,
            pace: Pace::Batch,
            cache_s: Some(2),
            created: 1,
        });
    }

    #[test]
    fn a_list_is_an_array_of_its_items() {
        let items = |numbers: &[u64]| list(&mut numbers.iter().map(Json::json));
        assert_eq!((items(&[]).as_str(), items(&[1, 2]).as_str()), ("[]", "[1,2]"));
    }

    #[test]
    fn an_object_has_its_fields_in_order_and_none_is_null() {
        let object = object! {"b": "x", "a": Option::<u64>::None, "c": object! {}, "d": vec![true]};
        assert_eq!(text(&object), r#"{"b":"x","a":null,"c":{},"d":[true]}"#);
    }
}

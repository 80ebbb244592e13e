//! A rule that rewrites what goes to a provider: a parameter at the root of a JSON body, or a header.

use super::{
    read::{Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub enabled: bool,
    /// A glob of providers' names; of a shipped rule, the name of a preset.
    pub provider: String,
    /// A glob of what models are called there.
    pub model: String,
    pub action: Action,
    /// The parameter's, or the header's in lower case.
    pub name: String,
    pub about: String,
    /// Unix milliseconds; rules are applied in this order.
    pub created: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Drop,
    Rename(String),
    Force(Value),
    /// Where the client gives none.
    Default(Value),
    SetHeader(String),
    DropHeader,
}

impl Action {
    pub const NAMES: [&str; 6] = ["drop", "rename", "force", "default", "set_header", "drop_header"];

    /// `None` when there is no such action, or something that it needs is missing.
    pub fn of(name: &str, value: Option<Value>, to: Option<String>) -> Option<Self> {
        match name {
            "drop" => Some(Self::Drop),
            "rename" => to.map(Self::Rename),
            "force" => value.map(Self::Force),
            "default" => value.map(Self::Default),
            "set_header" => value?.as_str().map(|text| Self::SetHeader(text.into())),
            "drop_header" => Some(Self::DropHeader),
            _ => None,
        }
    }

    pub const fn name(&self) -> &'static str {
        let [drop, rename, force, default, set_header, drop_header] = Self::NAMES;
        match self {
            Self::Drop => drop,
            Self::Rename(_) => rename,
            Self::Force(_) => force,
            Self::Default(_) => default,
            Self::SetHeader(_) => set_header,
            Self::DropHeader => drop_header,
        }
    }

    /// Null where there is none.
    pub fn value(&self) -> Value {
        match self {
            Self::Force(value) | Self::Default(value) => value.clone(),
            Self::SetHeader(text) => text.json(),
            Self::Drop | Self::Rename(_) | Self::DropHeader => Value::Null,
        }
    }

    pub fn to(&self) -> Option<&str> {
        match self {
            Self::Rename(to) => Some(to),
            Self::Drop | Self::Force(_) | Self::Default(_) | Self::SetHeader(_) | Self::DropHeader => None,
        }
    }

    pub const fn is_of_header(&self) -> bool {
        matches!(self, Self::SetHeader(_) | Self::DropHeader)
    }
}

impl Json for Rule {
    fn json(&self) -> Value {
        object! { "enabled": self.enabled, "provider": self.provider, "model": self.model, "action": self.action.name(), "name": self.name, "value": self.action.value(), "to": self.action.to(), "about": self.about, "created": self.created }
    }
}

impl Stored for Rule {
    fn read(from: &Reader) -> Option<Self> {
        let value = from.field("value").map(|value| value.0.clone());
        Some(Self {
            enabled: from.flag("enabled")?,
            provider: from.text("provider")?,
            model: from.text("model")?,
            action: Action::of(&from.text("action")?, value, from.text("to"))?,
            name: from.text("name")?,
            about: from.text("about").unwrap_or_default(),
            created: from.number("created")?,
        })
    }
}

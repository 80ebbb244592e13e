//! A price of the user's own: what a provider takes for the tokens of a model.

use super::{
    read::{Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;

/// Micro-dollars per million tokens, each; 0 is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    pub input: u64,
    /// Of the part of the input that the provider read from its cache.
    pub cached_input: u64,
    pub output: u64,
}

/// The globs are in lower case and have no spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub provider: String,
    pub model: String,
    pub rates: Rates,
}

impl Price {
    /// The id of its record: for the same two globs there is one price.
    pub fn id(&self) -> String {
        format!("{} {}", self.provider, self.model)
    }
}

impl Json for Rates {
    fn json(&self) -> Value {
        object! { "input": self.input, "cached_input": self.cached_input, "output": self.output }
    }
}

impl Json for Price {
    fn json(&self) -> Value {
        let Rates { input, cached_input, output } = self.rates;
        object! { "provider": self.provider, "model": self.model, "input": input, "cached_input": cached_input, "output": output }
    }
}

impl Stored for Price {
    fn read(from: &Reader) -> Option<Self> {
        let rates = Rates {
            input: from.number("input")?,
            cached_input: from.number("cached_input")?,
            output: from.number("output")?,
        };
        Some(Self { provider: from.text("provider")?, model: from.text("model")?, rates })
    }
}

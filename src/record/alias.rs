//! What a model's name stands for: another model, others to fall back on, a cheaper one when a budget runs out. Its
//! record's id is the name that clients ask for, or a glob of such names.

use super::{
    read::{Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;

/// Each text is `model`, `provider/model`, or `provider/*` for the same name there.
#[derive(Debug, Clone, PartialEq)]
pub struct Alias {
    /// `None` = the name itself.
    pub target: Option<String>,
    /// Asked in this order when the target does not answer.
    pub fallbacks: Vec<String>,
    /// Instead of them all when the client key's budget is nearly used up.
    pub economy: Option<String>,
    /// What makes a fallback due, see `pool::target::Fallback`.
    pub fallback_on: Vec<String>,
}

impl Json for Alias {
    fn json(&self) -> Value {
        object! { "target": self.target, "fallbacks": self.fallbacks, "economy": self.economy, "fallback_on": self.fallback_on }
    }
}

impl Stored for Alias {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            target: from.text("target"),
            fallbacks: from.texts("fallbacks")?,
            economy: from.text("economy"),
            fallback_on: from.texts("fallback_on")?,
        })
    }
}

//! A key in this isolate's pool: what is stored of it, and what this isolate saw.

use super::{class::Class, glob};
use crate::record::key::{Disabled, Key};
use std::rc::Rc;

pub struct Slot {
    pub id: Rc<str>,
    pub key: Key,
    pub disabled: Option<Disabled>,
    pub cools: Vec<Cool>,
    /// Requests of this isolate that use the key right now.
    pub in_flight: u32,
    /// Refusals (row 12) in a row.
    pub refusals: u8,
    /// Deleted; the slot stays so that tickets of running requests keep their meaning.
    pub gone: bool,
    /// Where it stands in its lane.
    pub(super) place: usize,
    pub(super) lane: usize,
}

/// A rest of the key for one model, or for all (`None`). Kept for a while after its end for its strikes.
#[derive(Debug, Clone)]
pub struct Cool {
    pub model: Option<Rc<str>>,
    pub until: u64,
    pub since: u64,
    pub class: Class,
    pub status: Option<u16>,
    pub message: Rc<str>,
    /// Failures in a row, of the kind that doubles the rest.
    pub strikes: u8,
    /// It is in storage as well.
    pub stored: bool,
}

/// As the admin API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Active,
    Cooling,
    Disabled,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Cooling => "cooling",
            Self::Disabled => "disabled",
        }
    }
}

impl Slot {
    pub fn is_disabled(&self) -> bool {
        self.gone || !self.key.enabled || self.disabled.as_ref().is_some_and(|d| d.restored.is_none())
    }

    pub fn state(&self, now: u64) -> State {
        if self.is_disabled() {
            State::Disabled
        } else if self.cools.iter().any(|c| c.until > now) {
            State::Cooling
        } else {
            State::Active
        }
    }

    /// When a rest for all models ends, if there is one.
    pub fn cool_for_all(&self, now: u64) -> Option<&Cool> {
        self.cools.iter().filter(|c| c.model.is_none() && c.until > now).max_by_key(|c| c.until)
    }

    /// The rest that keeps the key from `model` right now.
    pub fn cool_for(&self, model: &str, now: u64) -> Option<&Cool> {
        self.cools
            .iter()
            .filter(|c| c.until > now && c.model.as_deref().is_none_or(|m| m == model))
            .max_by_key(|c| c.until)
    }

    /// Whether its allow-list names the model. A call without a model is always allowed.
    pub fn serves(&self, model: &str) -> bool {
        self.key.models.is_empty() || model.is_empty() || self.key.models.iter().any(|g| glob::matches(g, model))
    }

    /// The weight with which it can be drawn for some model at least.
    pub(super) fn drawable(&self, now: u64) -> u32 {
        if self.is_disabled() || self.cool_for_all(now).is_some() { 0 } else { u32::from(self.key.weight) }
    }
}

//! Where a call may go, and the group of keys that a model's name asks for.

use super::Pool;
use crate::{
    error::Error,
    record::key::{ACTIVE_GROUP, STANDBY_GROUP},
};

/// A provider, and what the model is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub provider: String,
    /// Empty when the call names none.
    pub model: String,
    /// 0 for the model that was asked for; what comes later is a fallback for what comes before.
    pub stage: usize,
}

impl Target {
    pub fn new(provider: &str, model: &str, stage: usize) -> Self {
        Self { provider: provider.into(), model: model.into(), stage }
    }
}

/// When a fallback model is asked: when every key for the one before it is used up or fails, when nobody there knows
/// that model, or when the request is refused as the caller's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    pub exhausted: bool,
    pub not_found: bool,
    pub refused: bool,
}

impl Default for Fallback {
    fn default() -> Self {
        Self { exhausted: true, not_found: true, refused: false }
    }
}

impl Fallback {
    pub const NAMES: [&str; 3] = ["exhausted", "not_found", "refused"];

    /// Other names are left out.
    pub fn named(names: &[String]) -> Self {
        let [exhausted, not_found, refused] = Self::NAMES.map(|name| names.iter().any(|n| n == name));
        Self { exhausted, not_found, refused }
    }
}

/// The provider that a model goes to when nothing tells who has it: the one that was `chosen`, or else the one that was
/// made first; of those that the client `may` use, if there are any.
pub fn default<'a>(pool: &'a Pool, chosen: Option<&'a str>, may: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let first = |may: &dyn Fn(&str) -> bool| {
        let on = pool.providers().filter(|(name, p)| p.enabled && may(name));
        on.min_by_key(|(_, p)| p.created).map(|(name, _)| name)
    };
    let chosen = chosen.filter(|name| is_on(pool, name));
    chosen.filter(|name| may(name)).or_else(|| first(may)).or(chosen).or_else(|| first(&|_| true))
}

/// `model@group`; models have names with an @ too, so what follows it must be a group that there is.
pub fn split_group<'a>(pool: &Pool, model: &'a str) -> (&'a str, Option<String>) {
    let named = model.rsplit_once('@').and_then(|(model, name)| {
        let group = group_named(name);
        let known = group != name || [ACTIVE_GROUP, STANDBY_GROUP].contains(&group) || pool.has_group(group);
        known.then(|| (model, Some(group.to_string())))
    });
    named.unwrap_or((model, None))
}

/// A group by its name, or by what an experiment calls it.
pub fn group_named(name: &str) -> &str {
    match name {
        "treatment" => STANDBY_GROUP,
        "control" => ACTIVE_GROUP,
        name => name,
    }
}

pub fn is_on(pool: &Pool, name: &str) -> bool {
    pool.provider(name).is_some_and(|p| p.enabled)
}

pub fn unknown(name: &str) -> Error {
    Error::not_found("provider_not_found", format!("There is no provider {name}, or it is switched off."))
}

//! Which providers a model's name leads to, and in which order: aliases, `provider/model`, the lists of who has what,
//! the names that presets are known for, and the default provider.

use super::{
    Pool, affinity,
    dice::Dice,
    hash,
    slot::{Slot, State},
    target::{self, Fallback, Target, is_on, split_group, unknown},
};
use crate::{
    error::{Error, Result},
    record::{
        alias::Alias,
        glob,
        models::Models,
        provider::{Provider, preset},
    },
};

/// An alias may lead to another, but not for ever.
const DEEPEST: usize = 4;
/// More than anybody's patience.
const MOST: usize = 16;
/// A list that could not be read is asked for again so soon.
const RETRY_MS: u64 = 3_600_000;

pub struct Asked<'a> {
    /// The provider in the path.
    pub pin: Option<&'a str>,
    /// As the client names it; empty when it names none.
    pub model: &'a str,
    /// The provider chosen as the default.
    pub default: Option<&'a str>,
    /// Whether the client may use a provider. Where it may use none that has the model, it is told so of those that have it.
    pub may: &'a dyn Fn(&Pool, &str) -> bool,
    /// The client is near the end of a budget, so the cheaper model is used where there is one.
    pub economy: bool,
}

/// Where a call may go.
#[derive(Debug)]
pub struct Way {
    /// Never empty.
    pub targets: Vec<Target>,
    /// The group that `model@group` asks for.
    pub group: Option<String>,
    pub fallback: Fallback,
}

/// # Errors
/// When no such provider is configured, or none at all.
pub fn way(pool: &Pool, asked: &Asked, conversation: Option<u64>, dice: &mut Dice) -> Result<Way> {
    let (model, group) = split_group(pool, asked.model);
    if let Some(name) = asked.pin {
        let targets = vec![Target::new(name, model, 0)];
        return if is_on(pool, name) {
            Ok(Way { targets, group, fallback: Fallback::default() })
        } else {
            Err(unknown(name))
        };
    }
    let found = pool.alias(model);
    let alias = found.map(|(name, _)| name.as_str());
    let mut order = Order { pool, asked, alias, conversation, dice, targets: Vec::new() };
    let Some((_, alias)) = found else {
        order.add(model, model, 0, 0);
        return order.found(group, Fallback::default());
    };
    match alias.economy.as_deref().filter(|_| asked.economy) {
        Some(cheap) => order.add(cheap, model, 0, 1),
        None => {
            let texts = alias.target.iter().chain(&alias.fallbacks).map(String::as_str);
            let itself = Some(model).filter(|_| alias.target.is_none());
            for (stage, text) in itself.into_iter().chain(texts).enumerate() {
                order.add(text, model, stage, 1);
            }
        }
    }
    let fallback = Fallback::named(&alias.fallback_on);
    order.found(group, fallback)
}

struct Order<'a> {
    pool: &'a Pool,
    asked: &'a Asked<'a>,
    /// The name of the alias that was asked for. What it leads to does not lead back to it.
    alias: Option<&'a str>,
    conversation: Option<u64>,
    dice: &'a mut Dice,
    targets: Vec<Target>,
}

impl Order<'_> {
    /// `text` is `model`, `provider/model`, or `provider/*` for `name` there.
    fn add(&mut self, text: &str, name: &str, stage: usize, depth: usize) {
        let pool = self.pool;
        if let Some((provider, model)) = text.split_once('/')
            && is_on(pool, provider)
        {
            return self.push(provider, if model == "*" { name } else { model }, stage);
        }
        // What an alias leads to may be one itself.
        if depth > 0
            && depth < DEEPEST
            && text != name
            && let Some((_, alias)) = pool.alias(text).filter(|(name, _)| self.alias != Some(name))
            && let Some(target) = alias.target.as_deref()
        {
            return self.add(target, text, stage, depth + 1);
        }
        for provider in self.offering(text) {
            self.push(&provider, text, stage);
        }
    }

    /// Those who have the model; else those who are known for such names; else the default one.
    fn offering(&mut self, model: &str) -> Vec<String> {
        let pool = self.pool;
        let may = |name: &str| pool.has_keys(name) && (self.asked.may)(pool, name);
        let on = || pool.providers().filter(|(name, p)| p.enabled && !model.is_empty() && may(name));
        let mut found: Vec<(&str, &Provider)> = on().filter(|(name, _)| pool.offers(name, model)).collect();
        if found.is_empty() {
            found = on().filter(|(_, p)| p.models.is_empty() && is_known_for(p, model)).collect();
        }
        if found.is_empty() {
            return {
                let may = |name: &str| (self.asked.may)(pool, name);
                target::default(pool, self.asked.default, &may).map(str::to_string)
            }
            .into_iter()
            .collect();
        }
        let mut ranked: Vec<(i64, f64, &str)> = Vec::new();
        for (name, provider) in found {
            // A conversation stays with its provider as it stays with its key.
            let roll = self.conversation.map_or_else(|| self.dice.roll(), |told| hash::mix(told ^ hash(name)));
            let time = affinity::time(roll, u32::from(provider.weight));
            let place = ranked
                .partition_point(|(priority, other, _)| (-*priority, *other) < (-i64::from(provider.priority), time));
            ranked.insert(place, (i64::from(provider.priority), time, name));
        }
        ranked.into_iter().map(|(_, _, name)| name.to_string()).collect()
    }

    fn push(&mut self, provider: &str, model: &str, stage: usize) {
        let known = self.targets.iter().any(|t| t.provider == provider && t.model == model);
        if !known && self.targets.len() < MOST {
            self.targets.push(Target::new(provider, model, stage));
        }
    }

    fn found(self, group: Option<String>, fallback: Fallback) -> Result<Way> {
        if self.targets.is_empty() {
            return Err(Error::not_found(
                "provider_not_found",
                "keypool has no default provider. Add keys or choose a default on the admin page, or call \
                 provider/model.",
            ));
        }
        Ok(Way { targets: self.targets, group, fallback })
    }
}

/// Whether its preset's maker gives its models such names.
fn is_known_for(provider: &Provider, model: &str) -> bool {
    let families = provider.preset.as_deref().and_then(preset).map_or("", |preset| preset.families);
    families.split(' ').any(|family| !family.is_empty() && glob::matches(family, model))
}

impl Pool {
    /// Whether there is a key that could serve, be it well or not.
    fn has_keys(&self, provider: &str) -> bool {
        let tickets = self.site(provider).into_iter().flat_map(|site| &site.lanes).flat_map(|lane| &lane.members);
        tickets.filter_map(|ticket| self.slot(*ticket)).any(|slot| !slot.gone && slot.key.enabled)
    }

    /// A key that a free question may be asked with; one that is well, if there is any.
    pub fn key_to_ask(&self, provider: &str, now: u64) -> Option<&Slot> {
        let keys = || self.keys().map(|(_, slot)| slot).filter(|slot| slot.key.provider == provider);
        let of = |state| keys().find(|slot| slot.state(now) == state);
        of(State::Active).or_else(|| of(State::Cooling))
    }

    /// Those whose list was not asked for in the last `age_ms`, and that can be asked.
    pub fn models_due(&self, age_ms: u64, now: u64) -> Vec<String> {
        let is_due = |models: Option<&Models>| {
            models.is_none_or(|models| {
                let age_ms = if models.error.is_some() { age_ms.min(RETRY_MS) } else { age_ms };
                models.asked + age_ms <= now
            })
        };
        let due = self.providers().filter(|(name, p)| p.enabled && p.lists_models() && is_due(self.models(name)));
        due.filter(|(name, _)| self.key_to_ask(name, now).is_some()).map(|(name, _)| name.to_string()).collect()
    }

    /// Whether the provider says that it has the model, or a person says so of it.
    pub fn offers(&self, provider: &str, model: &str) -> bool {
        let Some(site) = self.site(provider) else { return false };
        let typed = site.provider.as_ref().map_or(&[][..], |p| &p.models);
        if typed.is_empty() {
            return site.models.as_ref().is_some_and(|models| models.find(model).is_some());
        }
        typed.iter().any(|family| glob::matches(family, model))
    }

    /// The alias of that name, or else the one with the longest pattern that fits; with its own name.
    pub fn alias(&self, name: &str) -> Option<&(String, Alias)> {
        let exact = self.aliases.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let fits = || self.aliases.iter().filter(|(known, _)| glob::matches(known, name)).max_by_key(|(k, _)| k.len());
        exact.or_else(fits)
    }

    pub fn aliases(&self) -> &[(String, Alias)] {
        &self.aliases
    }
}

#[cfg(test)]
mod tests;

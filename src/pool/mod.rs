//! The pool of keys as one isolate knows it: stored records merged with what this isolate saw. Pure: no clock, no
//! dice, no I/O of its own.

mod affinity;
pub mod balance;
pub mod class;
pub mod cool;
mod crowd;
pub mod dice;
pub mod exhausted;
pub mod failover;
#[cfg(test)]
pub mod fixtures;
pub mod foreign;
mod hash;
pub mod health;
mod lane;
pub mod overview;
mod pace;
pub mod paste;
pub mod redact;
pub mod reset;
pub mod routing;
pub mod select;
mod site;
pub mod slot;
mod sync;
pub mod target;
mod tilt;
mod tree;
pub mod verdict;

use crate::record::{alias::Alias, key::Key, models::Models, provider::Provider};
use cool::Cool;
use crowd::Crowd;
use site::Site;
use slot::{Slot, State};
use std::{collections::HashMap, rc::Rc};

pub use hash::hash;

/// Crowds that are remembered.
const CROWDS: usize = 64;

/// A key's place in the pool; it holds as long as the isolate lives.
pub type Ticket = usize;

#[derive(Default)]
pub struct Pool {
    slots: Vec<Slot>,
    by_id: HashMap<Rc<str>, Ticket>,
    /// One for each provider, in the order in which they became known; there are few.
    sites: Vec<Site>,
    /// By name.
    aliases: Vec<(String, Alias)>,
    /// Where requests wait for a key, or have: provider and model.
    crowds: Vec<(String, String, Crowd)>,
}

impl Pool {
    pub fn slot(&self, ticket: Ticket) -> Option<&Slot> {
        self.slots.get(ticket)
    }

    /// Those who wait for a key of the provider for the model; there are none where none ever waited.
    pub fn crowd(&mut self, provider: &str, model: &str) -> Option<&mut Crowd> {
        self.crowds.iter_mut().find(|(p, m, _)| p == provider && m == model).map(|(.., crowd)| crowd)
    }

    /// The same, for one who is about to wait.
    pub fn gather(&mut self, provider: &str, model: &str) -> Option<&mut Crowd> {
        if self.crowd(provider, model).is_none() {
            // Names that clients make up must not fill the memory.
            if self.crowds.len() >= CROWDS {
                self.crowds.retain(|(.., crowd)| !crowd.is_empty());
            }
            self.crowds.push((provider.into(), model.into(), Crowd::default()));
        }
        self.crowd(provider, model)
    }

    pub fn find(&self, id: &str) -> Option<(Ticket, &Slot)> {
        let ticket = *self.by_id.get(id)?;
        self.slots.get(ticket).filter(|s| !s.gone).map(|s| (ticket, s))
    }

    /// All keys that were not deleted.
    pub fn keys(&self) -> impl Iterator<Item = (Ticket, &Slot)> {
        self.slots.iter().enumerate().filter(|(_, s)| !s.gone)
    }

    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.site(name).and_then(|site| site.provider.as_ref())
    }

    /// What the provider lists; `None` = nobody has looked yet.
    pub fn models(&self, provider: &str) -> Option<&Models> {
        self.site(provider).and_then(|site| site.models.as_ref())
    }

    /// What the provider itself rests for, as far as this isolate knows.
    pub fn rests(&self, provider: &str) -> &[Cool] {
        self.site(provider).map_or(&[], |site| &site.cools)
    }

    pub fn providers(&self) -> impl Iterator<Item = (&str, &Provider)> {
        self.sites.iter().filter_map(|site| Some((&*site.name, site.provider.as_ref()?)))
    }

    /// How many keys a provider has, whatever their state.
    pub fn members(&self, provider: &str) -> usize {
        self.site(provider).map_or(0, |site| site.lanes.iter().map(|lane| lane.members.len()).sum())
    }

    /// The groups that keys are in, by name.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for (_, slot) in self.keys() {
            if let Err(place) = groups.binary_search(&slot.key.group.as_str()) {
                groups.insert(place, &slot.key.group);
            }
        }
        groups
    }

    /// Whether keys are, or were, in that group.
    pub fn has_group(&self, group: &str) -> bool {
        self.sites.iter().any(|site| site.lane(group).is_some())
    }

    /// Whether the provider has a key of that secret, under whatever id.
    pub fn has_secret(&self, provider: &str, secret: &str) -> bool {
        self.keys().any(|(_, slot)| slot.key.provider == provider && slot.key.secret == secret)
    }

    /// Whether the provider has keys, or had some, in that group.
    pub fn has_group_at(&self, provider: &str, group: &str) -> bool {
        self.site(provider).is_some_and(|site| site.lane(group).is_some())
    }

    /// How many of the keys that are `meant` are active, cooling and disabled.
    pub fn count(&self, meant: &dyn Fn(&Key) -> bool, now: u64) -> [u64; 3] {
        let mut counts = [0; 3];
        let [active, cooling, disabled] = &mut counts;
        for (_, slot) in self.keys().filter(|(_, s)| meant(&s.key)) {
            match slot.state(now) {
                State::Active => *active += 1,
                State::Cooling => *cooling += 1,
                State::Disabled => *disabled += 1,
            }
        }
        counts
    }

    /// A request begins to use the key. The first one after a rest keeps the others waiting until it is known whether
    /// the rest was long enough.
    pub fn started(&mut self, ticket: Ticket, model: &str, now: u64) {
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        slot.in_flight += 1;
        slot.pace.begins(now);
        let mut changed = slot.key.concurrency.is_some() || slot.pace.has_learned();
        for cool in slot.cools.iter_mut().filter(|c| c.is_for(model)) {
            changed |= cool.try_out(now);
        }
        if let Some(site) = self.sites.get_mut(slot.site) {
            site.try_out(model, now);
            if let Some(lane) = site.lanes.get_mut(slot.lane) {
                lane.in_flight += 1;
            }
        }
        if changed {
            self.reweigh(ticket, now);
        }
        self.used(ticket, 1, 0, now);
    }

    pub fn ended(&mut self, ticket: Ticket, now: u64) {
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        slot.in_flight = slot.in_flight.saturating_sub(1);
        if let Some(lane) = self.sites.get_mut(slot.site).and_then(|site| site.lanes.get_mut(slot.lane)) {
            lane.in_flight = lane.in_flight.saturating_sub(1);
        }
        if slot.key.concurrency.is_some() {
            self.reweigh(ticket, now);
        }
    }

    fn site(&self, name: &str) -> Option<&Site> {
        self.sites.iter().find(|site| &*site.name == name)
    }

    /// The site of that name; made when there is none.
    fn site_at(&mut self, name: &str) -> usize {
        if let Some(at) = self.sites.iter().position(|site| &*site.name == name) {
            return at;
        }
        self.sites.push(Site::new(name));
        self.sites.len() - 1
    }

    /// Brings the trees up to date after a change of one key's health.
    fn reweigh(&mut self, ticket: Ticket, now: u64) {
        let Some(slot) = self.slots.get(ticket) else { return };
        if let Some(lane) = self.sites.get_mut(slot.site).and_then(|site| site.lanes.get_mut(slot.lane)) {
            lane.reweigh(slot, now);
        }
    }

    /// The same after a change of what a person decides: its weight, its models, whether it is there at all.
    fn rebuild(&mut self, ticket: Ticket) {
        let Some(slot) = self.slots.get(ticket) else { return };
        if let Some(lane) = self.sites.get_mut(slot.site).and_then(|site| site.lanes.get_mut(slot.lane)) {
            lane.changed();
        }
    }
}

#[cfg(test)]
mod tests;

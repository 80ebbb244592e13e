//! The pool of keys as one isolate knows it: stored records merged with what this isolate saw. Pure: no clock, no
//! dice, no I/O of its own.

pub mod class;
pub mod dice;
pub mod exhausted;
pub mod failover;
#[cfg(test)]
pub mod fixtures;
pub mod glob;
pub mod health;
mod incident;
pub mod paste;
pub mod redact;
pub mod reset;
pub mod select;
pub mod slot;
mod sync;
pub mod target;
mod tree;
pub mod verdict;

use crate::record::provider::Provider;
use slot::{Slot, State};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    rc::Rc,
};
use tree::Tree;

/// A key's place in the pool; it holds as long as the isolate lives.
pub type Ticket = usize;

#[derive(Default)]
pub struct Pool {
    slots: Vec<Slot>,
    by_id: HashMap<Rc<str>, Ticket>,
    /// One for each provider, in the order in which they became known; there are few.
    lanes: Vec<Lane>,
}

/// The keys of one provider, ready to be drawn from.
struct Lane {
    name: Rc<str>,
    /// `None` when keys name a provider that is not (or no longer) there.
    provider: Option<Provider>,
    members: Vec<Ticket>,
    tree: Tree,
    /// The tree must be made anew before the next draw.
    stale: bool,
    /// Keys that were just found dead, see `incident.rs`.
    suspects: Vec<incident::Suspect>,
    /// The last success of any key, in Unix milliseconds.
    last_ok: Option<u64>,
    /// Keys whose rest for all models ends: (when, ticket).
    wakes: BinaryHeap<Reverse<(u64, Ticket)>>,
}

impl Pool {
    pub fn slot(&self, ticket: Ticket) -> Option<&Slot> {
        self.slots.get(ticket)
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
        self.lane(name).and_then(|lane| lane.provider.as_ref())
    }

    pub fn providers(&self) -> impl Iterator<Item = (&str, &Provider)> {
        self.lanes.iter().filter_map(|lane| Some((&*lane.name, lane.provider.as_ref()?)))
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

    /// How many keys are active, cooling and disabled; of one provider or of all.
    pub fn count(&self, provider: Option<&str>, now: u64) -> [u64; 3] {
        let mut counts = [0; 3];
        let [active, cooling, disabled] = &mut counts;
        for (_, slot) in self.keys().filter(|(_, s)| provider.is_none_or(|p| s.key.provider == p)) {
            match slot.state(now) {
                State::Active => *active += 1,
                State::Cooling => *cooling += 1,
                State::Disabled => *disabled += 1,
            }
        }
        counts
    }

    pub fn started(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slots.get_mut(ticket) {
            slot.in_flight += 1;
        }
    }

    pub fn ended(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slots.get_mut(ticket) {
            slot.in_flight = slot.in_flight.saturating_sub(1);
        }
    }

    fn lane(&self, name: &str) -> Option<&Lane> {
        self.lanes.iter().find(|lane| &*lane.name == name)
    }

    /// The lane of that name; made when there is none.
    fn lane_at(&mut self, name: &str) -> usize {
        if let Some(at) = self.lanes.iter().position(|lane| &*lane.name == name) {
            return at;
        }
        self.lanes.push(Lane {
            name: name.into(),
            provider: None,
            members: Vec::new(),
            tree: Tree::default(),
            stale: true,
            suspects: Vec::new(),
            last_ok: None,
            wakes: BinaryHeap::new(),
        });
        self.lanes.len() - 1
    }

    /// Brings the lane's tree up to date after a change of one key's weight or health.
    fn reweigh(&mut self, ticket: Ticket, now: u64) {
        let Some(slot) = self.slots.get(ticket) else { return };
        let Some(lane) = self.lanes.get_mut(slot.lane) else { return };
        if let Some(cool) = slot.cool_for_all(now) {
            lane.wakes.push(Reverse((cool.until, ticket)));
        }
        lane.tree.set(slot.place, slot.drawable(now));
    }
}

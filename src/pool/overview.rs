//! The pool at a glance: how the keys are, what happens next by itself, and what waits for a person.

use super::{
    Pool, Ticket,
    class::Class,
    cool::Cool,
    health::PROBES,
    redact,
    slot::{Slot, State},
};
use crate::{
    record::{client::Client, provider::Provider},
    sort::sort,
};

const MINUTE_MS: u64 = 60_000;
/// So many events are told.
const EVENTS: usize = 20;
const NAMES: usize = 3;
/// A key that expires within so long is mentioned.
pub const EXPIRES_SOON_MS: u64 = 7 * 24 * 60 * MINUTE_MS;
/// A key that so many probes in a row found dead is.
const DEAD_PROBES: u32 = 3;
/// A cron that works probes what is due within so long, and longer when more are due than it takes at once.
const PROBED_MS: u64 = 5 * MINUTE_MS;
/// Whoever is back within so long needs nobody.
const SHORT_MS: u64 = MINUTE_MS;

pub struct Overview<'a> {
    pub keys: Keys,
    /// What keeps keys from work: as which state, by class, and how many, most first.
    pub reasons: Vec<(State, &'a str, u64)>,
    pub sites: Vec<Site<'a>>,
    pub next: Next<'a>,
    pub dead: Note,
    /// Keys with nothing left on their accounts.
    pub empty: Note,
    pub expiring: Note,
    /// Keys that should have been probed long ago.
    pub late: u64,
}

/// How many keys are how. `off` are those that a person switched off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    pub active: u64,
    pub cooling: u64,
    pub disabled: u64,
    pub off: u64,
}

pub struct Site<'a> {
    pub name: &'a str,
    pub provider: &'a Provider,
    pub keys: Keys,
    /// Until when the provider itself rests.
    pub rests_until: Option<u64>,
    /// Keys that the next call may use.
    pub usable: u64,
    /// Keys that could be used if they were well.
    pub meant: u64,
    /// None is usable, but one will be within a minute.
    pub is_back_soon: bool,
}

/// How many there are of something that waits for a person, and some of their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Note {
    pub count: u64,
    pub names: Vec<String>,
}

/// What is going to happen, soonest first.
#[derive(Default)]
pub struct Next<'a>(pub Vec<Event<'a>>);

#[derive(Clone, Copy)]
pub struct Event<'a> {
    pub at: u64,
    pub name: &'static str,
    pub of: Of<'a>,
    /// `None` = of all models, or of none.
    pub model: Option<&'a str>,
}

/// Whom an event is about.
#[derive(Clone, Copy)]
pub enum Of<'a> {
    Key(&'a Slot),
    Provider(&'a str),
    Client(&'a str, &'a Client),
}

impl Keys {
    fn add(&mut self, state: Option<State>) {
        *match state {
            Some(State::Active) => &mut self.active,
            Some(State::Cooling) => &mut self.cooling,
            Some(State::Disabled) => &mut self.disabled,
            None => &mut self.off,
        } += 1;
    }

    pub const fn total(&self) -> u64 {
        self.active + self.cooling + self.disabled + self.off
    }
}

impl Note {
    pub fn add(&mut self, name: &dyn Fn() -> String) {
        self.count += 1;
        if self.names.len() < NAMES {
            self.names.push(name());
        }
    }
}

impl<'a> Next<'a> {
    pub fn add(&mut self, at: u64, name: &'static str, of: Of<'a>, model: Option<&'a str>) {
        let place = self.0.partition_point(|event| event.at <= at);
        if place < EVENTS {
            self.0.insert(place, Event { at, name, of, model });
            self.0.truncate(EVENTS);
        }
    }
}

/// What people know the key by.
pub fn name(slot: &Slot) -> String {
    if slot.key.label.is_empty() { redact::mask(&slot.key.secret) } else { slot.key.label.clone() }
}

impl Pool {
    pub fn overview(&self, now: u64) -> Overview<'_> {
        let mut all = Overview {
            keys: Keys::default(),
            reasons: Vec::new(),
            sites: Vec::new(),
            next: Next::default(),
            dead: Note::default(),
            empty: Note::default(),
            expiring: Note::default(),
            late: 0,
        };
        for (name, provider) in self.providers() {
            all.add_site(name, provider, self.rests(name), now);
        }
        for (_, slot) in self.keys() {
            all.add_key(slot, now);
            if slot.key.enabled && self.balance(slot).is_some_and(|amount| amount <= 0.0) {
                all.empty.add(&|| name(slot));
            }
        }
        all.late = self.late(now);
        let reasons = all.reasons.clone();
        let mut places: Vec<usize> = (0..reasons.len()).collect();
        let count = |at: usize| reasons.get(at).map(|(.., count)| *count);
        let name = |at: usize| reasons.get(at).map(|(state, class, _)| (*class, state.name()));
        sort(&mut places, &|a, b| count(b).cmp(&count(a)).then_with(|| name(a).cmp(&name(b))));
        all.reasons = places.into_iter().filter_map(|at| reasons.get(at).copied()).collect();
        all
    }

    /// How many keys are due to be probed, if the first of them has waited longer than a working cron lets it.
    fn late(&self, now: u64) -> u64 {
        let is_probed = |ticket: &Ticket| self.slot(*ticket).is_some_and(|s| self.provider(&s.key.provider).is_some());
        let due: Vec<Ticket> = self.due(now).into_iter().filter(is_probed).collect();
        let count = u64::try_from(due.len()).unwrap_or(u64::MAX);
        let patience_ms = PROBED_MS + count / PROBES as u64 * MINUTE_MS;
        let first = due.first().and_then(|ticket| self.slot(*ticket)?.down());
        if first.is_some_and(|down| down.next_probe + patience_ms < now) { count } else { 0 }
    }
}

impl<'a> Overview<'a> {
    fn add_site(&mut self, name: &'a str, provider: &'a Provider, rests: &'a [Cool], now: u64) {
        let mut rests_until = None;
        for cool in rests.iter().filter(|cool| cool.until > now) {
            if cool.model.is_none() {
                rests_until = rests_until.max(Some(cool.until));
            }
            self.next.add(cool.until, "provider_back", Of::Provider(name), cool.model.as_deref());
        }
        let keys = Keys::default();
        self.sites.push(Site { name, provider, keys, rests_until, usable: 0, meant: 0, is_back_soon: false });
    }

    fn add_key(&mut self, slot: &'a Slot, now: u64) {
        let (key, of) = (&slot.key, Of::Key(slot));
        let state = key.enabled.then(|| slot.state(now));
        self.keys.add(state);
        if let Some(site) = self.sites.iter_mut().find(|site| *site.name == key.provider) {
            site.add(slot, state, now);
        }
        let Some(state) = state else { return };
        let served = self.sites.iter().any(|site| *site.name == key.provider && site.provider.enabled);
        match (slot.down(), state) {
            _ if !key.is_on(now) => self.reason(state, "expired"),
            (Some(down), _) => {
                self.reason(state, &down.class);
                if served {
                    self.next.add(down.next_probe, "probe", of, None);
                }
                if down.class == Class::KeyDead.name() && down.probes >= DEAD_PROBES {
                    self.dead.add(&|| name(slot));
                }
            }
            (None, State::Cooling) => {
                let rests = || slot.cools.iter().filter(|cool| cool.until > now);
                for cool in rests() {
                    self.next.add(cool.until, "cooldown_end", of, cool.model.as_deref());
                }
                if let Some(longest) = rests().max_by_key(|cool| cool.until) {
                    self.reason(state, longest.class.name());
                }
            }
            (None, State::Active | State::Disabled) => {}
        }
        if let Some(at) = key.expires.filter(|at| *at > now) {
            self.next.add(at, "key_expires", of, None);
            if at < now + EXPIRES_SOON_MS {
                self.expiring.add(&|| name(slot));
            }
        }
    }

    fn reason(&mut self, state: State, class: &'a str) {
        match self.reasons.iter_mut().find(|(of, known, _)| *of == state && *known == class) {
            Some((.., count)) => *count += 1,
            None => self.reasons.push((state, class, 1)),
        }
    }
}

impl Site<'_> {
    /// `state` is `None` when a person switched the key off.
    fn add(&mut self, slot: &Slot, state: Option<State>, now: u64) {
        self.keys.add(state);
        if slot.key.weight == 0 || !slot.key.is_on(now) {
            return;
        }
        self.meant += 1;
        match state {
            Some(State::Active) if self.provider.enabled => self.usable += 1,
            Some(State::Cooling) => {
                self.is_back_soon |= slot.cools.iter().all(|cool| cool.until < now + SHORT_MS);
            }
            Some(State::Active | State::Disabled) | None => {}
        }
    }

    /// It should serve, and no key of it can.
    pub const fn is_down(&self) -> bool {
        self.provider.enabled && self.meant > 0 && self.usable == 0
    }
}

#[cfg(test)]
mod tests;

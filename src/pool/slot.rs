//! A key in this isolate's pool: what is stored of it, and what this isolate saw.

use super::{
    class::Class,
    cool::Cool,
    pace::Pace,
    tilt::{self, Tilt},
};
use crate::record::{
    balance::Balance,
    glob,
    key::{Disabled, Key},
};
use std::rc::Rc;

/// How soon those who wait for a key that is full look again.
const SOON_MS: u64 = 250;
/// A key that is at the limit it was refused at before is the second choice.
const SECOND_CHOICE: u32 = 16;

pub struct Slot {
    pub id: Rc<str>,
    /// Of the id.
    pub(super) hash: u64,
    pub key: Key,
    pub disabled: Option<Disabled>,
    pub cools: Vec<Cool>,
    /// Boxed: few pools have one for each key.
    pub balance: Option<Box<Balance>>,
    pub(super) tilt: Tilt,
    /// Requests of this isolate that use the key right now.
    pub in_flight: u32,
    pub(super) pace: Pace,
    /// Refusals (row 12) in a row.
    pub refusals: u8,
    /// When someone gave it a fresh start.
    pub(super) fresh_since: u64,
    /// The last time it was tried although it rested.
    pub(super) last_resort: u64,
    /// Deleted; the slot stays so that tickets of running requests keep their meaning.
    pub gone: bool,
    /// Where it stands in its lane.
    pub(super) place: usize,
    pub(super) lane: usize,
    pub(super) site: usize,
}

/// After so many failures in a row there is little hope.
const RISKED: u8 = 16;

/// How likely a key is drawn, and when that changes by itself.
pub(super) struct Share {
    pub weight: u32,
    pub until: Option<u64>,
}

impl Share {
    pub const NONE: Self = Self { weight: 0, until: None };
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
    pub fn new(id: &str, key: Key, [site, lane, place]: [usize; 3]) -> Self {
        Self {
            id: id.into(),
            hash: super::hash(id),
            key,
            disabled: None,
            cools: Vec::new(),
            balance: None,
            tilt: Tilt::default(),
            in_flight: 0,
            pace: Pace::default(),
            refusals: 0,
            fresh_since: 0,
            last_resort: 0,
            gone: false,
            place,
            lane,
            site,
        }
    }

    /// By a person or a machine; see also `Key::is_on`.
    pub fn is_disabled(&self) -> bool {
        self.gone || !self.key.enabled || self.down().is_some()
    }

    /// What a machine disabled it for, unless it came back.
    pub fn down(&self) -> Option<&Disabled> {
        self.disabled.as_ref().filter(|d| d.restored.is_none())
    }

    pub fn state(&self, now: u64) -> State {
        if self.is_disabled() || !self.key.is_on(now) {
            State::Disabled
        } else if self.cools.iter().any(|c| c.until > now) {
            State::Cooling
        } else {
            State::Active
        }
    }

    /// The rest that keeps the key from `model` the longest.
    pub fn cool_for(&self, model: &str, now: u64) -> Option<&Cool> {
        self.cools.iter().filter(|c| c.is_for(model) && c.holds(now).is_some()).max_by_key(|c| c.holds(now))
    }

    /// Whether its allow-list names the model. A call without a model is always allowed.
    pub fn serves(&self, model: &str) -> bool {
        self.key.models.is_empty() || model.is_empty() || self.key.models.iter().any(|g| glob::matches(g, model))
    }

    pub(super) fn is_full(&self) -> bool {
        self.key.concurrency.is_some_and(|most| self.in_flight >= most)
    }

    /// It could be used for the model, but for failures that may pass at any time. One at a time, and not when it only fails.
    pub(super) fn is_risky(&self, model: &str, now: u64) -> bool {
        let mut rests = self.cools.iter().filter(|c| c.is_for(model) && c.until > now).peekable();
        let is_on = !self.is_disabled() && self.key.is_on(now) && self.key.weight > 0 && self.serves(model);
        is_on
            && self.in_flight == 0
            && self.pace.holds(now).is_none()
            && rests.peek().is_some()
            && rests.all(|c| c.class == Class::Transient && c.strikes <= RISKED)
    }

    pub(super) fn share(&self, model: &str, now: u64) -> Share {
        if self.is_disabled() || !self.key.is_on(now) || !self.serves(model) {
            return Share::NONE;
        }
        if self.is_full() {
            return Share { weight: 0, until: Some((now / SOON_MS + 1) * SOON_MS) };
        }
        if let Some(until) = self.cool_for(model, now).and_then(|c| c.holds(now)) {
            return Share { weight: 0, until: Some(until) };
        }
        if let Some(until) = self.pace.holds(now) {
            return Share { weight: 0, until: Some(until) };
        }
        let (tilted, at_limit) = (self.tilt.share(now), self.pace.is_at_limit(now));
        let parts = if at_limit { tilted.div_ceil(SECOND_CHOICE) } else { tilted };
        let review = (parts < tilt::WHOLE).then_some((now / tilt::REVIEW_MS + 1) * tilt::REVIEW_MS);
        let until = review.into_iter().chain(self.key.expires).min();
        Share { weight: u32::from(self.key.weight) * parts, until }
    }

    /// When it may be used for the model again without a person's doing, and what keeps it until then.
    pub(super) fn comes_back(&self, model: &str, now: u64) -> Option<(Class, u64)> {
        if !self.key.is_on(now) || self.key.weight == 0 {
            return None;
        }
        if let Some(disabled) = self.down() {
            return Some((Class::parse(&disabled.class)?, disabled.next_probe));
        }
        let rest = self.cool_for(model, now).and_then(|cool| Some((cool.class, cool.look_again(now)?)));
        let rest = rest.or_else(|| Some((Class::RateLimited, self.pace.holds(now)?)));
        rest.or_else(|| self.is_full().then_some((Class::RateLimited, now + SOON_MS)))
    }
}

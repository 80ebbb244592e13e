//! The meters of all client keys with limits that call this isolate, and when they ask the storage.

use super::{
    Over, When,
    meter::{Meter, Since, Used},
};
use crate::record::client::Limits;
use std::rc::Rc;

/// Two syncs are at least so far apart.
const GAP_MS: u64 = 1000;
/// A sync that began so long ago was cut off by the runtime.
const CUT_OFF_MS: u64 = 40_000;
/// A meter that nobody asks is kept for so long.
const IDLE_MS: u64 = 3_600_000;

#[derive(Default)]
pub struct Meters {
    /// In the order of the ids.
    meters: Vec<(Rc<str>, Meter)>,
    /// How many flushes have taken something.
    flushes: u64,
    /// Since when a sync is going on.
    syncing: Option<u64>,
    /// When the last one began.
    synced: u64,
    /// When the storage could not be read.
    failed: Option<u64>,
}

/// How often the storage is asked.
#[derive(Clone, Copy)]
pub struct Rate {
    /// What is older than this is read again.
    pub age_ms: u64,
    /// What matters to other isolates is flushed at once.
    pub at_once: bool,
}

/// What is to be done for a client key.
#[derive(Debug, PartialEq, Eq)]
pub enum Need {
    Nothing,
    /// Before anything else: flush and read.
    First,
    /// After so many milliseconds, while calls go on; `flush` first or only read.
    Soon {
        wait_ms: u64,
        flush: bool,
    },
}

/// What to read.
pub struct Plan {
    pub ids: Vec<Rc<str>>,
    pub since: Since,
    flushes: u64,
}

/// What one client key used in a minute or on a day.
pub type Line = (Rc<str>, u64, Used);

impl Meters {
    /// A client key with `limits` asks to be let in.
    pub fn asks(&mut self, id: &Rc<str>, limits: Limits, when: When, rate: Rate) -> Need {
        if let Err(place) = self.place(id) {
            self.meters.insert(place, (id.clone(), Meter::default()));
        }
        if let Some(meter) = self.of(id) {
            (meter.limits, meter.asked) = (limits, when.now);
        }
        self.need(id, when, rate)
    }

    pub fn need(&mut self, id: &str, when: When, rate: Rate) -> Need {
        if self.failed.is_some_and(|at| at + rate.age_ms > when.now) {
            return Need::Nothing;
        }
        let Some(meter) = self.of(id) else { return Need::Nothing };
        if meter.is_cold(when) {
            return Need::First;
        }
        let (flush, is_older) = (rate.at_once && meter.is_urgent(), meter.is_older(rate.age_ms, when.now));
        let is_going_on = self.syncing.is_some_and(|since| since + CUT_OFF_MS > when.now);
        if is_going_on || !flush && !is_older {
            return Need::Nothing;
        }
        self.syncing = Some(when.now);
        let wait_ms = if flush { (self.synced + GAP_MS).saturating_sub(when.now).min(GAP_MS) } else { 0 };
        Need::Soon { wait_ms, flush }
    }

    /// Counts a call, or says why it may not go in.
    pub fn admit(&mut self, id: &str, when: When) -> Option<Over> {
        let meter = self.of(id)?;
        let over = meter.over(when);
        if over.is_none() {
            meter.admitted(when);
        }
        over
    }

    /// It called this isolate, and has limits.
    pub fn knows(&self, id: &str) -> bool {
        self.place(id).is_ok()
    }

    /// Counts what a call took; `used` has no requests.
    pub fn ended(&mut self, id: &str, used: Used, when: When) {
        if let Some(meter) = self.of(id) {
            meter.ended(used, when);
        }
    }

    /// A flush takes all that was counted until now.
    pub fn sent(&mut self) {
        self.flushes += 1;
        self.meters.iter_mut().for_each(|(_, meter)| meter.sent());
    }

    /// What to read for all that called lately. To be read at once, when all that was sent is known to be stored.
    pub fn plan(&mut self, when: When, rate: Rate, late_ms: u64) -> Plan {
        self.synced = when.now;
        let (mut ids, mut since) = (Vec::new(), Since::default());
        for (id, meter) in &self.meters {
            if meter.asked + rate.age_ms.max(CUT_OFF_MS) >= when.now {
                since = since.and(meter.lacks(when, late_ms));
                ids.push(id.clone());
            }
        }
        Plan { ids, since, flushes: self.flushes }
    }

    /// What was found. When a flush went on meanwhile, nobody knows whether it is in there, so it is dropped.
    pub fn learn(&mut self, plan: &Plan, minutes: &[Line], days: &[Line], when: When) {
        self.failed = None;
        if plan.flushes != self.flushes {
            return;
        }
        for id in &plan.ids {
            let Some(meter) = self.of(id) else { continue };
            let of = |lines: &[Line]| -> Vec<(u64, Used)> {
                lines.iter().filter(|(of, ..)| of == id).map(|(_, at, used)| (*at, *used)).collect()
            };
            meter.learn(plan.since, &of(minutes), &of(days), when);
        }
        self.meters.retain(|(_, meter)| meter.asked + IDLE_MS > when.now || !meter.is_all_sent());
    }

    /// The storage could not be read.
    pub const fn failed(&mut self, now: u64) {
        self.failed = Some(now);
    }

    /// The sync that was needed `Soon` is over.
    pub const fn synced(&mut self) {
        self.syncing = None;
    }

    /// See `Meter::budget_share`.
    pub fn budget_share(&mut self, id: &str, when: When) -> u64 {
        self.of(id).map_or(0, |meter| meter.budget_share(when))
    }

    fn place(&self, id: &str) -> Result<usize, usize> {
        self.meters.binary_search_by(|(known, _)| (**known).cmp(id))
    }

    fn of(&mut self, id: &str) -> Option<&mut Meter> {
        let place = self.place(id).ok()?;
        self.meters.get_mut(place).map(|(_, meter)| meter)
    }
}

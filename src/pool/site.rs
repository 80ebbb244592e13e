//! A provider as this isolate knows it: its keys, and what it does to all of them at once. One that breaks down, is
//! overloaded or throttles our address rests as a whole, and no key is blamed.

use super::{
    Ticket,
    class::Class,
    cool::Cool,
    dice::Dice,
    hash,
    health::{self, Attempt},
    lane::Lane,
    slot::Slot,
    verdict::{Verdict, blames_address},
};
use crate::record::{Record, models::Models, provider::Provider};
use std::{collections::VecDeque, rc::Rc};

const SECOND: u64 = 1000;
/// The breaker (Nygard, "Release It!"): so many failures among the last attempts, of two keys or more.
const LAST: usize = 10;
const FAILURES: usize = 5;
const BREAK_MS: u64 = 10 * SECOND;
/// Failures that count of one request.
const AT_ONCE: u64 = 3;
/// Row 1's guard.
pub const REFUSED_MS: u64 = 60 * SECOND;
/// Row 7.
const THROTTLED_MS: u64 = 10 * SECOND;
const KEYS: usize = 3;
/// With all keys blocked, one of them is tried this often all the same.
const LAST_RESORT_MS: u64 = 10 * SECOND;
/// Models that are remembered as resting, or as tried.
const NAMES: usize = 32;
/// Failures of a model that lie this far back are no row.
const FORGET_MS: u64 = 60 * SECOND;

pub struct Site {
    pub name: Rc<str>,
    /// `None` when keys name a provider that is not (or no longer) there.
    pub provider: Option<Provider>,
    /// What it lists; `None` = nobody has looked yet.
    pub models: Option<Models>,
    /// One a group.
    pub lanes: Vec<Lane>,
    /// Of the whole provider, or of one of its models.
    pub cools: Vec<Cool>,
    /// Keys that were just refused as dead or throttled.
    suspects: Vec<Suspect>,
    /// Keys that rest because the provider seemed to refuse everybody.
    resting: Vec<Ticket>,
    /// When a key was tried last although all were blocked, by model.
    last_resorts: Vec<(Rc<str>, u64)>,
    last: VecDeque<Attempted>,
    /// When the breaker opened last.
    broke_at: Option<u64>,
    /// The last success of any key, in Unix milliseconds.
    last_ok: Option<u64>,
}

/// One attempt that could be served.
struct Attempted {
    ticket: Ticket,
    /// The hash of its name.
    model: u64,
    failed: bool,
}

struct Suspect {
    ticket: Ticket,
    class: Class,
    print: u64,
    at: u64,
}

impl Site {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            provider: None,
            models: None,
            lanes: Vec::new(),
            cools: Vec::new(),
            suspects: Vec::new(),
            resting: Vec::new(),
            last_resorts: Vec::new(),
            last: VecDeque::new(),
            broke_at: None,
            last_ok: None,
        }
    }

    pub fn lane(&self, group: &str) -> Option<usize> {
        self.lanes.iter().position(|lane| &*lane.group == group)
    }

    /// The lane of that group; made when there is none.
    pub fn lane_at(&mut self, group: &str) -> usize {
        self.lane(group).unwrap_or_else(|| {
            self.lanes.push(Lane::new(group));
            self.lanes.len() - 1
        })
    }

    /// The rest that keeps all keys from the model.
    pub fn rests(&self, model: &str, now: u64) -> Option<&Cool> {
        self.cools.iter().filter(|c| c.is_for(model) && c.holds(now).is_some()).max_by_key(|c| c.holds(now))
    }

    /// Whether it is time to try a key although all are blocked; if so, it is done now.
    pub fn last_resort_is_due(&mut self, model: &str, now: u64) -> bool {
        self.last_resorts.retain(|(_, at)| at + LAST_RESORT_MS > now);
        // Clients make up names of models.
        let due = self.last_resorts.len() < NAMES && self.last_resorts.iter().all(|(known, _)| &**known != model);
        if due {
            self.last_resorts.push((model.into(), now));
        }
        due
    }

    /// A request goes ahead.
    pub fn try_out(&mut self, model: &str, now: u64) {
        for cool in self.cools.iter_mut().filter(|c| c.is_for(model)) {
            cool.try_out(now);
        }
    }

    /// A request that began then succeeded: whatever rest began before it is over. Answers the keys that need not rest
    /// any more.
    pub fn succeeded(&mut self, ticket: Ticket, model: &str, began: u64, now: u64) -> Vec<Ticket> {
        self.last_ok = Some(now);
        self.note(ticket, model, false);
        self.cools.retain(|c| !c.is_for(model) || c.since > began);
        std::mem::take(&mut self.resting)
    }

    /// A failed attempt; answers the keys that are not to blame for theirs, when the provider is.
    pub fn failed(&mut self, attempt: &Attempt, verdict: &Verdict, now: u64, dice: &mut Dice) -> Vec<Ticket> {
        let Attempt { ticket, model, .. } = *attempt;
        match verdict.class {
            Class::Transient | Class::Timeout => {
                self.breaks(attempt, verdict, now);
                Vec::new()
            }
            Class::ModelBusy => {
                self.is_busy(model, verdict, now, dice);
                vec![ticket]
            }
            Class::KeyDead => self.refuses_all(ticket, verdict, now),
            Class::RateLimited if verdict.wait_ms.is_none() => self.throttles_us(ticket, verdict, now, dice),
            Class::RateLimited
            | Class::KeyBroke
            | Class::DayQuota
            | Class::IpThrottle
            | Class::KeyLacksModel
            | Class::Forbidden
            | Class::Caller
            | Class::Empty
            | Class::BrokenStream
            | Class::ClientGone
            | Class::Manual => Vec::new(),
        }
    }

    /// Row 8. Failures of one model beside successes of others rest that model alone.
    fn breaks(&mut self, attempt: &Attempt, verdict: &Verdict, now: u64) {
        let Attempt { ticket, model, began, nth } = *attempt;
        // What began before the last break is no news; a redirect is a matter of the path; and one request, whose
        // content may be what breaks the provider, cannot stop everybody's.
        let is_redirect = verdict.status.is_some_and(|status| (300..400).contains(&status));
        if self.broke_at.is_some_and(|at| began <= at) || is_redirect || nth > AT_ONCE {
            return;
        }
        self.note(ticket, model, true);
        let held = self.cools.iter().find(|c| c.class == Class::Transient && c.is_for(model));
        let mine = |last: &&Attempted| last.failed && last.model == hash(model);
        let failed = || self.last.iter().filter(|last| last.failed);
        let (everywhere, here) = (failed().count(), self.last.iter().filter(mine).count());
        let of_several = failed().any(|last| last.ticket != ticket);
        let opens = everywhere >= FAILURES && of_several;
        let alone = here == everywhere && self.last.iter().any(|last| !last.failed && last.model != hash(model));
        let model = match held {
            Some(held) => held.model.clone(),
            None if !opens => return,
            None => alone.then(|| model.into()),
        };
        self.broke_at = Some(now);
        self.last.clear();
        self.rest(model.as_deref(), Class::Transient, verdict, BREAK_MS, now);
    }

    fn note(&mut self, ticket: Ticket, model: &str, failed: bool) {
        self.last.push_back(Attempted { ticket, model: hash(model), failed });
        if self.last.len() > LAST {
            self.last.pop_front();
        }
    }

    /// Row 6: once may be chance, and another key may be lucky. From the second time on the model rests.
    fn is_busy(&mut self, model: &str, verdict: &Verdict, now: u64, dice: &mut Dice) {
        let held = self.cools.iter().find(|c| c.model.as_deref() == Some(model));
        let strikes = held.filter(|c| c.until + FORGET_MS > now).map_or(0, |c| c.strikes);
        let ms = match strikes {
            0 => 0,
            _ => (SECOND << strikes.min(4).saturating_sub(1)) + dice.below(SECOND / 2),
        };
        self.rest(Some(model), Class::ModelBusy, verdict, ms, now);
    }

    /// Row 1's guard: three keys within a minute with the same body while none succeeds, or our address is what is
    /// refused. They rest; others are still tried, in case these three are dead indeed.
    fn refuses_all(&mut self, ticket: Ticket, verdict: &Verdict, now: u64) -> Vec<Ticket> {
        let alike = self.suspect(ticket, verdict, REFUSED_MS, now);
        if alike.is_empty() && !blames_address(verdict) {
            return Vec::new();
        }
        let resting = if alike.is_empty() { vec![ticket] } else { alike };
        self.resting.extend(&resting);
        resting
    }

    /// Row 7.
    fn throttles_us(&mut self, ticket: Ticket, verdict: &Verdict, now: u64, dice: &mut Dice) -> Vec<Ticket> {
        let again = self.cools.iter().any(|c| c.class == Class::IpThrottle);
        let alike = self.suspect(ticket, verdict, THROTTLED_MS, now);
        if alike.is_empty() && !again {
            return Vec::new();
        }
        let ms = if again { 4 * SECOND + dice.below(SECOND) } else { 2 * SECOND + dice.below(3 * SECOND) };
        self.rest(None, Class::IpThrottle, verdict, ms, now);
        if alike.is_empty() { vec![ticket] } else { alike }
    }

    /// The keys that were refused alike within the window, if they are enough and none succeeded in it.
    fn suspect(&mut self, ticket: Ticket, verdict: &Verdict, window_ms: u64, now: u64) -> Vec<Ticket> {
        let class = verdict.class;
        let is_old = |s: &Suspect| s.at + window_ms <= now || s.ticket == ticket;
        self.suspects.retain(|s| s.class != class || !is_old(s));
        self.suspects.push(Suspect { ticket, class, print: verdict.print, at: now });
        let alike = self.suspects.iter().filter(|s| s.class == class && s.print == verdict.print);
        let alike: Vec<Ticket> = alike.map(|s| s.ticket).collect();
        let enough = alike.len() >= KEYS && self.last_ok.is_none_or(|at| at + window_ms <= now);
        if enough { alike } else { Vec::new() }
    }

    fn rest(&mut self, model: Option<&str>, class: Class, verdict: &Verdict, ms: u64, now: u64) {
        let strikes = self.cools.iter().find(|c| c.model.as_deref() == model).map_or(0, |c| c.strikes);
        self.cools.retain(|c| c.model.as_deref() != model && c.until + FORGET_MS > now);
        if self.cools.len() >= NAMES {
            self.cools.remove(0);
        }
        self.cools.push(Cool {
            status: verdict.status,
            strikes: strikes.saturating_add(1),
            // What does not rest at all needs no trial either.
            trial: (ms == 0).then_some(0),
            ..Cool::new(model, class, &verdict.message, now..now + ms)
        });
    }
}

/// What the provider is at fault for is taken from the key: it was not disabled, and does not rest.
/// Answers what must be stored.
pub fn acquit(slot: &mut Slot, class: Class, now: u64) -> Option<Record> {
    // What is stored has an end of its own, and a pause that is no failure has another reason.
    slot.cools.retain(|c| c.class != class || c.stored || c.strikes == 0);
    let mut history = slot.disabled.take_if(|d| d.class == class.name() && d.restored.is_none())?.history;
    if !history.is_empty() {
        history.remove(0);
    }
    let record = health::fresh(slot, history, now);
    slot.disabled = record.read();
    Some(record)
}

#[cfg(test)]
mod tests;

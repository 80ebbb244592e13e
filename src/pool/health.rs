//! What a verdict does to a key: rests, disabling, and the way back. README.md has the table; docs/adr/0004
//! says what is stored and what stays in the isolate.

mod down;

use super::{
    Pool, Ticket,
    class::Class,
    cool::Cool,
    dice::Dice,
    site,
    slot::Slot,
    tilt::WHOLE,
    verdict::{Verdict, day_end_ms},
};
use crate::record::{
    Kind, Record,
    key::{Cooldown, cooldown_id},
};
use std::{cmp::Reverse, collections::BinaryHeap};

use down::{disable, postpone, restore};
pub use down::{fresh, fresh_start};

/// A cron probes so many keys at most: with the storage's work that is well within a free plan's 50 subrequests.
pub const PROBES: usize = 10;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// Shorter rests stay in this isolate's memory.
const WORTH_STORING_MS: u64 = 15 * SECOND;
/// A rest whose end lies this far back no longer counts as a strike.
const FORGET_MS: u64 = 10 * MINUTE;
const REFUSALS: u8 = 3;
/// Rests of one key beside which another one for a model that it lacks is stored.
const NAMES: usize = 8;
/// Models of one key whose rests are remembered.
const MODELS: usize = 64;

/// What a failure asks for.
enum Effect<'a> {
    Nothing,
    /// Rest for one model (or all) for so many milliseconds; `stored` when others shall know of it, if it is long.
    Rest {
        model: Option<&'a str>,
        ms: u64,
        stored: bool,
    },
    Disable(Class),
}

/// One try of a request with a key.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub ticket: Ticket,
    pub model: &'a str,
    pub began: u64,
    /// Of its request, from 1.
    pub nth: u64,
}

impl Pool {
    /// As `attempt_failed`, for a try that was over at once.
    pub fn failed(&mut self, ticket: Ticket, model: &str, verdict: &Verdict, now: u64, dice: &mut Dice) -> Vec<Record> {
        self.attempt_failed(&Attempt { ticket, model, began: now, nth: 1 }, verdict, now, dice)
    }

    /// Notes a failed attempt; answers what must be stored.
    pub fn attempt_failed(&mut self, attempt: &Attempt, verdict: &Verdict, now: u64, dice: &mut Dice) -> Vec<Record> {
        let Attempt { ticket, model, began, .. } = *attempt;
        let slot = self.slots.get(ticket).filter(|s| !s.gone);
        let Some(site) = slot.and_then(|s| self.sites.get_mut(s.site)) else { return Vec::new() };
        let google = site.provider.as_ref().is_some_and(|p| p.preset.as_deref() == Some("gemini"));
        let innocent = site.failed(attempt, verdict, now, dice);
        let mut records = Vec::new();
        for ticket in &innocent {
            let Some(slot) = self.slots.get_mut(*ticket) else { continue };
            records.extend(site::acquit(slot, verdict.class, now));
            if verdict.class == Class::KeyDead {
                // In memory only: the next success of any key ends it.
                rest(slot, None, verdict, site::REFUSED_MS, false, now);
            }
            self.reweigh(*ticket, now);
        }
        if innocent.contains(&ticket) {
            return records;
        }
        let Some(slot) = self.slots.get_mut(ticket) else { return records };
        // Several requests that were refused together say no more than one.
        let together = slot.cools.iter().any(|c| c.is_for(model) && c.since > began && c.until > now && c.strikes > 0);
        if together && verdict.wait_ms.is_none() && !verdict.class.needs_probe() {
            return records;
        }
        records.extend(match effect(slot, model, verdict, google, now, dice) {
            Effect::Nothing => None,
            Effect::Rest { model, ms, stored } => {
                slot.tilt.failed(now);
                let limited = verdict.class == Class::RateLimited;
                let brief = verdict.wait_ms.filter(|wait| limited && is_brief(*wait));
                match brief {
                    Some(wait) => slot.pace.refused_briefly(wait, now),
                    None if limited && model.is_some_and(|m| strikes(slot, m, now) == 0) => slot.pace.refused(now),
                    None => {}
                }
                // What it rests for longer is something else.
                let is_more = |c: &Cool| c.class != Class::RateLimited && c.strikes > 0 && c.until > now + ms;
                let rests = |c: &Cool| c.is_for(model.unwrap_or_default()) && is_more(c);
                if brief.is_some() && slot.cools.iter().any(rests) {
                    None
                } else {
                    rest(slot, model, verdict, ms, stored && ms > WORTH_STORING_MS, now)
                }
            }
            Effect::Disable(class) => disable(slot, class, verdict, now),
        });
        self.reweigh(ticket, now);
        records
    }

    /// Notes the success of a request that began at `began`: it ends the rests of the key for this model that were
    /// noted before, and their strikes. Answers what must be stored.
    pub fn succeeded(&mut self, ticket: Ticket, model: &str, began: u64, now: u64) -> Vec<Record> {
        let Some(slot) = self.slots.get_mut(ticket) else { return Vec::new() };
        let site = self.sites.get_mut(slot.site);
        let freed = site.map(|site| site.succeeded(ticket, model, began, now)).unwrap_or_default();
        for ticket in freed {
            if let Some(slot) = self.slots.get_mut(ticket) {
                site::acquit(slot, Class::KeyDead, now);
            }
            self.reweigh(ticket, now);
        }
        let Some(slot) = self.slots.get_mut(ticket) else { return Vec::new() };
        slot.refusals = 0;
        slot.pace.served(now);
        let woken = slot.down().is_some();
        if slot.cools.is_empty() && !woken && slot.tilt.share(now) == WHOLE {
            return Vec::new();
        }
        slot.tilt.succeeded(now);
        // A limit that is used up is no failure: time alone ends it.
        let ended = |c: &Cool| c.is_for(model) && c.since <= began && (c.strikes > 0 || c.until <= now);
        let mut records = clear_cools(slot, ended, now);
        if woken {
            records.extend(restore(slot, now));
        }
        self.reweigh(ticket, now);
        records
    }

    /// The upstream says that the key's limit for the model is used up: it rests before it would be refused.
    pub fn used_up(&mut self, ticket: Ticket, model: &str, ms: u64, now: u64) {
        let ms = ms.min(10 * MINUTE);
        self.pause(ticket, Some(model), now + ms, "Its limit was used up, said the upstream.", now);
    }

    /// Counts towards the caps that a person set on the key.
    pub fn used(&mut self, ticket: Ticket, requests: u64, tokens: u64, now: u64) {
        if let Some(until) = self.slots.get_mut(ticket).and_then(|s| s.pace.count(&s.key, requests, tokens, now)) {
            self.pause(ticket, None, until, "Its cap is reached.", now);
        }
    }

    /// A rest that is no failure, in this isolate alone; a longer one stays.
    fn pause(&mut self, ticket: Ticket, model: Option<&str>, until: u64, message: &str, now: u64) {
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        if slot.cools.iter().any(|c| c.model.as_deref() == model && c.until >= until) {
            return;
        }
        slot.cools.retain(|c| c.model.as_deref() != model);
        slot.cools.push(Cool::new(model, Class::RateLimited, message, now..until));
        self.reweigh(ticket, now);
    }

    /// Keys that machines disabled and whose probe is due, the longest due first.
    pub fn due(&self, now: u64) -> Vec<Ticket> {
        let mut due: BinaryHeap<Reverse<(u64, Ticket)>> = self
            .keys()
            .filter(|(_, s)| s.key.is_on(now) && self.provider(&s.key.provider).is_none_or(|p| p.enabled))
            .filter_map(|(t, s)| Some((s.down()?.next_probe, t)))
            .filter(|(at, _)| *at <= now)
            .map(Reverse)
            .collect();
        std::iter::from_fn(|| due.pop().map(|Reverse((_, ticket))| ticket)).collect()
    }

    /// Notes a probe's outcome (`None` = it went well); answers what must be stored.
    pub fn probed(&mut self, ticket: Ticket, verdict: Option<&Verdict>, now: u64) -> Vec<Record> {
        let Some(slot) = self.slots.get_mut(ticket) else { return Vec::new() };
        let record = match verdict {
            None => restore(slot, now),
            Some(verdict) if slot.down().is_some() => postpone(slot, verdict, now),
            // It had come back.
            Some(verdict) if verdict.class.needs_probe() => disable(slot, verdict.class, verdict, now),
            Some(_) => None,
        };
        self.reweigh(ticket, now);
        record.into_iter().collect()
    }
}

fn effect<'a>(
    slot: &mut Slot,
    model: &'a str,
    verdict: &Verdict,
    google: bool,
    now: u64,
    dice: &mut Dice,
) -> Effect<'a> {
    let strikes = strikes(slot, model, now);
    let one = |ms| Effect::Rest { model: Some(model), ms, stored: true };
    match verdict.class {
        Class::KeyDead | Class::KeyBroke => Effect::Disable(verdict.class),
        // Google sends a short delay beside a day's quota; the days of others may roll, and they say so.
        Class::DayQuota => {
            let day = day_end_ms(google, now).saturating_sub(now);
            one(verdict.wait_ms.filter(|ms| !google && *ms >= MINUTE).map_or(day, |ms| ms.min(day)))
        }
        Class::RateLimited => match verdict.wait_ms {
            // A limit of a second or so: the next requests follow at a pace, see `Pace::refused_briefly`.
            Some(ms) if is_brief(ms) => one(ms.max(10) + dice.below(50 << strikes.min(6))),
            // Refused again right after the rest: others are after the same requests.
            Some(ms) => {
                let longer = if strikes == 0 { 0 } else { dice.below(step(&[0, 2, 4, 8], strikes) * SECOND) };
                one(ms.clamp(SECOND, 10 * MINUTE) + longer + dice.below(500))
            }
            None => one(step(&[5, 10, 20, 40, 60], strikes) * SECOND),
        },
        Class::Transient | Class::Timeout | Class::Empty | Class::BrokenStream => {
            Effect::Rest { model: Some(model), ms: step(&[1, 2, 4, 8, 16, 20], strikes) * SECOND, stored: false }
        }
        // Clients make up names; few are worth a place in the storage.
        Class::KeyLacksModel => Effect::Rest { model: Some(model), ms: HOUR, stored: slot.cools.len() < NAMES },
        Class::Forbidden => {
            slot.refusals = slot.refusals.saturating_add(1);
            if slot.refusals >= REFUSALS {
                Effect::Disable(Class::KeyDead)
            } else {
                Effect::Rest { model: None, ms: 5 * MINUTE, stored: true }
            }
        }
        // Those of the provider are its site's matter.
        Class::ModelBusy | Class::IpThrottle | Class::Caller | Class::ClientGone | Class::Manual => Effect::Nothing,
    }
}

/// A limit of a second or so. Who says "at once" does not know.
fn is_brief(wait_ms: u64) -> bool {
    (1..SECOND).contains(&wait_ms)
}

/// The value for the `strikes`th failure in a row; the last one for all beyond.
fn step(values: &[u64], strikes: u8) -> u64 {
    values.get(usize::from(strikes)).or(values.last()).copied().unwrap_or(1)
}

fn strikes(slot: &Slot, model: &str, now: u64) -> u8 {
    let held = slot.cools.iter().find(|c| c.model.as_deref() == Some(model));
    held.filter(|c| c.until + FORGET_MS > now).map_or(0, |c| c.strikes)
}

fn rest(slot: &mut Slot, model: Option<&str>, verdict: &Verdict, ms: u64, stored: bool, now: u64) -> Option<Record> {
    let strikes = model.map_or(0, |m| strikes(slot, m, now)).saturating_add(1);
    // Names that clients make up must not fill the memory.
    if slot.cools.len() >= MODELS {
        slot.cools.retain(|c| c.until > now);
        if slot.cools.len() >= MODELS
            && let Some(oldest) = slot.cools.iter().position(|c| c.model.is_some())
        {
            slot.cools.remove(oldest);
        }
    }
    let held = slot.cools.iter().find(|c| c.model.as_deref() == model).map_or(0, |c| c.until);
    slot.cools.retain(|c| c.model.as_deref() != model && c.until + FORGET_MS > now);
    let time = now..now.saturating_add(ms).max(held);
    let cool =
        Cool { status: verdict.status, strikes, stored, ..Cool::new(model, verdict.class, &verdict.message, time) };
    let body = Cooldown {
        until: cool.until,
        class: cool.class.name().into(),
        status: cool.status,
        message: verdict.message.clone(),
        since: now,
    };
    slot.cools.push(cool);
    stored.then(|| Record::new(Kind::Cooldown, cooldown_id(&slot.id, model), &body, now).ok()).flatten()
}

fn clear_cools(slot: &mut Slot, which: impl Fn(&Cool) -> bool, now: u64) -> Vec<Record> {
    let mut records = Vec::new();
    slot.cools.retain(|cool| {
        let goes = which(cool);
        if goes && cool.stored && cool.until > now {
            records.push(Record::deleted(Kind::Cooldown, cooldown_id(&slot.id, cool.model.as_deref()), now));
        }
        !goes
    });
    records
}

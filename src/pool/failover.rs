//! The way of one request through the keys, as a state machine: the walk asks for the next step, does it, and tells
//! how it went. So the same code runs in workerd, in tests and in simulations. See docs/adr/0003.

mod held;

use super::{
    Pool, Ticket,
    class::Class,
    crowd::Waiting,
    dice::Dice,
    exhausted::{self, Exhausted},
    health::Attempt,
    select::{Blocked, Choice},
    target::{Fallback, Target},
    verdict::Verdict,
};
use crate::record::{
    Record,
    key::{ACTIVE_GROUP, STANDBY_GROUP},
};

pub struct Limits {
    pub max_attempts: u64,
    /// No further try or wait begins this long after the request came.
    pub deadline_ms: u64,
    /// How long a request may wait for a key.
    pub wait_budget_ms: u64,
    /// One more try after a timeout, although it may be billed twice.
    pub retry_after_timeout: bool,
}

/// What a request wants of the pool.
#[derive(Default)]
pub struct Want {
    /// The next one is asked when the one before has nothing left, or has failed too often.
    pub targets: Vec<Target>,
    /// When a target of a later stage may be asked.
    pub fallback: Fallback,
    /// The group it asks for: that one or none.
    pub group: Option<String>,
    pub conversation: Option<u64>,
    /// Standby keys are asked first.
    pub standby_first: bool,
    /// This key or none, in whatever state it is.
    pub forced: Option<Ticket>,
    /// This key or none, and again while that may help: what the request is about lies in its account.
    pub sticky: Option<Ticket>,
}

pub struct Failover {
    want: Want,
    limits: Limits,
    began: u64,
    waited: u64,
    waiting: Option<Waiting>,
    /// Keys, and for which target.
    tried: Vec<(Ticket, usize)>,
    attempts: u64,
    timeouts: u64,
    timed_out_ms: u64,
    attempt_began: u64,
    empties: u64,
    busy: u32,
    /// Where the last attempt went.
    target: usize,
    /// By target.
    fared: Vec<Fared>,
    /// Targets of earlier stages have said no for good.
    first_stage: usize,
    last: Option<Verdict>,
}

/// How a target has fared in this request.
#[derive(Clone, Copy, Default)]
struct Fared {
    tries: u64,
    /// Of those, what another key of the same provider would not better: one for a failure, two for a timeout.
    faults: u64,
}

/// So many tries, or faults, and a target leaves the rest to the others.
const TRIES: u64 = 3;
const FAULTS: u64 = 2;
/// How often an overloaded model is waited for before a fallback model is asked (row 6).
const BUSY: u32 = 3;

/// What the walk does next.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// With a key, at the target of that number.
    Try(Ticket, usize),
    /// Wait for so many milliseconds, then ask again.
    Wait(u64),
    GiveUp(Exhausted),
}

/// What follows from a failed attempt.
pub struct Failed {
    /// To be stored.
    pub records: Vec<Record>,
    /// The upstream's answer is the client's to see, as it is.
    pub pass: bool,
    /// Rest so many milliseconds before the next step.
    pub pause_ms: u64,
}

impl Failover {
    pub fn new(want: Want, limits: Limits, now: u64) -> Self {
        Self {
            fared: vec![Fared::default(); want.targets.len()],
            first_stage: 0,
            want,
            limits,
            began: now,
            waited: 0,
            waiting: None,
            tried: Vec::new(),
            attempts: 0,
            timeouts: 0,
            timed_out_ms: 0,
            attempt_began: now,
            empties: 0,
            busy: 0,
            target: 0,
            last: None,
        }
    }

    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    pub fn next(&mut self, pool: &mut Pool, now: u64, dice: &mut Dice) -> Step {
        if let Some(ticket) = self.want.forced.filter(|_| self.attempts == 0) {
            return self.attempt(ticket, 0, now);
        }
        if let Some(ticket) = self.want.sticky {
            return self.next_held(pool, ticket, now);
        }
        let Want { targets, group, conversation, standby_first, .. } = &self.want;
        let groups: &[&str] = match (group, standby_first) {
            (Some(asked), _) => &[asked.as_str()],
            (None, true) => &[STANDBY_GROUP, ACTIVE_GROUP],
            (None, false) => &[ACTIVE_GROUP, STANDBY_GROUP],
        };
        let open = targets.iter().enumerate().filter(|(_, target)| self.is_open(target));
        let choices = open.map(|(at, target)| {
            let Target { provider, model, .. } = target;
            (at, Choice { provider, model, groups, conversation: *conversation })
        });
        let mut found = None;
        // Whoever comes later does not go before many who wait already.
        let is_late = self.attempts == 0 && self.waiting.is_none();
        let mut queues = false;
        if self.may_try(now) {
            for spent in [false, true] {
                for (at, choice) in choices.clone().filter(|(at, _)| self.is_spent(*at) == spent) {
                    if is_late && pool.crowd(choice.provider, choice.model).is_some_and(|crowd| crowd.is_crowded()) {
                        queues = true;
                        continue;
                    }
                    // An overloaded model's other keys may be lucky, once.
                    let insist = self.busy == 1 && at == self.target;
                    if found.is_none() {
                        let tried = self.tried_for(at);
                        found = pool.pick(choice, &tried, insist, now, dice).map(|ticket| (ticket, at));
                    }
                }
            }
        }
        // Once: who has failed waits for a key that is well.
        if found.is_none() && self.attempts == 0 && self.may_try(now) {
            let mut open = choices.clone();
            found = open.find_map(|(at, choice)| pool.risky(choice, now).map(|ticket| (ticket, at)));
        }
        let too_soon = found.is_some_and(|(_, at)| self.is_too_soon(at));
        let mut blocked = Blocked::default();
        if found.is_none() || too_soon {
            for (_, choice) in choices.clone() {
                let of_target = pool.blocked(choice, now);
                blocked.keys += of_target.keys;
                blocked.sooner(of_target.class.zip(of_target.soonest));
            }
            if queues && choices.clone().any(|(_, choice)| pool.pick(choice, &[], false, now, dice).is_some()) {
                blocked.sooner(Some((Class::RateLimited, now + 1)));
            }
            let place = choices.clone().next().map(|(_, choice)| choice);
            if let Some(wait) = self.wait(&blocked, now, dice)
                && let Some((waiting, wait)) = place.and_then(|at| self.joins(pool, at, wait, now, dice))
            {
                // Keys that failed in this request may be tried again after a rest that they asked for.
                self.tried.clear();
                self.waiting = Some(waiting);
                self.waited += wait;
                return Step::Wait(wait);
            }
            if self.attempts == 0 && self.is_long(&blocked, now) {
                found = choices.clone().find_map(|(at, choice)| Some((pool.last_resort(choice, now)?, at)));
            }
        }
        self.waiting = None;
        match found {
            Some((ticket, at)) => {
                if let Some(crowd) =
                    self.want.targets.get(at).and_then(|target| pool.crowd(&target.provider, &target.model))
                {
                    crowd.gave(now);
                }
                self.attempt(ticket, at, now)
            }
            None => Step::GiveUp(exhausted::answer(self.provider(), self.last.as_ref(), &blocked, now)),
        }
    }

    fn attempt(&mut self, ticket: Ticket, target: usize, now: u64) -> Step {
        self.attempt_began = now;
        self.tried.push((ticket, target));
        self.attempts += 1;
        self.target = target;
        if let Some(fared) = self.fared.get_mut(target) {
            fared.tries += 1;
        }
        Step::Try(ticket, target)
    }

    /// The attempt with `ticket` failed.
    pub fn failed(&mut self, pool: &mut Pool, ticket: Ticket, verdict: Verdict, now: u64, dice: &mut Dice) -> Failed {
        let (model, stage) = self.want.targets.get(self.target).map_or(("", 0), |t| (t.model.as_str(), t.stage));
        let attempt = Attempt { ticket, model, began: self.attempt_began, nth: self.attempts };
        let records = pool.attempt_failed(&attempt, &verdict, now, dice);
        let class = verdict.class;
        if class == Class::Timeout {
            self.timeouts += 1;
            self.timed_out_ms += now.saturating_sub(self.attempt_began);
        }
        self.empties += u64::from(class == Class::Empty);
        self.busy += u32::from(class == Class::ModelBusy);
        if let Some(fared) = self.fared.get_mut(self.target) {
            fared.faults += match class {
                Class::Timeout => 2,
                Class::Transient | Class::ModelBusy | Class::IpThrottle => 1,
                _ => 0,
            };
        }
        // Another model may take what this one refuses, if the route says so.
        let goes_on = class == Class::Caller && self.want.fallback.refused && self.has_stage_after(stage);
        if goes_on {
            self.first_stage = stage + 1;
        }
        // Row 10 is the client's answer only when every key agrees.
        if class != Class::KeyLacksModel || self.last.is_none() {
            self.last = Some(verdict);
        }
        let held = self.want.sticky.is_some();
        let pause_ms = match class {
            _ if held => Self::pause_held(class, dice),
            Class::Transient if self.attempts >= 2 => 200 + dice.below(300),
            _ => 0,
        };
        let ends = if held { Self::ends_held(class) } else { self.want.forced.is_some() };
        let pass = passes(class) && !goes_on || ends || self.empties >= 2;
        Failed { records, pass, pause_ms }
    }

    /// The provider that was asked last.
    fn provider(&self) -> &str {
        self.want.targets.get(self.target).map_or("", |target| target.provider.as_str())
    }

    fn has_stage_after(&self, stage: usize) -> bool {
        self.want.targets.iter().any(|target| target.stage > stage)
    }

    /// Keys that need not be tried for that target again. A key that has failed for one model may be well for another.
    fn tried_for(&self, at: usize) -> Vec<Ticket> {
        let model = |at: usize| self.want.targets.get(at).map(|target| &target.model);
        self.tried.iter().filter(|(_, target)| model(*target) == model(at)).map(|(ticket, _)| *ticket).collect()
    }

    /// A later stage than that of the last attempt wants a reason.
    fn is_open(&self, target: &Target) -> bool {
        let reached = self.want.targets.get(self.target).map_or(0, |last| last.stage);
        let fallback = &self.want.fallback;
        let may_go_on = match self.last.as_ref().map(|last| last.class) {
            Some(Class::KeyLacksModel) => fallback.not_found,
            Some(Class::Caller) => fallback.refused,
            _ => fallback.exhausted,
        };
        target.stage >= self.first_stage && (target.stage <= reached || may_go_on)
    }

    /// The target has had its share of the tries: the others come first. One is left for each that had none.
    fn is_spent(&self, at: usize) -> bool {
        let Fared { tries, faults } = self.fared.get(at).copied().unwrap_or_default();
        let untried = self.fared.iter().filter(|fared| fared.tries == 0).count() as u64;
        tries >= TRIES || faults >= FAULTS || tries > 0 && self.attempts + untried >= self.limits.max_attempts
    }

    /// The target is a fallback for a model that is overloaded, which may pass.
    fn is_too_soon(&self, at: usize) -> bool {
        let stage = |at: usize| self.want.targets.get(at).map_or(0, |target| target.stage);
        let is_busy = self.last.as_ref().is_some_and(|last| last.class == Class::ModelBusy);
        is_busy && self.busy <= BUSY && stage(at) > stage(self.target)
    }

    fn may_try(&self, now: u64) -> bool {
        self.has_tries() && (self.attempts == 0 || now < self.deadline())
    }

    /// What a timeout took is not counted: it would leave no time for one more try (row 9).
    const fn deadline(&self) -> u64 {
        self.began + self.timed_out_ms + self.limits.deadline_ms
    }

    fn has_tries(&self) -> bool {
        let timeouts = if self.limits.retry_after_timeout { 2 } else { 1 };
        self.attempts < self.limits.max_attempts && self.timeouts < timeouts && self.want.forced.is_none()
    }

    /// No request can wait for a key; otherwise the next one that does will show how things are.
    fn is_long(&self, blocked: &Blocked, now: u64) -> bool {
        let by_time = blocked.soonest.filter(|_| blocked.class.is_some_and(|class| !class.needs_probe()));
        by_time.is_none_or(|at| at > now + self.limits.wait_budget_ms)
    }

    /// How long to wait for a key, if it is worth it.
    fn wait(&self, blocked: &Blocked, now: u64, dice: &mut Dice) -> Option<u64> {
        let by_time = match blocked.class {
            Some(class) if class.needs_probe() => None,
            _ => blocked.soonest.map(|at| at.saturating_sub(now).max(1)),
        };
        // Row 6: 1, 2, 4 s when no other key is left to try.
        let by_turn = (self.busy > 0 && blocked.keys > 0)
            .then(|| (1000_u64 << self.busy.min(4).saturating_sub(1)) + dice.below(250));
        let wait = by_time.into_iter().chain(by_turn).min()?;
        let fits = self.has_tries() && self.waited + wait <= self.limits.wait_budget_ms && now + wait < self.deadline();
        fits.then_some(wait)
    }
}

impl Failover {
    /// Its place among those who wait, and how long it waits if it would like to for `wait`; `None` when they are too many,
    /// or it would take too long.
    fn joins(&self, pool: &mut Pool, at: Choice, wait: u64, now: u64, dice: &mut Dice) -> Option<(Waiting, u64)> {
        let left = self.limits.wait_budget_ms.saturating_sub(self.waited);
        let crowd = pool.gather(at.provider, at.model)?;
        let waiting = match &self.waiting {
            Some(waiting) => waiting.clone(),
            None => crowd.join(self.limits.wait_budget_ms, self.attempts > 0, now)?,
        };
        // Who has failed looks more often: it was let in for this.
        let pause = crowd.pause_ms() / if self.attempts > 0 { 4 } else { 1 };
        let wait = if pause > wait { (pause / 2 + dice.below(pause)).max(wait) } else { wait };
        (wait <= left).then_some((waiting, wait))
    }
}

/// Whether the upstream's answer goes to the client as it is.
const fn passes(class: Class) -> bool {
    match class {
        Class::Caller => true,
        Class::KeyDead
        | Class::KeyBroke
        | Class::DayQuota
        | Class::RateLimited
        | Class::ModelBusy
        | Class::IpThrottle
        | Class::Transient
        | Class::Timeout
        | Class::KeyLacksModel
        | Class::Forbidden
        | Class::Empty
        | Class::BrokenStream
        | Class::ClientGone
        | Class::Manual => false,
    }
}

#[cfg(test)]
mod tests;

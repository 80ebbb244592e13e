//! The way of one request through the keys, as a state machine: the walk asks for the next step, does it, and tells
//! how it went. So the same code runs in workerd, in tests and in simulations. See docs/adr/0003.

mod held;

use super::{
    Pool, Ticket,
    class::Class,
    dice::Dice,
    exhausted::{self, Exhausted},
    health::Attempt,
    select::{Blocked, Choice},
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
    /// Providers and their names of the model; the next one is asked when the one before has nothing left.
    pub targets: Vec<(String, String)>,
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
    tried: Vec<Ticket>,
    attempts: u64,
    timeouts: u64,
    timed_out_ms: u64,
    attempt_began: u64,
    empties: u64,
    busy: u32,
    /// Where the last attempt went.
    target: usize,
    last: Option<Verdict>,
}

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
            want,
            limits,
            began: now,
            waited: 0,
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
        let choices =
            targets.iter().map(|(provider, model)| Choice { provider, model, groups, conversation: *conversation });
        let mut found = None;
        if self.may_try(now) {
            // An overloaded model's other keys may be lucky, once.
            let insist = self.busy == 1;
            let mut picks = choices.clone().enumerate();
            found = picks.find_map(|(at, choice)| Some((pool.pick(choice, &self.tried, insist, now, dice)?, at)));
        }
        let mut blocked = Blocked::default();
        if found.is_none() {
            for choice in choices.clone() {
                let of_target = pool.blocked(choice, now);
                blocked.keys += of_target.keys;
                blocked.sooner(of_target.class.zip(of_target.soonest));
            }
            if let Some(wait) = self.wait(&blocked, now, dice) {
                // Keys that failed in this request may be tried again after a rest that they asked for.
                self.tried.clear();
                self.waited += wait;
                return Step::Wait(wait);
            }
            if self.attempts == 0 && self.is_long(&blocked, now) {
                let mut probes = choices.enumerate();
                found = probes.find_map(|(at, choice)| Some((pool.last_resort(choice, now)?, at)));
            }
        }
        match found {
            Some((ticket, at)) => self.attempt(ticket, at, now),
            None => Step::GiveUp(exhausted::answer(self.provider(), self.last.as_ref(), &blocked, now)),
        }
    }

    fn attempt(&mut self, ticket: Ticket, target: usize, now: u64) -> Step {
        self.attempt_began = now;
        self.tried.push(ticket);
        self.attempts += 1;
        self.target = target;
        Step::Try(ticket, target)
    }

    /// The attempt with `ticket` failed.
    pub fn failed(&mut self, pool: &mut Pool, ticket: Ticket, verdict: Verdict, now: u64, dice: &mut Dice) -> Failed {
        let model = self.want.targets.get(self.target).map_or("", |(_, model)| model.as_str());
        let attempt = Attempt { ticket, model, began: self.attempt_began, nth: self.attempts };
        let records = pool.attempt_failed(&attempt, &verdict, now, dice);
        let class = verdict.class;
        if class == Class::Timeout {
            self.timeouts += 1;
            self.timed_out_ms += now.saturating_sub(self.attempt_began);
        }
        self.empties += u64::from(class == Class::Empty);
        self.busy += u32::from(class == Class::ModelBusy);
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
        let pass = passes(class) || ends || self.empties >= 2;
        Failed { records, pass, pause_ms }
    }

    /// The provider that was asked last.
    fn provider(&self) -> &str {
        self.want.targets.get(self.target).map_or("", |(provider, _)| provider.as_str())
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
mod tests {
    use super::*;
    use crate::pool::fixtures::{pool_of, verdict};

    const LIMITS: Limits =
        Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000, retry_after_timeout: true };

    fn want() -> Want {
        Want { targets: vec![("p".into(), "m".into())], ..Want::default() }
    }

    fn give_up(step: Step) -> Exhausted {
        match step {
            Step::GiveUp(exhausted) => exhausted,
            other => panic!("{other:?}"),
        }
    }

    /// Tries until the walk stops; every attempt fails with `class`. Answers (attempts, waits, the end).
    fn fail_all(weights: &[u8], class: Class, wait_ms: Option<u64>) -> (u64, u64, Exhausted) {
        let (mut pool, mut dice, mut now, mut waits) = (pool_of(weights), Dice::seeded(5), 0, 0);
        let mut walk = Failover::new(want(), LIMITS, now);
        loop {
            match walk.next(&mut pool, now, &mut dice) {
                Step::Try(ticket, _) => {
                    let failed = walk.failed(&mut pool, ticket, verdict(class, wait_ms), now, &mut dice);
                    now += failed.pause_ms;
                }
                Step::Wait(ms) => {
                    now += ms;
                    waits += 1;
                }
                end => return (walk.attempts(), waits, give_up(end)),
            }
        }
    }

    #[test]
    fn each_key_is_tried_once_and_never_more_than_five() {
        let (attempts, waits, end) = fail_all(&[1; 3], Class::KeyDead, None);
        assert_eq!((attempts, waits, end.status, end.code), (3, 0, 502, "upstream_auth_failed"));
        let (attempts, _, _) = fail_all(&[1; 9], Class::KeyDead, None);
        assert_eq!(attempts, 5);
    }

    #[test]
    fn a_long_rate_limit_is_answered_at_once_with_its_reset() {
        let (attempts, waits, end) = fail_all(&[1; 2], Class::RateLimited, Some(30_000));
        assert_eq!((attempts, waits, end.status), (2, 0, 429));
        assert!((30_000..31_000).contains(&end.wait_ms.unwrap()));
    }

    #[test]
    fn a_short_rate_limit_is_waited_for() {
        let (attempts, waits, _) = fail_all(&[1], Class::RateLimited, Some(2_000));
        assert!(attempts >= 2 && waits >= 1);
    }

    #[test]
    fn a_timeout_is_tried_once_more_even_past_the_deadline() {
        let (mut pool, mut dice) = (pool_of(&[1; 5]), Dice::seeded(6));
        let mut walk = Failover::new(want(), LIMITS, 0);
        for now in [0, 40_000] {
            let Step::Try(ticket, _) = walk.next(&mut pool, now, &mut dice) else { panic!() };
            walk.failed(&mut pool, ticket, verdict(Class::Timeout, None), now + 30_000, &mut dice);
        }
        assert_eq!(give_up(walk.next(&mut pool, 80_000, &mut dice)).status, 504);
        assert_eq!(walk.attempts(), 2);
    }

    #[test]
    fn an_empty_pool_says_so() {
        let mut walk = Failover::new(want(), LIMITS, 0);
        let end = give_up(walk.next(&mut Pool::default(), 0, &mut Dice::seeded(1)));
        assert_eq!((end.status, end.code), (503, "no_keys"));
    }
}

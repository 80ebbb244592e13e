//! The way of one request through the keys, as a state machine: the walk asks for the next step, does it, and tells
//! how it went. So the same code runs in workerd, in tests and in simulations. See docs/adr/0003.

use super::{
    Pool, Ticket,
    class::Class,
    dice::Dice,
    exhausted::{self, Exhausted},
    verdict::Verdict,
};
use crate::record::Record;

pub struct Limits {
    pub max_attempts: u64,
    /// No further try or wait begins this long after the request came.
    pub deadline_ms: u64,
    /// How long a request may wait for a key.
    pub wait_budget_ms: u64,
}

pub struct Failover {
    provider: String,
    model: String,
    limits: Limits,
    began: u64,
    waited: u64,
    tried: Vec<Ticket>,
    attempts: u64,
    timeouts: u64,
    last: Option<Verdict>,
}

/// What the walk does next.
#[derive(Debug, PartialEq)]
pub enum Step {
    Try(Ticket),
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
    /// `model` is the upstream's name of it; empty when the call names none.
    pub fn new(provider: &str, model: &str, limits: Limits, now: u64) -> Self {
        Self {
            provider: provider.into(),
            model: model.into(),
            limits,
            began: now,
            waited: 0,
            tried: Vec::new(),
            attempts: 0,
            timeouts: 0,
            last: None,
        }
    }

    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    pub fn next(&mut self, pool: &mut Pool, now: u64, dice: &mut Dice) -> Step {
        if self.may_try(now)
            && let Some(ticket) = pool.pick(&self.provider, &self.model, &self.tried, now, dice)
        {
            self.tried.push(ticket);
            self.attempts += 1;
            return Step::Try(ticket);
        }
        let blocked = pool.blocked(&self.provider, &self.model, now);
        match blocked.soonest.map(|at| at.saturating_sub(now)) {
            Some(wait) if self.may_wait(wait, blocked.class, now) => {
                // Keys that failed in this request may be tried again after a rest that they asked for.
                self.tried.clear();
                self.waited += wait.max(1);
                Step::Wait(wait.max(1))
            }
            _ => Step::GiveUp(exhausted::answer(&self.provider, self.last.as_ref(), &blocked, now)),
        }
    }

    /// The attempt with `ticket` failed.
    pub fn failed(&mut self, pool: &mut Pool, ticket: Ticket, verdict: Verdict, now: u64, dice: &mut Dice) -> Failed {
        let records = pool.failed(ticket, &self.model, &verdict, now, dice);
        let class = verdict.class;
        if class == Class::Timeout {
            self.timeouts += 1;
        }
        self.last = Some(verdict);
        let pause_ms = match class {
            Class::Transient if self.attempts >= 2 => 200 + dice.below(300),
            _ => 0,
        };
        Failed { records, pass: passes(class), pause_ms }
    }

    /// A timeout used up the deadline by itself, and yet is worth one more try (row 9).
    fn may_try(&self, now: u64) -> bool {
        let in_time = now < self.began + self.limits.deadline_ms || self.attempts == self.timeouts;
        self.attempts < self.limits.max_attempts && self.timeouts < 2 && in_time
    }

    fn may_wait(&self, wait: u64, class: Option<Class>, now: u64) -> bool {
        // A disabled key comes back by a probe, not by time.
        let by_time = !matches!(class, None | Some(Class::KeyDead | Class::KeyBroke));
        by_time
            && self.attempts < self.limits.max_attempts
            && self.timeouts < 2
            && self.waited + wait <= self.limits.wait_budget_ms
            && now + wait < self.began + self.limits.deadline_ms
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

    const LIMITS: Limits = Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000 };

    fn give_up(step: Step) -> Exhausted {
        match step {
            Step::GiveUp(exhausted) => exhausted,
            other => panic!("{other:?}"),
        }
    }

    /// Tries until the walk stops; every attempt fails with `class`. Answers (attempts, waits, the end).
    fn fail_all(weights: &[u8], class: Class, wait_ms: Option<u64>) -> (u64, u64, Exhausted) {
        let (mut pool, mut dice, mut now, mut waits) = (pool_of(weights), Dice::seeded(5), 0, 0);
        let mut walk = Failover::new("p", "m", LIMITS, now);
        loop {
            match walk.next(&mut pool, now, &mut dice) {
                Step::Try(ticket) => {
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
        let mut walk = Failover::new("p", "m", LIMITS, 0);
        for now in [0, 40_000] {
            let Step::Try(ticket) = walk.next(&mut pool, now, &mut dice) else { panic!() };
            walk.failed(&mut pool, ticket, verdict(Class::Timeout, None), now + 30_000, &mut dice);
        }
        assert_eq!(give_up(walk.next(&mut pool, 80_000, &mut dice)).status, 504);
        assert_eq!(walk.attempts(), 2);
    }

    #[test]
    fn an_empty_pool_says_so() {
        let mut walk = Failover::new("p", "m", LIMITS, 0);
        let end = give_up(walk.next(&mut Pool::default(), 0, &mut Dice::seeded(1)));
        assert_eq!((end.status, end.code), (503, "no_keys"));
    }
}

//! The way of a request that one key alone can serve, because what it is about lies in that key's account. It goes to
//! that key whatever the pool thinks of it, and again while that may help.

use super::{Failover, Step};
use crate::pool::{
    Pool, Ticket,
    class::Class,
    dice::Dice,
    exhausted::{self, Exhausted},
    select::Blocked,
};

const TRIES: u64 = 3;

impl Failover {
    pub(super) fn next_held(&mut self, pool: &Pool, ticket: Ticket, now: u64) -> Step {
        // A client that reads such words takes its own key for dead.
        let about_key = self.last.as_ref().is_some_and(|last| last.class == Class::KeyDead);
        let tries = !about_key && self.attempts < TRIES && self.may_try(now);
        let rest = self.rest_ms(pool, ticket, now);
        let fits = self.waited + rest <= self.limits.wait_budget_ms && now + rest < self.deadline();
        if tries && rest > 0 && fits {
            self.waited += rest;
            return Step::Wait(rest);
        }
        // A long rest is not waited for, but the provider may see it otherwise, once.
        if tries && (rest == 0 || self.attempts == 0) {
            return self.attempt(ticket, 0, now);
        }
        let (class, soonest) = (Some(Class::RateLimited), Some(now + rest));
        let blocked = if rest > 0 { Blocked { class, soonest, keys: 1 } } else { Blocked::default() };
        let end = exhausted::answer(self.provider(), self.last.as_ref(), &blocked, now);
        // The provider's own words say it best, unless they are about our key.
        Step::GiveUp(Exhausted { verbatim: !about_key, ..end })
    }

    /// How long the key asked to be left alone. Other rests are about choosing another key.
    fn rest_ms(&self, pool: &Pool, ticket: Ticket, now: u64) -> u64 {
        let model = self.want.targets.first().map_or("", |target| target.model.as_str());
        let cool = pool.slot(ticket).and_then(|slot| slot.cool_for(model, now));
        let until = cool.filter(|cool| cool.class == Class::RateLimited).map(|cool| cool.until);
        until.unwrap_or_default().saturating_sub(now)
    }

    /// Whether nothing but the provider's answer is left to say.
    pub(super) const fn ends_held(class: Class) -> bool {
        !matches!(
            class,
            Class::KeyDead
                | Class::RateLimited
                | Class::ModelBusy
                | Class::Transient
                | Class::Timeout
                | Class::IpThrottle
        )
    }

    pub(super) fn pause_held(class: Class, dice: &mut Dice) -> u64 {
        match class {
            Class::RateLimited => 0,
            Class::ModelBusy | Class::IpThrottle => 1000 + dice.below(250),
            _ => 200 + dice.below(300),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{
        failover::{Limits, Want},
        fixtures::{pool_of, verdict},
        target::Target,
    };

    const LIMITS: Limits =
        Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000, retry_after_timeout: true };

    fn want() -> Want {
        Want { targets: vec![Target::new("p", "m", 0)], sticky: Some(1), ..Want::default() }
    }

    /// Fails with each class in turn. Answers the tries, what was waited, and whether the answer passed at once.
    fn fail(classes: &[(Class, Option<u64>)]) -> (u64, u64, bool) {
        let (mut pool, mut dice, mut now, mut waited) = (pool_of(&[1; 5]), Dice::seeded(3), 0, 0);
        let mut walk = Failover::new(want(), LIMITS, now);
        let mut classes = classes.iter();
        loop {
            match walk.next(&mut pool, now, &mut dice) {
                Step::Try(ticket, _) => {
                    assert_eq!(ticket, 1, "no other key");
                    let Some((class, wait_ms)) = classes.next() else { return (walk.attempts(), waited, false) };
                    let failed = walk.failed(&mut pool, ticket, verdict(*class, *wait_ms), now, &mut dice);
                    if failed.pass {
                        return (walk.attempts(), waited, true);
                    }
                    now += failed.pause_ms;
                }
                Step::Wait(ms) => (now, waited) = (now + ms, waited + ms),
                Step::GiveUp(end) => {
                    assert_eq!(end.verbatim, walk.last.as_ref().is_none_or(|last| last.class != Class::KeyDead));
                    return (walk.attempts(), waited, false);
                }
            }
        }
    }

    #[test]
    fn what_may_pass_is_tried_three_times_with_the_same_key() {
        for class in [Class::Transient, Class::ModelBusy] {
            assert_eq!(fail(&[(class, None); 9]), (3, 0, false), "{class:?}");
        }
        assert_eq!(fail(&[(Class::Timeout, None); 9]).0, 2);
    }

    #[test]
    fn what_will_not_pass_is_the_clients_to_see_at_once() {
        for class in [Class::KeyBroke, Class::Forbidden, Class::DayQuota, Class::KeyLacksModel, Class::Caller] {
            assert_eq!(fail(&[(class, None); 9]), (1, 0, true), "{class:?}");
        }
    }

    #[test]
    fn what_is_said_of_our_key_is_not_the_clients_to_see() {
        assert_eq!(fail(&[(Class::KeyDead, None); 9]), (1, 0, false));
    }

    #[test]
    fn a_short_rate_limit_is_waited_for_and_a_long_one_is_told() {
        let (tries, waited, _) = fail(&[(Class::RateLimited, Some(2000))]);
        assert_eq!(tries, 2);
        assert!((2000..3000).contains(&waited), "{waited}");
        assert_eq!(fail(&[(Class::RateLimited, Some(60_000)); 9]), (1, 0, false));
    }

    #[test]
    fn a_key_that_rests_or_is_disabled_is_tried_all_the_same() {
        for (class, wait_ms) in [(Class::KeyDead, None), (Class::DayQuota, None), (Class::RateLimited, Some(60_000))] {
            let (mut pool, mut dice) = (pool_of(&[1; 5]), Dice::seeded(4));
            pool.failed(1, "m", &verdict(class, wait_ms), 0, &mut dice);
            let mut walk = Failover::new(want(), LIMITS, 0);
            assert_eq!(walk.next(&mut pool, 0, &mut dice), Step::Try(1, 0), "{class:?}");
        }
    }
}

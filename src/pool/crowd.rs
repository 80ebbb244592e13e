//! Requests that wait for a key. A thousand of them that all look again when the first key comes back would leave no time
//! to serve one; so the more there are, the more rarely each looks, and when there are too many to be served in time, the
//! next one is told so at once.

use std::{cell::Cell, rc::Rc};

/// For each one that waits, all look so much more rarely.
const EACH_MICROS: u64 = 500;
/// So many may wait where nothing is known of how fast they get their turn.
const UNKNOWN: u64 = 500;
/// So many may wait in any case.
const FEW: u64 = 16;
/// From so many on, who comes later does not go first.
const CROWDED: u64 = 8;
/// They get their turns at random: of those who may wait, hardly one waits longer than four times the mean.
const MEAN_IN_LONGEST: u64 = 4;
const WINDOW_MS: u64 = 5_000;
/// How often a key that fails now and then is asked all the same.
const RISK_MS: u64 = 50;

/// Of one provider's model.
#[derive(Default)]
pub struct Crowd {
    waiting: Rc<Cell<u64>>,
    /// Keys given in this window of time, which began then, and in the one before.
    given: [u64; 2],
    began: u64,
    /// When a key was last asked that may fail.
    risked: u64,
}

/// One that waits, until all copies of this are dropped.
pub type Waiting = Rc<Place>;

pub struct Place(Rc<Cell<u64>>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Crowd {
    /// Someone got a key.
    pub fn gave(&mut self, now: u64) {
        self.pass(now);
        self.given[0] += 1;
    }

    pub fn is_crowded(&self) -> bool {
        self.waiting.get() >= CROWDED
    }

    /// So many wait that a key which may fail is better than none, and it is time for one; if so, that is noted.
    pub fn takes_risk(&mut self, now: u64) -> bool {
        let takes = self.is_crowded() && self.risked + RISK_MS <= now;
        if takes {
            self.risked = now;
        }
        takes
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.get() == 0
    }

    /// `None` when so many wait that one more would hardly get a key within `budget_ms`. Who `has_failed` with a key was let
    /// in before.
    pub fn join(&mut self, budget_ms: u64, has_failed: bool, now: u64) -> Option<Waiting> {
        self.pass(now);
        let given: u64 = self.given.iter().sum();
        let elapsed = WINDOW_MS + now.saturating_sub(self.began);
        let most = if given == 0 { UNKNOWN } else { given * budget_ms / elapsed / MEAN_IN_LONGEST };
        if !has_failed && self.waiting.get() >= most.max(FEW) {
            return None;
        }
        self.waiting.set(self.waiting.get() + 1);
        Some(Rc::new(Place(self.waiting.clone())))
    }

    /// How long each should wait at least, in the mean.
    pub fn pause_ms(&self) -> u64 {
        self.waiting.get() * EACH_MICROS / 1000
    }

    fn pass(&mut self, now: u64) {
        let windows = now.saturating_sub(self.began) / WINDOW_MS;
        if windows > 0 {
            self.given = [0, if windows == 1 { self.given[0] } else { 0 }];
            self.began += windows * WINDOW_MS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_may_wait_as_get_a_key_in_time() {
        let mut crowd = Crowd::default();
        let now = 1_000_000;
        // 100 a second.
        (0..1000).for_each(|i| crowd.gave(now + i * 10));
        let mut waiting: Vec<Waiting> = std::iter::from_fn(|| crowd.join(10_000, false, now + 10_000)).collect();
        assert!((200..=260).contains(&waiting.len()), "{}", waiting.len());
        assert!(crowd.is_crowded() && crowd.pause_ms() >= 100);
        waiting.clear();
        assert!(crowd.is_empty() && crowd.pause_ms() == 0);
    }

    #[test]
    fn where_nothing_is_known_many_may_wait_and_few_in_any_case() {
        let mut crowd = Crowd::default();
        let waiting: Vec<Waiting> = std::iter::from_fn(|| crowd.join(10_000, false, 5)).collect();
        assert_eq!(waiting.len(), 500);
        drop(waiting);
        crowd.gave(6);
        assert_eq!(std::iter::from_fn(|| crowd.join(10_000, false, 7)).take(50).collect::<Vec<_>>().len(), 16);
    }

    #[test]
    fn what_was_given_long_ago_says_nothing() {
        let mut crowd = Crowd::default();
        (0..10_000).for_each(|_| crowd.gave(1_000_000));
        assert_eq!(std::iter::from_fn(|| crowd.join(10_000, false, 1_020_000)).collect::<Vec<_>>().len(), 500);
    }
}

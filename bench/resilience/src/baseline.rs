//! The pools that keypool is compared with, in the forms in which people write them.

use super::{
    answer::Answer,
    policy::{After, Next, Policy},
    run::ISOLATES,
    scenario::Scenario,
};
use keypool::pool::dice::Dice;

/// The attempts of those that try again.
const ATTEMPTS: usize = 3;
/// Errors after which a key is never used again.
const ENOUGH: u32 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// One key, no pool.
    Single,
    /// By weight.
    Random,
    RoundRobin,
    /// The next key at once, whatever went wrong.
    RoundRobinThrice,
    /// By weight, three attempts; a key with five errors, however long apart, is disabled for good.
    CountErrors,
}

impl Way {
    pub const ALL: [Self; 5] =
        [Self::Single, Self::Random, Self::RoundRobin, Self::RoundRobinThrice, Self::CountErrors];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single key",
            Self::Random => "random",
            Self::RoundRobin => "round robin",
            Self::RoundRobinThrice => "round robin, 3 attempts",
            Self::CountErrors => "count errors, disable at 5",
        }
    }

    const fn attempts(self) -> usize {
        match self {
            Self::Single | Self::Random | Self::RoundRobin => 1,
            Self::RoundRobinThrice | Self::CountErrors => ATTEMPTS,
        }
    }
}

/// Knows all keys, whatever their provider. Errors are shared by all isolates at once, a turn is each isolate's own.
pub struct Baseline {
    way: Way,
    weights: Vec<u64>,
    single: usize,
    errors: Vec<u32>,
    turns: [usize; ISOLATES],
    dice: Dice,
}

pub struct Walk {
    isolate: usize,
    tried: Vec<usize>,
}

impl Baseline {
    pub fn new(way: Way, scenario: &Scenario) -> Self {
        Self {
            way,
            weights: scenario.accounts.iter().map(|a| u64::from(a.weight)).collect(),
            single: scenario.single,
            errors: vec![0; scenario.accounts.len()],
            turns: [0; ISOLATES],
            dice: Dice::seeded(scenario.seed ^ 0x5A5A),
        }
    }

    fn by_weight(&mut self, tried: &[usize]) -> Option<usize> {
        let fits = |key: usize| self.errors[key] < ENOUGH && !tried.contains(&key);
        let weight = |key: usize| if fits(key) { self.weights[key] } else { 0 };
        let total = (0..self.weights.len()).map(weight).sum();
        let mut point = self.dice.below(total);
        (0..self.weights.len()).find(|key| {
            let here = point < weight(*key);
            point = point.saturating_sub(weight(*key));
            here
        })
    }

    fn turn(&mut self, isolate: usize) -> usize {
        let turn = &mut self.turns[isolate];
        *turn += 1;
        *turn % self.weights.len()
    }
}

impl Policy for Baseline {
    type Walk = Walk;

    fn begin(&mut self, isolate: usize, _conversation: u64, _now: u64) -> Walk {
        Walk { isolate, tried: Vec::new() }
    }

    fn next(&mut self, walk: &mut Walk, _now: u64) -> Next {
        let key = match self.way {
            Way::Single => Some(self.single),
            Way::Random | Way::CountErrors => self.by_weight(&walk.tried),
            Way::RoundRobin | Way::RoundRobinThrice => Some(self.turn(walk.isolate)),
        };
        match key {
            Some(key) => {
                walk.tried.push(key);
                Next::Try(key)
            }
            None => Next::GiveUp("no key left".into()),
        }
    }

    fn failed(&mut self, walk: &mut Walk, key: usize, _answer: &Answer, _now: u64) -> After {
        if self.way == Way::CountErrors {
            self.errors[key] += 1;
        }
        if walk.tried.len() < self.way.attempts() { After::Again(0) } else { After::Show }
    }

    fn succeeded(&mut self, _walk: &mut Walk, _key: usize, _answer: &Answer, _now: u64) {}
}

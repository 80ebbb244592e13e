//! When requests come. Open loop: nobody waits for an answer before asking again.

use super::chance::exponential;
use keypool::pool::dice::Dice;

const MINUTE: u64 = 60_000;

#[derive(Debug, Clone)]
pub enum Load {
    /// A Poisson process.
    Poisson { per_minute: u64 },
    /// A Poisson process with bursts: of each `every` milliseconds the last `lasts` have the burst's rate.
    Bursts { per_minute: u64, burst_per_minute: u64, every: u64, lasts: u64 },
    /// Evenly spaced, each request moved by up to a second.
    Even { per_minute: u64 },
}

impl Load {
    /// All arrivals in `length` milliseconds, in order.
    pub fn arrivals(&self, length: u64, dice: &mut Dice) -> Vec<u64> {
        match *self {
            Self::Poisson { per_minute } => poisson(0, length, per_minute, dice),
            Self::Bursts { per_minute, burst_per_minute, every, lasts } => {
                let mut all = Vec::new();
                for start in (0..length).step_by(usize::try_from(every).unwrap_or(1)) {
                    // A Poisson process has no memory: each stretch may begin anew.
                    all.extend(poisson(start, every - lasts, per_minute, dice));
                    all.extend(poisson(start + every - lasts, lasts, burst_per_minute, dice));
                }
                all.retain(|at| *at < length);
                all
            }
            Self::Even { per_minute } => {
                let count = length * per_minute / MINUTE;
                let mut all: Vec<u64> = (0..count).map(|i| i * MINUTE / per_minute + dice.below(1000)).collect();
                all.sort_unstable();
                all
            }
        }
    }
}

fn poisson(start: u64, length: u64, per_minute: u64, dice: &mut Dice) -> Vec<u64> {
    // In microseconds: whole milliseconds would shorten each gap by half of one.
    let mean = MINUTE * 1000 / per_minute;
    let mut at = 0;
    let gaps = std::iter::from_fn(|| {
        at += exponential(mean, dice);
        (at < length * 1000).then_some(start + at / 1000)
    });
    gaps.collect()
}

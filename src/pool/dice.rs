//! Chance as an argument: a seeded SplitMix64 (Steele, Lea, Flood 2014), so that a test can repeat it.

use super::hash::mix;

#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    pub const fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Evenly from 0 to `bound - 1`; 0 when `bound` is 0. The bias at the bounds used here is below 2^-32.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.roll() % bound }
    }
}

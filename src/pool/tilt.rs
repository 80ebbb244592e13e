//! How much a key's recent failures lower its share: an average of failures that fades with time, so that no failure
//! costs a key its share for long.

/// The share of a key is a number of these parts.
pub const WHOLE: u32 = 256;
/// A key that only fails keeps this much, to be noticed when it recovers.
const LEAST: u32 = 16;
/// The average halves in so much time without a failure.
const HALF_LIFE_MS: u64 = 60_000;
/// How soon the share is looked at again while it is lowered.
pub const REVIEW_MS: u64 = 10_000;

#[derive(Debug, Clone, Copy, Default)]
pub struct Tilt {
    /// Of `WHOLE`, as of `at`.
    failures: u32,
    at: u64,
}

impl Tilt {
    pub fn failed(&mut self, now: u64) {
        let failures = self.now(now);
        *self = Self { failures: failures + (WHOLE - failures) / 4, at: now };
    }

    pub fn succeeded(&mut self, now: u64) {
        if self.failures > 0 {
            let failures = self.now(now);
            *self = Self { failures: failures - failures.div_ceil(64), at: now };
        }
    }

    /// Parts of `WHOLE`.
    pub fn share(&self, now: u64) -> u32 {
        (WHOLE - self.now(now)).max(LEAST)
    }

    fn now(&self, now: u64) -> u32 {
        let age = now.saturating_sub(self.at);
        let halved = self.failures.checked_shr(u32::try_from(age / HALF_LIFE_MS).unwrap_or(u32::MAX)).unwrap_or(0);
        // Within one half-life a straight line is near enough.
        let part = u32::try_from((age % HALF_LIFE_MS) * 128 / HALF_LIFE_MS).unwrap_or(0);
        halved - halved * part / 256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_lower_the_share_and_time_restores_it() {
        let mut tilt = Tilt::default();
        assert_eq!(tilt.share(0), WHOLE);
        tilt.failed(0);
        let one = tilt.share(0);
        assert!(one < WHOLE && one > WHOLE / 2);
        (0..50).for_each(|_| tilt.failed(0));
        assert_eq!(tilt.share(0), LEAST);
        assert!(tilt.share(HALF_LIFE_MS) >= WHOLE / 2 - 2);
        assert_eq!(tilt.share(20 * HALF_LIFE_MS), WHOLE);
    }

    #[test]
    fn it_never_jumps_back() {
        let mut tilt = Tilt::default();
        (0..9).for_each(|_| tilt.failed(5));
        let shares: Vec<u32> = (0..600).map(|s| tilt.share(5 + s * 1000)).collect();
        assert!(shares.is_sorted(), "{shares:?}");
    }
}

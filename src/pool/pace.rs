//! How fast a key may be asked: what it did in the last minute, against the caps that a person set and against what it
//! did when it was last refused as too fast.

use crate::record::key::Key;

const MINUTE_MS: u64 = 60_000;
/// What was learned is forgotten after so long without another refusal.
const FORGET_MS: u64 = 60 * MINUTE_MS;
const FEW: u64 = 3;
/// Between two requests at the limit: what was learned may be wrong.
const LONGEST_MS: u64 = 2000;

/// Counts of this isolate alone: a sliding minute, as well as two fixed ones tell it.
#[derive(Default)]
pub struct Pace {
    began: u64,
    requests: u64,
    tokens: u64,
    /// Requests of the minute before.
    before: u64,
    /// Requests a minute that were too many, and when that showed.
    too_many: Option<(u64, u64)>,
    /// When the next one is due at the pace that was learned.
    next: u64,
    /// Requests at the limit that went well, in a row: each halves the time to the next.
    trust: u32,
    /// The same where the limit is one of a second or so, which shows by how soon the key is ready again.
    gap: Option<Gap>,
    /// Requests of this second, which one that is, and of the one before.
    second: [u64; 3],
}

/// Between two requests, in microseconds.
struct Gap {
    micros: u64,
    /// When the next one is due.
    next: u64,
    /// In milliseconds.
    widened: u64,
}

/// One refusal widens a gap by a tenth, and a hundred requests that go well make it so much narrower.
const WIDER: u64 = 10;
const NARROWER: u64 = 1000;
/// Those that were on their way when the limit was met say nothing new.
const TOGETHER_MS: u64 = 200;
/// What a key did not use lately it may use at once, as far as that is so many gaps.
const SAVED: u64 = 4;
const WIDEST: u64 = 2_000_000;

impl Pace {
    /// A request begins. At the limit they follow each other as fast as was too fast, and faster when that goes well: so
    /// it soon shows when the limit is higher.
    pub fn begins(&mut self, now: u64) {
        if let Some(gap) = &mut self.gap {
            gap.next = gap.next.max((now * 1000).saturating_sub(SAVED * gap.micros)) + gap.micros;
        }
        if let Some((too_many, _)) = self.too_many.filter(|_| self.is_at_limit(now)) {
            let spacing = (MINUTE_MS * 9 / 10 / too_many).min(LONGEST_MS);
            self.next = now + spacing.checked_shr(self.trust).unwrap_or(0);
        }
    }

    /// Until when the key is left alone for its pace.
    pub fn holds(&self, now: u64) -> Option<u64> {
        let next = self.gap.as_ref().map_or(0, |gap| gap.next.div_ceil(1000));
        Some(self.next.max(next)).filter(|at| *at > now)
    }

    /// Answers until when the key must rest, if one of its caps is reached.
    pub fn count(&mut self, key: &Key, requests: u64, tokens: u64, now: u64) -> Option<u64> {
        let elapsed = now.saturating_sub(self.began);
        if elapsed >= MINUTE_MS {
            self.before = if elapsed < 2 * MINUTE_MS { self.requests } else { 0 };
            (self.began, self.requests, self.tokens) = (now - elapsed % MINUTE_MS, 0, 0);
        }
        self.requests += requests;
        self.tokens += tokens;
        let [second, count, before] = &mut self.second;
        if *second != now / 1000 {
            (*before, *count) = (if *second + 1 == now / 1000 { *count } else { 0 }, 0);
            *second = now / 1000;
        }
        *count += requests;
        let reached = |cap: Option<u32>, used: u64| cap.is_some_and(|cap| used >= u64::from(cap));
        (reached(key.rpm, self.requests) || reached(key.tpm, self.tokens)).then_some(self.began + MINUTE_MS)
    }

    /// The key was refused as too fast, and is ready again within a second.
    pub fn refused_briefly(&mut self, wait_ms: u64, now: u64) {
        let seen = self.last_second(now);
        let next = (now + wait_ms) * 1000;
        let fresh = self.gap.take().filter(|gap| gap.widened + FORGET_MS > now);
        self.gap = Some(match fresh {
            None => Gap { micros: (1_000_000 / seen.max(1)).min(WIDEST), next, widened: now },
            Some(gap) if gap.widened + TOGETHER_MS > now => Gap { next: gap.next.max(next), ..gap },
            Some(gap) => Gap { micros: (gap.micros + gap.micros / WIDER).min(WIDEST), next, widened: now },
        });
    }

    /// The key was refused as too fast, after it had served.
    pub fn refused(&mut self, now: u64) {
        // Fewer are no pace: something else used the limit up.
        self.too_many = Some((self.last_minute(now), now)).filter(|(pace, _)| *pace >= FEW);
        self.trust = 0;
    }

    /// A request went well: if it was one too many, that was not true.
    pub fn served(&mut self, now: u64) {
        if let Some(gap) = &mut self.gap {
            gap.micros -= gap.micros / NARROWER;
        }
        if !self.is_at_limit(now) {
            return;
        }
        self.trust = self.trust.saturating_add(1);
        let pace = self.last_minute(now);
        if let Some((too_many, _)) = self.too_many.as_mut() {
            *too_many = pace.max(*too_many);
        }
    }

    pub const fn has_learned(&self) -> bool {
        self.too_many.is_some() || self.gap.is_some()
    }

    /// One more request would be as many as were too many before.
    pub fn is_at_limit(&self, now: u64) -> bool {
        let fresh = self.too_many.filter(|(_, at)| at + FORGET_MS > now);
        fresh.is_some_and(|(too_many, _)| self.last_minute(now) + 1 >= too_many - too_many / 8)
    }

    /// Requests.
    fn last_second(&self, now: u64) -> u64 {
        let [second, count, before] = self.second;
        let left = 1000 - now % 1000;
        match (now / 1000).saturating_sub(second) {
            0 => count + before * left / 1000,
            1 => count * left / 1000,
            _ => 0,
        }
    }

    /// Requests.
    fn last_minute(&self, now: u64) -> u64 {
        let elapsed = now.saturating_sub(self.began);
        match elapsed / MINUTE_MS {
            0 => self.requests + self.before * (MINUTE_MS - elapsed) / MINUTE_MS,
            1 => self.requests * (2 * MINUTE_MS - elapsed) / MINUTE_MS,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::fixtures::key;

    const NOW: u64 = 10 * MINUTE_MS;

    /// After so many requests within the minute that begins at `NOW`.
    fn paced(requests: u64) -> Pace {
        let mut pace = Pace::default();
        for i in 0..requests {
            asked(&mut pace, 1, NOW + i * MINUTE_MS / requests);
        }
        pace
    }

    fn asked(pace: &mut Pace, requests: u64, now: u64) {
        assert_eq!(pace.count(&key(1), requests, 0, now), None);
    }

    /// Refused at the end of a minute of 60 requests.
    fn refused_at_60() -> (Pace, u64) {
        let (mut pace, now) = (paced(60), NOW + MINUTE_MS - 1);
        pace.refused(now);
        (pace, now)
    }

    #[test]
    fn a_minute_slides() {
        let pace = paced(60);
        for (after, requests) in [(59_999, 60), (60_000, 60), (90_000, 30), (119_000, 1), (120_000, 0), (1 << 40, 0)] {
            assert_eq!(pace.last_minute(NOW + after), requests, "{after}");
        }
        let mut pace = paced(60);
        asked(&mut pace, 10, NOW + 90_000);
        assert_eq!(pace.last_minute(NOW + 90_000), 10 + 30);
        asked(&mut pace, 1, NOW + 600_000);
        assert_eq!(pace.last_minute(NOW + 600_000), 1);
    }

    #[test]
    fn a_cap_that_is_reached_lasts_until_the_minute_ends() {
        let requests = Key { rpm: Some(3), ..key(1) };
        let tokens = Key { tpm: Some(1000), ..key(1) };
        for (key, (each, used), allowed) in
            [(&key(1), (1, 9999), 9), (&requests, (1, 9999), 2), (&tokens, (1, 400), 2), (&tokens, (0, 1000), 0)]
        {
            let mut pace = Pace::default();
            let reached = (0..9).find_map(|i| Some((i, pace.count(key, each, used, NOW + i)?)));
            assert_eq!(reached, (allowed < 9).then_some((allowed, NOW + MINUTE_MS)));
        }
        let mut pace = Pace::default();
        assert_eq!(pace.count(&requests, 3, 0, NOW), Some(NOW + MINUTE_MS));
        assert_eq!(pace.count(&requests, 1, 0, NOW + MINUTE_MS), None);
    }

    #[test]
    fn a_refusal_teaches_the_limit_and_an_hour_forgets_it() {
        let (mut pace, now) = refused_at_60();
        assert!(pace.has_learned() && pace.is_at_limit(now));
        // An eighth below is far enough: 60 - 7, and one is to come.
        assert!(pace.is_at_limit(NOW + 67_000) && !pace.is_at_limit(NOW + 70_000));
        asked(&mut pace, 60, now + FORGET_MS - 1000);
        assert!(pace.is_at_limit(now + FORGET_MS - 1) && !pace.is_at_limit(now + FORGET_MS));
    }

    #[test]
    fn a_refusal_after_a_few_requests_teaches_nothing() {
        for (requests, learns) in [(0, false), (2, false), (3, true)] {
            let mut pace = paced(requests);
            pace.refused(NOW + MINUTE_MS - 1);
            assert_eq!(pace.has_learned(), learns, "{requests}");
        }
    }

    #[test]
    fn below_the_limit_nothing_is_held_back() {
        let (mut pace, _) = refused_at_60();
        pace.begins(NOW + 90_000);
        assert_eq!(pace.holds(NOW + 90_000), None);
        let mut pace = paced(600);
        pace.begins(NOW + 59_999);
        assert_eq!(pace.holds(NOW + 59_999), None);
    }

    #[test]
    fn at_the_limit_each_success_halves_the_time_to_the_next_request() {
        let (mut pace, now) = refused_at_60();
        for spacing in [900, 450, 225, 112] {
            pace.begins(now);
            assert_eq!(pace.holds(now), Some(now + spacing));
            assert_eq!(pace.holds(now + spacing), None);
            pace.served(now);
        }
        pace.refused(now);
        pace.begins(now);
        assert_eq!(pace.holds(now), Some(now + 900));
        // A slow key is tried again soon all the same.
        let mut pace = paced(4);
        pace.refused(NOW + 59_999);
        pace.begins(NOW + 59_999);
        assert_eq!(pace.holds(NOW + 59_999), Some(NOW + 59_999 + LONGEST_MS));
    }

    #[test]
    fn what_was_too_many_and_went_well_is_the_new_limit() {
        let (mut pace, now) = refused_at_60();
        asked(&mut pace, 40, now);
        pace.served(now);
        // Of 100 that went well 87 are below the limit; of 60 they were far above it.
        assert!(pace.is_at_limit(NOW + 67_000) && !pace.is_at_limit(NOW + 69_000));
    }

    /// Refused for 50 ms, after a burst of 20.
    fn refused_at_20_a_second() -> Pace {
        let mut pace = Pace::default();
        for _ in 0..20 {
            pace.begins(NOW);
            asked(&mut pace, 1, NOW);
        }
        pace.refused_briefly(50, NOW);
        pace
    }

    /// How many requests go in so many milliseconds, if all go well.
    fn served_in(pace: &mut Pace, ms: std::ops::Range<u64>) -> usize {
        let goes = |now: &u64| {
            let free = pace.holds(*now).is_none();
            if free {
                pace.begins(*now);
                pace.served(*now);
            }
            free
        };
        ms.filter(goes).count()
    }

    #[test]
    fn a_limit_of_a_second_teaches_a_gap() {
        let mut pace = refused_at_20_a_second();
        assert!(pace.has_learned());
        assert_eq!((pace.holds(NOW), pace.holds(NOW + 50)), (Some(NOW + 50), None));
        let served = served_in(&mut pace, NOW..NOW + 10_050);
        assert!((195..=230).contains(&served), "{served} in ten seconds");
        // What it did not use it may use at once, as far as that is a few.
        let served = served_in(&mut pace, NOW + 60_000..NOW + 60_010);
        assert!((4..=6).contains(&served), "{served}");
    }

    #[test]
    fn a_refusal_widens_the_gap_once_for_all_that_were_on_their_way() {
        let mut pace = refused_at_20_a_second();
        let gap = |pace: &Pace| pace.gap.as_ref().map_or(0, |gap| gap.micros);
        assert_eq!(gap(&pace), 50_000);
        (0..9).for_each(|_| pace.refused_briefly(30, NOW + 100));
        assert_eq!((gap(&pace), pace.holds(NOW + 100)), (50_000, Some(NOW + 130)));
        pace.refused_briefly(30, NOW + 300);
        assert_eq!(gap(&pace), 55_000);
        // An hour later nothing is known any more.
        pace.refused_briefly(30, NOW + 2 * FORGET_MS);
        assert_eq!(gap(&pace), WIDEST.min(1_000_000));
    }
}

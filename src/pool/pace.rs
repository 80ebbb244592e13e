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
}

impl Pace {
    /// A request begins. At the limit they follow each other as fast as was too fast, and faster when that goes well: so
    /// it soon shows when the limit is higher.
    pub fn begins(&mut self, now: u64) {
        if let Some((too_many, _)) = self.too_many.filter(|_| self.is_at_limit(now)) {
            let spacing = (MINUTE_MS * 9 / 10 / too_many).min(LONGEST_MS);
            self.next = now + spacing.checked_shr(self.trust).unwrap_or(0);
        }
    }

    /// Until when the key is left alone for its pace.
    pub fn holds(&self, now: u64) -> Option<u64> {
        Some(self.next).filter(|at| *at > now)
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
        let reached = |cap: Option<u32>, used: u64| cap.is_some_and(|cap| used >= u64::from(cap));
        (reached(key.rpm, self.requests) || reached(key.tpm, self.tokens)).then_some(self.began + MINUTE_MS)
    }

    /// The key was refused as too fast, after it had served.
    pub fn refused(&mut self, now: u64) {
        // Fewer are no pace: something else used the limit up.
        self.too_many = Some((self.last_minute(now), now)).filter(|(pace, _)| *pace >= FEW);
        self.trust = 0;
    }

    /// A request went well: if it was one too many, that was not true.
    pub fn served(&mut self, now: u64) {
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
        self.too_many.is_some()
    }

    /// One more request would be as many as were too many before.
    pub fn is_at_limit(&self, now: u64) -> bool {
        let fresh = self.too_many.filter(|(_, at)| at + FORGET_MS > now);
        fresh.is_some_and(|(too_many, _)| self.last_minute(now) + 1 >= too_many - too_many / 8)
    }

    /// Requests.
    pub fn last_minute(&self, now: u64) -> u64 {
        let elapsed = now.saturating_sub(self.began);
        match elapsed / MINUTE_MS {
            0 => self.requests + self.before * (MINUTE_MS - elapsed) / MINUTE_MS,
            1 => self.requests * (2 * MINUTE_MS - elapsed) / MINUTE_MS,
            _ => 0,
        }
    }
}

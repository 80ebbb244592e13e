//! How much one client key has used, as far as this isolate knows: what was stored of all isolates, and what it saw
//! itself and is not stored yet. By minute and by day.

use super::{MINUTE_MS, Over, Span, When, span};
use crate::record::client::{Limit, Limits};

/// Of a limit, the part that is told to others at once. Of those of a short time it is larger: with everything always
/// used up, that is six flushes a minute.
const SHARE: u64 = 20;
const SHARE_OF_SHORT: u64 = 6;
const SHORT_MS: u64 = 200_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Those that were let in.
    pub requests: u64,
    /// Both kinds.
    pub tokens: u64,
    /// Billionths of a dollar.
    pub nanos: u64,
}

impl Used {
    const fn add(&mut self, more: Self) {
        self.requests += more.requests;
        self.tokens = self.tokens.saturating_add(more.tokens);
        self.nanos = self.nanos.saturating_add(more.nanos);
    }

    /// As much as counts for a limit, and in what the limit is.
    const fn of(&self, limit: Limit) -> u64 {
        match limit {
            Limit::Rpm | Limit::Requests => self.requests,
            Limit::Tpm | Limit::DayTokens | Limit::MonthTokens => self.tokens,
            Limit::DayMoney | Limit::MonthMoney => self.nanos,
        }
    }
}

/// A minute or a day.
#[derive(Debug, Default)]
struct Bucket {
    at: u64,
    stored: Used,
    /// All that this isolate saw.
    own: Used,
    /// As much of it was on its way to the storage at the last flush.
    sent: Used,
    /// As much of it is in `stored`.
    included: Used,
}

impl Bucket {
    /// Nothing twice; and where the storage shows late what was written to it, as KV does, no less than we saw.
    fn total(&self, limit: Limit) -> u64 {
        let [stored, own, included] = [self.stored, self.own, self.included].map(|used| used.of(limit));
        (stored.saturating_add(own)).saturating_sub(included).max(own)
    }
}

/// By time.
#[derive(Debug, Default)]
struct Buckets(Vec<Bucket>);

impl Buckets {
    fn at(&mut self, at: u64) -> Option<&mut Bucket> {
        let place = self.0.partition_point(|bucket| bucket.at < at);
        if self.0.get(place).is_none_or(|bucket| bucket.at != at) {
            self.0.insert(place, Bucket { at, ..Bucket::default() });
        }
        self.0.get_mut(place)
    }

    fn add(&mut self, at: u64, used: Used) {
        if let Some(bucket) = self.at(at) {
            bucket.own.add(used);
        }
    }

    /// From `from` on, this is what is stored, with all of ours that was sent.
    fn learn(&mut self, from: u64, stored: &[(u64, Used)]) {
        for bucket in self.0.iter_mut().filter(|bucket| bucket.at >= from) {
            (bucket.stored, bucket.included) = (Used::default(), bucket.sent);
        }
        for (at, used) in stored {
            if let Some(bucket) = self.at(*at) {
                bucket.stored.add(*used);
            }
        }
    }
}

/// From which minute and which day on something is to be known; `None` = nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Since {
    pub minute: Option<u64>,
    pub day: Option<u64>,
}

impl Since {
    /// What both ask for.
    pub fn and(self, other: Self) -> Self {
        Self { minute: earlier(self.minute, other.minute), day: earlier(self.day, other.day) }
    }
}

fn earlier(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[derive(Debug, Default)]
pub struct Meter {
    pub limits: Limits,
    minutes: Buckets,
    days: Buckets,
    /// What is known of the storage's, and as of when.
    known: Since,
    read: u64,
    /// Ours that no flush has taken.
    unsent: Used,
    /// When it last asked to be let in.
    pub asked: u64,
}

impl Meter {
    /// What has been used up, the one that stays so for longest; `None` when a call may go in.
    pub fn over(&self, when: When) -> Option<Over> {
        let mut worst: Option<Over> = None;
        for (limit, amount) in self.limits.all().filter(|(limit, amount)| !self.fits(*limit, *amount, when.now, when)) {
            let wait_ms = self.wait(limit, amount, when);
            if worst.is_none_or(|over| over.wait_ms < wait_ms) {
                worst = Some(Over { limit, wait_ms });
            }
        }
        worst
    }

    /// A call goes in.
    pub fn admitted(&mut self, when: When) {
        let used = Used { requests: 1, ..Used::default() };
        self.minutes.add(when.now / MINUTE_MS, used);
        self.unsent.add(used);
    }

    /// A call is over; `used` has no requests.
    pub fn ended(&mut self, used: Used, when: When) {
        self.minutes.add(when.now / MINUTE_MS, used);
        self.days.add(when.day, used);
        self.unsent.add(used);
    }

    /// A flush takes all that was counted.
    pub fn sent(&mut self) {
        for bucket in self.minutes.0.iter_mut().chain(&mut self.days.0) {
            bucket.sent = bucket.own;
        }
        self.unsent = Used::default();
    }

    pub fn is_all_sent(&self) -> bool {
        self.unsent == Used::default()
    }

    /// Other isolates should know what this one let in.
    pub fn is_urgent(&self) -> bool {
        self.limits.all().any(|(limit, amount)| {
            let is_short = matches!(span(limit, &self.limits), Span::Window(ms) if ms < SHORT_MS);
            let (unsent, share) = (self.unsent.of(limit), if is_short { SHARE_OF_SHORT } else { SHARE });
            unsent > 0 && unsent >= in_units(limit, amount) / share
        })
    }

    /// The storage was never asked, or not for a time that counts now.
    pub fn is_cold(&self, when: When) -> bool {
        let lacks = |wanted: Option<u64>, known: Option<u64>| {
            wanted.is_some_and(|wanted| known.is_none_or(|known| known > wanted))
        };
        let wanted = self.wanted(when);
        lacks(wanted.minute, self.known.minute) || lacks(wanted.day, self.known.day)
    }

    pub fn is_older(&self, age_ms: u64, now: u64) -> bool {
        self.read + age_ms <= now
    }

    /// What to ask the storage for. What was read before is read again as far as isolates may have written it since,
    /// which takes them `late_ms` at the most; the month's past days once an hour.
    pub fn lacks(&self, when: When, late_ms: u64) -> Since {
        let wanted = self.wanted(when);
        if self.is_cold(when) {
            return wanted;
        }
        let again = self.read.saturating_sub(late_ms);
        let day = if self.read / HOUR_MS == when.now / HOUR_MS { Some(when.day) } else { wanted.day };
        Since { minute: wanted.minute.map(|from| from.max(again / MINUTE_MS)), day: wanted.day.and(day) }
    }

    /// What the storage has from `from` on, by minute and by day.
    pub fn learn(&mut self, from: Since, minutes: &[(u64, Used)], days: &[(u64, Used)], when: When) {
        if let Some(from) = from.minute {
            self.minutes.learn(from, minutes);
        }
        if let Some(from) = from.day {
            self.days.learn(from, days);
        }
        self.known = self.known.and(from);
        self.read = when.now;
        let wanted = self.wanted(when);
        self.minutes.0.retain(|bucket| wanted.minute.is_none_or(|from| bucket.at >= from));
        self.days.0.retain(|bucket| bucket.at >= when.month);
    }

    /// How much of its budgets is used, in percent: of the one that is used most.
    pub fn budget_share(&self, when: When) -> u64 {
        let share = |(limit, amount)| match span(limit, &self.limits) {
            Span::Window(_) => 0,
            Span::Day | Span::Month => {
                let amount: u64 = in_units(limit, amount);
                self.used(limit, when.now, when).saturating_mul(100) / amount.max(1)
            }
        };
        self.limits.all().map(share).max().unwrap_or(0)
    }

    fn wanted(&self, when: When) -> Since {
        self.limits.all().fold(Since::default(), |since, (limit, _)| {
            since.and(match span(limit, &self.limits) {
                Span::Window(ms) => Since { minute: Some(when.now.saturating_sub(ms) / MINUTE_MS), day: None },
                Span::Day => Since { minute: None, day: Some(when.day) },
                Span::Month => Since { minute: None, day: Some(when.month) },
            })
        })
    }

    /// Whether one more call would be let in at the time `at`.
    fn fits(&self, limit: Limit, amount: u64, at: u64, when: When) -> bool {
        let (used, amount) = (self.used(limit, at, when), in_units(limit, amount));
        match limit {
            // Of a window, `used` is in parts of a minute: see there.
            Limit::Rpm | Limit::Requests => used + MINUTE_MS <= amount.saturating_mul(MINUTE_MS),
            Limit::Tpm => used < amount.saturating_mul(MINUTE_MS),
            // What a call takes is known when it ends.
            Limit::DayTokens | Limit::MonthTokens | Limit::DayMoney | Limit::MonthMoney => used < amount,
        }
    }

    /// In a window a minute counts by as many of its milliseconds as lie within, a sliding window counter; the sum is
    /// that many times larger.
    fn used(&self, limit: Limit, at: u64, when: When) -> u64 {
        let days = |from: u64| {
            self.days
                .0
                .iter()
                .filter(|day| day.at >= from)
                .fold(0, |sum: u64, day| sum.saturating_add(day.total(limit)))
        };
        match span(limit, &self.limits) {
            Span::Day => days(when.day),
            Span::Month => days(when.month),
            Span::Window(ms) => {
                let begin = at.saturating_sub(ms);
                let inside = |minute: &Bucket| ((minute.at + 1) * MINUTE_MS).saturating_sub(begin).min(MINUTE_MS);
                let part = |minute: &Bucket| minute.total(limit).saturating_mul(inside(minute));
                self.minutes.0.iter().fold(0, |sum: u64, minute| sum.saturating_add(part(minute)))
            }
        }
    }

    fn wait(&self, limit: Limit, amount: u64, when: When) -> u64 {
        match span(limit, &self.limits) {
            Span::Day => when.day_ends.saturating_sub(when.now),
            Span::Month => when.month_ends.saturating_sub(when.now),
            Span::Window(ms) => {
                // It only ever gets less: the first millisecond at which it fits lies between.
                let (mut low, mut high) = (when.now, when.now + ms + MINUTE_MS);
                while high - low > 1 {
                    let middle = low + (high - low) / 2;
                    if self.fits(limit, amount, middle, when) { high = middle } else { low = middle }
                }
                high - when.now
            }
        }
    }
}

const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Money is counted in finer units than it is limited in.
const fn in_units(limit: Limit, amount: u64) -> u64 {
    match limit {
        Limit::DayMoney | Limit::MonthMoney => amount.saturating_mul(1000),
        Limit::Rpm | Limit::Tpm | Limit::Requests | Limit::DayTokens | Limit::MonthTokens => amount,
    }
}

#[cfg(test)]
mod tests;

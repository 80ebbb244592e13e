//! What a client key may use: which models, providers and addresses, and how much.

pub mod ip;
pub mod meter;
pub mod meters;
pub mod scope;

use crate::record::client::{Limit, Limits};

pub const MINUTE_MS: u64 = 60_000;

/// A time, by the clock and by the time zone that is set.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// Unix milliseconds, as are the ends.
    pub now: u64,
    /// Days since 1970.
    pub day: u64,
    /// The first day of the month.
    pub month: u64,
    pub day_ends: u64,
    pub month_ends: u64,
}

/// Where a limit is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// The last so many milliseconds.
    Window(u64),
    Day,
    Month,
}

/// No window is longer, whatever a restored record says: each minute of it is read.
const LONGEST_S: u64 = 86_400;

/// How a limit is counted.
pub fn span(limit: Limit, limits: &Limits) -> Span {
    match limit {
        Limit::Rpm | Limit::Tpm => Span::Window(MINUTE_MS),
        Limit::Requests => Span::Window(limits.window_s.unwrap_or(60).min(LONGEST_S) * 1000),
        Limit::DayTokens | Limit::DayMoney => Span::Day,
        Limit::MonthTokens | Limit::MonthMoney => Span::Month,
    }
}

/// What is used up, and for how long it stays so if nothing else is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    pub limit: Limit,
    pub wait_ms: u64,
}

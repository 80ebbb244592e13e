//! How an upstream counts the requests of one key for one model.

use std::collections::VecDeque;

const MINUTE: u64 = 60_000;
/// Tokens are kept in parts, one of which flows in each millisecond for each request per minute.
const TOKEN: u64 = MINUTE;

pub enum Limit {
    /// So many in any 60 seconds, as free accounts have it. Keeps when the last ones came.
    Window { rpm: u64, came: VecDeque<u64> },
    /// A bucket that fills evenly and holds a minute's worth, as OpenAI's paid accounts have it: of 60 a minute, 59
    /// are left after one request, and its documented `reset` is 1 s then.
    Bucket { rpm: u64, parts: u64, filled: u64 },
}

/// What the limit says about one request. `full_in` is the time until the limit is as if unused.
pub enum Counted {
    Taken {
        remaining: u64,
        full_in: u64,
    },
    /// A request would pass after `free_in`.
    Refused {
        free_in: u64,
        full_in: u64,
    },
}

impl Limit {
    pub const fn window(rpm: u64) -> Self {
        Self::Window { rpm, came: VecDeque::new() }
    }

    pub const fn bucket(rpm: u64, full: bool) -> Self {
        Self::Bucket { rpm, parts: if full { rpm * TOKEN } else { 0 }, filled: 0 }
    }

    pub const fn rpm(&self) -> u64 {
        match self {
            Self::Window { rpm, .. } | Self::Bucket { rpm, .. } => *rpm,
        }
    }

    /// Counts a request; one that is refused costs nothing.
    pub fn count(&mut self, now: u64) -> Counted {
        match self {
            Self::Window { rpm, came } => {
                while came.front().is_some_and(|at| at + MINUTE <= now) {
                    came.pop_front();
                }
                let used = came.len() as u64;
                if used >= *rpm {
                    let free_in = came.front().map_or(1, |at| at + MINUTE - now);
                    return Counted::Refused { free_in, full_in: MINUTE };
                }
                came.push_back(now);
                Counted::Taken { remaining: *rpm - used - 1, full_in: MINUTE }
            }
            Self::Bucket { rpm, parts, filled } => {
                let full = *rpm * TOKEN;
                *parts = full.min(*parts + (now - *filled) * *rpm);
                *filled = now;
                if *parts < TOKEN {
                    let (missing, all) = (TOKEN - *parts, full - *parts);
                    return Counted::Refused { free_in: missing.div_ceil(*rpm), full_in: all.div_ceil(*rpm) };
                }
                *parts -= TOKEN;
                Counted::Taken { remaining: *parts / TOKEN, full_in: (full - *parts).div_ceil(*rpm) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(limit: &mut Limit, times: impl Iterator<Item = u64>) -> usize {
        times.filter(|at| matches!(limit.count(*at), Counted::Taken { .. })).count()
    }

    #[test]
    fn a_window_lets_its_number_through_in_any_minute() {
        let mut limit = Limit::window(30);
        assert_eq!(taken(&mut limit, (0..60).map(|s| s * 1000)), 30);
        assert_eq!(taken(&mut limit, (60..90).map(|s| s * 1000)), 30);
    }

    #[test]
    fn a_bucket_lets_a_minutes_worth_through_at_once_and_then_its_rate() {
        let mut limit = Limit::bucket(60, true);
        assert!(matches!(limit.count(0), Counted::Taken { remaining: 59, full_in: 1000 }));
        assert_eq!(taken(&mut limit, std::iter::repeat_n(0, 99)), 59);
        assert!(matches!(limit.count(0), Counted::Refused { free_in: 1000, full_in: 60_000 }));
        assert_eq!(taken(&mut limit, (1..=60_000).step_by(10)), 59);
    }
}

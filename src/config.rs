//! The settings: one table of what can be set, and the values in force, read once and checked whole.

use crate::record::write::{Json, object};
use serde_json::Value;

/// A number that an operator can set as a var, and at run time by the admin API.
pub struct Setting {
    /// Its name in the admin API.
    pub name: &'static str,
    /// Its name as a var.
    pub var: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
    pub about: &'static str,
}

const fn setting(name: &'static str, var: &'static str, range: [u64; 3], about: &'static str) -> Setting {
    let [default, min, max] = range;
    Setting { name, var, default, min, max, about }
}

const DAY: u64 = 86_400_000;

/// Times are in milliseconds. The README's table is held against this one by a test.
pub const SETTINGS: [Setting; 12] = [
    setting("max_attempts", "KEYPOOL_MAX_ATTEMPTS", [5, 1, 20], "Upstream tries of one request"),
    setting(
        "first_byte_timeout_ms",
        "KEYPOOL_FIRST_BYTE_TIMEOUT_MS",
        [30_000, 50, 600_000],
        "How long a streamed call may take to begin its answer",
    ),
    setting(
        "answer_timeout_ms",
        "KEYPOOL_ANSWER_TIMEOUT_MS",
        [300_000, 50, 3_600_000],
        "The same for a call that is not streamed, whose answer begins when it is complete",
    ),
    setting(
        "idle_timeout_ms",
        "KEYPOOL_IDLE_TIMEOUT_MS",
        [60_000, 50, 600_000],
        "How long an answer may pause before it counts as broken",
    ),
    setting(
        "overall_timeout_ms",
        "KEYPOOL_OVERALL_TIMEOUT_MS",
        [900_000, 100, 3_600_000],
        "How long one answer may take from its beginning to its end",
    ),
    setting(
        "failover_deadline_ms",
        "KEYPOOL_FAILOVER_DEADLINE_MS",
        [30_000, 100, 300_000],
        "No further try or wait begins after this long",
    ),
    setting(
        "wait_budget_ms",
        "KEYPOOL_WAIT_BUDGET_MS",
        [10_000, 0, 60_000],
        "How long a request may wait for a key when all are cooling",
    ),
    setting(
        "retry_after_timeout",
        "KEYPOOL_RETRY_AFTER_TIMEOUT",
        [1, 0, 1],
        "1 = one more try when no answer began in time, although it may be billed twice",
    ),
    setting(
        "standby_percent",
        "KEYPOOL_STANDBY_PERCENT",
        [10, 0, 100],
        "Of a hundred conversations so many go to standby keys first",
    ),
    setting(
        "flush_interval_ms",
        "KEYPOOL_FLUSH_INTERVAL_MS",
        [0, 0, DAY],
        "How often an isolate writes its counts down; 0 = 10 s on D1, 5 min on KV",
    ),
    setting(
        "snapshot_age_ms",
        "KEYPOOL_SNAPSHOT_AGE_MS",
        [0, 0, DAY],
        "How old an isolate's picture of the pool may get; 0 = 10 s on D1, 60 s on KV",
    ),
    setting(
        "session_ms",
        "KEYPOOL_SESSION_MS",
        [12 * 3_600_000, 60_000, 30 * DAY],
        "How long a login on the admin page lasts",
    ),
];

/// The values in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub max_attempts: u64,
    pub first_byte_timeout_ms: u64,
    pub answer_timeout_ms: u64,
    pub idle_timeout_ms: u64,
    pub overall_timeout_ms: u64,
    pub failover_deadline_ms: u64,
    pub wait_budget_ms: u64,
    pub retry_after_timeout: u64,
    pub standby_percent: u64,
    pub flush_interval_ms: u64,
    pub snapshot_age_ms: u64,
    pub session_ms: u64,
    /// http:// and private hosts may be providers.
    pub allow_private_upstreams: bool,
    pub log_level: Level,
}

impl Json for Config {
    fn json(&self) -> Value {
        object! { "max_attempts": self.max_attempts, "first_byte_timeout_ms": self.first_byte_timeout_ms, "answer_timeout_ms": self.answer_timeout_ms, "idle_timeout_ms": self.idle_timeout_ms, "overall_timeout_ms": self.overall_timeout_ms, "failover_deadline_ms": self.failover_deadline_ms, "wait_budget_ms": self.wait_budget_ms, "retry_after_timeout": self.retry_after_timeout, "standby_percent": self.standby_percent, "flush_interval_ms": self.flush_interval_ms, "snapshot_age_ms": self.snapshot_age_ms, "session_ms": self.session_ms, "allow_private_upstreams": self.allow_private_upstreams, "log_level": self.log_level.name() }
    }
}

/// Lines below the level are not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|l| l.name() == text)
    }
}

/// Reads all settings; `lookup` gives a var by its name, or what the page stored under the setting's name.
/// `on_kv` chooses the defaults that depend on the storage.
///
/// # Errors
/// Every problem, one sentence each.
pub fn read(lookup: impl Fn(&str) -> Option<String>, on_kv: bool) -> Result<Config, Vec<String>> {
    let mut problems = Vec::new();
    let config = Config {
        max_attempts: number(&lookup, "max_attempts", &mut problems),
        first_byte_timeout_ms: number(&lookup, "first_byte_timeout_ms", &mut problems),
        answer_timeout_ms: number(&lookup, "answer_timeout_ms", &mut problems),
        idle_timeout_ms: number(&lookup, "idle_timeout_ms", &mut problems),
        overall_timeout_ms: number(&lookup, "overall_timeout_ms", &mut problems),
        failover_deadline_ms: number(&lookup, "failover_deadline_ms", &mut problems),
        wait_budget_ms: number(&lookup, "wait_budget_ms", &mut problems),
        retry_after_timeout: number(&lookup, "retry_after_timeout", &mut problems),
        standby_percent: number(&lookup, "standby_percent", &mut problems),
        flush_interval_ms: by_storage(number(&lookup, "flush_interval_ms", &mut problems), on_kv, [10_000, 300_000]),
        snapshot_age_ms: by_storage(number(&lookup, "snapshot_age_ms", &mut problems), on_kv, [10_000, 60_000]),
        session_ms: number(&lookup, "session_ms", &mut problems),
        allow_private_upstreams: flag(&lookup, "KEYPOOL_ALLOW_PRIVATE_UPSTREAMS", &mut problems),
        log_level: level(&lookup, &mut problems),
    };
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

/// `text` as a value of the setting `name`.
///
/// # Errors
/// A sentence that names the range.
pub fn check(name: &str, text: &str) -> Result<u64, String> {
    let Some(known) = SETTINGS.iter().find(|s| s.name == name) else {
        return Err(format!("{name} is not a setting"));
    };
    match text.trim().parse::<u64>() {
        Ok(value) if (known.min..=known.max).contains(&value) => Ok(value),
        _ => Err(format!("{name} is a whole number from {} to {}", known.min, known.max)),
    }
}

fn number(lookup: &impl Fn(&str) -> Option<String>, name: &str, problems: &mut Vec<String>) -> u64 {
    let Some(known) = SETTINGS.iter().find(|s| s.name == name) else { return 0 };
    let (source, text) = match (lookup(known.name), lookup(known.var)) {
        (Some(stored), _) => (known.name, stored),
        (None, Some(var)) => (known.var, var),
        (None, None) => return known.default,
    };
    check(name, &text).unwrap_or_else(|problem| {
        problems.push(format!("{source}: {problem}"));
        known.default
    })
}

const fn by_storage(value: u64, on_kv: bool, [d1, kv]: [u64; 2]) -> u64 {
    match (value, on_kv) {
        (0, false) => d1,
        (0, true) => kv,
        (value, _) => value,
    }
}

fn flag(lookup: &impl Fn(&str) -> Option<String>, var: &str, problems: &mut Vec<String>) -> bool {
    match lookup(var).as_deref().map(str::trim) {
        Some("true" | "1" | "yes") => true,
        None | Some("" | "false" | "0" | "no") => false,
        Some(_) => {
            problems.push(format!("{var}: is true or false"));
            false
        }
    }
}

fn level(lookup: &impl Fn(&str) -> Option<String>, problems: &mut Vec<String>) -> Level {
    let Some(text) = lookup("KEYPOOL_LOG_LEVEL") else { return Level::Info };
    Level::parse(text.trim()).unwrap_or_else(|| {
        problems.push("KEYPOOL_LOG_LEVEL: is debug, info, warn or error".into());
        Level::Info
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_gives_the_defaults_of_the_storage() {
        let d1 = read(|_| None, false).unwrap();
        let kv = read(|_| None, true).unwrap();
        assert_eq!((d1.max_attempts, d1.flush_interval_ms, d1.snapshot_age_ms), (5, 10_000, 10_000));
        assert_eq!((kv.flush_interval_ms, kv.snapshot_age_ms), (300_000, 60_000));
        assert!(!d1.allow_private_upstreams);
    }

    #[test]
    fn a_stored_setting_wins_over_a_var() {
        let lookup = |name: &str| match name {
            "max_attempts" => Some("3".to_string()),
            "KEYPOOL_MAX_ATTEMPTS" => Some("4".to_string()),
            _ => None,
        };
        assert_eq!(read(lookup, false).unwrap().max_attempts, 3);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let lookup = |name: &str| match name {
            "KEYPOOL_MAX_ATTEMPTS" => Some("0".to_string()),
            "KEYPOOL_WAIT_BUDGET_MS" => Some("soon".to_string()),
            "KEYPOOL_LOG_LEVEL" => Some("loud".to_string()),
            _ => None,
        };
        assert_eq!(read(lookup, false).unwrap_err().len(), 3);
    }
}

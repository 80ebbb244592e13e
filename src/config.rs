//! The settings: one table of what can be set, and the values in force, read once and checked whole.

use crate::record::{
    client::Log,
    write::{Json, object},
};
use serde_json::Value;

/// What an operator can set as a var, and at run time by the admin API.
pub struct Setting {
    /// Its name in the admin API.
    pub name: &'static str,
    /// Its name as a var.
    pub var: &'static str,
    pub values: Values,
    pub about: &'static str,
}

/// What a setting may be.
pub enum Values {
    /// A whole number: the default, the least and the most.
    Whole([u64; 3]),
    /// The default, and all that there are.
    OneOf(&'static str, &'static [&'static str]),
    /// A time zone, by its IANA name; the default is `UTC`.
    Zone,
    /// `*` (the default), `none`, or origins of web pages with spaces between.
    Origins,
}

/// Whether the platform knows a time zone.
pub type IsZone = fn(&str) -> bool;

const fn setting(name: &'static str, var: &'static str, range: [u64; 3], about: &'static str) -> Setting {
    Setting { name, var, values: Values::Whole(range), about }
}

const DAY: u64 = 86_400_000;

/// Times are in milliseconds. The README's table is held against this one by a test.
pub const SETTINGS: [Setting; 24] = [
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
        "models_hours",
        "KEYPOOL_MODELS_HOURS",
        [6, 0, 720],
        "How often cron reads each provider's list of models; 0 = only `GET /v1/models` does, and the admin page",
    ),
    Setting {
        name: "cors_origins",
        var: "KEYPOOL_CORS_ORIGINS",
        values: Values::Origins,
        about: "Web pages that may call from a browser: `*`, or addresses such as `https://chat.example.com` with spaces \
                between; `none` for none",
    },
    setting(
        "flush_interval_ms",
        "KEYPOOL_FLUSH_INTERVAL_MS",
        [0, 0, DAY],
        "How often an isolate writes its counts down; 0 = 20 s on D1, 5 min on KV",
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
        "How long a login lasts at the most; an hour without use ends it sooner",
    ),
    setting(
        "retention_minutes_days",
        "KEYPOOL_RETENTION_MINUTES_DAYS",
        [2, 1, 30],
        "How many days the counts by minute are kept",
    ),
    setting("retention_days", "KEYPOOL_RETENTION_DAYS", [400, 1, 3660], "How many days the counts by day are kept"),
    Setting {
        name: "request_log",
        var: "KEYPOOL_REQUEST_LOG",
        values: Values::OneOf("off", &Log::NAMES),
        about: "What is kept of each call: nothing (`off`), all but the bodies (`meta`), or the `bodies` too",
    },
    setting("request_log_days", "KEYPOOL_REQUEST_LOG_DAYS", [7, 1, 400], "How many days the request log is kept"),
    setting(
        "request_log_rows",
        "KEYPOOL_REQUEST_LOG_ROWS",
        [10_000, 100, 1_000_000],
        "About how many calls the request log keeps",
    ),
    setting("audit_days", "KEYPOOL_AUDIT_DAYS", [365, 1, 3660], "How many days the audit log is kept"),
    setting("audit_rows", "KEYPOOL_AUDIT_ROWS", [10_000, 100, 1_000_000], "About how many entries the audit log keeps"),
    setting("cache_mb", "KEYPOOL_CACHE_MB", [50, 1, 1000], "About how many MB of cached answers are kept"),
    Setting {
        name: "time_zone",
        var: "KEYPOOL_TIME_ZONE",
        values: Values::Zone,
        about: "Where a day begins at midnight: a name such as `Asia/Shanghai`",
    },
    Setting {
        name: "log_level",
        var: "KEYPOOL_LOG_LEVEL",
        values: Values::OneOf("info", &["debug", "info", "warn", "error"]),
        about: "Which lines are logged: `debug`, `info`, `warn` or `error` and those above it",
    },
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
    pub models_hours: u64,
    pub cors_origins: String,
    pub flush_interval_ms: u64,
    pub snapshot_age_ms: u64,
    pub session_ms: u64,
    pub retention_minutes_days: u64,
    pub retention_days: u64,
    pub request_log: Log,
    pub request_log_days: u64,
    pub request_log_rows: u64,
    pub audit_days: u64,
    pub audit_rows: u64,
    pub cache_mb: u64,
    pub time_zone: String,
    /// http:// and private hosts may be providers.
    pub allow_private_upstreams: bool,
    pub log_level: Level,
}

impl Json for Config {
    fn json(&self) -> Value {
        object! { "max_attempts": self.max_attempts, "first_byte_timeout_ms": self.first_byte_timeout_ms, "answer_timeout_ms": self.answer_timeout_ms, "idle_timeout_ms": self.idle_timeout_ms, "overall_timeout_ms": self.overall_timeout_ms, "failover_deadline_ms": self.failover_deadline_ms, "wait_budget_ms": self.wait_budget_ms, "retry_after_timeout": self.retry_after_timeout, "standby_percent": self.standby_percent, "models_hours": self.models_hours, "cors_origins": self.cors_origins, "flush_interval_ms": self.flush_interval_ms, "snapshot_age_ms": self.snapshot_age_ms, "session_ms": self.session_ms, "retention_minutes_days": self.retention_minutes_days, "retention_days": self.retention_days, "request_log": self.request_log.name(), "request_log_days": self.request_log_days, "request_log_rows": self.request_log_rows, "audit_days": self.audit_days, "audit_rows": self.audit_rows, "cache_mb": self.cache_mb, "time_zone": self.time_zone, "allow_private_upstreams": self.allow_private_upstreams, "log_level": self.log_level.name() }
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
pub fn read(lookup: impl Fn(&str) -> Option<String>, on_kv: bool, is_zone: IsZone) -> Result<Config, Vec<String>> {
    let mut found = Reading { lookup: &lookup, is_zone, problems: Vec::new() };
    let config = Config {
        max_attempts: found.number("max_attempts"),
        first_byte_timeout_ms: found.number("first_byte_timeout_ms"),
        answer_timeout_ms: found.number("answer_timeout_ms"),
        idle_timeout_ms: found.number("idle_timeout_ms"),
        overall_timeout_ms: found.number("overall_timeout_ms"),
        failover_deadline_ms: found.number("failover_deadline_ms"),
        wait_budget_ms: found.number("wait_budget_ms"),
        retry_after_timeout: found.number("retry_after_timeout"),
        standby_percent: found.number("standby_percent"),
        models_hours: found.number("models_hours"),
        cors_origins: found.text("cors_origins"),
        flush_interval_ms: by_storage(found.number("flush_interval_ms"), on_kv, [20_000, 300_000]),
        snapshot_age_ms: by_storage(found.number("snapshot_age_ms"), on_kv, [10_000, 60_000]),
        session_ms: found.number("session_ms"),
        retention_minutes_days: found.number("retention_minutes_days"),
        retention_days: found.number("retention_days"),
        request_log: Log::parse(&found.text("request_log")).unwrap_or(Log::Off),
        request_log_days: found.number("request_log_days"),
        request_log_rows: found.number("request_log_rows"),
        audit_days: found.number("audit_days"),
        audit_rows: found.number("audit_rows"),
        cache_mb: found.number("cache_mb"),
        time_zone: found.text("time_zone"),
        allow_private_upstreams: found.flag("KEYPOOL_ALLOW_PRIVATE_UPSTREAMS"),
        log_level: Level::parse(&found.text("log_level")).unwrap_or(Level::Info),
    };
    if found.problems.is_empty() { Ok(config) } else { Err(found.problems) }
}

/// Whether `text` is a value of the setting `name`.
///
/// # Errors
/// A sentence that says what it may be.
pub fn check(name: &str, text: &str, is_zone: IsZone) -> Result<(), String> {
    match SETTINGS.iter().find(|s| s.name == name) {
        Some(known) => known.check(text.trim(), is_zone),
        None => Err(format!("{name} is not a setting")),
    }
}

impl Setting {
    pub fn default(&self) -> String {
        match self.values {
            Values::Whole([default, ..]) => default.to_string(),
            Values::OneOf(default, _) => default.into(),
            Values::Zone => "UTC".into(),
            Values::Origins => "*".into(),
        }
    }

    fn check(&self, text: &str, is_zone: IsZone) -> Result<(), String> {
        let name = self.name;
        match &self.values {
            Values::Whole([_, min, max]) => match text.parse::<u64>() {
                Ok(value) if (min..=max).contains(&&value) => Ok(()),
                _ => Err(format!("{name} is a whole number from {min} to {max}")),
            },
            Values::OneOf(_, words) if words.contains(&text) => Ok(()),
            Values::OneOf(_, words) => Err(format!("{name} is one of {}", words.join(", "))),
            Values::Origins if matches!(text, "*" | "none") || text.split_ascii_whitespace().all(is_origin) => Ok(()),
            Values::Origins => Err(format!("{name} is *, none, or origins such as https://chat.example.com")),
            Values::Zone if is_zone(text) => Ok(()),
            Values::Zone => Err(format!("{name} is UTC or the name of a time zone, such as Asia/Shanghai")),
        }
    }
}

/// A scheme and a host, as browsers send it.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|host| {
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
    })
}

struct Reading<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    is_zone: IsZone,
    problems: Vec<String>,
}

impl Reading<'_> {
    /// What the page stored, or else the var, or else the default.
    fn text(&mut self, name: &str) -> String {
        let Some(known) = SETTINGS.iter().find(|s| s.name == name) else { return String::new() };
        let (source, text) = match ((self.lookup)(known.name), (self.lookup)(known.var)) {
            (Some(stored), _) => (known.name, stored),
            (None, Some(var)) => (known.var, var),
            (None, None) => return known.default(),
        };
        let text = text.trim();
        if let Err(problem) = known.check(text, self.is_zone) {
            self.problems.push(format!("{source}: {problem}"));
        }
        text.into()
    }

    fn number(&mut self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    fn flag(&mut self, var: &str) -> bool {
        match (self.lookup)(var).as_deref().map(str::trim) {
            Some("true" | "1" | "yes") => true,
            None | Some("" | "false" | "0" | "no") => false,
            Some(_) => {
                self.problems.push(format!("{var}: is true or false"));
                false
            }
        }
    }
}

const fn by_storage(value: u64, on_kv: bool, [d1, kv]: [u64; 2]) -> u64 {
    match (value, on_kv) {
        (0, false) => d1,
        (0, true) => kv,
        (value, _) => value,
    }
}

#[cfg(test)]
mod tests;

//! What the client sees when no key is left: the last column of the table in README.md.

use super::{class::Class, select::Blocked, verdict::Verdict};
use crate::error::{Error, Fault};

#[derive(Debug, Clone, PartialEq)]
pub struct Exhausted {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
    /// When to come back.
    pub wait_ms: Option<u64>,
    /// The upstream's own last answer says it best (rows 10 and 15).
    pub verbatim: bool,
}

impl From<Exhausted> for Error {
    fn from(end: Exhausted) -> Self {
        let Exhausted { status, code, message, wait_ms, verbatim: _ } = end;
        Fault::Exhausted { status, code, message, wait_ms }.into()
    }
}

/// `last` is the last failure of this request, if it came to a try.
pub fn answer(provider: &str, last: Option<&Verdict>, blocked: &Blocked, now: u64) -> Exhausted {
    // That one key is dead or broke says nothing when others only rest, and that one failed nothing when others are busy.
    let is_busy = blocked.class == Some(Class::RateLimited);
    let says = |v: &&Verdict| match v.class {
        Class::Transient => !is_busy,
        class => !class.needs_probe() || blocked.class.is_none_or(Class::needs_probe),
    };
    let last = last.filter(says);
    let Some(class) = last.map(|v| v.class).or(blocked.class) else { return no_keys(provider, blocked) };
    let (status, code) = outward(class, last.and_then(|v| v.status));
    let soonest = blocked.soonest.map(|at| at.saturating_sub(now));
    let wait_ms = match status {
        429 | 503 => soonest.or(Some(1000)),
        502 | 504 => soonest,
        _ => None,
    };
    let said = match last.map(|v| v.message.as_str()) {
        Some(line) if !line.is_empty() => format!(" The upstream said: {line}"),
        _ => String::new(),
    };
    let message = format!("{} (provider {provider}).{said}", sentence(class));
    Exhausted {
        status,
        code,
        message,
        wait_ms,
        verbatim: matches!(class, Class::KeyLacksModel | Class::Empty | Class::Caller),
    }
}

fn no_keys(provider: &str, blocked: &Blocked) -> Exhausted {
    let message = if blocked.keys == 0 {
        format!("Provider {provider} has no key for this model. Add one on the admin page.")
    } else {
        format!("Every key of provider {provider} is switched off, expired or has weight 0. See the admin page.")
    };
    // What an admin does about it takes effect within seconds.
    Exhausted { status: 503, code: "no_keys", message, wait_ms: Some(5000), verbatim: false }
}

/// Status and code of our answer.
fn outward(class: Class, upstream: Option<u16>) -> (u16, &'static str) {
    match class {
        Class::KeyDead | Class::Forbidden => (502, "upstream_auth_failed"),
        Class::KeyBroke => (429, "insufficient_quota"),
        Class::DayQuota | Class::RateLimited | Class::IpThrottle => (429, "rate_limit_exceeded"),
        Class::ModelBusy => (503, "upstream_overloaded"),
        Class::KeyLacksModel => (404, "model_not_found"),
        Class::Timeout => (504, "upstream_timeout"),
        Class::Transient if upstream == Some(504) => (504, "upstream_timeout"),
        Class::Transient | Class::Caller | Class::Empty | Class::BrokenStream | Class::ClientGone | Class::Manual => {
            (502, "upstream_failed")
        }
    }
}

const fn sentence(class: Class) -> &'static str {
    match class {
        Class::KeyDead => "The upstream refused every key as invalid",
        Class::KeyBroke => "Every key has used up its quota or credit",
        Class::DayQuota => "Every key has used up its daily quota",
        Class::RateLimited | Class::IpThrottle => "Every key is at its rate limit",
        Class::ModelBusy => "The upstream is overloaded",
        Class::Timeout => "The upstream did not begin to answer in time",
        Class::KeyLacksModel => "No key may use this model",
        Class::Forbidden => "The upstream refused every key",
        Class::Transient | Class::Caller | Class::Empty | Class::BrokenStream | Class::ClientGone | Class::Manual => {
            "The upstream failed"
        }
    }
}

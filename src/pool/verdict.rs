//! Judges one attempt: whose fault was it? The facts are the table in `rows`; here is the order of looking:
//! transport, a success that carries an error, the body's signals, the status.
mod inside;
mod rows;
mod signals;
#[cfg(test)]
mod tests;

pub use super::reset::day_end_ms;
use super::{class::Class, hash::fnv, redact::redact_line, reset};
use crate::find;
pub use inside::{Inside, error_inside};
use signals::Signals;

/// What became of one attempt.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// A response head came. Header names are lower-case; the body may be cut after 8 KiB, and may be empty for a
    /// success whose body is still to flow.
    Answer { status: u16, headers: &'a [(String, String)], body: &'a [u8] },
    /// No connection, or it broke before a response head.
    Unreachable,
    /// No response head before the first-byte timeout.
    NoHead,
}

/// A failed attempt, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub class: Class,
    /// The upstream's status; for an error inside a success the status its code stands for.
    pub status: Option<u16>,
    /// The upstream's message: one redacted line of at most 200 characters, never empty.
    pub message: String,
    /// The wait the upstream asked for, believable but not clamped to any class's limits.
    pub wait_ms: Option<u64>,
    /// Tells one body from another; 0 when there was none.
    pub print: u64,
}

impl Verdict {
    /// An answer that is neither a success nor a failure known to the table: it is the client's to see.
    pub const fn pass(status: u16) -> Self {
        Self { class: Class::Caller, status: Some(status), message: String::new(), wait_ms: None, print: 0 }
    }

    /// The message with `secret` taken out, in case the upstream repeats it in a form that is not known as a key's.
    #[must_use]
    pub fn without(mut self, secret: &str) -> Self {
        self.message = redact_line(&self.message, &[secret]);
        self
    }
}

/// `None` is a healthy answer: a 2xx without an error inside, or a 304.
pub fn judge(outcome: &Outcome, now_ms: u64) -> Option<Verdict> {
    match *outcome {
        Outcome::Unreachable => Some(bare(Class::Transient, None, "the connection failed")),
        Outcome::NoHead => Some(bare(Class::Timeout, None, "no answer began in time")),
        // Only what says so itself counts as empty: a stream's body is not known yet when it is judged.
        Outcome::Answer { status: 200, headers, body: [] } if header(headers, "content-length") == Some("0") => {
            Some(empty())
        }
        Outcome::Answer { status: 200..300 | 304, headers, body } => {
            let inside = error_inside(body, is_event_stream(headers))?;
            Some(failure(inside.status, headers, &inside.body, now_ms))
        }
        Outcome::Answer { status: status @ 300..400, headers, .. } => Some(redirect(status, headers)),
        Outcome::Answer { status, headers, body } => Some(failure(status, headers, body, now_ms)),
    }
}

/// Row 15.
pub fn empty() -> Verdict {
    bare(Class::Empty, Some(200), "a success without a body")
}

/// The upstream turned away our address, not the key: no key may be disabled for it (the guard of row 1).
pub fn blames_address(verdict: &Verdict) -> bool {
    let message = verdict.message.to_ascii_lowercase();
    find::has(&message, "ip not authorized") || find::has(&message, "ip_not_authorized")
}

fn failure(status: u16, headers: &[(String, String)], body: &[u8], now_ms: u64) -> Verdict {
    let signals = Signals::read(body);
    let wait_ms = reset::wait_ms(headers, body, now_ms);
    let asks_patience = header(headers, "retry-after").is_some() && wait_ms.is_some();
    let class = if status == 402 && asks_patience { Class::RateLimited } else { rows::class_of(status, &signals) };
    let message = redact_line(&signals.shown(), &[]);
    let message = if message.is_empty() { format!("HTTP {status}") } else { message };
    Verdict { class, status: Some(status), message, wait_ms, print: fnv(body) }
}

/// A redirect is a wrong base URL: neither the caller's fault nor a key's. `Forbidden` would disable every key of the
/// provider after three calls, so it is `Transient`: memory only, the provider's breaker opens, the client sees a 502.
fn redirect(status: u16, headers: &[(String, String)]) -> Verdict {
    let target = header(headers, "location").unwrap_or("nowhere");
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let message = format!("a redirect to {target}: is the base URL right?");
    bare(Class::Transient, Some(status), &redact_line(&message, &[]))
}

fn is_event_stream(headers: &[(String, String)]) -> bool {
    header(headers, "content-type").is_some_and(|v| v.to_ascii_lowercase().starts_with("text/event-stream"))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim())
}

fn bare(class: Class, status: Option<u16>, message: &str) -> Verdict {
    Verdict { class, status, message: message.to_owned(), wait_ms: None, print: 0 }
}

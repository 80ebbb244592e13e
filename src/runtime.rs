//! The only place that reads the clock, rolls dice, waits or writes the log.

use crate::{
    config::Level,
    error::{self, Error, Fault},
    js,
    pool::dice::Dice,
    record::write::{self, Line, object},
};
use futures_util::FutureExt;
use std::{
    cell::Cell,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use wasm_bindgen::JsValue;
use worker::{
    Delay,
    js_sys::{self, Promise},
    wasm_bindgen_futures::{JsFuture, future_to_promise},
    web_sys,
};

/// Unix milliseconds.
#[expect(clippy::disallowed_methods, reason = "the one clock")]
pub fn now() -> u64 {
    millis(js_sys::Date::now())
}

/// A time as JavaScript gives it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times are positive and below 2^53 for 200,000 years; the cast saturates"
)]
pub const fn millis(time: f64) -> u64 {
    time as u64
}

/// # Errors
/// When the platform has no randomness, which it always has inside a request.
pub fn random<const N: usize>() -> error::Result<[u8; N]> {
    let mut bytes = [0; N];
    js::random_values(&mut bytes)?;
    Ok(bytes)
}

/// # Errors
/// As `random`.
pub fn dice() -> error::Result<Dice> {
    random().map(u64::from_le_bytes).map(Dice::seeded)
}

/// 32 random hex letters.
///
/// # Errors
/// As `random`.
pub fn random_id() -> error::Result<String> {
    Ok(format!("{:032x}", u128::from_le_bytes(random()?)))
}

pub fn sleep(ms: u64) -> Delay {
    // setTimeout takes 31 bits; nobody here waits for 24 days.
    Delay::from(Duration::from_millis(ms.min(0x7FFF_FFFF)))
}

/// Work that goes on by itself. Boxed, so that one piece of code hands all of it to the runtime.
pub type Work = Pin<Box<dyn Future<Output = ()>>>;

/// The promise is kept when the work is done.
pub fn begin(work: Work) -> Promise {
    future_to_promise(async {
        work.await;
        Ok(JsValue::UNDEFINED)
    })
}

/// How a promise ended.
pub type Settled = Result<JsValue, JsValue>;

/// Who ended a race.
pub enum Winner {
    One(Settled),
    Other(Settled),
    Time,
}

/// Waits for one promise, or for the first of two, but not longer than `ms`.
pub fn race<'a>(one: &'a mut JsFuture, other: Option<&'a mut JsFuture>, ms: u64) -> Race<'a> {
    Race { one, other, end: sleep(ms) }
}

/// How the promise ended; `None` when it took longer than `ms`.
pub async fn in_time(promise: Promise, ms: u64) -> Option<Settled> {
    match race(&mut JsFuture::from(promise), None, ms).await {
        Winner::One(settled) | Winner::Other(settled) => Some(settled),
        Winner::Time => None,
    }
}

pub struct Race<'a> {
    one: &'a mut JsFuture,
    other: Option<&'a mut JsFuture>,
    end: Delay,
}

impl Future for Race<'_> {
    type Output = Winner;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context) -> Poll<Winner> {
        if let Poll::Ready(settled) = self.one.poll_unpin(context) {
            return Poll::Ready(Winner::One(settled));
        }
        if let Some(Poll::Ready(settled)) = self.other.as_mut().map(|other| other.poll_unpin(context)) {
            return Poll::Ready(Winner::Other(settled));
        }
        self.end.poll_unpin(context).map(|()| Winner::Time)
    }
}

/// What is our fault is logged, here and nowhere else; a call's own end is in its line already.
pub fn refuse(error: &Error, request_id: &str) -> web_sys::Response {
    if error.status() >= 500 && !matches!(**error, Fault::Exhausted { .. }) {
        let fields = || object! {"request": request_id, "code": error.code(), "error": error.message()};
        log(Level::Error, "request_failed", fields);
    }
    js::error_response(error, request_id)
}

thread_local! {
    static LEVEL: Cell<Level> = const { Cell::new(Level::Info) };
}

pub fn set_log_level(level: Level) {
    LEVEL.set(level);
}

/// One JSON line. `fields` never hold a key, a token, a prompt or a body.
pub fn log(level: Level, event: &str, fields: impl FnOnce() -> serde_json::Value) {
    if level >= LEVEL.get() {
        write(level, event, fields());
    }
}

/// As `log`, for what is logged of each call.
pub fn log_line(level: Level, event: &str, fields: impl FnOnce() -> Line) {
    if level >= LEVEL.get() {
        let mut line = fields();
        line.text("level", Some(level.name())).text("event", Some(event));
        js::call::log(method(level), &line.end());
    }
}

fn write(level: Level, event: &str, mut fields: serde_json::Value) {
    if let Some(map) = fields.as_object_mut() {
        map.insert("level".into(), level.name().into());
        map.insert("event".into(), event.into());
    }
    js::call::log(method(level), &write::text(&fields));
}

/// Of JavaScript's console.
const fn method(level: Level) -> &'static str {
    match level {
        Level::Debug | Level::Info => "log",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

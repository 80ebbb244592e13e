//! The cache of answers on a call's way: asked before a key is chosen, and given the answer once it is out.

use super::{Asked, Walk, answer, intake::Intake};
use crate::{
    app::{App, Caller},
    cached::{Entry, LARGEST, Wish, question, wish},
    config::Level,
    error::{Error, Result},
    js::{self, call::Head},
    record::{client::Right, write::object},
    runtime::{self, Work},
    store::Cached,
    usage::hide::Hider,
};
use futures_util::future::{Either, select};
use std::rc::Rc;
use worker::{js_sys::Uint8Array, web_sys::Response};

pub const HEADER: &str = "x-keypool-cache";
/// A storage that takes longer is not waited for.
const READ_MS: u64 = 2000;
/// Of the client's headers, those that an answer may depend on.
const ASKING: [&str; 4] = ["x-gray-group", "openai-beta", "anthropic-version", "anthropic-beta"];

/// What the cache is asked for, and under which name the answer is kept.
#[derive(Clone)]
pub struct Wanted {
    id: String,
    seconds: u64,
}

/// `None` when the cache has no part in the call.
///
/// # Errors
/// When the caller may not ask, or asks for what there is not.
pub fn wanted(caller: &Caller, asked: &Asked, intake: &Intake) -> Result<Option<Wanted>> {
    let head = asked.head;
    let Wish { seconds, tools } = wish(caller, head)?;
    let forced = ["x-keypool-key", "content-encoding"].iter().any(|name| head.get(name).is_some());
    if seconds == 0 || forced || !question::is_cached(&head.method, asked.rest) {
        return Ok(None);
    }
    let Some(body) = intake.bytes().filter(|bytes| js::length(bytes) <= LARGEST) else { return Ok(None) };
    let said = ASKING.map(|name| head.get(name).unwrap_or_default());
    let mut scope = vec![&*caller.id, asked.rest, asked.query, asked.pin.unwrap_or_default()];
    scope.extend(said);
    Ok(question::id(&scope, &body.to_vec(), tools).map(|id| Wanted { id, seconds }))
}

fn wish(caller: &Caller, head: &Head) -> Result<Wish> {
    let Some(asked) = head.get(HEADER) else {
        return Ok(Wish { seconds: caller.cache_s.map_or(0, u64::from), tools: false });
    };
    if !caller.may(Right::Cache) {
        let message = "This client key may not choose whether its answers are cached.".into();
        return Err(Error::forbidden("cache_not_allowed", message));
    }
    let message =
        "x-keypool-cache is how many seconds an answer is kept, up to 2592000, and may be followed by \", tools\".";
    wish::parse(asked).ok_or_else(|| Error::invalid(message, Some(HEADER)))
}

/// The answer that is kept; without one the call goes on. A storage that fails has none.
pub async fn answer(walk: &mut Walk) -> Result<Option<Response>> {
    let Some(wanted) = walk.cached.clone() else { return Ok(None) };
    let ask = Cached::Find(&wanted.id);
    let read = Box::pin(walk.app.store.cached(&ask));
    let read = match select(read, runtime::sleep(READ_MS)).await {
        Either::Left((read, _)) => read,
        Either::Right(_) => Err(Error::storage("it took too long")),
    };
    let now = runtime::now();
    let found = read.unwrap_or_else(|error| {
        runtime::log(Level::Warn, "cache_not_read", || object! {"error": error.message()});
        None
    });
    let hit = found.filter(|entry| entry.is_fresh(now, wanted.seconds));
    walk.journal.cache = Some(if hit.is_some() { "hit" } else { "miss" });
    let Some(entry) = hit else { return Ok(None) };
    let headers = js::headers_of(&[("content-type", &entry.kind), ("age", &entry.age(now).to_string())])?;
    answer::finish(&headers, &walk.journal)?;
    let body = Uint8Array::from(entry.body.as_bytes());
    if let Some(trace) = &walk.journal.trace {
        trace.got(&headers, Some(&body));
    }
    walk.journal.replayed(&walk.app);
    Ok(Some(js::bytes_response(200, &headers, &body)?))
}

/// Keeps an answer that went out whole. Nobody waits for it, and when it fails the next one asks upstream again.
pub fn keep(app: &Rc<App>, wanted: Wanted, kind: String, body: Vec<u8>, hides: bool) -> Work {
    let app = app.clone();
    Box::pin(async move {
        let mut hider = Hider::default();
        let body = if hides { [hider.pass(&body), hider.end()].concat() } else { body };
        let Some(entry) = Entry::of(kind, body, runtime::now(), wanted.seconds) else { return };
        if let Err(error) = app.store.cached(&Cached::Keep(&wanted.id, &entry)).await {
            runtime::log(Level::Warn, "cache_not_written", || object! {"error": error.message()});
        }
    })
}

//! The upstream's answer on its way to the client: looked into only as far as needed.

use super::{Attempt, InUse, Ready, Walk, cached, journal::Journal, sticky, used};
use crate::{
    app::with_cache,
    cached::LARGEST,
    error::Result,
    js::{self, call::Fields},
    pool::{
        Ticket,
        class::Class,
        reset,
        verdict::{self, Outcome, Verdict},
    },
    record::provider::Auth,
    runtime,
    stream::{self, First, Kind},
    upstream::{self, Read, WHOLE},
};
use worker::{
    js_sys::Uint8Array,
    web_sys::{AbortController, Headers, ReadableStream, Response},
};

/// What is looked at of a success's headers.
static LOOKED_AT: [&str; 3 + reset::REMAINING.len()] = {
    let [a, b, c, d, e] = reset::REMAINING;
    ["content-type", "content-length", "x-request-id", a, b, c, d, e]
};
/// An error body may take this long.
const ERROR_BODY_MS: u64 = 10_000;

/// What the upstream said about a failure, whole and ready to be passed on.
pub struct Said {
    pub status: u16,
    headers: Headers,
    body: Option<Uint8Array>,
}

impl Said {
    pub const fn new(status: u16, headers: Headers, body: Option<Uint8Array>) -> Self {
        Self { status, headers, body }
    }

    pub fn response(&self, journal: &Journal) -> Result<Response> {
        finish(&self.headers, journal)?;
        if let Some(trace) = &journal.trace {
            trace.got(&self.headers, self.body.as_ref());
        }
        match &self.body {
            Some(body) => js::bytes_response(self.status, &self.headers, body),
            None => js::text_response(self.status, &self.headers, None),
        }
    }
}

/// An answer that is not a success.
pub async fn bad(
    walk: &Walk,
    ready: &Ready,
    ticket: Ticket,
    response: &Response,
    abort: &AbortController,
) -> Result<Attempt> {
    let body = match upstream::whole(response, abort, (ERROR_BODY_MS, WHOLE)).await {
        Read::Whole(body) => Some(body).filter(|_| response.body().is_some()),
        // No provider says so much about a failure.
        Read::Begun(beginning) => {
            abort.abort();
            Some(beginning)
        }
        Read::Not | Read::Broken => None,
    };
    let look = body.as_ref().map(|b| js::part(b, 0, upstream::LOOK).to_vec()).unwrap_or_default();
    let headers = js::all_headers(&response.headers());
    let status = response.status();
    let outcome = Outcome::Answer { status, headers: &headers, body: &look };
    let verdict = verdict::judge(&outcome, runtime::now()).unwrap_or_else(|| Verdict::pass(status));
    let secret = walk.secret(ticket);
    let verdict = verdict.without(&secret);
    let headers = upstream::answered_headers(&response.headers(), &ready.provider)?;
    let body = body.map(|body| upstream::answered_body(&ready.provider, &secret, body));
    let said = Said { status, headers, body };
    Ok(Attempt::Failed(verdict, Some(said)))
}

/// A success, unless it turns out to hold an error.
pub async fn good(
    walk: &mut Walk,
    ready: &Ready,
    ticket: Ticket,
    in_use: InUse,
    response: Response,
    (abort, read): (AbortController, Read),
) -> Result<Attempt> {
    let source = response.headers();
    let said = Fields::of(&source, &LOOKED_AT);
    let kind = said.get("content-type").unwrap_or_default();
    let length = said.get("content-length").and_then(|n| n.parse::<u64>().ok());
    let headers = upstream::answered_headers(&source, &ready.provider)?;
    finish_named(&headers, &walk.journal, said.get("x-request-id"))?;
    if !matches!(read, Read::Not) {
        return whole(walk, ready, in_use, &response, (abort, read), (headers, &said)).await;
    }
    let body = response.body().filter(|_| walk.method != "HEAD" && length != Some(0));
    if body.is_none() && walk.wants_body(response.status()) {
        return Ok(empty(headers));
    }
    let Some(body) = body else {
        walk.succeeded(ready, ticket, &response, &said);
        walk.journal.clone().ended(&walk.app, response.status(), stream::Ending::Complete, None);
        return Ok(Attempt::Answered(js::text_response(response.status(), &headers, None)?));
    };
    if kind.starts_with("text/event-stream") {
        let idle_ms = walk.limits(ready).idle_ms;
        return match stream::first(&body, idle_ms).await? {
            First::Bytes(first) => match walk.error_in(ready, &response, &first, true, ticket) {
                Some(failed) => {
                    abort.abort();
                    Ok(failed)
                }
                None => flow(
                    walk,
                    ready,
                    in_use,
                    &response,
                    abort,
                    (&headers, &said),
                    (&body, Kind::Events { first, how: ready.how }),
                ),
            },
            First::End if walk.wants_body(response.status()) => Ok(empty(headers)),
            First::End => flow(walk, ready, in_use, &response, abort, (&headers, &said), (&body, Kind::Other)),
            First::Broken | First::Stalled if js::is_aborted(&walk.request) => Ok(Attempt::Gone),
            First::Broken => Ok(walk.judged(&Outcome::Unreachable)),
            First::Stalled => {
                abort.abort();
                Ok(walk.judged(&Outcome::NoHead))
            }
        };
    }
    if is_json(kind) && length.is_none_or(|n| n <= WHOLE) {
        let read = upstream::whole(&response, &abort, (walk.answer_timeout_ms(ready), WHOLE)).await;
        return whole(walk, ready, in_use, &response, (abort, read), (headers, &said)).await;
    }
    let kind = if is_json(kind) { Kind::Json { first: None } } else { Kind::Other };
    flow(walk, ready, in_use, &response, abort, (&headers, &said), (&body, kind))
}

/// From here on the answer is the client's; what follows happens in the background.
fn flow(
    walk: &Walk,
    ready: &Ready,
    in_use: InUse,
    response: &Response,
    abort: AbortController,
    (headers, said): (&Headers, &Fields),
    (body, kind): (&ReadableStream, Kind),
) -> Result<Attempt> {
    let ticket = in_use.0;
    walk.succeeded(ready, ticket, response, said);
    if let Some(trace) = &walk.journal.trace {
        trace.got(headers, None);
    }
    let (events, looked_at) = (matches!(kind, Kind::Events { .. }), !matches!(kind, Kind::Other));
    let prompt = walk.prompt(ready);
    let marker = if looked_at { sticky::marker(walk.kept, ticket, events) } else { None };
    let limits = walk.limits(ready);
    let (readable, work) = stream::pass(body, (kind, marker), Clone::clone(&walk.request), abort, limits)?;
    let (app, journal, status) = (walk.app.clone(), walk.journal.clone(), response.status());
    let wanted = walk.cached.clone().filter(|_| events && status == 200);
    let (kind, hides) = (said.get("content-type").unwrap_or_default().to_string(), ready.how.hides);
    walk.app.in_background(Box::pin(async move {
        let end = work.await;
        drop(in_use);
        if end.ending == stream::Ending::Broken {
            journal.broke(&app, ticket);
        }
        if let Some(trace) = journal.trace.as_ref().filter(|_| events) {
            trace.streamed(|most| end.seen.beginning(most), end.seen.length);
        }
        let tokens = if looked_at { used::passed(&end.seen, events, prompt.as_ref()) } else { None };
        journal.ended(&app, status, end.ending, tokens.as_ref());
        if let Some(wanted) = wanted.filter(|_| end.ending == stream::Ending::Complete && end.seen.length <= LARGEST) {
            cached::keep(&app, wanted, kind, end.seen.beginning(usize::MAX), hides).await;
        }
    }));
    Ok(Attempt::Answered(js::stream_response(status, headers, Some(&readable))?))
}

/// A JSON answer, read to its end before a byte goes out: until then another key can take over. One that turns out too long
/// for that goes its way.
async fn whole(
    walk: &mut Walk,
    ready: &Ready,
    in_use: InUse,
    response: &Response,
    (abort, read): (AbortController, Read),
    (headers, said): (Headers, &Fields),
) -> Result<Attempt> {
    let ticket = in_use.0;
    let body = match (read, response.body()) {
        (Read::Whole(body), _) => body,
        (Read::Begun(first), Some(rest)) => {
            let kind = Kind::Json { first: Some(first) };
            return flow(walk, ready, in_use, response, abort, (&headers, said), (&rest, kind));
        }
        _ => {
            let late = runtime::now() >= walk.journal.attempt_began() + walk.answer_timeout_ms(ready);
            let outcome = if late { Outcome::NoHead } else { Outcome::Unreachable };
            return Ok(if js::is_aborted(&walk.request) { Attempt::Gone } else { walk.judged(&outcome) });
        }
    };
    if let Some(failed) = walk.error_in(ready, response, &body, false, ticket) {
        return Ok(failed);
    }
    let body = match ready.provider.auth {
        // No other needs the secret here.
        Auth::Query => upstream::answered_body(&ready.provider, &walk.secret(ticket), body),
        Auth::Bearer | Auth::XApiKey | Auth::ApiKey => body,
    };
    let length = js::length(&body);
    if length == 0 && walk.wants_body(response.status()) {
        return Ok(empty(headers));
    }
    walk.succeeded(ready, ticket, response, said);
    let tokens = used::whole(&body, walk.prompt(ready).as_ref());
    let body = match sticky::marker(walk.kept, ticket, false) {
        Some(marker) => sticky::marked(&body, marker),
        None => body,
    };
    if let Some(trace) = &walk.journal.trace {
        trace.got(&headers, Some(&body));
    }
    walk.journal.clone().ended(&walk.app, response.status(), stream::Ending::Complete, tokens.as_ref());
    if let Some(wanted) = walk.cached.clone().filter(|_| response.status() == 200 && length <= LARGEST) {
        let kind = said.get("content-type").unwrap_or_default().to_string();
        walk.app.in_background(cached::keep(&walk.app, wanted, kind, body.to_vec(), false));
    }
    Ok(Attempt::Answered(js::bytes_response(response.status(), &headers, &body)?))
}

/// Row 15.
fn empty(headers: Headers) -> Attempt {
    Attempt::Failed(verdict::empty(), Some(Said { status: 200, headers, body: None }))
}

/// One JSON document; lines of JSON are a stream.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
}

/// What we add to an answer.
pub fn finish(headers: &Headers, journal: &Journal) -> Result<()> {
    finish_named(headers, journal, js::header(headers, "x-request-id").as_deref())
}

/// As `finish`, the answer's own id being known.
fn finish_named(headers: &Headers, journal: &Journal, id: Option<&str>) -> Result<()> {
    if id.is_none_or(str::is_empty) {
        headers.set("x-request-id", journal.request_id())?;
    }
    journal.show(headers)
}

impl Walk {
    /// Row 14: a success that is an error, as far as its beginning tells. One that is the caller's fault passes as it is.
    fn error_in(
        &self,
        ready: &Ready,
        response: &Response,
        body: &Uint8Array,
        events: bool,
        ticket: Ticket,
    ) -> Option<Attempt> {
        let look = js::part(body, 0, upstream::LOOK).to_vec();
        // Most answers need no second look.
        verdict::error_inside(&look, events)?;
        let headers = js::all_headers(&response.headers());
        let outcome = Outcome::Answer { status: response.status(), headers: &headers, body: &look };
        let verdict = verdict::judge(&outcome, runtime::now())?.without(&self.secret(ticket));
        if verdict.class == Class::Caller {
            return None;
        }
        let provider = &ready.provider;
        let passed = upstream::answered_headers(&response.headers(), provider).ok()?;
        let body = upstream::answered_body(provider, &self.secret(ticket), body.clone());
        let status = verdict.status.filter(|s| *s >= 400).unwrap_or(502);
        let said = Said { status, headers: passed, body: Some(body) };
        Some(Attempt::Failed(verdict, (!events).then_some(said)))
    }

    fn limits(&self, ready: &Ready) -> stream::Limits {
        stream::Limits {
            idle_ms: ready.provider.idle_timeout_ms.unwrap_or(self.config.idle_timeout_ms),
            overall_ms: ready.provider.overall_timeout_ms.unwrap_or(self.config.overall_timeout_ms),
        }
    }

    fn succeeded(&self, ready: &Ready, ticket: Ticket, response: &Response, said: &Fields) {
        let now = runtime::now();
        self.journal.answered(response.status(), now);
        // Most answers have something left, or do not say.
        let used_up = reset::REMAINING.iter().any(|name| said.get(name).is_some_and(reset::is_zero));
        let rest_ms = if used_up { reset::used_up_ms(&js::all_headers(&response.headers()), now) } else { None };
        let records = with_cache(|c| {
            let records = c.pool.succeeded(ticket, &ready.model, self.journal.attempt_began(), now);
            if let Some(ms) = rest_ms {
                c.pool.used_up(ticket, &ready.model, ms, now);
            }
            records
        });
        self.app.note(records, now);
    }

    /// A successful answer to such a call has something in it.
    fn wants_body(&self, status: u16) -> bool {
        status == 200 && self.method == "POST"
    }
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn lines_of_json_are_not_one_document() {
        for kind in ["application/json", "application/json; charset=utf-8", "application/problem+json"] {
            assert!(is_json(kind), "{kind}");
        }
        for kind in ["application/x-ndjson", "application/jsonl", "text/event-stream", "audio/mpeg", ""] {
            assert!(!is_json(kind), "{kind}");
        }
    }
}

//! One attempt: a fetch with the pool's key instead of the client's, bounded in the time to its head.

use crate::{
    error::Result,
    js,
    pool::{
        balance,
        class::Class,
        verdict::{self, Outcome, Verdict},
    },
    record::provider::{self, Auth, Provider},
    runtime,
};
use wasm_bindgen::JsCast;
use worker::{
    js_sys::{Array, Uint8Array},
    web_sys::{AbortController, Headers, ReadableStream, Request, RequestInit, RequestRedirect, Response},
};

/// The client's headers that an upstream may see. OpenAI-Organization and -Project are not among them: they belong
/// to the client's own account, and the pool's key would be refused (and disabled) for their sake.
pub const PASSED: [&str; 14] = [
    "content-type",
    "content-encoding",
    "accept",
    "accept-language",
    "user-agent",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
    "idempotency-key",
    "x-client-request-id",
    "range",
    "http-referer",
    "x-title",
    "x-dashscope-async",
];

/// How much of an error body is looked at.
pub const LOOK: usize = 8 * 1024;

/// What of the upstream's headers the client does not get: they are about the connection to us, or about a body that
/// the runtime decoded on the way.
const DROPPED: [&str; 18] = [
    // Of another keypool behind this one.
    "x-keypool-attempts",
    "x-keypool-provider",
    "x-keypool-key",
    "x-keypool-cache",
    "set-cookie",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "alt-svc",
    "cf-ray",
    "cf-cache-status",
    "server-timing",
    "nel",
    "report-to",
    "strict-transport-security",
    "access-control-allow-origin",
];

/// The client's body, kept so that it can be sent again.
pub enum Body {
    None,
    Bytes(Uint8Array),
    /// Too large to keep: it can be sent once.
    Stream(ReadableStream),
}

/// An attempt's outcome as the network tells it.
pub enum Reply {
    /// Status and headers came; the controller still cancels the body.
    Head(Response, AbortController),
    Unreachable,
    /// No head in time.
    NoHead,
}

/// A call as it goes upstream, all but the key.
pub struct Call {
    pub method: String,
    pub url: String,
    pub headers: Headers,
    pub body: Body,
}

/// # Errors
/// When the runtime refuses a header.
pub fn passed_headers(client: &Headers) -> Result<Headers> {
    let headers = Headers::new()?;
    for name in PASSED {
        if let Some(value) = js::header(client, name) {
            headers.set(name, &value)?;
        }
    }
    // What we look into must not be compressed.
    headers.set("accept-encoding", "identity")?;
    Ok(headers)
}

/// # Errors
/// As `passed_headers`.
pub fn answered_headers(upstream: &Headers) -> Result<Headers> {
    let headers = Headers::new_with_headers(upstream)?;
    for name in DROPPED {
        headers.delete(name)?;
    }
    Ok(headers)
}

/// Where `rest` (what follows `/v1/`) stands at the provider.
pub fn url(provider: &Provider, rest: &str, query: &str) -> String {
    match query {
        "" => format!("{}/{rest}", provider.base_url),
        query => format!("{}/{rest}?{query}", provider.base_url),
    }
}

pub fn set_key(headers: &Headers, auth: Auth, secret: &str) -> Result<()> {
    let value = match auth {
        Auth::Bearer => format!("Bearer {secret}"),
        Auth::XApiKey | Auth::ApiKey => secret.to_string(),
    };
    Ok(headers.set(auth.header(), &value)?)
}

/// `client` is the request on whose behalf this happens: when it goes away, so does the attempt.
///
/// # Errors
/// When the request cannot be built at all.
pub async fn send(call: &Call, client: Option<&Request>, head_timeout_ms: u64) -> Result<Reply> {
    let abort = AbortController::new()?;
    let signals = Array::of1(&abort.signal());
    if let Some(client) = client {
        signals.push(&client.signal());
    }
    let init = RequestInit::new();
    init.set_method(&call.method);
    init.set_headers(&call.headers);
    // Following would send the key to wherever the upstream points.
    init.set_redirect(RequestRedirect::Manual);
    init.set_signal(Some(&js::any_signal(&signals)?));
    match &call.body {
        Body::None => {}
        Body::Bytes(bytes) => init.set_body(bytes),
        Body::Stream(stream) => init.set_body(stream),
    }
    Ok(match runtime::in_time(js::fetch(&call.url, &init)?, head_timeout_ms).await {
        Some(Ok(response)) => Reply::Head(response.unchecked_into(), abort),
        Some(Err(_)) => Reply::Unreachable,
        None => {
            abort.abort();
            Reply::NoHead
        }
    })
}

/// The whole body; `None` when it broke off or took longer than `ms`.
pub async fn read_whole(response: &Response, abort: &AbortController, ms: u64) -> Option<Uint8Array> {
    let Some(whole) = runtime::in_time(response.array_buffer().ok()?.unchecked_into(), ms).await else {
        abort.abort();
        return None;
    };
    whole.ok().map(|buffer| Uint8Array::new(&buffer))
}

/// What a probe showed.
#[derive(Default)]
pub struct Probe {
    pub status: Option<u16>,
    /// `None` when all went well.
    verdict: Option<Verdict>,
    /// The beginning of the answer.
    body: Vec<u8>,
}

impl Probe {
    /// `None` when the upstream takes the key, and what went wrong otherwise: a provider without that path, or one that
    /// asks for patience, has taken the key.
    pub fn refusal(self) -> Option<Verdict> {
        self.verdict.filter(|v| !matches!(v.class, Class::Caller | Class::RateLimited | Class::DayQuota))
    }

    pub fn balance(&self) -> balance::Answer<'_> {
        let message = self.verdict.as_ref().map_or("", |verdict| &*verdict.message);
        balance::Answer { status: self.status, message, body: &self.body }
    }
}

/// Where a free call needs the key.
pub fn probe_url(provider: &Provider) -> String {
    let preset = provider.preset.as_deref().and_then(provider::preset);
    url(provider, preset.map_or("models", |p| p.probe), "")
}

/// A GET with the key.
///
/// # Errors
/// When the request cannot be built at all.
pub async fn probe(provider: &Provider, secret: &str, url: &str, timeout_ms: u64) -> Result<Probe> {
    let headers = js::headers_of(&[("accept", "application/json"), ("accept-encoding", "identity")])?;
    set_key(&headers, provider.auth, secret)?;
    let call = Call { method: "GET".into(), url: url.into(), headers, body: Body::None };
    let mut probe = Probe::default();
    let verdict = match send(&call, None, timeout_ms).await? {
        Reply::Unreachable => verdict::judge(&Outcome::Unreachable, runtime::now()),
        Reply::NoHead => verdict::judge(&Outcome::NoHead, runtime::now()),
        Reply::Head(response, abort) => {
            let body = read_whole(&response, &abort, timeout_ms).await;
            probe.body = body.map(|b| js::part(&b, 0, LOOK).to_vec()).unwrap_or_default();
            probe.status = Some(response.status());
            let headers = js::all_headers(&response.headers());
            let outcome = Outcome::Answer { status: response.status(), headers: &headers, body: &probe.body };
            verdict::judge(&outcome, runtime::now())
        }
    };
    probe.verdict = verdict.map(|v| v.without(secret));
    Ok(probe)
}

//! One attempt: a fetch with the pool's key instead of the client's, bounded in the time to its head.

use crate::{
    error::Result,
    js,
    pool::{
        balance,
        class::Class,
        redact,
        verdict::{self, Outcome, Verdict},
    },
    record::provider::{self, Auth, Layout, Provider},
    runtime,
};
use std::pin::Pin;
use wasm_bindgen::JsValue;
use worker::{
    js_sys::Uint8Array,
    web_sys::{Headers, ReadableStream, Request},
};

pub use js::call::{Begun, Read, whole};

/// An answer up to this size is read whole, so that an error inside it can still be failed over.
pub const WHOLE: u64 = 4 * 1024 * 1024;

/// The client's headers that an upstream may see. OpenAI-Organization and -Project are not among them: they belong
/// to the client's own account, and the pool's key would be refused (and disabled) for their sake.
pub static PASSED: [&str; 14] = [
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
static DROPPED: [&str; 24] = [
    // Of another keypool behind this one.
    "x-keypool-attempts",
    "x-keypool-provider",
    "x-keypool-model",
    "x-keypool-key",
    "x-keypool-cache",
    "x-keypool-trace",
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
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-expose-headers",
];

/// Where an answer repeats the address that was asked, or one made of it.
const ADDRESSES: [&str; 4] = ["location", "content-location", "link", "refresh"];

/// The client's body, kept so that it can be sent again.
#[derive(Clone)]
pub enum Body {
    None,
    Bytes(Uint8Array),
    /// Too large to keep: it can be sent once.
    Stream(ReadableStream),
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
pub fn passed_headers(client: &Headers, provider: &Provider) -> Result<Headers> {
    let headers = js::call::picked(client, &PASSED)?;
    set_extra(&headers, provider)?;
    Ok(headers)
}

fn set_extra(headers: &Headers, provider: &Provider) -> Result<()> {
    for (name, value) in &provider.headers {
        headers.set(name, value)?;
    }
    Ok(())
}

/// # Errors
/// As `passed_headers`.
pub fn answered_headers(upstream: &Headers, provider: &Provider) -> Result<Headers> {
    let headers = js::call::without(upstream, &DROPPED)?;
    if provider.auth == Auth::Query {
        for name in ADDRESSES {
            headers.delete(name)?;
        }
    }
    Ok(headers)
}

/// A body that is here as a whole. A provider that gets the key in the address may repeat the address.
pub fn answered_body(provider: &Provider, secret: &str, body: Uint8Array) -> Uint8Array {
    if provider.auth != Auth::Query {
        return body;
    }
    match String::from_utf8(body.to_vec()) {
        Ok(text) => Uint8Array::from(redact::without(&text, &[secret, &encoded(secret)]).as_bytes()),
        Err(_) => body,
    }
}

/// Below a deployment, whose name Azure takes for the model's.
const OF_DEPLOYMENTS: [&str; 5] = ["chat/", "completions", "embeddings", "images/", "audio/"];

/// Where `rest` (what follows `/v1/`) stands at the provider.
pub fn url(provider: &Provider, rest: &str, query: &str, model: &str) -> String {
    let base = &provider.base_url;
    let mut url = match provider.layout {
        Layout::OpenAi => format!("{base}/{rest}"),
        Layout::Azure if !model.is_empty() && OF_DEPLOYMENTS.iter().any(|begin| rest.starts_with(begin)) => {
            format!("{base}/openai/deployments/{}/{rest}", encoded(model))
        }
        Layout::Azure => format!("{base}/openai/{rest}"),
    };
    append(&mut url, query);
    // The client's own version wins.
    let version = provider.api_version.as_deref().filter(|_| provider.layout == Layout::Azure);
    if let Some(version) = version.filter(|_| !query.split('&').any(|part| part.starts_with("api-version="))) {
        append(&mut url, &format!("api-version={version}"));
    }
    url
}

/// Percent-encoded, for a path or a query.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn append(url: &mut String, query: &str) {
    if !query.is_empty() {
        url.push(if url.contains('?') { '&' } else { '?' });
        url.push_str(query);
    }
}

/// Puts the key into the call; answers the address to fetch.
pub fn with_key(call: &Call, auth: Auth, secret: &str) -> Result<String> {
    let mut url = call.url.clone();
    match auth.header() {
        Some(name) if auth == Auth::Bearer => call.headers.set(name, &format!("Bearer {secret}"))?,
        Some(name) => call.headers.set(name, secret)?,
        None => append(&mut url, &format!("key={}", encoded(secret))),
    }
    Ok(url)
}

/// `url` is what `with_key` gave. `client` is the request on whose behalf this happens: when it goes away, so does the
/// attempt. `limits` are the time, and how large an answer may be to be read as a whole; see `js::call::send`.
///
/// # Errors
/// When the request cannot be built at all.
pub async fn send(call: &Call, url: &str, client: Option<&Request>, limits: (u64, u64)) -> Result<Begun> {
    let body: &JsValue = match &call.body {
        Body::None => &JsValue::UNDEFINED,
        Body::Bytes(bytes) => bytes,
        Body::Stream(stream) => stream,
    };
    js::call::send(url, &call.method, &call.headers, body, client, limits).await
}

/// What a GET with a key brought.
#[derive(Default)]
pub struct Probe {
    pub status: Option<u16>,
    pub headers: Option<Headers>,
    /// `None` when all went well.
    pub verdict: Option<Verdict>,
    pub whole: Option<Uint8Array>,
    /// The beginning of it.
    body: Vec<u8>,
}

impl Probe {
    /// `None` when the upstream takes the key, and what went wrong otherwise: a provider without that path, or one that
    /// asks for patience, has taken the key.
    pub fn refusal(self) -> Option<Verdict> {
        self.verdict.filter(|v| !matches!(v.class, Class::Caller | Class::RateLimited | Class::DayQuota))
    }

    /// What there is to read, or what went wrong.
    pub fn text(&self) -> std::result::Result<&str, &str> {
        match &self.verdict {
            Some(verdict) => Err(&verdict.message),
            None => std::str::from_utf8(&self.body).map_err(|_| "the answer is no text"),
        }
    }

    pub fn balance(&self) -> balance::Answer<'_> {
        let message = self.verdict.as_ref().map_or("", |verdict| &*verdict.message);
        balance::Answer { status: self.status, message, body: &self.body }
    }
}

/// Where a free call needs the key.
pub fn probe_url(provider: &Provider) -> String {
    let preset = provider.preset.as_deref().and_then(provider::preset);
    match preset.map_or("models", |p| p.probe) {
        at_host if at_host.starts_with('/') => provider.address(at_host).unwrap_or_default(),
        rest => url(provider, rest, "", ""),
    }
}

/// A GET with the key; of a good answer at most `look` bytes are kept.
///
/// # Errors
/// When the request cannot be built at all.
pub async fn probe(provider: &Provider, secret: &str, url: &str, look: usize, timeout_ms: u64) -> Result<Probe> {
    let headers = js::headers_of(&[("accept", "application/json"), ("accept-encoding", "identity")])?;
    get(provider, secret, url, headers, None, look, timeout_ms).await
}

/// The same on behalf of a client. Boxed, so that there is one copy of it.
///
/// # Errors
/// As `probe`.
pub fn get<'a>(
    provider: &'a Provider,
    secret: &'a str,
    url: &'a str,
    headers: Headers,
    client: Option<&'a Request>,
    look: usize,
    timeout_ms: u64,
) -> Pin<Box<dyn Future<Output = Result<Probe>> + 'a>> {
    Box::pin(async move {
        set_extra(&headers, provider)?;
        let call = Call { method: "GET".into(), url: url.into(), headers, body: Body::None };
        let url = with_key(&call, provider.auth, secret)?;
        let mut probe = Probe::default();
        let verdict = match send(&call, &url, client, (timeout_ms, 0)).await? {
            Begun::Unreachable => verdict::judge(&Outcome::Unreachable, runtime::now()),
            Begun::Late => verdict::judge(&Outcome::NoHead, runtime::now()),
            Begun::Head(response, abort, _) => {
                probe.whole = match whole(&response, &abort, (timeout_ms, WHOLE)).await {
                    Read::Whole(body) => Some(body),
                    Read::Begun(_) => {
                        abort.abort();
                        None
                    }
                    Read::Not | Read::Broken => None,
                };
                probe.body = probe.whole.as_ref().map(|b| js::part(b, 0, look).to_vec()).unwrap_or_default();
                probe.status = Some(response.status());
                probe.headers = Some(response.headers());
                let headers = js::all_headers(&response.headers());
                let outcome = Outcome::Answer {
                    status: response.status(),
                    headers: &headers,
                    body: probe.body.get(..LOOK).unwrap_or(&probe.body),
                };
                verdict::judge(&outcome, runtime::now())
            }
        };
        probe.verdict = verdict.map(|v| v.without(secret));
        Ok(probe)
    })
}

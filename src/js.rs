//! The JavaScript side: what web-sys lacks or cannot do without throwing, and short ways to say the rest.

pub mod call;
pub mod sealed;

use crate::{
    error::{Error, Fault, Result},
    find,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, Object, Promise, Reflect, Uint8Array, Uint32Array, decode_uri_component},
    web_sys::{Headers, ReadableStream, Request, Response, WritableStream, WritableStreamDefaultWriter},
};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues, catch)]
    pub fn random_values(bytes: &mut [u8]) -> std::result::Result<JsValue, JsValue>;

    /// scripts/cipher.mjs.
    #[wasm_bindgen(js_namespace = keypool, catch)]
    pub fn seal(
        id: &str,
        secret: &Uint8Array,
        bytes: &Uint8Array,
        lengths: &Uint32Array,
    ) -> std::result::Result<Promise, JsValue>;
    #[wasm_bindgen(js_namespace = keypool, catch)]
    pub fn open(
        id: &str,
        secret: &Uint8Array,
        bytes: &Uint8Array,
        lengths: &Uint32Array,
    ) -> std::result::Result<Promise, JsValue>;

    /// scripts/access.mjs.
    #[wasm_bindgen(js_namespace = keypool, catch)]
    pub fn access(team: &str, audience: &str, token: &str, now: f64) -> std::result::Result<Promise, JsValue>;

    /// A rate limiter of the platform.
    pub type Limiter;
    #[wasm_bindgen(method, catch)]
    pub fn limit(this: &Limiter, of: &Object) -> std::result::Result<Promise, JsValue>;

    /// scripts/entry.mjs: as the streams' own, and where this wasm dies, the client does not wait for ever.
    #[wasm_bindgen(js_namespace = keypool, catch)]
    pub fn writer(to: &WritableStream) -> std::result::Result<WritableStreamDefaultWriter, JsValue>;
    #[wasm_bindgen(js_namespace = keypool, catch)]
    pub fn pipe(from: &ReadableStream, to: &WritableStream) -> std::result::Result<Promise, JsValue>;

    /// What comes with a request and outlives its answer.
    #[derive(Clone)]
    pub type Context;
    #[wasm_bindgen(method, js_name = waitUntil, catch)]
    pub fn wait_until(this: &Context, work: &Promise) -> std::result::Result<(), JsValue>;

    /// JavaScript's knowledge of time zones. It throws on one that it does not know.
    pub type DateTimeFormat;
    #[wasm_bindgen(constructor, js_namespace = Intl, catch)]
    pub fn new(language: &str, options: &Object) -> std::result::Result<DateTimeFormat, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn format(this: &DateTimeFormat, time: f64) -> std::result::Result<String, JsValue>;

    /// JavaScript's knowledge of letters.
    pub type Segmenter;
    #[wasm_bindgen(constructor, js_namespace = Intl, catch)]
    pub fn new(language: &str, options: &Object) -> std::result::Result<Segmenter, JsValue>;
    #[wasm_bindgen(method)]
    pub fn segment(this: &Segmenter, text: &str) -> JsValue;

    /// Its readable side is never handed to the runtime alone, so that we learn of the end of a stream.
    pub type IdentityTransformStream;
    #[wasm_bindgen(constructor, js_class = "IdentityTransformStream")]
    pub fn new() -> IdentityTransformStream;
    #[wasm_bindgen(method, getter)]
    pub fn readable(this: &IdentityTransformStream) -> ReadableStream;
    #[wasm_bindgen(method, getter)]
    pub fn writable(this: &IdentityTransformStream) -> WritableStream;

    /// A stream's methods, for those of web-sys that cannot say that they throw.
    pub type Stream;
    #[wasm_bindgen(method, catch)]
    pub fn tee(this: &Stream) -> std::result::Result<Array, JsValue>;
    #[wasm_bindgen(method, js_name = getReader, catch)]
    pub fn byob_reader(this: &Stream, options: &JsValue) -> std::result::Result<ByobReader, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn cancel(this: &Stream) -> std::result::Result<Promise, JsValue>;

    pub type ByobReader;
    #[wasm_bindgen(method, catch)]
    pub fn read(this: &ByobReader, view: &Uint8Array) -> std::result::Result<Promise, JsValue>;
    #[wasm_bindgen(method, js_name = releaseLock)]
    pub fn release_lock(this: &ByobReader);
    #[wasm_bindgen(method, js_name = cancel, catch)]
    pub fn cancel_reader(this: &ByobReader) -> std::result::Result<Promise, JsValue>;

    pub type ReadResult;
    #[wasm_bindgen(method, getter)]
    pub fn done(this: &ReadResult) -> bool;
    #[wasm_bindgen(method, getter)]
    pub fn value(this: &ReadResult) -> Option<Uint8Array>;
}

impl From<JsValue> for Error {
    fn from(thrown: JsValue) -> Self {
        Self::internal(message(&thrown))
    }
}

/// `undefined` where there is none.
pub fn field(value: &JsValue, name: &str) -> JsValue {
    Reflect::get(value, &JsValue::from_str(name)).unwrap_or_default()
}

/// An object of options.
pub fn options(fields: &[(&str, JsValue)]) -> Object {
    let options = Object::new();
    for (name, value) in fields {
        // It throws on objects that are frozen, which this one is not.
        let _ = Reflect::set(&options, &JsValue::from_str(name), value);
    }
    options
}

/// The fields of an object that are texts and whose names are `meant`, as lines of an `.env` file.
pub fn texts(object: &JsValue, meant: fn(&str) -> bool) -> String {
    let mut lines = String::new();
    for name in
        Object::keys(object.unchecked_ref::<Object>()).iter().filter_map(|name| name.as_string()).filter(|n| meant(n))
    {
        if let Some(value) = field(object, &name).as_string().filter(|value| !value.is_empty()) {
            lines.push_str(&name);
            lines.push('=');
            lines.push_str(&value);
            lines.push('\n');
        }
    }
    lines
}

/// What was thrown, in words.
pub fn message(thrown: &JsValue) -> String {
    field(thrown, "message").as_string().or_else(|| thrown.as_string()).unwrap_or_else(|| "something was thrown".into())
}

/// By how many minutes a time zone's clocks are ahead of UTC at the time `now`; `None` when there is no such zone. Costs
/// far more than it seems: keep what it says.
pub fn utc_offset_minutes(zone: &str, now: u64) -> Option<i64> {
    if zone == "UTC" {
        return Some(0);
    }
    let options = Object::new();
    for (name, value) in [("timeZone", zone), ("timeZoneName", "longOffset")] {
        Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value)).ok()?;
    }
    #[expect(clippy::cast_precision_loss, reason = "times are below 2^53")]
    let text = DateTimeFormat::new("en", &options).ok()?.format(now as f64).ok()?;
    offset(&text)
}

pub fn is_zone(zone: &str) -> bool {
    utc_offset_minutes(zone, 0).is_some()
}

/// One that knows graphemes.
///
/// # Errors
/// When the platform has none.
pub fn segmenter() -> std::result::Result<Segmenter, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"granularity".into(), &"grapheme".into())?;
    Segmenter::new("en", &options)
}

/// The lengths in bytes of a text's graphemes.
pub fn graphemes(segmenter: &Segmenter, text: &str) -> Vec<usize> {
    let segments = Array::from(&segmenter.segment(text));
    segments.iter().map(|found| field(&found, "segment").as_string().map_or(0, |text| text.len())).collect()
}

/// The end of `1/1/1970, GMT+05:30`; `GMT` alone is 0.
fn offset(text: &str) -> Option<i64> {
    let (_, offset) = find::around(text, "GMT")?;
    let (sign, offset) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(offset), _) => (1, offset),
        (None, Some(offset)) => (-1, offset),
        (None, None) => return Some(0),
    };
    // There were zones with seconds, long ago.
    let mut parts = offset.split(':').map(str::parse::<i64>);
    let (hours, minutes) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(sign * (hours * 60 + minutes))
}

/// Path and query of a request, `?` not included.
pub fn path_and_query(url: &str) -> (&str, &str) {
    let after_scheme = find::around(url, "://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    // What stands behind a `#` is not sent on, and so would not be what we put behind it.
    let path = path.split('#').next().unwrap_or_default();
    path.split_once('?').unwrap_or((path, ""))
}

/// A part of a path, percent-decoded; as it is when it cannot be.
pub fn decoded(part: &str) -> String {
    decode_uri_component(part).map_or_else(|_| part.into(), String::from)
}

/// `None` when it is absent.
pub fn header(headers: &Headers, name: &str) -> Option<String> {
    headers.get(name).ok().flatten()
}

/// All headers with lower-case names. For failures only: it costs more than the rest of a request.
pub fn all_headers(headers: &Headers) -> Vec<(String, String)> {
    let entries = Array::from(headers.entries().as_ref());
    let text = |pair: &JsValue, at| Reflect::get_u32(pair, at).ok().and_then(|v| v.as_string());
    entries.iter().filter_map(|pair| Some((text(&pair, 0)?, text(&pair, 1)?))).collect()
}

pub fn is_aborted(request: &Request) -> bool {
    request.signal().aborted()
}

/// # Errors
/// When a header's value is not allowed in one.
pub fn headers_of(pairs: &[(&str, &str)]) -> Result<Headers> {
    let headers = Headers::new()?;
    for (name, value) in pairs {
        headers.set(name, value)?;
    }
    Ok(headers)
}

/// # Errors
/// When the runtime refuses, as with a body on status 204.
pub fn text_response(status: u16, headers: &Headers, body: Option<&str>) -> Result<Response> {
    call::respond(status, headers, &body.map_or(JsValue::NULL, JsValue::from_str))
}

/// # Errors
/// As `text_response`.
pub fn stream_response(status: u16, headers: &Headers, body: Option<&ReadableStream>) -> Result<Response> {
    call::respond(status, headers, &body.map_or(JsValue::NULL, |body| body.clone().into()))
}

/// # Errors
/// As `text_response`.
pub fn bytes_response(status: u16, headers: &Headers, body: &Uint8Array) -> Result<Response> {
    call::respond(status, headers, body)
}

/// # Errors
/// As `text_response`.
pub fn json_response(status: u16, body: &str) -> Result<Response> {
    let headers = headers_of(&[
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ])?;
    text_response(status, &headers, Some(body))
}

/// An error as the caller sees it; building it cannot fail in a way that matters more than the error.
pub fn error_response(error: &Error, request_id: &str) -> Response {
    let build = || -> Result<Response> {
        let response = json_response(error.status(), &error.to_json())?;
        let headers = response.headers();
        headers.set("x-request-id", request_id)?;
        if let Some(wait) = error.wait_ms() {
            headers.set("retry-after", &wait.div_ceil(1000).max(1).to_string())?;
        }
        match &**error {
            Fault::Method { allow } => headers.set("allow", allow)?,
            Fault::Limited { limit, wait_ms, .. } => {
                headers.set("x-keypool-limit", limit)?;
                // OpenAI's SDKs heed no longer Retry-After, and would be back within seconds.
                if *wait_ms > 60_000 {
                    headers.set("x-should-retry", "false")?;
                }
            }
            _ => {}
        }
        Ok(response)
    };
    build().unwrap_or_else(|_| Response::error())
}

/// Bytes `from..to` on the JavaScript side, no copy.
pub fn part(bytes: &Uint8Array, from: usize, to: usize) -> Uint8Array {
    let clamp = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    bytes.subarray(clamp(from), clamp(to))
}

pub fn length(bytes: &Uint8Array) -> usize {
    usize::try_from(bytes.length()).unwrap_or(usize::MAX)
}

/// web-sys' stream as ours, with the methods above.
pub fn stream(stream: &ReadableStream) -> &Stream {
    stream.unchecked_ref()
}

#[cfg(test)]
mod tests {
    use super::{offset, path_and_query};

    #[test]
    fn a_fragment_is_no_part_of_a_request() {
        let cut = path_and_query;
        assert_eq!(cut("https://h.example/v1/files?a=1#b?c"), ("/v1/files", "a=1"));
        assert_eq!(cut("https://h.example/v1/files#?a=1"), ("/v1/files", ""));
    }

    #[test]
    fn an_offset_is_read_from_a_date() {
        for (text, minutes) in [
            ("1/1/1970, GMT", Some(0)),
            ("11/20/2026, GMT+05:30", Some(330)),
            ("11/20/2026, GMT-03:30", Some(-210)),
            ("11/20/2026, GMT-00:44:30", Some(-44)),
            ("11/20/2026", None),
            ("GMT+x", None),
        ] {
            assert_eq!(offset(text), minutes, "{text}");
        }
    }
}

//! What a call asks of JavaScript, each in one crossing; scripts/call.mjs does it. To hand a text over costs more than most
//! of the work there.

use crate::{error::Result, find};
use std::cell::RefCell;
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, ArrayBuffer, Promise, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys::{AbortController, Headers, Request, Response},
};

type Thrown<T> = std::result::Result<T, JsValue>;

/// Names of headers, in lower case.
pub type Names = &'static [&'static str];

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = keypool, js_name = head)]
    fn read_head(request: &Request, names: &JsValue) -> String;
    #[wasm_bindgen(js_namespace = keypool, js_name = read)]
    fn read_fields(headers: &Headers, names: &JsValue) -> String;
    #[wasm_bindgen(js_namespace = keypool, js_name = picked, catch)]
    fn pick_headers(headers: &Headers, names: &JsValue) -> Thrown<Headers>;
    #[wasm_bindgen(js_namespace = keypool, js_name = without, catch)]
    fn leave_headers(headers: &Headers, names: &JsValue) -> Thrown<Headers>;
    #[wasm_bindgen(js_namespace = keypool, js_name = respond, catch)]
    fn make_response(status: u16, headers: &Headers, body: &JsValue) -> Thrown<Response>;
    /// `level` is a method of JavaScript's console, `text` a JSON object that is not empty; the time is added to it.
    #[wasm_bindgen(js_namespace = keypool)]
    pub fn log(level: &str, text: &str);
    #[wasm_bindgen(js_namespace = keypool, js_name = send, catch)]
    fn begin_fetch(
        url: &str,
        method: &str,
        headers: &Headers,
        body: &JsValue,
        client: &JsValue,
        ms: f64,
        most: f64,
    ) -> Thrown<Promise>;
    #[wasm_bindgen(js_namespace = keypool, js_name = whole, catch)]
    fn begin_read(response: &Response, abort: &AbortController, ms: f64, most: f64) -> Thrown<Promise>;
}

thread_local! {
    /// Lists of names on the JavaScript side; there are a handful.
    static LISTS: RefCell<Vec<(Names, JsValue)>> = const { RefCell::new(Vec::new()) };
}

fn list(names: Names) -> JsValue {
    LISTS.with_borrow_mut(|lists| {
        if let Some((_, list)) = lists.iter().find(|(known, _)| std::ptr::eq(*known, names)) {
            return list.clone();
        }
        let list: Array = names.iter().map(|name| JsValue::from_str(name)).collect();
        lists.push((names, list.clone().into()));
        list.into()
    })
}

/// Some headers: lines of names and values in turn.
#[derive(Clone, Default)]
pub struct Fields(String);

impl Fields {
    /// Those of the names that are there.
    pub fn of(headers: &Headers, names: Names) -> Self {
        Self(read_fields(headers, &list(names)))
    }

    /// `None` when it is absent, or was not among the names.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut rest = self.0.as_str();
        loop {
            let (known, value);
            (known, rest) = line(rest)?;
            (value, rest) = line(rest)?;
            if known == name {
                return Some(value);
            }
        }
    }
}

/// The first line, and what follows it.
fn line(text: &str) -> Option<(&str, &str)> {
    let end = find::either(text.as_bytes(), b'\n', b'\n')?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// A request's method and address, and some of its headers.
#[derive(Clone, Default)]
pub struct Head {
    pub method: String,
    pub url: String,
    pub fields: Fields,
    /// A small body is read already.
    pub body: Option<ArrayBuffer>,
}

impl Head {
    pub fn of(request: &Request, names: Names, body: Option<ArrayBuffer>) -> Self {
        Self { body, ..Self::parse(&read_head(request, &list(names))) }
    }

    fn parse(text: &str) -> Self {
        let (method, rest) = text.split_once('\n').unwrap_or_default();
        let (url, fields) = rest.split_once('\n').unwrap_or((rest, ""));
        Self { method: method.into(), url: url.into(), fields: Fields(fields.into()), body: None }
    }

    /// `None` when it is absent, or was not among the names.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name)
    }
}

/// New headers: those of the names alone, and that the answer shall not be compressed.
///
/// # Errors
/// When the runtime refuses one.
pub fn picked(headers: &Headers, names: Names) -> Result<Headers> {
    Ok(pick_headers(headers, &list(names))?)
}

/// New headers: all but those.
///
/// # Errors
/// As `picked`.
pub fn without(headers: &Headers, names: Names) -> Result<Headers> {
    Ok(leave_headers(headers, &list(names))?)
}

/// # Errors
/// When the runtime refuses, as with a body on status 204.
pub fn respond(status: u16, headers: &Headers, body: &JsValue) -> Result<Response> {
    Ok(make_response(status, headers, body)?)
}

/// Of a body that was to be read as a whole.
pub enum Read {
    Not,
    Whole(Uint8Array),
    /// It is longer than was asked for. The rest can still be read.
    Begun(Uint8Array),
    /// It broke off, or took too long.
    Broken,
}

impl From<JsValue> for Read {
    fn from(read: JsValue) -> Self {
        match read.dyn_into::<Array>() {
            Ok(beginning) => Self::Begun(beginning.get(0).unchecked_into()),
            Err(none) if none.is_undefined() => Self::Not,
            Err(none) if none.is_null() => Self::Broken,
            Err(all) => Self::Whole(all.unchecked_into()),
        }
    }
}

/// How a fetch began.
pub enum Begun {
    /// The head came; the controller still cancels the body, unless it was read already.
    Head(Response, AbortController, Read),
    Unreachable,
    /// Not in time.
    Late,
}

/// The head must come within `ms`. With `most`, a success that is a JSON document of so many bytes is read to its end, within
/// the same time.
///
/// # Errors
/// When the request cannot be built at all.
pub async fn send(
    url: &str,
    method: &str,
    headers: &Headers,
    body: &JsValue,
    client: Option<&Request>,
    (ms, most): (u64, u64),
) -> Result<Begun> {
    let client = client.map_or(JsValue::UNDEFINED, |client| AsRef::<JsValue>::as_ref(client).clone());
    let begun = JsFuture::from(begin_fetch(url, method, headers, body, &client, time(ms), time(most))?).await?;
    Ok(match begun.dyn_into::<Array>() {
        Ok(begun) => {
            let (response, abort, read) = (begun.get(0), begun.get(1), begun.get(2));
            Begun::Head(response.unchecked_into(), abort.unchecked_into(), read.into())
        }
        Err(none) if none.is_null() => Begun::Late,
        Err(_) => Begun::Unreachable,
    })
}

/// The body, if it comes within `ms`; of one longer than `most` the beginning.
pub async fn whole(response: &Response, abort: &AbortController, (ms, most): (u64, u64)) -> Read {
    match begin_read(response, abort, time(ms), time(most)) {
        Ok(read) => JsFuture::from(read).await.map_or(Read::Broken, Read::from),
        Err(_) => Read::Broken,
    }
}

/// setTimeout takes 31 bits; nobody here waits for 24 days.
#[expect(clippy::cast_precision_loss, reason = "it has 31 bits")]
fn time(ms: u64) -> f64 {
    ms.min(0x7FFF_FFFF) as f64
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn a_head_is_read_from_its_lines() {
        let head = Head::parse("POST\nhttp://x/v1/y?z\ncontent-type\napplication/json\norigin\n\n");
        assert_eq!((head.method.as_str(), head.url.as_str()), ("POST", "http://x/v1/y?z"));
        assert_eq!([head.get("content-type"), head.get("origin")], [Some("application/json"), Some("")]);
        assert_eq!([head.get("type"), head.get("application/json"), head.get("")], [None; 3]);
        assert_eq!(Head::parse("GET\nhttp://x/\n").get("origin"), None);
    }
}

//! The client's body: read once and kept on the JavaScript side, so that it can be sent again; wasm sees only
//! windows of it, and only as many as it takes to find the model.

use crate::{
    body::{Model, Scanner},
    error::Result,
    js,
    upstream::Body,
    usage::texts::{Shape, Texts},
};
use wasm_bindgen::JsValue;
use worker::{js_sys::Uint8Array, wasm_bindgen_futures::JsFuture, web_sys::Request};

/// Larger bodies are streamed through, with one attempt and to the default or the pinned provider.
const KEPT: u64 = 20 * 1024 * 1024;
const WINDOW: usize = 64 * 1024;

pub struct Intake {
    body: Body,
    scanner: Option<Scanner>,
}

/// # Errors
/// When the client breaks off.
pub async fn read(request: &Request) -> Result<Intake> {
    let Some(stream) = request.body() else { return Ok(Intake { body: Body::None, scanner: None }) };
    let headers = request.headers();
    let length = js::header(&headers, "content-length").and_then(|n| n.parse::<u64>().ok());
    if length.is_some_and(|n| n > KEPT) {
        return Ok(Intake { body: Body::Stream(stream), scanner: None });
    }
    let buffer: JsValue = JsFuture::from(request.array_buffer()?).await?;
    let bytes = Uint8Array::new(&buffer);
    let scanner = scan(&bytes, &js::header(&headers, "content-type").unwrap_or_default());
    Ok(Intake { body: Body::Bytes(bytes), scanner: Some(scanner) })
}

fn scan(bytes: &Uint8Array, content_type: &str) -> Scanner {
    let mut scanner = Scanner::of(content_type);
    in_windows(bytes, &mut |window| {
        scanner.feed(window);
        !scanner.is_done()
    });
    scanner
}

/// The texts in a JSON body.
pub fn texts(bytes: &Uint8Array, shape: Shape) -> Texts {
    let mut texts = Texts::new(shape);
    in_windows(bytes, &mut |window| {
        texts.feed(window);
        true
    });
    texts
}

/// Shows all bytes, until `show` has seen enough.
fn in_windows(bytes: &Uint8Array, show: &mut dyn FnMut(&[u8]) -> bool) {
    let length = js::length(bytes);
    let mut window = vec![0; length.min(WINDOW)];
    let mut at = 0;
    while at < length {
        let next = (at + WINDOW).min(length);
        if let Some(view) = window.get_mut(..next - at) {
            js::part(bytes, at, next).copy_to(view);
            if !show(view) {
                return;
            }
        }
        at = next;
    }
}

impl Intake {
    fn found(&self) -> Option<&Model> {
        self.scanner.as_ref()?.seen().model.as_ref()
    }

    /// The model as the client names it.
    pub fn model(&self) -> Option<&str> {
        self.found().map(|m| m.value.as_str())
    }

    /// The same for all requests of one conversation.
    pub fn conversation(&self) -> Option<u64> {
        self.scanner.as_ref()?.seen().conversation
    }

    pub fn streamed(&self) -> bool {
        self.scanner.as_ref().is_some_and(|s| s.seen().stream == Some(true))
    }

    /// The body to send; `model` is the new name of the model, if it must change. An untouched body keeps its bytes.
    pub fn body(self, model: Option<&str>) -> Body {
        match (self.body, self.scanner, model) {
            (Body::Bytes(bytes), Some(scanner), Some(model)) => Body::Bytes(renamed(&bytes, &scanner, model)),
            (body, _, _) => body,
        }
    }
}

fn renamed(bytes: &Uint8Array, scanner: &Scanner, model: &str) -> Uint8Array {
    let Some(found) = scanner.seen().model.as_ref() else { return bytes.clone() };
    let patch = scanner.splice(found.range.clone(), model);
    let length = js::length(bytes);
    let grown = (length + patch.with.len()).saturating_sub(patch.at.len());
    let new = Uint8Array::new_with_length(u32::try_from(grown).unwrap_or(u32::MAX));
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    new.set(&js::part(bytes, 0, patch.at.start), 0);
    new.set(&Uint8Array::from(patch.with.as_slice()), offset(patch.at.start));
    new.set(&js::part(bytes, patch.at.end, length), offset(patch.at.start + patch.with.len()));
    new
}

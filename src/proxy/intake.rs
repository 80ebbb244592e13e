//! The client's body: read once and kept on the JavaScript side, so that it can be sent again; wasm sees only
//! windows of it, and only as many as it takes to find the model.

use crate::{
    body::{
        Model, Patch, Scanner,
        edit::{self, Wish},
    },
    config::Level,
    error::Result,
    js::{self, call::Head},
    record::write::object,
    runtime,
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
pub async fn read(request: &Request, head: &Head) -> Result<Intake> {
    if let Some(buffer) = &head.body {
        return Ok(kept(&Uint8Array::new(buffer), head));
    }
    let Some(stream) = request.body() else { return Ok(Intake { body: Body::None, scanner: None }) };
    let length = head.get("content-length").and_then(|n| n.parse::<u64>().ok());
    if length.is_some_and(|n| n > KEPT) {
        return Ok(Intake { body: Body::Stream(stream), scanner: None });
    }
    let buffer: JsValue = JsFuture::from(request.array_buffer()?).await?;
    Ok(kept(&Uint8Array::new(&buffer), head))
}

fn kept(bytes: &Uint8Array, head: &Head) -> Intake {
    let scanner = scan(bytes, head.get("content-type").unwrap_or_default());
    Intake { body: Body::Bytes(bytes.clone()), scanner: Some(scanner) }
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
pub(super) fn in_windows(bytes: &Uint8Array, show: &mut dyn FnMut(&[u8]) -> bool) {
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
    /// What the client sent, if it could be kept.
    pub const fn bytes(&self) -> Option<&Uint8Array> {
        match &self.body {
            Body::Bytes(bytes) => Some(bytes),
            Body::None | Body::Stream(_) => None,
        }
    }

    /// It can be sent once.
    pub const fn is_stream(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

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

    /// See `body::Seen::tagged`.
    pub fn tagged(&self) -> &[usize] {
        self.scanner.as_ref().map_or(&[], |scanner| &scanner.seen().tagged)
    }

    /// The bytes in front of `end`, so many at the most.
    pub fn before(&self, end: usize, most: usize) -> Vec<u8> {
        match &self.body {
            Body::Bytes(bytes) => js::part(bytes, end.saturating_sub(most), end).to_vec(),
            Body::None | Body::Stream(_) => Vec::new(),
        }
    }

    pub fn streamed(&self) -> bool {
        self.scanner.as_ref().is_some_and(|s| s.seen().stream == Some(true))
    }

    /// As it came.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// The body to send to one target, and whether it asks for the usage where the client does not. May be called for one
    /// target after the other: an untouched body keeps its bytes, a changed one is a copy.
    /// `more` are patches that hold whatever the target.
    pub fn body_for(&self, wish: &Wish, more: &[Patch]) -> (Body, bool) {
        let (bytes, scanner) = match (&self.body, &self.scanner) {
            (Body::Bytes(bytes), Some(scanner)) => (bytes, scanner),
            (Body::Bytes(bytes), None) => return (Body::Bytes(bytes.clone()), false),
            (Body::Stream(stream), _) => return (Body::Stream(stream.clone()), false),
            (Body::None, _) => return (Body::None, false),
        };
        let edit = edit::edit(scanner, wish, &|at| js::part(bytes, at.start, at.end).to_vec());
        if edit.is_blind {
            runtime::log(Level::Debug, "body_not_rewritten", || object! {"bytes": js::length(bytes)});
        } else if !edit.applied.is_empty() {
            runtime::log(Level::Debug, "body_rewritten", || object! {"rules": edit.applied});
        }
        let mut patches = edit.patches;
        for patch in more {
            let place = patches.iter().position(|other| other.at.end > patch.at.start).unwrap_or(patches.len());
            // What is replaced as a whole holds nothing that must go.
            if patches.get(place).is_none_or(|other| patch.at.end <= other.at.start) {
                patches.insert(place, patch.clone());
            }
        }
        let bytes = if patches.is_empty() { bytes.clone() } else { patched(bytes, &patches) };
        (Body::Bytes(bytes), edit.asked)
    }
}

/// `patches` stand in their order.
pub(super) fn patched(bytes: &Uint8Array, patches: &[Patch]) -> Uint8Array {
    let length = js::length(bytes);
    let grown = patches.iter().fold(length, |length, patch| (length + patch.with.len()).saturating_sub(patch.at.len()));
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let new = Uint8Array::new_with_length(offset(grown));
    let (mut from, mut to) = (0, 0);
    let mut put = |piece: &Uint8Array| {
        new.set(piece, offset(to));
        to += js::length(piece);
    };
    for patch in patches {
        put(&js::part(bytes, from, patch.at.start));
        put(&Uint8Array::from(patch.with.as_slice()));
        from = patch.at.end;
    }
    put(&js::part(bytes, from, length));
    new
}

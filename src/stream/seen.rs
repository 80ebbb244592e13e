//! What was seen of a body that has passed.

use crate::js;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Array, Uint8Array};

/// What is kept of the end of a body: enough for the last events with the usage.
const TAIL: usize = 16 * 1024;
/// What is kept of its beginning: enough for a sample of what it says.
const HEAD: usize = 256 * 1024;

#[derive(Default)]
pub struct Seen {
    /// The last bytes of an event stream or a JSON answer; empty for other bodies.
    pub tail: Vec<u8>,
    /// The first bytes, in pieces in JavaScript's memory.
    head: Array,
    head_length: usize,
    /// The length of all that has passed of an event stream or a JSON answer.
    pub length: usize,
}

impl Seen {
    pub(super) fn add(&mut self, bytes: &Uint8Array) {
        let length = js::length(bytes);
        let fits = length.min(HEAD - self.head_length);
        if fits > 0 {
            // A copy: the bytes stand in a much larger buffer, which is used again.
            self.head.push(&js::part(bytes, 0, fits).slice(0, u32::MAX));
            self.head_length += fits;
        }
        let news = js::part(bytes, length.saturating_sub(TAIL), length).to_vec();
        // What is too old makes room.
        let excess = (self.tail.len() + news.len()).saturating_sub(TAIL);
        self.tail.drain(..excess.min(self.tail.len()));
        self.tail.extend(news);
        self.length += length;
    }

    /// The first bytes, 256 KiB at the most.
    pub fn beginning(&self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in self.head.iter().map(JsValue::unchecked_into::<Uint8Array>) {
            let left = length.saturating_sub(bytes.len());
            if left == 0 {
                break;
            }
            bytes.extend(js::part(&piece, 0, left).to_vec());
        }
        bytes
    }
}

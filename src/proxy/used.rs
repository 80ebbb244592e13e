//! What a call used: what its answer says, or else an estimate. Nothing is scanned for an answer that says it.

use super::intake;
use crate::{
    js,
    stream::Seen,
    upstream::Body,
    usage::{
        tail::{self, Counts, Tokens},
        texts::{Shape, Texts},
    },
};
use worker::js_sys::Uint8Array;

/// Where the usage stands: at a JSON answer's end, or at the beginning of an event stream.
const PART: usize = 4 * 1024;
/// As much of a request is kept while its answer flows; more of it is taken to be like that.
const KEPT: usize = 2 * 1024 * 1024;
/// What is billed by tokens that a text can tell.
const BILLED: [&str; 5] = ["chat/completions", "completions", "responses", "messages", "embeddings"];

/// Whether a call that answers without its usage is estimated; `rest` is what follows `/v1/`.
pub fn is_billed(method: &str, rest: &str) -> bool {
    method == "POST" && BILLED.contains(&rest)
}

/// Whether its streams tell their usage only when they are asked.
pub fn is_chat(rest: &str) -> bool {
    rest.ends_with("completions") && BILLED.contains(&rest)
}

/// What an estimate needs of the request.
pub struct Prompt {
    bytes: Uint8Array,
    length: usize,
}

impl Prompt {
    /// `None` when the body was too large to be kept.
    pub fn of(body: &Body) -> Option<Self> {
        let Body::Bytes(bytes) = body else { return None };
        let length = js::length(bytes);
        let bytes = if length > KEPT { bytes.slice(0, u32::try_from(KEPT).unwrap_or(u32::MAX)) } else { bytes.clone() };
        Some(Self { bytes, length })
    }

    fn tokens(&self) -> u64 {
        scaled(intake::texts(&self.bytes, Shape::Request).tokens(), js::length(&self.bytes), self.length)
    }
}

/// Of a JSON answer that is here as a whole.
pub fn whole(answer: &Uint8Array, prompt: Option<&Prompt>) -> Option<Tokens> {
    let length = js::length(answer);
    let mut counts = Counts::default();
    tail::read(&js::part(answer, length.saturating_sub(PART), length).to_vec(), false, &mut counts);
    if let Some(tokens) = counts.tokens() {
        return Some(tokens);
    }
    // Some say it first. Where nothing could be estimated, a look at the beginning is enough.
    let look = if prompt.is_some() { length } else { length.min(PART) };
    let mut said = intake::texts(&js::part(answer, 0, look), Shape::Answer);
    if let Some(usage) = said.usage() {
        let usage = js::part(answer, usage.start, usage.end).to_vec();
        tail::read(&[b"{\"usage\":", usage.as_slice(), b"}"].concat(), false, &mut counts);
    }
    complete(&counts, prompt, || said.tokens())
}

/// Of an answer that has passed, an event stream or else JSON.
pub fn passed(seen: &Seen, events: bool, prompt: Option<&Prompt>) -> Option<Tokens> {
    let mut counts = Counts::default();
    tail::read(&seen.tail, events, &mut counts);
    // Anthropic's streams say at their beginning how much went in; some JSON says all there.
    for part in [PART, usize::MAX] {
        if counts.says_all() || part > PART && prompt.is_none() {
            break;
        }
        counts = Counts::default();
        tail::read(&seen.beginning(part), events, &mut counts);
        tail::read(&seen.tail, events, &mut counts);
    }
    complete(&counts, prompt, || {
        let beginning = seen.beginning(usize::MAX);
        let mut said = Texts::new(if events { Shape::Events } else { Shape::Answer });
        if events {
            said.feed_events(&beginning)
        } else {
            said.feed(&beginning)
        }
        scaled(said.tokens(), beginning.len(), seen.length)
    })
}

/// Estimates what `counts` does not say. An answer that broke off may have said what went in and nothing else.
fn complete(counts: &Counts, prompt: Option<&Prompt>, said: impl FnOnce() -> u64) -> Option<Tokens> {
    let tokens = counts.tokens();
    let Some(prompt) = prompt.filter(|_| !counts.says_all()) else { return tokens };
    let mut tokens = tokens.unwrap_or_default();
    if !counts.says_input() {
        tokens.prompt = prompt.tokens();
    }
    if !counts.says_output() {
        tokens.completion = tokens.completion.max(said());
    }
    tokens.estimated = true;
    Some(tokens)
}

/// What a text of `length` bytes has, when its first `seen` bytes have as many as `tokens`.
fn scaled(tokens: u64, seen: usize, length: usize) -> u64 {
    let [seen, length] = [seen, length].map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
    if seen == 0 || seen >= length { tokens } else { tokens.saturating_mul(length) / seen }
}

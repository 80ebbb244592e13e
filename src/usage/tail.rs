//! What a call used, out of the first and last bytes of its answer, in the dialects of OpenAI (chat and Responses),
//! Anthropic and Gemini. The bytes may begin, and after a broken stream end, in the middle of anything.
mod dialect;
#[cfg(test)]
mod tests;

pub use dialect::Counts;

use crate::{find, json};
use dialect::Numbers;
use std::borrow::Cow;

/// One meaning for all dialects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// All that went in, what came from or went to the cache included.
    pub prompt: u64,
    /// All that came out, reasoning included.
    pub completion: u64,
    /// How much of `prompt` was read from the upstream's cache.
    pub cached: u64,
    /// How much of `completion` was reasoning.
    pub reasoning: u64,
    /// `prompt` or `completion` is our own guess.
    pub estimated: bool,
}

/// Adds what a part of a JSON answer, or (`sse`) of an event stream, says to `counts`. Parts are given in their order: a
/// count that a later event repeats replaces the earlier one.
pub fn read(part: &[u8], sse: bool, counts: &mut Counts) {
    // Mostly it is whole, which is soon seen.
    let text = std::str::from_utf8(part).map_or_else(|_| String::from_utf8_lossy(part), Cow::Borrowed);
    if sse {
        events(&text).iter().for_each(|data| look_into(data, 2, counts));
    } else {
        look_into(text.trim(), 1, counts);
    }
}

/// The data of each event. The first line may be the rest of one that was cut.
fn events(text: &str) -> Vec<String> {
    let mut events = vec![String::new()];
    for (number, line) in text.lines().enumerate() {
        let rest = number == 0 && !["event:", "id:"].iter().any(|field| line.starts_with(field));
        let data = line.strip_prefix("data:").or_else(|| rest.then_some(line));
        match (data, events.last_mut()) {
            (Some(data), Some(event)) => event.push_str(data),
            (None, _) if line.is_empty() => events.push(String::new()),
            _ => {}
        }
    }
    events
}

/// Whole JSON is searched where usage belongs; cut JSON at its end, at most `levels` levels deep.
fn look_into(text: &str, levels: usize, counts: &mut Counts) {
    // All counts are named so; most events have `"usage":null` at the most.
    if !["_tokens\"", "TokenCount\""].iter().any(|name| find::has(text, name)) {
        return;
    }
    match json::numbers(text) {
        Some((numbers, rest)) if rest.trim_start().is_empty() => whole(&numbers, counts),
        _ => cut(text, levels, counts),
    }
}

fn whole(numbers: &[(String, u64)], counts: &mut Counts) {
    let at = |place| Some(Numbers { all: numbers, place }).filter(Numbers::is_some);
    // Anthropic's first event. Its output count is that of the first token.
    if let Some(usage) = at("/message/usage") {
        counts.begin(&usage);
    }
    // `x_groq` is Groq's, `choices` Moonshot's place, `meta.tokens` that of SiliconFlow's and Cohere's rerankers.
    let places = ["/response/usage", "/x_groq/usage", "/choices/0/usage", "/meta/tokens", "/usage", "/usageMetadata"];
    places.into_iter().filter_map(at).for_each(|usage| counts.add(&usage));
}

/// The last key `usage` whose object ends `levels` or fewer levels below the text's end. Inside a string the quotes of
/// such a key would be escaped, so content cannot look like it; deeper objects may be the model's own (tool input).
fn cut(text: &str, levels: usize, counts: &mut Counts) {
    for key in ["\"usage\"", "\"usageMetadata\""] {
        let objects = text.rmatch_indices('"').filter_map(|(at, _)| {
            let (before, here) = text.split_at_checked(at)?;
            let value = here.strip_prefix(key)?.trim_start().strip_prefix(':')?;
            let escaped = before.len() - before.trim_end_matches('\\').len();
            (escaped % 2 == 0).then(|| closed_object(value, levels))?
        });
        objects.take(1).for_each(|usage| counts.add(&Numbers { all: &usage, place: "" }));
    }
}

fn closed_object(text: &str, levels: usize) -> Option<Vec<(String, u64)>> {
    let (usage, rest) = json::numbers(text).filter(|_| text.trim_start().starts_with('{'))?;
    (1..=levels).contains(&levels_closed(rest)?).then_some(usage)
}

/// How many levels the rest of a JSON text closes; `None` when it is cut or no JSON.
fn levels_closed(rest: &str) -> Option<usize> {
    let (mut opened, mut closed) = (0_usize, 0_usize);
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes)?,
            b'{' | b'[' => opened += 1,
            b'}' | b']' if opened > 0 => opened -= 1,
            b'}' | b']' => closed += 1,
            _ => {}
        }
    }
    (opened == 0).then_some(closed)
}

fn skip_string(bytes: &mut std::str::Bytes) -> Option<()> {
    loop {
        match bytes.next()? {
            b'"' => return Some(()),
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

//! Takes the event that tells the usage out of a chat stream that was asked for it by us. Every other byte passes.
use crate::{find, json};
use serde_json::Value;

/// No event with nothing but the usage is longer.
const LONGEST: usize = 16 * 1024;

/// Holds back one event at the most, until it is whole or too long to be the one.
#[derive(Debug, Default)]
pub struct Hider {
    held: Vec<u8>,
    /// The event's beginning has passed already, so the rest follows.
    passing: bool,
    /// Bytes in the line that is being read.
    line: usize,
    /// The last byte was a carriage return, with which a line ends; a line feed behind it belongs to it.
    after_return: bool,
    /// That carriage return ended the event that was taken out.
    swallow: bool,
}

impl Hider {
    /// What of the bytes, and of those held back, goes to the client now. They may be cut anywhere.
    pub fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        for byte in bytes {
            let second = *byte == b'\n' && self.after_return;
            self.after_return = *byte == b'\r';
            let swallowed = std::mem::take(&mut self.swallow) && second;
            match byte {
                _ if swallowed => continue,
                // It ends what has passed already.
                b'\n' if second && self.held.is_empty() => out.push(*byte),
                _ => self.held.push(*byte),
            }
            match byte {
                b'\n' if second => {}
                b'\n' | b'\r' if self.line == 0 => self.end_event(&mut out),
                b'\n' | b'\r' => self.line = 0,
                _ => self.line += 1,
            }
        }
        if self.passing || self.held.len() > LONGEST {
            self.passing = true;
            out.append(&mut self.held);
        }
        out
    }

    /// What was held back when the stream ended.
    pub fn end(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.end_event(&mut out);
        out
    }

    fn end_event(&mut self, out: &mut Vec<u8>) {
        if !self.passing && is_usage(&self.held) {
            self.held.clear();
            self.swallow = self.after_return;
        }
        self.passing = false;
        out.append(&mut self.held);
    }
}

/// A chunk with no choices and a usage.
fn is_usage(event: &[u8]) -> bool {
    let lines = event.split(|byte| matches!(byte, b'\n' | b'\r'));
    let data: Vec<u8> = lines.filter_map(|line| line.strip_prefix(b"data:")).flatten().copied().collect();
    let Ok(text) = std::str::from_utf8(&data) else { return false };
    if !find::has(text, "_tokens\"") {
        return false;
    }
    json::read(text).is_ok_and(|chunk| {
        let empty = chunk.get("choices").and_then(Value::as_array).is_some_and(Vec::is_empty);
        empty && chunk.get("usage").is_some_and(Value::is_object)
    })
}

#[cfg(test)]
mod tests {
    use super::Hider;

    const USAGE: &str =
        r#"data: {"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;

    /// However the stream is cut, it comes out as `expected`.
    fn check(stream: &str, expected: &str) {
        for (stream, expected) in [("\n", "\n"), ("\n", "\r\n"), ("\n", "\r")]
            .map(|(from, to)| (stream.replace(from, to), expected.replace(from, to)))
        {
            let bytes = stream.as_bytes();
            let passed = |pieces: &mut dyn Iterator<Item = &[u8]>| {
                let mut hider = Hider::default();
                let mut out: Vec<u8> = pieces.flat_map(|piece| hider.pass(piece)).collect();
                out.extend(hider.end());
                String::from_utf8(out).unwrap()
            };
            for size in 1..bytes.len().min(200) {
                assert_eq!(passed(&mut bytes.chunks(size)), expected, "pieces of {size}");
            }
            for at in 0..bytes.len() {
                let (one, two) = bytes.split_at(at);
                assert_eq!(passed(&mut [one, two].into_iter()), expected, "cut at {at}");
            }
        }
    }

    #[test]
    fn the_chunk_with_the_usage_is_taken_out_and_nothing_else() {
        let before = "\u{feff}: hi\n\nevent: x\nid: 1\ndata: {\"choices\":[{\"delta\":{\"content\":\"é_tokens\\\"\"}}],\"usage\":null}\n\n\n";
        let after = "data: [DONE]\n\n";
        check(&format!("{before}{USAGE}\n\n{after}"), &format!("{before}{after}"));
        check(&format!("{before}{USAGE}\n\n"), before);
        check(&format!("{before}{USAGE}"), before);
        check(&format!("{before}: x\nid: 7\n{USAGE}\n\n{after}"), &format!("{before}{after}"));
        let lines = USAGE.replacen(",\"usage\"", ",\ndata: \"usage\"", 1);
        check(&format!("{before}{lines}\n\n{after}"), &format!("{before}{after}"));
    }

    #[test]
    fn what_only_looks_like_it_passes() {
        for event in [
            r#"data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#,
            r#"data: {"choices":[],"usage":null,"x":{"prompt_tokens":1}}"#,
            r#"data: {"choices":[],"prompt_filter_results":[]}"#,
            r#"data: {"type":"message_delta","usage":{"output_tokens":1}}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":1}"#,
            "data",
            "",
        ] {
            let stream = format!("data: 1\n\n{event}\n\ndata: [DONE]");
            check(&stream, &stream);
        }
    }

    #[test]
    fn an_event_that_is_too_long_is_not_held_back() {
        let mut hider = Hider::default();
        let long = format!("data: {{\"choices\":[],\"x\":\"{}", "y".repeat(20_000));
        assert_eq!(hider.pass(long.as_bytes()), long.as_bytes());
        let rest = "\",\"usage\":{\"prompt_tokens\":1}}\n\n";
        assert_eq!(hider.pass(rest.as_bytes()), rest.as_bytes());
        assert_eq!(hider.pass(format!("{USAGE}\n\n").as_bytes()), b"");
    }

    #[test]
    fn whole_events_pass_at_once() {
        let mut hider = Hider::default();
        assert_eq!(hider.pass(b"data: 1\n\ndata: 2\n"), b"data: 1\n\n");
        assert_eq!(hider.pass(b"\n: 3"), b"data: 2\n\n");
        assert_eq!(hider.end(), b": 3");
    }
}

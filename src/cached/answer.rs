//! An answer as it is kept: a line about it, and its bytes.

use super::{LARGEST, canonical};
use crate::find;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was given, and until when it may be given again. Unix milliseconds.
    pub at: u64,
    pub until: u64,
    /// Its content type.
    pub kind: String,
    pub body: String,
}

impl Entry {
    /// `None` when the answer is not to be kept: too large, no text, not complete, or an error inside.
    pub fn of(kind: String, body: Vec<u8>, now: u64, seconds: u64) -> Option<Self> {
        // D1 ends a text at its first zero.
        let body = String::from_utf8(body).ok().filter(|body| body.len() <= LARGEST && !body.contains('\0'))?;
        let complete = if kind.starts_with("text/event-stream") { is_whole_stream(&body) } else { is_whole(&body) };
        let until = now.saturating_add(seconds.saturating_mul(1000));
        (complete && !kind.contains('\n')).then_some(Self { at: now, until, kind, body })
    }

    /// What is stored beside the body.
    pub fn head(&self) -> String {
        format!("{} {} {}", self.at, self.until, self.kind)
    }

    /// Head and body, as one text.
    pub fn text(&self) -> String {
        [&self.head(), "\n", &self.body].concat()
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.split_once('\n')?;
        let (at, rest) = head.split_once(' ')?;
        let (until, kind) = rest.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, until: until.parse().ok()?, kind: kind.into(), body: body.into() })
    }

    /// Whether it may be given to someone who wants none that is older than so many seconds.
    pub const fn is_fresh(&self, now: u64, seconds: u64) -> bool {
        now < self.until && now < self.at.saturating_add(seconds.saturating_mul(1000))
    }

    /// In seconds.
    pub const fn age(&self, now: u64) -> u64 {
        now.saturating_sub(self.at) / 1000
    }
}

fn is_whole(body: &str) -> bool {
    canonical::fields(body).is_some_and(|fields| {
        let is_error = |(name, value): &(String, String)| {
            name == "error" && value != "null" || name == "type" && value == "\"error\""
        };
        !fields.iter().any(is_error)
    })
}

/// It ends as streams of chats and completions do, or Anthropic's, and no event tells of an error.
fn is_whole_stream(body: &str) -> bool {
    let mut ends = false;
    for data in body.split(['\n', '\r']).filter_map(|line| line.strip_prefix("data:")) {
        let data = data.trim_ascii();
        ends = ends || data == "[DONE]" || find::has(data, "\"message_stop\"");
        if find::has(data, "error") && !is_whole(data) {
            return false;
        }
    }
    ends && body.ends_with(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(kind: &str, body: &str) -> bool {
        Entry::of(kind.into(), body.into(), 1000, 60).is_some()
    }

    #[test]
    fn only_what_is_complete_and_no_error_is_kept() {
        for body in ["{}", " {\"choices\":[]}\n", r#"{"error":null,"data":[]}"#, r#"{"text":"an error"}"#] {
            assert!(kept("application/json", body), "{body}");
        }
        for body in
            ["", "[]", "{\"a\":", r#"{"error":{"message":"x"}}"#, r#"{"error":"x"}"#, r#"{"type":"error"}"#, "{}\0"]
        {
            assert!(!kept("application/json", body), "{body}");
        }
        let chunk = "data: {\"choices\":[{\"delta\":{\"content\":\"an error\"}}]}\n\n";
        for (end, whole) in [
            ("data: [DONE]\n\n", true),
            ("data:[DONE]\r\n\r\n", true),
            ("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", true),
            ("data: [DONE]", false),
            ("", false),
            ("data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n", false),
            ("data: {\"type\":\"error\",\ndata: \"error\":1}\n\ndata: [DONE]\n\n", false),
        ] {
            assert_eq!(kept("text/event-stream; charset=utf-8", &format!("{chunk}{end}")), whole, "{end}");
        }
        assert!(!kept("application/json", &format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST))));
        assert_eq!(Entry::of("application/json".into(), b"{\"a\":\"\xff\"}".to_vec(), 0, 1), None);
    }

    #[test]
    fn an_entry_reads_back_as_it_was() {
        let entry = Entry::of("application/json; charset=utf-8".into(), b"{\n\"a\": 1}\n".to_vec(), 5000, 60).unwrap();
        assert_eq!(Entry::parse(&entry.text()), Some(entry.clone()));
        for text in ["", "1 2", "1 2\n", "x 2 k\n{}", "1 x k\n{}"] {
            assert_eq!(Entry::parse(text), None, "{text}");
        }
        assert_eq!((entry.at, entry.until, entry.age(7900)), (5000, 65_000, 2));
    }

    #[test]
    fn an_answer_is_fresh_for_as_long_as_both_wanted_it() {
        let entry = Entry::of("application/json".into(), b"{}".to_vec(), 5000, 60).unwrap();
        for (now, seconds, fresh) in
            [(5000, 60, true), (64_999, 600, true), (65_000, 600, false), (8000, 3, false), (7999, 3, true)]
        {
            assert_eq!(entry.is_fresh(now, seconds), fresh, "{now} {seconds}");
        }
    }
}

//! What a model answers. Its name says it: `json-<bytes>-<ms before it>` or `stream-<chunks>-<ms between them>`.

use std::time::Duration;

/// Where a chunk says when it was sent, in this many digits.
pub const SENT: &str = "data: {\"sent\":";
pub const DIGITS: usize = 16;

pub enum Answer {
    Json { size: usize, after: Duration },
    Stream { chunks: usize, every: Duration },
}

impl Answer {
    /// From the beginning of a request's body.
    pub fn asked(body: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(body);
        let (_, rest) = text.split_once("\"model\":\"")?;
        let mut parts = rest.split_once('"')?.0.split('-');
        let (kind, many, ms) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        match kind {
            "json" => Some(Self::Json { size: many, after: Duration::from_millis(ms) }),
            "stream" => Some(Self::Stream { chunks: many, every: Duration::from_millis(ms) }),
            _ => None,
        }
    }
}

/// A whole answer of about so many bytes, head and body.
pub fn json(size: usize) -> Vec<u8> {
    let words = "Some words that a model may well say. ".repeat(size / 38);
    let body = format!(
        "{{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"bench\",\"choices\":[{{\
         \"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{words}\"}},\"finish_reason\":\"stop\"}}],\
         \"usage\":{{\"prompt_tokens\":12,\"completion_tokens\":{},\"total_tokens\":{}}}}}",
        size / 4,
        size / 4 + 12
    );
    with_head("200 OK", "", &body)
}

pub fn with_head(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}")
        .into()
}

pub fn stream_head() -> &'static [u8] {
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
}

/// One event, sent `now`, framed as a chunk.
pub fn event(now: u64) -> Vec<u8> {
    framed(&format!(
        "{SENT}{now:0DIGITS$},\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\
         \"bench\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word\"}},\"finish_reason\":null}}]}}\n\n"
    ))
}

/// The usage, the last line, and the end of the body.
pub fn last(chunks: usize) -> Vec<u8> {
    let usage = format!(
        "data: {{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\"model\":\"bench\",\
         \"choices\":[],\"usage\":{{\"prompt_tokens\":12,\"completion_tokens\":{chunks},\"total_tokens\":{}}}}}\n\n\
         data: [DONE]\n\n",
        chunks + 12
    );
    [framed(&usage), b"0\r\n\r\n".into()].concat()
}

fn framed(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into()
}

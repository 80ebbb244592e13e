//! What a client sends, and what it hears back.

use crate::{now, scan::Scan, wire::Wire};
use serde_json::Value;
use std::{
    io,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// As much as is sent at once with the head.
const FIRST: usize = 32 << 10;

/// What all clients of a run send: each time another conversation, because one would stay with its key.
pub struct Ask {
    pub port: u16,
    /// Up to the number of the conversation, and from there.
    before: Vec<u8>,
    behind: Vec<u8>,
    is_stream: bool,
}

static CONVERSATIONS: AtomicU64 = AtomicU64::new(0);
/// Of a conversation's number.
const DIGITS: usize = 12;

pub struct Heard {
    pub status: u16,
    /// Seconds.
    pub retry_after: Option<u64>,
    /// Nanoseconds from the first byte sent to the last byte read.
    pub took: u64,
    pub scan: Scan,
}

impl Ask {
    /// Of a command's `port`, `key`, `model`, `size` (about so many bytes of body) and `stream`.
    pub fn new(command: &Value) -> io::Result<Self> {
        let text = |name: &str| command[name].as_str().ok_or_else(|| io::Error::other(format!("`{name}` is missing")));
        let port = u16::try_from(number(command, "port")?).map_err(io::Error::other)?;
        let is_stream = command["stream"].as_bool().unwrap_or(false);
        let words = "Some words that a person may have written, \\\"quoted\\\" here and there.\\n";
        let size = usize::try_from(number(command, "size")?).map_err(io::Error::other)?;
        let content = words.repeat((size / words.len()).max(1));
        let streamed = if is_stream { ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" } else { "" };
        let model = text("model")?;
        let begin = format!("{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"");
        let behind = format!(": {content}\"}}],\"temperature\":0.5{streamed}}}");
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\naccept: application/json\r\nuser-agent: bench/1\r\ncontent-length: {}\r\n\r\n",
            text("key")?,
            begin.len() + DIGITS + behind.len()
        );
        Ok(Self { port, before: [head, begin].concat().into(), behind: behind.into(), is_stream })
    }

    /// Sends it and reads the answer to its end.
    pub async fn send(&self, wire: &mut Wire) -> io::Result<Heard> {
        let begun = self.begin(wire).await?;
        let Some(head) = wire.head().await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        let mut scan = Scan::new(self.is_stream, begun);
        wire.body(head.framing(), |piece| scan.piece(piece)).await?;
        let retry_after = head.get("retry-after").and_then(|text| text.parse().ok());
        Ok(Heard { status: head.status(), retry_after, took: now() - begun, scan })
    }

    /// Sends it; when that was.
    pub async fn begin(&self, wire: &mut Wire) -> io::Result<u64> {
        let number = format!("{:0DIGITS$}", CONVERSATIONS.fetch_add(1, Relaxed));
        let (with_head, rest) = self.behind.split_at(self.behind.len().min(FIRST));
        let first = [&self.before, number.as_bytes(), with_head].concat();
        let begun = now();
        wire.write(&first).await?;
        wire.write(rest).await?;
        Ok(begun)
    }
}

pub fn number(command: &Value, name: &str) -> io::Result<u64> {
    command[name].as_u64().ok_or_else(|| io::Error::other(format!("`{name}` is missing")))
}

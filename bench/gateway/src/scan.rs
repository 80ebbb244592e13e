//! An answer's body on its way: how long each chunk of a stream was under way, and whether the answer is whole.

use crate::{
    answer::{DIGITS, SENT},
    now,
};

/// As much of a line as says when it was sent.
const KEPT: usize = SENT.len() + DIGITS;

pub struct Scan {
    is_stream: bool,
    begun: u64,
    line: Vec<u8>,
    last: [u8; 4],
    /// Nanoseconds from the provider's write of each chunk to our read of it.
    pub delays: Vec<u64>,
    /// Nanoseconds from the request to the first chunk.
    pub first: Option<u64>,
    pub bytes: u64,
    done: bool,
}

impl Scan {
    pub const fn new(is_stream: bool, begun: u64) -> Self {
        Self {
            is_stream,
            begun,
            line: Vec::new(),
            last: [0; 4],
            delays: Vec::new(),
            first: None,
            bytes: 0,
            done: false,
        }
    }

    pub fn piece(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        if self.is_stream {
            self.lines(piece);
        } else {
            let kept = [&self.last, &piece[piece.len().saturating_sub(4)..]].concat();
            self.last.copy_from_slice(&kept[kept.len() - 4..]);
        }
    }

    /// Whether the answer ended as a provider's answer ends.
    pub fn is_whole(&self) -> bool {
        if self.is_stream { self.done } else { self.last.trim_ascii_end().ends_with(b"}") }
    }

    fn lines(&mut self, piece: &[u8]) {
        let read = now();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                self.line(read);
                self.line.clear();
            }
        }
    }

    fn line(&mut self, read: u64) {
        if let Some(sent) = self.line.strip_prefix(SENT.as_bytes()) {
            let sent: u64 = std::str::from_utf8(sent).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
            self.delays.push(read.saturating_sub(sent));
            self.first.get_or_insert(read - self.begun);
        }
        self.done |= self.line.starts_with(b"data: [DONE]");
    }
}

//! A stream made even: what comes in bursts is cut into small events and spread over the time until more is expected.
//! Only texts of chats are cut; every other event passes as it is, in its place.

mod chunk;
mod events;
mod pieces;
#[cfg(test)]
mod tests;

pub use pieces::Graphemes;

use crate::record::pace::Pace;
use chunk::Chunk;
use events::Events;
use std::collections::VecDeque;

/// No byte goes out later than this after it came. A timer's lateness stays within 2 s.
pub const MOST_MS: u64 = 1800;
/// What comes within this time is one burst.
const BURST_MS: u64 = 20;
/// How long it takes until the next burst, as long as nothing is known; and what is believed at the most.
const GAP_MS: u64 = 150;
const LONGEST_GAP_MS: u64 = 1500;
/// So often something goes out at the most: a timer and a write cost more than a piece.
const TICK_MS: u64 = 10;
/// More is not held; it goes out at once.
const HELD: usize = 1024 * 1024;

struct Piece {
    bytes: Vec<u8>,
    came: u64,
    due: u64,
    /// It takes time. Others go with the one before them.
    is_text: bool,
}

/// Times are Unix milliseconds.
pub struct Pacer {
    pace: Pace,
    events: Events,
    queue: VecDeque<Piece>,
    /// In the queue.
    held: usize,
    /// The last grapheme that was said, and by which choice.
    before: String,
    choice: u64,
    /// When the last burst began.
    burst: Option<u64>,
    /// From burst to burst, on average.
    gap: u64,
}

impl Pacer {
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            events: Events::default(),
            queue: VecDeque::new(),
            held: 0,
            before: String::new(),
            choice: 0,
            burst: None,
            gap: GAP_MS,
        }
    }

    /// The next bytes of the stream, which may be cut anywhere.
    pub fn arrived(&mut self, bytes: &[u8], now: u64, graphemes: Graphemes) {
        let mut events = Vec::new();
        self.events.feed(bytes, &mut |event| events.push(event));
        let texts = events.into_iter().filter_map(|event| self.enter(event, now, graphemes));
        if texts.count() > 0 {
            self.learn(now);
            self.spread(now);
        }
    }

    /// The stream is over: no more is expected.
    pub fn ended(&mut self, now: u64) {
        let mut events = Vec::new();
        self.events.end(&mut |event| events.push(event));
        events.into_iter().for_each(|event| self.push(event, now, false));
    }

    /// What is to go out now; nothing more than once.
    pub fn take(&mut self, now: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while self.queue.front().is_some_and(|piece| piece.due <= now || self.held > HELD)
            && let Some(piece) = self.queue.pop_front()
        {
            self.held -= piece.bytes.len();
            out.extend(piece.bytes);
        }
        out
    }

    /// How long until there is something to take; `None` when nothing waits.
    pub fn wait_ms(&self, now: u64) -> Option<u64> {
        let next = self.queue.front()?;
        Some(if next.due <= now || self.held > HELD { 0 } else { (next.due - now).max(TICK_MS) })
    }

    /// `None` when it is no text.
    fn enter(&mut self, event: Vec<u8>, now: u64, graphemes: Graphemes) -> Option<()> {
        let Some(chunk) = Chunk::of(&event) else {
            self.push(event, now, false);
            return None;
        };
        if chunk.choice != self.choice {
            (self.choice, self.before) = (chunk.choice, String::new());
        }
        for piece in pieces::split(&event, &chunk, self.pace, &mut self.before, graphemes) {
            self.push(piece, now, true);
        }
        Some(())
    }

    fn push(&mut self, bytes: Vec<u8>, now: u64, is_text: bool) {
        self.held += bytes.len();
        let due = self.queue.back().map_or(now, |last| last.due);
        self.queue.push_back(Piece { bytes, came: now, due, is_text });
    }

    fn learn(&mut self, now: u64) {
        let Some(began) = self.burst else {
            self.burst = Some(now);
            return;
        };
        let gap = now.saturating_sub(began);
        if gap >= BURST_MS {
            self.burst = Some(now);
            // An exponentially weighted average: the last few count.
            self.gap = (self.gap * 7 + gap.min(LONGEST_GAP_MS) * 3) / 10;
        }
    }

    /// All that waits goes out evenly until more is expected. What still waits from the last time makes it faster.
    fn spread(&mut self, now: u64) {
        let texts = self.queue.iter().filter(|piece| piece.is_text).count();
        let texts = u64::try_from(texts).unwrap_or(u64::MAX).max(1);
        let (mut nth, mut due) = (0, now);
        for piece in &mut self.queue {
            if piece.is_text {
                due = now + self.gap * nth / texts;
                nth += 1;
            }
            piece.due = due.min(piece.came + MOST_MS);
        }
    }
}

//! The messages up to the user's first: later turns of a conversation leave them as they are.
use super::hash::Hash;

#[derive(Debug, Default)]
pub struct Opening {
    hash: Hash,
    /// Where in the window the message's bytes begin that are not hashed yet.
    from: usize,
    /// The message is the user's.
    pub by_user: bool,
}

impl Opening {
    /// A message begins at this offset in the window.
    pub fn begin_message(&mut self, from: usize) {
        self.from = from;
    }

    /// The window up to the end of a message, or the whole window if the message goes on in the next.
    pub fn push(&mut self, window: &[u8]) {
        self.hash.push(window.get(self.from..).unwrap_or_default());
        self.from = 0;
    }

    /// The conversation, if the message was the user's.
    pub fn end_message(&mut self, window: &[u8]) -> Option<u64> {
        self.push(window);
        Some(self.hash.end()).filter(|_| self.by_user)
    }
}

//! Notices the strings of a JSON body that end as an id with a tag does, by a look at their last bytes.
use crate::record::tag;

/// More in one call are left as they are. A batch of files for a vector store has 500 at the most.
const MOST: usize = 512;

#[derive(Debug, Default)]
pub struct Tagged {
    /// The end of what stood of a string in the windows before.
    carried: Vec<u8>,
}

impl Tagged {
    /// The window ends within a string, of which it had `piece`.
    pub fn carry(&mut self, piece: &[u8]) {
        self.carried.extend_from_slice(piece.get(piece.len().saturating_sub(tag::LENGTH)..).unwrap_or_default());
        self.carried.drain(..self.carried.len().saturating_sub(tag::LENGTH));
    }

    /// A string goes on behind an escape.
    pub fn forget(&mut self) {
        self.carried.clear();
    }

    /// A string ends with `piece`, in front of the quote at `end`.
    pub fn end(&mut self, piece: &[u8], end: usize, ends: &mut Vec<usize>) {
        let cut = piece.len() < tag::LENGTH && !self.carried.is_empty();
        let is_tagged = if cut { tag::is_at_end(&[&self.carried, piece].concat()) } else { tag::is_at_end(piece) };
        self.carried.clear();
        if is_tagged && ends.len() < MOST {
            ends.push(end);
        }
    }
}

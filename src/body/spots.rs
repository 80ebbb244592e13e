//! Where the fields of a JSON body's root stand, noted while it passes by.
use std::ops::Range;

/// Nobody sends more; beyond it the body is not rewritten.
const MOST: usize = 512;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spot {
    /// With its quotes.
    pub key: Range<usize>,
    pub value: Range<usize>,
}

#[derive(Debug, Default)]
pub struct Spots {
    list: Vec<Spot>,
    too_many: bool,
    closed: bool,
}

impl Spots {
    pub fn key(&mut self, key: Range<usize>) {
        self.too_many |= self.list.len() >= MOST;
        if !self.too_many {
            self.list.push(Spot { key, value: 0..0 });
        }
    }

    pub fn value_begins(&mut self, at: usize) {
        if let Some(spot) = self.list.last_mut().filter(|_| !self.too_many) {
            spot.value = at..at;
        }
    }

    pub fn value_ends(&mut self, at: usize) {
        if let Some(spot) = self.list.last_mut().filter(|_| !self.too_many) {
            spot.value.end = at;
        }
    }

    /// The root has ended; `well` unless a comma stands before its end.
    pub fn close(&mut self, well: bool) {
        self.closed = well || self.list.is_empty();
    }

    /// All of them, in their order; `None` unless the root has ended as it must.
    pub fn all(&self) -> Option<&[Spot]> {
        (self.closed && !self.too_many).then_some(self.list.as_slice())
    }
}

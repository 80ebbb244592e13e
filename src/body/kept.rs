//! The few strings and literals of a JSON body that are looked at, as they pass by in windows.
use crate::json;

/// Bytes of one string or literal, as they stand in the body.
#[derive(Debug, Default)]
pub struct Kept {
    bytes: Vec<u8>,
    start: usize,
    /// There was more than may be kept.
    cut: bool,
}

impl Kept {
    pub fn from(start: usize) -> Self {
        Self { start, ..Self::default() }
    }

    pub fn start(&self) -> usize {
        self.start
    }

    /// Nothing when cut.
    pub fn bytes(&self) -> &[u8] {
        if self.cut { &[] } else { &self.bytes }
    }

    pub fn push(&mut self, bytes: &[u8], limit: usize) {
        self.cut |= self.bytes.len() + bytes.len() > limit;
        if !self.cut {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// `None` when cut, or not a valid JSON string.
    pub fn decoded(&self) -> Option<String> {
        let quoted = [b"\"", self.bytes.as_slice(), b"\""].concat();
        let text = std::str::from_utf8(&quoted).ok().filter(|_| !self.cut)?;
        json::read(text).ok()?.as_str().map(str::to_string)
    }
}

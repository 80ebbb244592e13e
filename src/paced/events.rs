//! An event stream, taken apart into its events.

/// No event that is worth splitting is longer.
const LONGEST: usize = 64 * 1024;

/// Holds back one event at the most, until it is whole or too long.
#[derive(Debug, Default)]
pub struct Events {
    held: Vec<u8>,
    /// The event's beginning has passed already, so the rest follows.
    passing: bool,
    /// Bytes in the line that is being read.
    line: usize,
    /// The last byte was a carriage return, with which a line ends; a line feed behind it belongs to it.
    after_return: bool,
    /// The line before ended with both, so the blank one will too.
    both: bool,
}

impl Events {
    /// Gives `take` each event that is whole now, with the blank line behind it, and parts of what is too long to be
    /// held. The bytes may be cut anywhere; all of them come out in their order.
    pub fn feed(&mut self, bytes: &[u8], take: &mut dyn FnMut(Vec<u8>)) {
        for byte in bytes {
            self.held.push(*byte);
            let second = *byte == b'\n' && self.after_return;
            self.after_return = *byte == b'\r';
            match byte {
                // It ends a line that has ended already: a blank one, if it was waited for.
                b'\n' if second => {
                    let blank = self.both && self.line == 0;
                    (self.both, self.line) = (true, 0);
                    if blank {
                        self.end(take);
                    }
                }
                b'\r' if self.line == 0 && self.both => {}
                b'\n' | b'\r' if self.line == 0 => self.end(take),
                b'\n' | b'\r' => (self.line, self.both) = (0, false),
                _ => self.line += 1,
            }
        }
        if self.passing || self.held.len() > LONGEST {
            self.passing = true;
            if !self.held.is_empty() {
                take(std::mem::take(&mut self.held));
            }
        }
    }

    /// What was held back when the stream ended, or the blank line came.
    pub fn end(&mut self, take: &mut dyn FnMut(Vec<u8>)) {
        (self.passing, self.both) = (false, false);
        if !self.held.is_empty() {
            take(std::mem::take(&mut self.held));
        }
    }
}

//! Puts tags behind the ids of an answer that passes by in windows: JSON, or an event stream of it. A tag goes in front of
//! the quote that ends the id, so nothing is held back and no other byte changes.

use super::place::{Kept, Role};
use crate::{find, record::tag};
use std::{mem, rc::Rc};

/// Strings that nest deeper are no ids of anything.
const DEPTH: usize = 64;
const DATA: &[u8] = b"data:";

/// The tag for an id.
pub type Tag = Rc<dyn Fn(&str) -> String>;

pub struct Marker {
    kept: Kept,
    /// The answer is an event stream.
    events: bool,
    tag: Tag,
    place: Place,
    /// The last byte was a carriage return, which ended a line.
    after_return: bool,
    levels: Vec<Level>,
    /// How many there are beyond.
    deeper: usize,
    /// The string that is being read, as far as it may be an id or the name of a field.
    text: Vec<u8>,
    /// It has an escape, or is too long.
    odd: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a line of an event stream that so far is that many letters of `data:`.
    Line(usize),
    /// In another line.
    Rest,
    Between,
    Text(Kind),
    Escape(Kind),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Value(Role),
}

#[derive(Clone, Copy)]
struct Level {
    array: bool,
    /// The colon was read.
    valued: bool,
    /// Of the value to come; of all values in an array.
    role: Role,
    owned: bool,
    /// All in it is the user's own.
    foreign: bool,
}

impl Marker {
    pub fn new(kept: Kept, events: bool, tag: Tag) -> Self {
        let place = if events { Place::Line(0) } else { Place::Between };
        Self {
            kept,
            events,
            tag,
            place,
            after_return: false,
            levels: Vec::new(),
            deeper: 0,
            text: Vec::new(),
            odd: false,
        }
    }

    /// The bytes with the tags in them. They may be cut anywhere.
    pub fn pass(&mut self, window: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(window.len());
        let mut from = 0;
        for (at, tag) in self.feed(window) {
            out.extend_from_slice(window.get(from..at).unwrap_or_default());
            out.extend_from_slice(tag.as_bytes());
            from = at;
        }
        out.extend_from_slice(window.get(from..).unwrap_or_default());
        out
    }

    /// Which tags belong where in the window.
    pub fn feed(&mut self, window: &[u8]) -> Vec<(usize, String)> {
        let (mut tags, mut at) = (Vec::new(), 0);
        while let Some((first, rest)) = window.get(at..).and_then(<[u8]>::split_first) {
            if let (Place::Text(kind), false) = (self.place, self.ends_line(*first)) {
                let text = window.get(at..).unwrap_or_default();
                let end = self.end_of_text(text);
                self.keep(kind, text.get(..end).unwrap_or_default());
                at += end;
                match text.get(end) {
                    Some(b'"') => tags.extend(self.end_text(kind).map(|tag| (at, tag))),
                    Some(b'\\') => (self.place, self.odd) = (Place::Escape(kind), true),
                    // A line's end, to be looked at as such, or the window's.
                    _ => continue,
                }
                at += 1;
                continue;
            }
            self.byte(*first);
            at = window.len() - rest.len();
        }
        tags
    }

    fn ends_line(&self, byte: u8) -> bool {
        self.events && matches!(byte, b'\n' | b'\r')
    }

    fn end_of_text(&self, text: &[u8]) -> usize {
        let end = find::either(text, b'"', b'\\').unwrap_or(text.len());
        let line = text.get(..end).filter(|_| self.events).and_then(|t| find::either(t, b'\n', b'\r'));
        line.unwrap_or(end)
    }

    /// One byte that is not within a string, or that ends a line.
    fn byte(&mut self, byte: u8) {
        let second = mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';
        if self.ends_line(byte) {
            // A string ends with its line, whatever is wrong with it; the event ends with a blank one.
            if matches!(self.place, Place::Line(0) | Place::Text(_) | Place::Escape(_)) && !second {
                self.levels.clear();
                self.deeper = 0;
            }
            self.place = Place::Line(0);
            return;
        }
        match self.place {
            Place::Line(read) if DATA.get(read) == Some(&byte) => {
                self.place = if read + 1 == DATA.len() { Place::Between } else { Place::Line(read + 1) };
            }
            // A mark of the byte order, at the very beginning.
            Place::Line(0) if matches!(byte, 0xEF | 0xBB | 0xBF) => {}
            Place::Line(_) | Place::Rest => self.place = Place::Rest,
            Place::Escape(kind) => self.place = Place::Text(kind),
            Place::Between | Place::Text(_) => self.between(byte),
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'"' => self.begin_text(),
            b'{' | b'[' => self.open(byte == b'['),
            b'}' | b']' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' => drop(self.levels.pop()),
            b':' | b',' => {
                if let Some(level) = self.levels.last_mut() {
                    level.valued = byte == b':';
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, array: bool) {
        if self.levels.len() >= DEPTH {
            self.deeper += 1;
            return;
        }
        let above = self.levels.last();
        let foreign = above.is_some_and(|above| above.foreign || above.role == Role::Foreign);
        let role = match above {
            Some(above) if array && !foreign => above.role,
            Some(_) | None => Role::Other,
        };
        let owned = above.is_none_or(|above| above.role == Role::Owner);
        let level = Level { array, role, owned, foreign, valued: false };
        self.levels.push(level);
    }

    fn begin_text(&mut self) {
        self.text.clear();
        self.odd = self.deeper > 0;
        let kind = match self.levels.last() {
            Some(level) if level.array || level.valued => Kind::Value(level.role),
            Some(_) => Kind::Name,
            None => Kind::Value(Role::Other),
        };
        self.place = Place::Text(kind);
    }

    fn keep(&mut self, kind: Kind, bytes: &[u8]) {
        self.odd |= self.text.len() + bytes.len() > tag::LONGEST - tag::LENGTH;
        if !self.odd && !matches!(kind, Kind::Value(Role::Other | Role::Foreign)) {
            self.text.extend_from_slice(bytes);
        }
    }

    fn end_text(&mut self, kind: Kind) -> Option<String> {
        self.place = Place::Between;
        let text = std::str::from_utf8(&self.text).ok().filter(|_| !self.odd).unwrap_or_default();
        match kind {
            Kind::Name => {
                if let Some(level) = self.levels.last_mut().filter(|level| !level.foreign) {
                    level.role = self.kept.role(text, level.owned);
                }
                None
            }
            Kind::Value(role) => (tag::is_id(text) && role.fits(text)).then(|| (self.tag)(text)),
        }
    }
}

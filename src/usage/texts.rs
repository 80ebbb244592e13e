//! The texts in a body that passes by in windows: what a request gives a model to read, and what an answer has said.
//! For those answers that do not tell what was used.
mod place;
#[cfg(test)]
mod tests;

use super::estimate::Estimate;
use crate::find;
use place::Place;
pub use place::Shape;
use std::ops::Range;

/// As much is kept of a name; none that means something to us is longer.
const NAME: usize = 64;
/// What is nested deeper does not count.
const DEEPEST: usize = 64;
/// OpenAI's picture of 1024 pixels by 1024, and any picture in low detail: four tiles of 170 and 85, or 85.
/// platform.openai.com/docs/guides/images-vision
const PICTURE: u64 = 765;
const SMALL_PICTURE: u64 = 85;

/// Reads JSON without checking it. Holds one name at the most, whatever the body's size.
#[derive(Debug)]
pub struct Texts {
    shape: Shape,
    levels: Vec<Level>,
    /// Levels beyond `DEEPEST`.
    deeper: usize,
    /// Offset of the next byte to come.
    at: usize,
    state: State,
    /// The string that is being read, as far as it may mean something.
    short: Vec<u8>,
    /// The place of the value that comes next, or of the string that is being read.
    next: Place,
    estimate: Estimate,
    /// Tokens that are no text: what the messages and tools are wrapped in, pictures.
    more: u64,
    pictures: u64,
    small_pictures: u64,
    /// A request has something for the model to read, messages even.
    asks: bool,
    has_messages: bool,
    /// It is no JSON.
    broken: bool,
    usage: Option<Range<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    object: bool,
    place: Place,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Where a name may begin.
    Name,
    /// Where a value may begin.
    #[default]
    Value,
    Text {
        name: bool,
    },
    Escape {
        name: bool,
    },
    /// Behind `\u`: how many digits are missing, the number so far, and the first half of a pair.
    Unicode {
        missing: u8,
        code: u32,
        high: u32,
    },
    /// Behind the first half of a pair, at its end or at the backslash of the second.
    Half {
        high: u32,
        backslash: bool,
    },
    /// In a number or a word.
    Literal,
}

impl Texts {
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            levels: Vec::new(),
            deeper: 0,
            at: 0,
            state: State::Value,
            short: Vec::new(),
            next: Place::Root,
            estimate: Estimate::default(),
            more: 0,
            pictures: 0,
            small_pictures: 0,
            asks: false,
            has_messages: false,
            broken: false,
            usage: None,
        }
    }

    /// The next bytes; windows may be cut anywhere.
    pub fn feed(&mut self, window: &[u8]) {
        let mut rest = window;
        while let Some((first, behind)) = rest.split_first() {
            let taken = match self.state {
                State::Text { name } => self.text(rest, name),
                _ => {
                    self.byte(*first);
                    rest.len() - behind.len()
                }
            };
            self.at += taken;
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Whole events of a stream, one line after another. Its deltas are one text.
    pub fn feed_events(&mut self, events: &[u8]) {
        for line in events.split(|byte| *byte == b'\n') {
            match line.strip_prefix(b"data:") {
                Some(data) => self.feed(data),
                None if line.trim_ascii().is_empty() => self.restart(),
                None => {}
            }
        }
        self.restart();
    }

    fn restart(&mut self) {
        self.levels.clear();
        self.deeper = 0;
        self.state = State::Value;
        self.next = Place::Root;
    }

    /// The estimate for all that has passed.
    pub fn tokens(&mut self) -> u64 {
        self.estimate.pause();
        let small = self.small_pictures.min(self.pictures);
        // The answer's beginning is counted with the messages.
        let end = if self.has_messages { 3 } else { 0 };
        self.estimate.tokens() + self.more + end + (self.pictures - small) * PICTURE + small * SMALL_PICTURE
    }

    /// What has passed is a whole object, as far as its brackets and quotes tell, with something for a model to read.
    pub fn is_whole(&self) -> bool {
        self.asks && !self.broken && self.levels.is_empty() && self.state == State::Name
    }

    /// Where the last usage of an answer stands.
    pub fn usage(&self) -> Option<Range<usize>> {
        self.usage.clone()
    }

    /// Within a string: everything up to its end, an escape, or the window's end at once.
    fn text(&mut self, rest: &[u8], name: bool) -> usize {
        let end = find::either(rest, b'"', b'\\');
        self.keep(rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(), name);
        match end.and_then(|end| rest.get(end)) {
            Some(b'"') if name => self.end_name(),
            Some(b'"') => self.end_text(),
            Some(_) => self.state = State::Escape { name },
            None => {}
        }
        end.map_or(rest.len(), |end| end + 1)
    }

    fn keep(&mut self, bytes: &[u8], name: bool) {
        if name || self.next == Place::Detail {
            self.short.extend(bytes.iter().take((NAME + 1).saturating_sub(self.short.len())));
        }
        if !name && self.next.counts() {
            self.estimate.push(bytes);
        }
    }

    fn end_name(&mut self) {
        self.state = State::Value;
        let place = self.levels.last().map_or(Place::Nothing, |level| level.place);
        self.next = place.field(&self.short, self.shape);
        self.asks |= self.next == Place::Messages;
        let name_counts = self.more_for_name(place);
        if name_counts {
            self.estimate.push(&self.short);
            self.estimate.pause();
        }
    }

    /// A property of a tool costs its name and, says OpenAI's cookbook, three more; here with its two colons.
    fn more_for_name(&mut self, place: Place) -> bool {
        self.more += match place {
            Place::Properties => 5,
            Place::Json => 2,
            _ => 0,
        };
        matches!(place, Place::Properties | Place::Json)
    }

    fn end_text(&mut self) {
        self.state = State::Name;
        match self.next {
            Place::Detail => self.small_pictures += u64::from(self.short == b"low"),
            Place::Picture => self.pictures += 1,
            Place::Choice => self.more += 3,
            Place::Json => self.more += 1,
            _ => {}
        }
        // The deltas of a stream are one text.
        if self.next.counts() && self.shape != Shape::Events {
            self.estimate.pause();
        }
    }

    fn byte(&mut self, byte: u8) {
        match self.state {
            State::Text { .. } => {}
            State::Escape { name } => self.escape(byte, name),
            State::Unicode { missing, code, high } => self.unicode(byte, missing, code, high),
            State::Half { high, backslash } => self.half(byte, high, backslash),
            State::Name | State::Value | State::Literal => self.between(byte),
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.short.clear();
                let object = self.levels.last().is_some_and(|level| level.object);
                let name = object && self.state == State::Name && self.deeper == 0;
                self.state = State::Text { name };
            }
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => self.close(byte == b'}'),
            b',' => self.state = State::Name,
            b':' | b' ' | b'\t' | b'\r' | b'\n' => {}
            _ if self.state == State::Literal => {}
            _ => {
                self.broken |= self.state == State::Name || !matches!(byte, b'-' | b'0'..=b'9' | b't' | b'f' | b'n');
                self.state = State::Literal;
                // A text may be given as the numbers of its tokens.
                let listed = self.levels.last().is_some_and(|level| !level.object);
                self.more += u64::from(listed && byte.is_ascii_digit() && self.next.counts());
            }
        }
        if byte == b',' || byte == b'[' {
            self.expect_item();
        }
    }

    /// In a list every item has the list's place.
    fn expect_item(&mut self) {
        if let Some(level) = self.levels.last().filter(|level| !level.object && self.deeper == 0) {
            self.next = level.place;
            self.state = State::Value;
        }
    }

    fn open(&mut self, object: bool) {
        let place = self.next;
        if self.levels.len() >= DEEPEST {
            self.deeper += 1;
            self.next = Place::Nothing;
            return;
        }
        self.more += place.opening(object);
        self.has_messages |= object && place == Place::Messages;
        if place == Place::Usage && object {
            self.usage = Some(self.at..self.at);
        }
        self.pictures += u64::from(place == Place::Picture && object);
        let place = if object { place.item() } else { place };
        self.levels.push(Level { object, place });
        self.state = if object { State::Name } else { State::Value };
    }

    fn close(&mut self, object: bool) {
        self.state = State::Name;
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let level = self.levels.pop();
        self.broken |= level.is_none_or(|level| level.object != object);
        if let (Some(Level { place: Place::Usage, .. }), Some(usage)) = (level, self.usage.as_mut()) {
            usage.end = self.at + 1;
        }
        self.next = Place::Nothing;
    }

    fn escape(&mut self, byte: u8, name: bool) {
        self.state = State::Text { name };
        let plain = match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' if !name => {
                self.state = State::Unicode { missing: 4, code: 0, high: 0 };
                return;
            }
            other => other,
        };
        self.keep(&[plain], name);
    }

    fn unicode(&mut self, byte: u8, missing: u8, code: u32, high: u32) {
        let digit = char::from(byte).to_digit(16).unwrap_or(0);
        let code = (code << 4) | digit;
        self.state = match missing {
            2.. => State::Unicode { missing: missing - 1, code, high },
            _ if high == 0 && (0xd800..0xdc00).contains(&code) => State::Half { high: code, backslash: false },
            _ => {
                let pair = 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff);
                let letter = char::from_u32(if high == 0 { code } else { pair }).unwrap_or('\u{fffd}');
                self.keep(letter.encode_utf8(&mut [0; 4]).as_bytes(), false);
                State::Text { name: false }
            }
        };
    }

    /// The second half of a pair, or what else follows the first.
    fn half(&mut self, byte: u8, high: u32, backslash: bool) {
        match (byte, backslash) {
            (b'\\', false) => self.state = State::Half { high, backslash: true },
            (b'u', true) => self.state = State::Unicode { missing: 4, code: 0, high },
            (_, true) => self.escape(byte, false),
            (b'"', false) => self.end_text(),
            (_, false) => {
                self.state = State::Text { name: false };
                self.keep(&[byte], false);
            }
        }
    }
}

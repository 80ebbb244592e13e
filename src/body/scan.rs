//! Finds `model`, `stream` and `stream_options` in the root object of a JSON body that passes by in windows.
//! It reads only the root's own syntax and gives up at the first thing that is wrong there.
use super::{Model, Seen, VALUE, swar::find_either};
use serde_json::Value;

/// The longest key that is kept: `stream_options` with every letter escaped.
const KEY: usize = 84;

/// Holds one key or value at the most, whatever the body's size. The last of several equal keys wins, as it does in
/// the parsers behind us.
#[derive(Debug, Default)]
pub struct Json {
    seen: Seen,
    /// Offset in the body of the next byte to come.
    at: usize,
    /// 0 before the root, 1 among the root's own fields.
    depth: usize,
    place: Place,
    step: Step,
    /// Of the key that was read last.
    field: Field,
    kept: Kept,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    Text(Role),
    /// Behind a backslash.
    Escape(Role),
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    /// The model's value.
    Value,
    Other,
}

/// What the root object's syntax wants next.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    #[default]
    Key,
    Colon,
    Value,
    /// Inside a number or a word.
    Literal,
    Comma,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Field {
    Model,
    Stream,
    StreamOptions,
    #[default]
    Other,
}

impl Json {
    pub fn feed(&mut self, window: &[u8]) {
        let mut rest = window;
        while let Some((first, _)) = rest.split_first() {
            let taken = match self.place {
                Place::Between => self.between(*first),
                Place::Text(role) => self.text(rest, role),
                Place::Escape(role) => {
                    self.keep(role, &[*first]);
                    self.place = Place::Text(role);
                    1
                }
                Place::Done => rest.len(),
            };
            self.at += taken;
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Within a string: everything up to its end, an escape, or the window's end at once.
    fn text(&mut self, rest: &[u8], role: Role) -> usize {
        let end = find_either(rest, b'"', b'\\');
        self.keep(role, rest.get(..end.unwrap_or(rest.len())).unwrap_or_default());
        match end.and_then(|end| rest.get(end)) {
            Some(b'"') => self.end_text(role, end.unwrap_or_default()),
            Some(backslash) => {
                self.keep(role, &[*backslash]);
                self.place = Place::Escape(role);
            }
            None => {}
        }
        end.map_or(rest.len(), |end| end + 1)
    }

    fn end_text(&mut self, role: Role, taken: usize) {
        self.place = Place::Between;
        match role {
            Role::Key => {
                self.field = Field::named(self.kept.decoded().as_deref());
                self.step = Step::Colon;
            }
            Role::Value => {
                let range = self.kept.start..self.at + taken;
                self.seen.model = self.kept.decoded().map(|value| Model { value, range });
            }
            Role::Other => {}
        }
    }

    fn keep(&mut self, role: Role, bytes: &[u8]) {
        match role {
            Role::Key => self.kept.push(bytes, KEY),
            Role::Value => self.kept.push(bytes, VALUE),
            Role::Other => {}
        }
    }

    /// One byte outside of strings; always takes it.
    fn between(&mut self, byte: u8) -> usize {
        match self.depth {
            0 => self.before_root(byte),
            1 => self.in_root(byte),
            _ => match byte {
                b'"' => self.place = Place::Text(Role::Other),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth -= 1,
                _ => {}
            },
        }
        1
    }

    fn before_root(&mut self, byte: u8) {
        match byte {
            b'{' => {
                self.seen.root = Some(self.at);
                self.depth = 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => self.place = Place::Done,
        }
    }

    fn in_root(&mut self, byte: u8) {
        if self.step == Step::Literal && matches!(byte, b',' | b'}' | b' ' | b'\t' | b'\r' | b'\n') {
            self.end_literal();
        }
        match (self.step, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (Step::Key, b'"') => self.begin_text(Role::Key),
            (Step::Colon, b':') => self.step = Step::Value,
            (Step::Comma, b',') => self.step = Step::Key,
            (Step::Literal, _) => self.kept.push(&[byte], KEY),
            (Step::Value, b':' | b',' | b'}' | b']') => self.place = Place::Done,
            (Step::Value, _) => self.begin_value(byte),
            // The root's end, or a syntax error: nothing behind it counts.
            (Step::Key | Step::Colon | Step::Comma, _) => self.place = Place::Done,
        }
    }

    fn begin_value(&mut self, byte: u8) {
        match self.field {
            Field::Model => self.seen.model = None,
            Field::Stream => self.seen.stream = None,
            Field::StreamOptions => self.seen.stream_options = true,
            Field::Other => {}
        }
        self.step = Step::Comma;
        match byte {
            b'"' => self.begin_text(if self.field == Field::Model { Role::Value } else { Role::Other }),
            b'{' | b'[' => self.depth = 2,
            _ => {
                self.step = Step::Literal;
                self.kept = Kept::from(self.at);
                self.kept.push(&[byte], KEY);
            }
        }
    }

    fn begin_text(&mut self, role: Role) {
        self.place = Place::Text(role);
        if role != Role::Other {
            self.kept = Kept::from(self.at + 1);
        }
    }

    fn end_literal(&mut self) {
        self.step = Step::Comma;
        if self.field == Field::Stream {
            self.seen.stream = match self.kept.bytes.as_slice() {
                b"true" => Some(true),
                b"false" => Some(false),
                _ => None,
            };
        }
    }
}

impl Field {
    fn named(name: Option<&str>) -> Self {
        match name {
            Some("model") => Self::Model,
            Some("stream") => Self::Stream,
            Some("stream_options") => Self::StreamOptions,
            _ => Self::Other,
        }
    }
}

/// Bytes of one string or literal, as they stand in the body.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    start: usize,
    /// There was more than may be kept.
    cut: bool,
}

impl Kept {
    fn from(start: usize) -> Self {
        Self { start, ..Self::default() }
    }

    fn push(&mut self, bytes: &[u8], limit: usize) {
        self.cut |= self.bytes.len() + bytes.len() > limit;
        if !self.cut {
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// `None` when cut, or not a valid JSON string.
    fn decoded(&self) -> Option<String> {
        let quoted = [b"\"", self.bytes.as_slice(), b"\""].concat();
        let text = std::str::from_utf8(&quoted).ok().filter(|_| !self.cut)?;
        serde_json::from_str::<Value>(text).ok()?.as_str().map(str::to_string)
    }
}

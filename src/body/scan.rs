//! Finds `model`, `stream`, `stream_options` and what tells the conversation in the root object of a JSON body that
//! passes by in windows. It reads only the root's own syntax and that of the messages up to the user's first, and gives
//! up at the first thing that is wrong in the root.
use super::{
    Model, Seen, VALUE,
    field::{Field, MESSAGE},
    hash::Hash,
    kept::Kept,
    opening::Opening,
    spots::{Spot, Spots},
    tagged::Tagged,
};
use crate::find;

/// The longest key that is kept: `prompt_cache_key` with every letter escaped.
const KEY: usize = 96;

/// Holds one key or value at the most, whatever the body's size. The last of several equal keys wins, as it does in
/// the parsers behind us; of those that tell the conversation, the first.
#[derive(Debug, Default)]
pub struct Json {
    seen: Seen,
    /// Offset in the body of the next byte to come.
    at: usize,
    /// 0 before the root, 1 among the root's own fields, 2 among the messages.
    depth: usize,
    place: Place,
    step: Step,
    /// Of the key that was read last.
    field: Field,
    kept: Kept,
    /// The field that told the conversation.
    told_by: Field,
    opening: Option<Opening>,
    spots: Spots,
    tagged: Tagged,
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
    /// A value that is looked at.
    Value,
    Other,
}

/// What the syntax of the root, or of a message that is looked at, wants next; elsewhere `Comma`.
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

impl Json {
    pub fn feed(&mut self, window: &[u8]) {
        let mut rest = window;
        while let Some((first, _)) = rest.split_first() {
            let taken = match self.place {
                Place::Between if self.depth > 1 && self.opening.is_none() => self.skip(rest),
                Place::Between => {
                    let past = window.get(..window.len() - rest.len());
                    self.between(*first, past.unwrap_or_default());
                    1
                }
                Place::Text(Role::Other) => self.pass(rest),
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
        if let Some(opening) = self.opening.as_mut().filter(|_| self.depth >= MESSAGE) {
            opening.push(window);
        }
    }

    pub fn is_done(&self) -> bool {
        self.place == Place::Done
    }

    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    /// See `Scanner::fields`.
    pub fn fields(&self) -> Option<&[Spot]> {
        self.spots.all()
    }

    /// Within a string: everything up to its end, an escape, or the window's end at once.
    fn text(&mut self, rest: &[u8], role: Role) -> usize {
        let end = find::either(rest, b'"', b'\\');
        let piece = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.keep(role, piece);
        match end.and_then(|end| rest.get(end)) {
            Some(b'"') => {
                self.tagged.end(piece, self.at + piece.len(), &mut self.seen.tagged);
                self.end_text(role, end.unwrap_or_default());
            }
            Some(backslash) => {
                self.keep(role, &[*backslash]);
                self.tagged.forget();
                self.place = Place::Escape(role);
            }
            None => self.tagged.carry(piece),
        }
        end.map_or(rest.len(), |end| end + 1)
    }

    /// Within a string that is not looked at: everything up to its end or the window's at once, however many escapes it has.
    fn pass(&mut self, rest: &[u8]) -> usize {
        let mut from = 0;
        while let Some(found) = find::seek(rest.get(from..).unwrap_or_default(), b'"') {
            let end = from + found;
            let text = rest.get(..end).unwrap_or_default();
            if !ends_in_escape(text) {
                self.tagged.end(text, self.at + end, &mut self.seen.tagged);
                self.end_text(Role::Other, end);
                return end + 1;
            }
            from = end + 1;
        }
        self.tagged.carry(rest);
        if ends_in_escape(rest) {
            self.place = Place::Escape(Role::Other);
        }
        rest.len()
    }

    fn end_text(&mut self, role: Role, taken: usize) {
        self.place = Place::Between;
        if self.depth == 1 {
            let end = self.at + taken + 1;
            match role {
                Role::Key => self.spots.key(self.kept.start().saturating_sub(1)..end),
                Role::Value | Role::Other => self.spots.value_ends(end),
            }
        }
        match role {
            Role::Key => {
                self.field = Field::of(&self.kept);
                self.step = Step::Colon;
            }
            Role::Value => self.end_value(self.at + taken),
            Role::Other => {}
        }
    }

    fn end_value(&mut self, end: usize) {
        match self.field {
            Field::Model => {
                let range = self.kept.start()..end;
                self.seen.model = self.kept.decoded().map(|value| Model { value, range });
            }
            Field::PromptCacheKey | Field::User if !self.kept.bytes().is_empty() => {
                let mut hash = Hash::default();
                hash.push(self.kept.bytes());
                self.tell(self.field, hash.end());
            }
            Field::Speaker => {
                let by_user = self.kept.bytes() == b"user";
                self.opening.iter_mut().for_each(|opening| opening.by_user = by_user);
            }
            Field::PromptCacheKey | Field::User | Field::Messages => {}
            Field::Stream | Field::StreamOptions | Field::Other => {}
        }
    }

    fn tell(&mut self, by: Field, conversation: u64) {
        if by < self.told_by {
            self.told_by = by;
            self.seen.conversation = Some(conversation);
        }
    }

    fn keep(&mut self, role: Role, bytes: &[u8]) {
        match role {
            Role::Key => self.kept.push(bytes, KEY),
            Role::Value => self.kept.push(bytes, VALUE),
            Role::Other => {}
        }
    }

    /// Within what means nothing to us: everything up to the next bracket or string.
    fn skip(&mut self, rest: &[u8]) -> usize {
        let found = rest.iter().enumerate().find(|(_, byte)| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'));
        let Some((skipped, byte)) = found else { return rest.len() };
        self.nested(*byte);
        if self.depth == 1 {
            self.end_field(self.at + skipped + 1);
        }
        skipped + 1
    }

    /// One byte outside of strings, with those before it in the window.
    fn between(&mut self, byte: u8, past: &[u8]) {
        match self.depth {
            0 => self.before_root(byte),
            1 => self.in_root(byte),
            _ => {
                self.in_opening(byte, past);
                self.nested(byte);
                if self.depth == 1 {
                    self.end_field(self.at + 1);
                }
            }
        }
    }

    fn nested(&mut self, byte: u8) {
        match byte {
            b'"' => self.begin_text(match self.step {
                Step::Key => Role::Key,
                Step::Value => self.value_role(),
                Step::Colon | Step::Literal | Step::Comma => Role::Other,
            }),
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
    }

    fn in_opening(&mut self, byte: u8, past: &[u8]) {
        match (self.depth, byte) {
            (2, b'{') => {
                self.opening.iter_mut().for_each(|opening| opening.begin_message(past.len()));
                self.step = Step::Key;
            }
            (2, b',' | b' ' | b'\t' | b'\r' | b'\n') => {}
            // The end, or no messages.
            (2, _) => self.opening = None,
            (MESSAGE, b'}' | b']') => self.end_message(past),
            (MESSAGE, b'{' | b'[') => self.step = Step::Comma,
            (MESSAGE, b',') => self.step = Step::Key,
            (MESSAGE, b':') => self.step = Step::Value,
            _ => {}
        }
    }

    fn end_message(&mut self, past: &[u8]) {
        self.step = Step::Comma;
        if let Some(conversation) = self.opening.as_mut().and_then(|opening| opening.end_message(past)) {
            self.opening = None;
            self.tell(Field::Messages, conversation);
        }
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
            (Step::Key | Step::Comma, b'}') => {
                self.spots.close(self.step == Step::Comma);
                self.place = Place::Done;
            }
            // A syntax error: nothing behind it counts.
            (Step::Key | Step::Colon | Step::Comma, _) => self.place = Place::Done,
        }
    }

    fn begin_value(&mut self, byte: u8) {
        self.spots.value_begins(self.at);
        match self.field {
            Field::Model => self.seen.model = None,
            Field::Stream => self.seen.stream = None,
            Field::StreamOptions => self.seen.stream_options = Some(self.at..self.at),
            Field::Messages => {
                self.opening = (byte == b'[' && Field::Messages < self.told_by).then(Opening::default);
            }
            Field::PromptCacheKey | Field::User | Field::Speaker | Field::Other => {}
        }
        self.step = Step::Comma;
        match byte {
            b'"' => self.begin_text(self.value_role()),
            b'{' | b'[' => self.depth = 2,
            _ => {
                self.step = Step::Literal;
                self.kept = Kept::from(self.at);
                self.kept.push(&[byte], KEY);
            }
        }
    }

    fn value_role(&self) -> Role {
        if self.field.read_at() == self.depth { Role::Value } else { Role::Other }
    }

    fn begin_text(&mut self, role: Role) {
        self.place = Place::Text(role);
        if role != Role::Other {
            self.kept = Kept::from(self.at + 1);
        }
    }

    /// Of a value that is no string.
    fn end_field(&mut self, end: usize) {
        self.spots.value_ends(end);
        if let Some(options) = self.seen.stream_options.as_mut().filter(|_| self.field == Field::StreamOptions) {
            options.end = end;
        }
    }

    fn end_literal(&mut self) {
        self.step = Step::Comma;
        self.end_field(self.at);
        if self.field == Field::Stream {
            self.seen.stream = match self.kept.bytes() {
                b"true" => Some(true),
                b"false" => Some(false),
                _ => None,
            };
        }
    }
}

/// Whether what follows is escaped. A string's backslashes pair up from its beginning.
fn ends_in_escape(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

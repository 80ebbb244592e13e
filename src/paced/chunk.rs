//! An event that may come in pieces: one chunk of a chat whose only news is a text.

use crate::json;
use serde_json::Value;
use std::ops::Range;

/// What an event says, and where. Offsets count in the event's bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Decoded.
    pub text: String,
    /// Where it stands, without its quotes.
    pub at: Range<usize>,
    /// Which choice it belongs to.
    pub choice: u64,
    /// A role with its comma. Some providers tell it in every chunk; the pieces but the first do without, because
    /// clients join what they find twice.
    pub role: Range<usize>,
}

/// What may stand in every chunk and be repeated, when it is one value.
const REPEATED: [&str; 8] =
    ["id", "object", "created", "model", "system_fingerprint", "service_tier", "provider", "obfuscation"];

impl Chunk {
    /// `None` when the event has to pass in one piece.
    pub fn of(event: &[u8]) -> Option<Self> {
        let event = std::str::from_utf8(event).ok()?;
        let data = event.strip_prefix("data:")?.trim_end_matches(['\r', '\n']);
        let blank = event.len() - "data:".len() - data.len();
        if blank < 2 || data.contains(['\r', '\n']) {
            return None;
        }
        let mut cursor = Cursor { text: event, at: "data:".len(), end: "data:".len() + data.len() };
        let mut found = Self::default();
        let mut choices = 0;
        cursor.object(&mut |cursor, field| {
            if field.name == "choices" {
                choices += 1;
                return cursor.only(&mut |cursor| found.choice(cursor));
            }
            let value = cursor.value()?;
            let repeats = value.is_null() || REPEATED.contains(&&*field.name) && is_plain(&value);
            repeats.then_some(())
        })?;
        cursor.skip_blanks();
        (choices == 1 && !found.at.is_empty() && cursor.at == cursor.end).then_some(found)
    }

    fn choice(&mut self, cursor: &mut Cursor) -> Option<()> {
        let mut deltas = 0;
        cursor.object(&mut |cursor, field| {
            if field.name == "delta" {
                deltas += 1;
                return cursor.object(&mut |cursor, field| self.delta(cursor, field)).filter(|()| deltas == 1);
            }
            match (&*field.name, cursor.value()?) {
                ("index", Value::Number(index)) => {
                    self.choice = index.as_u64()?;
                    Some(())
                }
                (_, value) => value.is_null().then_some(()),
            }
        })
    }

    fn delta(&mut self, cursor: &mut Cursor, field: &Field) -> Option<()> {
        let begin = cursor.begin();
        match (&*field.name, cursor.value()?) {
            ("content", Value::String(text)) if self.at.is_empty() => {
                (self.text, self.at) = (text, begin + 1..cursor.at - 1);
            }
            ("role", Value::String(_)) if self.role.is_empty() => {
                self.role = if field.first { field.begin..cursor.behind_comma()? } else { field.comma..cursor.at };
            }
            (_, Value::Null) => {}
            _ => return None,
        }
        Some(())
    }
}

const fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

struct Field {
    name: String,
    /// It has no comma before it.
    first: bool,
    comma: usize,
    begin: usize,
}

/// Walks through JSON and knows where it stands.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
    end: usize,
}

impl Cursor<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    /// Where the next value begins.
    fn begin(&mut self) -> usize {
        self.skip_blanks();
        self.at
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let takes = self.rest().starts_with(sign);
        self.at += usize::from(takes);
        takes
    }

    /// Where the value behind the next comma begins; the cursor stays.
    fn behind_comma(&self) -> Option<usize> {
        let mut ahead = Cursor { ..*self };
        ahead.takes(',').then(|| ahead.begin())
    }

    fn value(&mut self) -> Option<Value> {
        let (value, rest) = json::read_first(self.rest())?;
        self.at = self.end - rest.len();
        Some(value)
    }

    /// Shows each field of an object, the cursor before its value.
    fn object(&mut self, show: &mut dyn FnMut(&mut Self, &Field) -> Option<()>) -> Option<()> {
        self.takes('{').then_some(())?;
        let (mut first, mut comma) = (true, self.at);
        loop {
            let begin = self.begin();
            let Value::String(name) = self.value()? else { return None };
            self.takes(':').then_some(())?;
            show(self, &Field { name, first, comma, begin })?;
            self.skip_blanks();
            comma = self.at;
            if !self.takes(',') {
                return self.takes('}').then_some(());
            }
            first = false;
        }
    }

    /// Shows the only item of an array.
    fn only(&mut self, show: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.takes('[').then_some(())?;
        show(self)?;
        self.takes(']').then_some(())
    }
}

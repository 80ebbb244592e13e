//! Finds the fields `model` and `stream` of a multipart form (RFC 7578) that passes by in windows.
use super::{Model, Seen, VALUE};
use crate::find;

/// RFC 2046 allows 70; some clients are generous.
const LONGEST_BOUNDARY: usize = 200;
const LONGEST_LINE: usize = 1024;

/// The boundary of a `multipart/form-data` content type.
pub fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    let boundary = parameter(parameters, "boundary")?;
    let usable = (1..=LONGEST_BOUNDARY).contains(&boundary.len()) && !boundary.contains(['\r', '\n']);
    (kind.trim().eq_ignore_ascii_case("multipart/form-data") && usable).then_some(boundary)
}

/// Holds one header line or one small field at the most, whatever the form's size. The last of several equal fields
/// wins.
#[derive(Debug)]
pub struct Form {
    seen: Seen,
    /// Line break, two dashes, boundary.
    delimiter: Vec<u8>,
    /// How much of the delimiter the last bytes are. No other byte of it is a carriage return, so a failed match can
    /// only begin anew.
    matched: usize,
    /// Offset in the body of the next byte to come.
    at: usize,
    place: Place,
    field: Field,
    /// The line or value being read.
    kept: Vec<u8>,
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In a part's content, or before the first part.
    Content,
    /// On the rest of a delimiter's line.
    Delimiter,
    Headers,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Model,
    Stream,
    Other,
}

impl Form {
    pub fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let (seen, kept) = (Seen::default(), Vec::new());
        // The first delimiter may stand at the very beginning, without its line break.
        Self { seen, delimiter, matched: 2, at: 0, place: Place::Content, field: Field::Other, kept, start: 0 }
    }

    pub fn feed(&mut self, window: &[u8]) {
        let mut rest = window;
        while let Some((first, _)) = rest.split_first() {
            let taken = match self.place {
                Place::Done => rest.len(),
                Place::Content if self.matched == 0 && self.field == Field::Other => skipped(rest),
                Place::Content | Place::Delimiter | Place::Headers => 0,
            };
            if taken == 0 {
                self.byte(*first);
            }
            let taken = taken.max(1);
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

    fn byte(&mut self, byte: u8) {
        match self.place {
            Place::Content => self.content(byte),
            Place::Delimiter if byte == b'\n' => self.begin_headers(),
            Place::Delimiter => {
                self.keep(byte, 2);
                if self.kept == b"--" {
                    self.place = Place::Done;
                }
            }
            Place::Headers if byte == b'\n' => self.end_line(),
            Place::Headers => self.keep(byte, LONGEST_LINE),
            Place::Done => {}
        }
    }

    fn content(&mut self, byte: u8) {
        self.keep(byte, VALUE + self.delimiter.len() + 1);
        if self.delimiter.get(self.matched) == Some(&byte) {
            self.matched += 1;
        } else {
            self.matched = usize::from(byte == b'\r');
        }
        if self.matched == self.delimiter.len() {
            self.end_content();
        }
    }

    fn end_content(&mut self) {
        let end = (self.at + 1).saturating_sub(self.delimiter.len());
        let value = self.kept.get(..end.saturating_sub(self.start)).filter(|value| value.len() <= VALUE);
        let value = value.and_then(|value| String::from_utf8(value.to_vec()).ok());
        match self.field {
            Field::Model => {
                self.seen.model = value.map(|value| Model { value, range: self.start..end });
            }
            Field::Stream => self.seen.stream = value.and_then(|value| value.trim().to_ascii_lowercase().parse().ok()),
            Field::Other => {}
        }
        self.kept.clear();
        self.place = Place::Delimiter;
    }

    fn begin_headers(&mut self) {
        self.kept.clear();
        self.field = Field::Other;
        self.place = Place::Headers;
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.kept).into_owned();
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            self.place = Place::Content;
            self.start = self.at + 1;
            self.matched = 0;
        } else if let Some(field) = named(line) {
            self.field = field;
        }
        self.kept.clear();
    }

    fn keep(&mut self, byte: u8, limit: usize) {
        if self.kept.len() < limit {
            self.kept.push(byte);
        }
    }
}

/// How much of a content nobody wants can be left out: all up to the next carriage return.
fn skipped(rest: &[u8]) -> usize {
    find::either(rest, b'\r', b'\r').unwrap_or(rest.len())
}

/// The field that a `Content-Disposition` line announces; a file is none, whatever its name.
fn named(line: &str) -> Option<Field> {
    let (header, value) = line.split_once(':')?;
    let (_, parameters) = value.split_once(';')?;
    if !header.trim().eq_ignore_ascii_case("content-disposition") {
        return None;
    }
    let file = parameter(parameters, "filename").is_some() || parameter(parameters, "filename*").is_some();
    match parameter(parameters, "name").as_deref() {
        Some("model") if !file => Some(Field::Model),
        Some("stream") if !file => Some(Field::Stream),
        _ => None,
    }
}

/// A parameter's value, of `name=value; name="value"`.
fn parameter(text: &str, name: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (found, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted),
            None => {
                after.split_once(';').map_or((after.trim_end().to_owned(), ""), |(v, n)| (v.trim_end().to_owned(), n))
            }
        };
        if found.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

/// Up to the closing quote; a backslash makes the next character literal.
fn quoted_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => value.extend(characters.next()),
            _ => value.push(c),
        }
    }
    (value, characters.as_str())
}

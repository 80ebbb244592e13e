//! JSON (RFC 8259) read into values and written. serde_json's own reader and writer are four times as large, much of it
//! for the last bit of fractions, for which keypool has no use; see docs/adr/0010.
mod numbers;
#[cfg(test)]
mod tests;
mod text;

pub use numbers::numbers;
pub use text::{quote, text};

use serde_json::{Map, Number, Value};
use std::fmt;

/// How deep arrays and objects may stand in each other.
const DEPTH: u8 = 127;

/// Where a text stops being JSON. Both count from 1, columns in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "no JSON at line {} column {}", self.line, self.column)
    }
}

/// The value that the whole text is. Of equal names in an object the last one holds.
///
/// # Errors
/// When the text is no JSON, nests too deep, or holds a number that is too large even for an `f64`.
pub fn read(text: &str) -> Result<Value, Broken> {
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value();
    reader.skip_blanks();
    value.filter(|_| reader.rest.is_empty()).ok_or_else(|| {
        let read = text.get(..text.len() - reader.rest.len()).unwrap_or_default();
        let (lines, last) = read.rsplit_once('\n').map_or((0, read), |(lines, last)| (lines.split('\n').count(), last));
        Broken { line: lines + 1, column: last.len() + 1 }
    })
}

/// The value at the beginning of the text, and what follows it.
pub fn read_first(text: &str) -> Option<(Value, &str)> {
    let mut reader = Reader { rest: text, depth: 0 };
    let value = reader.value()?;
    Some((value, reader.rest))
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Option<Value> {
        self.skip_blanks();
        match self.rest.as_bytes().first()? {
            b'{' => self.object(),
            b'[' => self.array(),
            b'"' => self.string().map(Value::String),
            b'n' => self.takes("null").then_some(Value::Null),
            b't' => self.takes("true").then_some(Value::Bool(true)),
            b'f' => self.takes("false").then_some(Value::Bool(false)),
            _ => self.number().map(Value::Number),
        }
    }

    fn object(&mut self) -> Option<Value> {
        let mut fields = Map::new();
        let mut more = self.opens("{", "}")?;
        while more {
            self.skip_blanks();
            let name = self.string()?;
            self.skip_blanks();
            self.takes(":").then_some(())?;
            fields.insert(name, self.value()?);
            more = self.goes_on("}")?;
        }
        Some(Value::Object(fields))
    }

    fn array(&mut self) -> Option<Value> {
        let mut items = Vec::new();
        let mut more = self.opens("[", "]")?;
        while more {
            items.push(self.value()?);
            more = self.goes_on("]")?;
        }
        Some(Value::Array(items))
    }

    /// Whether anything stands between the brackets.
    fn opens(&mut self, opening: &str, closing: &str) -> Option<bool> {
        let fits = self.depth < DEPTH && self.takes(opening);
        self.depth += 1;
        self.skip_blanks();
        fits.then(|| !self.closes(closing))
    }

    /// Whether more follows what was just read.
    fn goes_on(&mut self, closing: &str) -> Option<bool> {
        self.skip_blanks();
        if self.closes(closing) { Some(false) } else { self.takes(",").then_some(true) }
    }

    fn closes(&mut self, closing: &str) -> bool {
        let closes = self.takes(closing);
        self.depth -= u8::from(closes);
        closes
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        self.takes("\"").then_some(())?;
        loop {
            let end = self.rest.bytes().position(|b| matches!(b, b'"' | b'\\' | 0..0x20))?;
            text.push_str(self.rest.get(..end)?);
            self.rest = self.rest.get(end..)?;
            if self.takes("\"") {
                return Some(text);
            }
            text.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Option<char> {
        self.takes("\\").then_some(())?;
        let kind = self.rest.chars().next()?;
        let meant = match kind {
            '"' | '\\' | '/' => kind,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => return self.by_number(),
        };
        self.rest = self.rest.get(1..)?;
        Some(meant)
    }

    /// `u` and one unit of UTF-16, or two of them that belong together.
    fn by_number(&mut self) -> Option<char> {
        let first = self.unit()?;
        char::from_u32(u32::from(first)).or_else(|| {
            self.takes("\\").then_some(())?;
            char::decode_utf16([first, self.unit()?]).next()?.ok()
        })
    }

    fn unit(&mut self) -> Option<u16> {
        self.takes("u").then_some(())?;
        let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.rest = self.rest.get(4..)?;
        u16::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Option<Number> {
        let end = self.rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        let number = number(text)?;
        self.rest = rest;
        Some(number)
    }

    fn takes(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        let blanks = self.rest.bytes().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.rest = self.rest.get(blanks..).unwrap_or_default();
    }
}

/// A whole number of 64 bits, or else what an `f64` makes of it.
fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let padded = whole.len() > 1 && whole.starts_with('0');
    if !is_digits(whole) || padded || !is_digits(part) {
        return None;
    }
    if whole.len() == unsigned.len() {
        let negative = || text.parse::<i64>().ok().filter(|n| *n != 0).map(Number::from);
        if let Some(small) = text.parse::<u64>().ok().map(Number::from).or_else(negative) {
            return Some(small);
        }
    }
    let places = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(part.len()).ok()?)?;
    let digits = whole.bytes().chain(part.bytes()).fold(0.0, |sum, b| sum * 10.0 + f64::from(b - b'0'));
    // In two steps, because an `f64` ends at 10^308. A power below one is no whole number, so dividing errs less.
    let shift = |value: f64, places: i32| {
        let power = 10_f64.powi(places.saturating_abs());
        if places < 0 { value / power } else { value * power }
    };
    let most = places.clamp(-300, 300);
    let value = shift(shift(digits, most), places - most);
    Number::from_f64(if text.starts_with('-') { -value } else { value })
}

//! JSON written anew, so that what means the same looks the same: no blanks, the names of each object in order.
//! Without a tree of values, which would be many times the text's size, in memory that wasm never gives back.

use crate::{json, sort::sort};
use serde_json::Value;

/// How deep arrays and objects may stand in each other.
const DEPTH: u8 = 127;

/// By name, each with its value written anew.
pub type Fields = Vec<(String, String)>;

/// The fields of the object that the whole text is; of equal names the last one holds.
pub fn fields(text: &str) -> Option<Fields> {
    let mut reader = Reader { rest: text, depth: 0 };
    let fields = reader.fields()?;
    reader.skip_blanks();
    reader.rest.is_empty().then_some(fields)
}

pub fn write(fields: &[(String, String)], out: &mut String) {
    out.push('{');
    for (name, value) in fields {
        json::quote(name, out);
        out.push(':');
        out.push_str(value);
        out.push(',');
    }
    out.push('}');
}

struct Reader<'a> {
    rest: &'a str,
    depth: u8,
}

impl Reader<'_> {
    fn fields(&mut self) -> Option<Fields> {
        let mut fields = Fields::new();
        self.items(['{', '}'], &mut |reader| {
            let Value::String(name) = reader.scalar()? else { return None };
            reader.takes(':').then_some(())?;
            let mut value = String::new();
            reader.value(&mut value)?;
            fields.push((name, value));
            Some(())
        })?;
        let name = |at: usize| fields.get(at).map(|(name, _)| name);
        let mut places: Vec<usize> = (0..fields.len()).collect();
        sort(&mut places, &|a, b| name(a).cmp(&name(b)).then(a.cmp(&b)));
        let followed = places.iter().zip(places.iter().skip(1).map(Some).chain([None]));
        let held: Vec<usize> = followed
            .filter(|(at, next)| next.is_none_or(|next| name(*next) != name(**at)))
            .map(|(at, _)| *at)
            .collect();
        Some(held.into_iter().filter_map(|at| fields.get_mut(at).map(std::mem::take)).collect())
    }

    fn value(&mut self, out: &mut String) -> Option<()> {
        self.skip_blanks();
        match self.rest.as_bytes().first()? {
            b'{' => write(&self.fields()?, out),
            b'[' => {
                out.push('[');
                self.items(['[', ']'], &mut |reader| {
                    reader.value(out)?;
                    out.push(',');
                    Some(())
                })?;
                out.push(']');
            }
            _ => out.push_str(&json::text(&self.scalar()?)),
        }
        Some(())
    }

    /// Shows each item between the brackets.
    fn items(&mut self, [opening, closing]: [char; 2], show: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        (self.depth < DEPTH && self.takes(opening)).then_some(())?;
        self.depth += 1;
        if !self.takes(closing) {
            loop {
                show(self)?;
                if !self.takes(',') {
                    break self.takes(closing).then_some(())?;
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn scalar(&mut self) -> Option<Value> {
        self.skip_blanks();
        let (value, rest) = json::read_first(self.rest)?;
        self.rest = rest;
        Some(value)
    }

    fn takes(&mut self, sign: char) -> bool {
        self.skip_blanks();
        let rest = self.rest.strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
}

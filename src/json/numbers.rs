//! The numbers of a JSON text, for whoever looks for nothing else.
use super::Reader;
use crate::find;

/// The whole numbers of the value at the text's beginning, each with the pointer (RFC 6901) that leads to it, and what follows the
/// value. Names are taken as they are spelled, and what stands in a string is not looked at.
pub fn numbers(text: &str) -> Option<(Vec<(String, u64)>, &str)> {
    let mut found = Vec::new();
    let mut reader = Reader { rest: text, depth: 0 };
    reader.gather(&mut String::new(), &mut found)?;
    Some((found, reader.rest))
}

impl<'a> Reader<'a> {
    fn gather(&mut self, at: &mut String, found: &mut Vec<(String, u64)>) -> Option<()> {
        self.skip_blanks();
        let (here, kind) = (at.len(), *self.rest.as_bytes().first()?);
        match kind {
            b'{' => {
                let mut more = self.opens("{", "}")?;
                while more {
                    self.skip_blanks();
                    at.push('/');
                    push_name(at, self.spelled()?);
                    self.skip_blanks();
                    self.takes(":").then_some(())?;
                    self.gather(at, found)?;
                    at.truncate(here);
                    more = self.goes_on("}")?;
                }
            }
            b'[' => {
                let (mut more, mut index) = (self.opens("[", "]")?, 0_u32);
                while more {
                    at.push('/');
                    match char::from_digit(index, 10) {
                        Some(digit) => at.push(digit),
                        None => at.push_str(&index.to_string()),
                    }
                    self.gather(at, found)?;
                    at.truncate(here);
                    (more, index) = (self.goes_on("]")?, index + 1);
                }
            }
            b'"' => drop(self.spelled()?),
            b'n' => self.takes("null").then_some(())?,
            b't' => self.takes("true").then_some(())?,
            b'f' => self.takes("false").then_some(())?,
            _ => found.extend(self.number()?.as_u64().map(|number| (at.clone(), number))),
        }
        Some(())
    }

    /// A string as it is spelled, without its quotes.
    fn spelled(&mut self) -> Option<&'a str> {
        let text = self.rest.strip_prefix('"')?;
        let mut end = 0;
        loop {
            end += find::either(text.as_bytes().get(end..)?, b'"', b'\\')?;
            if text.as_bytes().get(end) == Some(&b'"') {
                self.rest = text.get(end + 1..)?;
                return text.get(..end);
            }
            end += 2;
        }
    }
}

fn push_name(at: &mut String, name: &str) {
    if name.bytes().any(|b| matches!(b, b'~' | b'/')) {
        at.push_str(&find::replaced(&find::replaced(name, "~", "~0"), "/", "~1"));
    } else {
        at.push_str(name);
    }
}

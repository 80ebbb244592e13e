//! Stored JSON, read field by field. What is not there or of another type is `None`, so a value written by an older
//! keypool reads as far as it goes. Derived readers would be a tenth of the upload.

use crate::find;
use serde_json::Value;

/// Something that is stored as JSON.
pub trait Stored: Sized {
    /// `None` when a field that it cannot do without is missing.
    fn read(from: &Reader) -> Option<Self>;
}

#[derive(Clone, Copy)]
pub struct Reader<'a>(pub &'a Value);

impl<'a> Reader<'a> {
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().map(str::to_string)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    /// A number that fits into 32 bits.
    pub fn small(&self, name: &str) -> Option<u32> {
        u32::try_from(self.number(name)?).ok()
    }

    pub fn status(&self, name: &str) -> Option<u16> {
        u16::try_from(self.number(name)?).ok()
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        Some(self.0.get(name)?.as_array()?.iter().filter_map(Value::as_str).map(str::to_string).collect())
    }

    pub fn field(&self, name: &str) -> Option<Reader<'a>> {
        self.0.get(name).map(Reader)
    }
}

impl Stored for String {
    fn read(from: &Reader) -> Option<Self> {
        from.0.as_str().map(str::to_string)
    }
}

/// The items of an array that can be read; the others are left out. `None` when it is no array.
pub fn list<T: Stored>(array: &Value) -> Option<Vec<T>> {
    Some(array.as_array()?.iter().filter_map(|item| T::read(&Reader(item))).collect())
}

/// What a JSON pointer (RFC 6901) leads to. serde_json's brings the standard library's search for words with it.
#[inline(never)]
pub fn at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, name| match value {
        Value::Object(fields) if name.contains('~') => {
            fields.get(&find::replaced(&find::replaced(name, "~1", "/"), "~0", "~"))
        }
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_leads_where_serde_json_says() {
        let value = json!({"a": {"b": [1, {"c": 2}], "": 3}, "1": [[4]], "m/n": 5, "~": 6, "~1": 7});
        for pointer in [
            "", "/", "/a", "/a/b", "/a/b/0", "/a/b/1/c", "/a/", "/1/0/0", "/a/b/2", "/a/b/x", "/a/b/-1", "/b",
            "/a/b/0/0", "/m~1n", "/~0", "/~01", "/m/n", "/~", "/~2",
        ] {
            assert_eq!(at(&value, pointer), value.pointer(pointer), "{pointer}");
        }
    }
}

//! Stored JSON, read field by field. What is not there or of another type is `None`, so a value written by an older
//! keypool reads as far as it goes. Derived readers would be a tenth of the upload.

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

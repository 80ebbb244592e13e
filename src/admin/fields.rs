//! A JSON object from a caller, read field by field. A wrong or unknown field is named in the answer; derived readers
//! would not say which one, and cost four times as much of the upload.

use crate::{
    error::{Error, Result},
    json,
};
use serde_json::{Map, Value};

/// The first field that was wrong is told by `end`, so that reading goes on without a question mark behind each.
pub struct Fields {
    left: Map<String, Value>,
    wrong: Option<Error>,
}

impl Fields {
    const fn new(left: Map<String, Value>) -> Self {
        Self { left, wrong: None }
    }

    /// # Errors
    /// `invalid_json` when `text` is no JSON, `invalid_request` when it is no object.
    pub fn parse(text: &str) -> Result<Self> {
        match json::read(text) {
            Ok(Value::Object(map)) => Ok(Self::new(map)),
            Ok(_) => Err(Error::invalid("The body is a JSON object.", None)),
            Err(error) => Err(Error::wrong("invalid_json", format!("The body is {error}."), None)),
        }
    }

    pub fn of(value: Value) -> Result<Self> {
        match value {
            Value::Object(map) => Ok(Self::new(map)),
            _ => Err(Error::invalid("A JSON object is missing.", None)),
        }
    }

    /// The names and values of a query. A name that stands twice keeps its last value.
    pub fn query(query: &str) -> Self {
        let mut fields = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
        Self::new(fields)
    }

    /// Of any type; null is a value.
    pub fn any(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// An absent field and null are both `None`.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.is_not(name, "a text"),
        }
    }

    /// A text that must be there; empty when it is not.
    pub fn required(&mut self, name: &'static str) -> String {
        let text = self.text(name);
        if text.is_none() {
            self.is_not::<()>(name, "missing");
        }
        text.unwrap_or_default()
    }

    pub fn number(&mut self, name: &'static str) -> Option<u64> {
        self.number_or_null(name).flatten()
    }

    /// Tells null (`Some(None)`: back to the default) from a field that is not there.
    #[expect(clippy::option_option, reason = "absent, null and a number mean three things")]
    pub fn number_or_null(&mut self, name: &'static str) -> Option<Option<u64>> {
        match self.left.remove(name)? {
            Value::Null => Some(None),
            value => value.as_u64().map(Some).or_else(|| self.is_not(name, "a whole number")),
        }
    }

    /// As `number_or_null`.
    #[expect(clippy::option_option, reason = "absent, null and a text mean three things")]
    pub fn text_or_null(&mut self, name: &'static str) -> Option<Option<String>> {
        match self.left.get(name)? {
            Value::Null => self.left.remove(name).map(|_| None),
            _ => self.text(name).map(Some),
        }
    }

    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.is_not(name, "true or false"),
        }
    }

    pub fn list(&mut self, name: &'static str) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(items) => Some(items),
            _ => self.is_not(name, "a list"),
        }
    }

    pub fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in self.list(name)? {
            match item {
                Value::String(text) => texts.push(text),
                _ => return self.is_not(name, "a list of texts"),
            }
        }
        Some(texts)
    }

    pub fn object(&mut self, name: &'static str) -> Option<Self> {
        match self.take(name)? {
            Value::Object(map) => Some(Self::new(map)),
            _ => self.is_not(name, "an object"),
        }
    }

    pub const fn all(&self) -> &Map<String, Value> {
        &self.left
    }

    /// All of them, for a call whose names are data.
    pub fn into_map(self) -> Map<String, Value> {
        self.left
    }

    /// Whatever is left was not understood: a name with a typo must never mean "not given".
    ///
    /// # Errors
    /// Names the first field that was wrong, or one that is left.
    pub fn end(&mut self) -> Result<()> {
        match (self.wrong.take(), self.left.keys().next()) {
            (Some(wrong), _) => Err(wrong),
            (None, Some(name)) => Err(Error::invalid(format!("{name} is not known here."), None)),
            (None, None) => Ok(()),
        }
    }

    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn is_not<T>(&mut self, name: &'static str, what: &str) -> Option<T> {
        self.note(name, what);
        None
    }

    fn note(&mut self, name: &'static str, what: &str) {
        self.wrong.get_or_insert_with(|| Error::invalid(format!("{name} is {what}."), Some(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name_and_the_rest_is_refused() {
        let mut fields =
            Fields::parse(r#"{"label":"a","weight":3,"idle":null,"on":true,"ids":["x"],"more":1}"#).unwrap();
        assert_eq!(fields.text("label").as_deref(), Some("a"));
        assert_eq!(fields.number("weight"), Some(3));
        assert_eq!(fields.number_or_null("idle"), Some(None));
        assert_eq!(fields.number_or_null("absent"), None);
        assert_eq!(fields.flag("on"), Some(true));
        assert_eq!(fields.texts("ids"), Some(vec!["x".to_string()]));
        assert!(fields.end().unwrap_err().message().starts_with("more "));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let wrong = |json: &str| {
            let mut fields = Fields::parse(json).unwrap();
            assert_eq!(fields.number("weight"), None);
            fields.end().unwrap_err()
        };
        for json in [r#"{"weight":"3"}"#, r#"{"weight":-1}"#, r#"{"weight":1.5}"#] {
            assert!(wrong(json).to_json().contains(r#""param":"weight""#), "{json}");
        }
        assert_eq!(Fields::parse("{").err().unwrap().code(), "invalid_json");
        assert_eq!(Fields::parse("[]").err().unwrap().code(), "invalid_request");
    }

    #[test]
    fn of_many_wrong_fields_the_first_that_was_read_is_named() {
        let mut fields = Fields::parse(r#"{"on":1,"label":2,"more":3}"#).unwrap();
        let read = (fields.required("key"), fields.text("label"), fields.flag("on"));
        assert_eq!(read, (String::new(), None, None));
        assert_eq!(fields.end().unwrap_err().message(), "key is missing.");
    }

    #[test]
    fn a_query_is_decoded() {
        let mut fields = Fields::query("q=a%20b+c&state=");
        assert_eq!(fields.text("q").as_deref(), Some("a b c"));
        assert_eq!(fields.text("state").as_deref(), Some(""));
        fields.end().unwrap();
    }
}

//! A JSON object from a caller, read field by field. A wrong or unknown field is named in the answer; derived readers
//! would not say which one, and cost four times as much of the upload.

use crate::error::{Error, Result};
use serde_json::{Map, Value};

pub struct Fields(Map<String, Value>);

impl Fields {
    /// # Errors
    /// `invalid_json` when `text` is no JSON, `invalid_request` when it is no object.
    pub fn parse(text: &str) -> Result<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Error::invalid("The body is a JSON object.", None)),
            Err(error) => Err(Error::wrong("invalid_json", format!("The body is no JSON: {error}."), None)),
        }
    }

    pub fn of(value: Value) -> Result<Self> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Error::invalid("A JSON object is missing.", None)),
        }
    }

    /// The names and values of a query. A name that stands twice keeps its last value.
    pub fn query(query: &str) -> Self {
        let mut fields = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
        Self(fields)
    }

    /// An absent field and null are both `None`.
    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a text")),
        }
    }

    pub fn number(&mut self, name: &'static str) -> Result<Option<u64>> {
        Ok(self.number_or_null(name)?.flatten())
    }

    /// Tells null (`Some(None)`: back to the default) from a field that is not there.
    #[expect(clippy::option_option, reason = "absent, null and a number mean three things")]
    pub fn number_or_null(&mut self, name: &'static str) -> Result<Option<Option<u64>>> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(value) => value.as_u64().map(|n| Some(Some(n))).ok_or_else(|| wrong(name, "a whole number")),
        }
    }

    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(wrong(name, "true or false")),
        }
    }

    pub fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(wrong(name, "a list")),
        }
    }

    pub fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        let text = |item| match item {
            Value::String(text) => Ok(text),
            _ => Err(wrong(name, "a list of texts")),
        };
        self.list(name)?.map(|items| items.into_iter().map(text).collect()).transpose()
    }

    pub fn object(&mut self, name: &'static str) -> Result<Option<Self>> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self(map))),
            Some(_) => Err(wrong(name, "an object")),
        }
    }

    /// All of them, for a call whose names are data.
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }

    /// Whatever is left was not understood: a name with a typo must never mean "not given".
    pub fn end(&self) -> Result<()> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!("{name} is not known here."), None)),
        }
    }
}

fn wrong(name: &'static str, what: &str) -> Error {
    Error::invalid(format!("{name} is {what}."), Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name_and_the_rest_is_refused() {
        let mut fields =
            Fields::parse(r#"{"label":"a","weight":3,"idle":null,"on":true,"ids":["x"],"more":1}"#).unwrap();
        assert_eq!(fields.text("label").unwrap().as_deref(), Some("a"));
        assert_eq!(fields.number("weight").unwrap(), Some(3));
        assert_eq!(fields.number_or_null("idle").unwrap(), Some(None));
        assert_eq!(fields.number_or_null("absent").unwrap(), None);
        assert_eq!(fields.flag("on").unwrap(), Some(true));
        assert_eq!(fields.texts("ids").unwrap(), Some(vec!["x".to_string()]));
        assert!(fields.end().unwrap_err().message().starts_with("more "));
    }

    #[test]
    fn a_wrong_field_is_named() {
        let wrong = |json: &str| Fields::parse(json).unwrap().number("weight").unwrap_err();
        for json in [r#"{"weight":"3"}"#, r#"{"weight":-1}"#, r#"{"weight":1.5}"#] {
            assert!(wrong(json).to_json().contains(r#""param":"weight""#), "{json}");
        }
        assert_eq!(Fields::parse("{").err().unwrap().code(), "invalid_json");
        assert_eq!(Fields::parse("[]").err().unwrap().code(), "invalid_request");
    }

    #[test]
    fn a_query_is_decoded() {
        let mut fields = Fields::query("q=a%20b+c&state=");
        assert_eq!(fields.text("q").unwrap().as_deref(), Some("a b c"));
        assert_eq!(fields.text("state").unwrap().as_deref(), Some(""));
        fields.end().unwrap();
    }
}

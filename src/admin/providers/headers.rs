//! Headers that a provider gets with each call. Their values may be secrets: they are shown masked.

use crate::{
    admin::{fields::Fields, input},
    error::{Error, Result},
    pool::redact::mask,
    record::write,
};
use serde_json::Value;

const MOST: usize = 20;

pub fn view(headers: &[(String, String)]) -> Value {
    let mut fields = write::none();
    for (name, value) in headers {
        write::field(&mut fields, name, &mask(value));
    }
    Value::Object(fields)
}

/// A value of null takes the header away; those that are not named stay.
pub fn apply(wish: &Fields, headers: &mut Vec<(String, String)>) -> Result<()> {
    let invalid = |message: String| Error::invalid(message, Some("headers"));
    for (name, value) in wish.all() {
        let name = input::header("headers", name)?;
        if name == "content-type" {
            return Err(invalid("The content type is the client's to say.".into()));
        }
        headers.retain(|(known, _)| *known != name);
        match value {
            Value::Null => {}
            Value::String(value) => {
                input::header_value("headers", value)?;
                headers.push((name, value.clone()));
            }
            _ => return Err(invalid(format!("The value of {name} is a text, or null."))),
        }
    }
    if headers.len() > MOST {
        return Err(invalid(format!("At most {MOST} headers.")));
    }
    Ok(())
}

//! Headers that a provider gets with each call. Their values may be secrets: they are shown masked.

use crate::{
    admin::fields::Fields,
    error::{Error, Result},
    pool::redact::mask,
    record::write,
};
use serde_json::Value;

const MOST: usize = 20;
const LONGEST: usize = 4096;
/// They belong to the key, the connection or the body.
const TAKEN: [&str; 13] = [
    "authorization",
    "x-api-key",
    "api-key",
    "cookie",
    "host",
    "connection",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "accept-encoding",
    "expect",
    "upgrade",
];

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
        let name = name.trim().to_ascii_lowercase();
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(is_token) || TAKEN.contains(&name.as_str()) {
            return Err(invalid(format!("{name} cannot be a header here.")));
        }
        headers.retain(|(known, _)| *known != name);
        match value {
            Value::Null => {}
            Value::String(value)
                if value.len() <= LONGEST && value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) =>
            {
                headers.push((name, value.trim().into()));
            }
            _ => return Err(invalid(format!("The value of {name} is one line of ASCII, or null."))),
        }
    }
    if headers.len() > MOST {
        return Err(invalid(format!("At most {MOST} headers.")));
    }
    Ok(())
}

//! A rule from a caller, checked at the door.

use super::Fields;
use crate::{
    admin::input,
    error::{Error, Result},
    record::{
        rule::{Action, Rule},
        write,
    },
};
use serde_json::Value;

/// In bytes of JSON.
const LONGEST_VALUE: usize = 4 * 1024;
/// Headers that carry a credential or belong to the connection, and those that tell how a body is packed.
const KEPT: [&str; 19] = [
    "accept-encoding",
    "api-key",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-api-key",
    "x-goog-api-key",
];

/// # Errors
/// Names the field that is wrong.
pub fn rule(fields: &mut Fields, created: u64) -> Result<Rule> {
    let [provider, model] = ["provider", "model"].map(|name| fields.text(name));
    let (action, name) = (fields.required("action"), fields.required("name"));
    let (value, to, about) = (fields.any("value"), fields.text("to"), fields.text("about"));
    let enabled = fields.flag("enabled").unwrap_or(true);
    fields.end()?;
    let action = self::action(&action, value, to)?;
    let name = if action.is_of_header() { header(&name)? } else { parameter("name", &name)? };
    if let Action::SetHeader(value) = &action {
        header_value(&name, value)?;
    }
    if action.to() == Some(&name) {
        return Err(Error::invalid("to is another name than name.", Some("to")));
    }
    Ok(Rule {
        enabled,
        provider: input::glob("provider", provider.as_deref().unwrap_or("*"))?,
        model: input::glob("model", model.as_deref().unwrap_or("*"))?,
        action,
        name,
        about: input::line("about", &about.unwrap_or_default())?,
        created,
    })
}

fn action(name: &str, value: Option<Value>, to: Option<String>) -> Result<Action> {
    let to = to.map(|to| parameter("to", &to)).transpose()?;
    let (has_value, has_to) = (value.as_ref().is_some_and(|value| !value.is_null()), to.is_some());
    if value.as_ref().is_some_and(|value| write::text(value).len() > LONGEST_VALUE) {
        return Err(Error::invalid(format!("value has at most {LONGEST_VALUE} bytes as JSON."), Some("value")));
    }
    let wrong = |message: String, param| Err(Error::invalid(message, Some(param)));
    match Action::of(name, value, to) {
        None if !Action::NAMES.contains(&name) => {
            wrong(format!("action is one of {}.", Action::NAMES.join(", ")), "action")
        }
        None if name == "rename" => wrong("to is missing: the parameter's new name.".into(), "to"),
        None if name == "set_header" => wrong("value is a text: what the header shall say.".into(), "value"),
        None => wrong(format!("value is missing: {name} needs one; null is one too."), "value"),
        Some(action) if has_to && action.to().is_none() => wrong(format!("{name} has no to."), "to"),
        Some(action) if has_value && action.value().is_null() => wrong(format!("{name} has no value."), "value"),
        Some(action) => Ok(action),
    }
}

fn parameter(param: &'static str, name: &str) -> Result<String> {
    if !(1..=200).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        let message = format!("{param} is a parameter's name of 1 to 200 characters.");
        return Err(Error::invalid(message, Some(param)));
    }
    if ["model", "stream"].contains(&name) {
        let message = format!(
            "No rule may change {name}: keypool itself goes by it. Another model's name is an alias's work, and whether \
             to stream is the client's choice."
        );
        return Err(Error::invalid(message, Some(param)));
    }
    Ok(name.into())
}

fn header(name: &str) -> Result<String> {
    let name = name.trim().to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !(1..=200).contains(&name.len()) || !name.chars().all(is_token) {
        return Err(Error::invalid("name is a header's name: letters, digits and dashes.", Some("name")));
    }
    if KEPT.contains(&name.as_str()) || ["x-keypool-", "cf-"].iter().any(|first| name.starts_with(first)) {
        let message = format!("No rule may touch {name}: it carries a credential, or belongs to the connection.");
        return Err(Error::invalid(message, Some("name")));
    }
    Ok(name)
}

fn header_value(name: &str, value: &str) -> Result<()> {
    let wrong = |message: &str| Err(Error::invalid(message, Some("value")));
    if value.trim() != value || !value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) {
        return wrong("value is one line of ASCII, without blanks around it.");
    }
    if name == "content-type" && value.to_ascii_lowercase().starts_with("multipart/") {
        return wrong("A form's content type names the boundary in its body; it cannot be set.");
    }
    Ok(())
}

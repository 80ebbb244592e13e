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
/// # Errors
/// Names the field that is wrong.
pub fn rule(fields: &mut Fields, created: u64) -> Result<Rule> {
    let [provider, model] = ["provider", "model"].map(|name| fields.text(name));
    let (action, name) = (fields.required("action"), fields.required("name"));
    let (value, to, about) = (fields.any("value"), fields.text("to"), fields.text("about"));
    let enabled = fields.flag("enabled").unwrap_or(true);
    fields.end()?;
    let action = self::action(&action, value, to)?;
    let name = if action.is_of_header() { input::header("name", &name)? } else { parameter("name", &name)? };
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

fn header_value(name: &str, value: &str) -> Result<()> {
    input::header_value("value", value)?;
    if name == "content-type" && value.to_ascii_lowercase().starts_with("multipart/") {
        let message = "A form's content type names the boundary in its body; it cannot be set.";
        return Err(Error::invalid(message, Some("value")));
    }
    Ok(())
}

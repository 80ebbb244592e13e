//! What callers of the admin API send, checked at the door.

use super::{Asked, fields::Fields};
use crate::{
    error::{Error, Result},
    record::key::MAX_WEIGHT,
};
use worker::{js_sys::JsString, wasm_bindgen_futures::JsFuture};

const MAX_LABEL: usize = 200;

/// The JSON body.
///
/// # Errors
/// `invalid_json` when it is no JSON, `invalid_request` when it is no object.
pub async fn body(asked: &Asked) -> Result<Fields> {
    let text = JsFuture::from(asked.request.text()?).await?;
    Fields::parse(&String::from(JsString::from(text)))
}

/// # Errors
/// `invalid_request` when a field that must be there is not.
pub fn required<T>(name: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::invalid(format!("{name} is missing."), Some(name)))
}

pub fn weight(value: u64) -> Result<u8> {
    u8::try_from(value)
        .ok()
        .filter(|w| *w <= MAX_WEIGHT)
        .ok_or_else(|| Error::invalid(format!("weight is a whole number from 0 to {MAX_WEIGHT}."), Some("weight")))
}

pub fn label(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
        return Err(Error::invalid("A label is one line of at most 200 characters.", Some("label")));
    }
    Ok(text.into())
}

pub fn group(text: &str) -> Result<String> {
    let text = text.trim();
    let fits = !text.is_empty()
        && text.len() <= 40
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_');
    if !fits {
        let message = "A group is 1 to 40 lower-case letters, digits, dashes and underscores.";
        return Err(Error::invalid(message, Some("group")));
    }
    Ok(text.into())
}

pub fn models(globs: Vec<String>) -> Result<Vec<String>> {
    let globs: Vec<String> = globs.into_iter().map(|g| g.trim().to_string()).filter(|g| !g.is_empty()).collect();
    if globs.len() > 100 || globs.iter().any(|g| g.len() > 200 || g.chars().any(char::is_control)) {
        let message = "models is a list of at most 100 names, each of at most 200 letters.";
        return Err(Error::invalid(message, Some("models")));
    }
    Ok(globs)
}

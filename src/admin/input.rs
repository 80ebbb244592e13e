//! What callers of the admin API send, checked at the door.

use super::Asked;
use crate::{
    error::{Error, Result},
    record::key::MAX_WEIGHT,
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use worker::{js_sys::JsString, wasm_bindgen_futures::JsFuture};

const MAX_LABEL: usize = 200;

/// The JSON body as `T`.
///
/// # Errors
/// `invalid_json` when it is no JSON, `invalid_request` when it is not what this call takes.
pub async fn body<T: DeserializeOwned>(asked: &Asked) -> Result<T> {
    let text = JsFuture::from(asked.request.text()?).await?;
    let text = String::from(JsString::from(text));
    serde_json::from_str(&text).map_err(|error| {
        let code = match error.classify() {
            Category::Data => "invalid_request",
            Category::Io | Category::Syntax | Category::Eof => "invalid_json",
        };
        Error::wrong(code, format!("The body cannot be read: {error}."), None)
    })
}

/// The query as `T`.
///
/// # Errors
/// `invalid_request`, with the reason.
pub fn query<T: DeserializeOwned>(asked: &Asked) -> Result<T> {
    serde_urlencoded::from_str(&asked.query)
        .map_err(|error| Error::invalid(format!("The query cannot be read: {error}."), None))
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

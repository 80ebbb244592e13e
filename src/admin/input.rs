//! What callers of the admin API send, checked at the door.

use super::{Asked, fields::Fields};
use crate::{
    error::{Error, Result},
    js,
    record::{key::MAX_WEIGHT, usage_mode::UsageMode},
};
use worker::{js_sys::JsString, wasm_bindgen_futures::JsFuture, web_sys::Request};

const MAX_LABEL: usize = 200;

/// In bytes.
const LONGEST_HEADER: usize = 4096;

/// Longer bodies are refused unread.
const LONGEST: u64 = 16 * 1024 * 1024;

/// The body as text.
///
/// # Errors
/// When it is too long, or the caller breaks off.
pub async fn text(request: &Request) -> Result<String> {
    let length = js::header(&request.headers(), "content-length").and_then(|n| n.parse::<u64>().ok());
    if length.is_some_and(|n| n > LONGEST) {
        return Err(Error::invalid("A body of the admin API has at most 16 MiB.", None));
    }
    Ok(String::from(JsString::from(JsFuture::from(request.text()?).await?)))
}

/// JavaScript's whole numbers end here.
pub const MOST: u64 = 1 << 53;

/// When a key is over; `Some(None)` = null: never.
#[expect(clippy::option_option, reason = "absent, null and a time mean three things")]
pub fn expires(fields: &mut Fields, now: u64) -> Result<Option<Option<u64>>> {
    let expires = fields.number_or_null("expires");
    if expires.flatten().is_some_and(|at| at <= now || at > MOST) {
        return Err(Error::invalid("expires is a time to come in Unix milliseconds, or null.", Some("expires")));
    }
    Ok(expires)
}

/// The JSON body.
///
/// # Errors
/// `invalid_json` when it is no JSON, `invalid_request` when it is no object.
pub fn body(asked: &Asked) -> Result<Fields> {
    Fields::parse(&asked.body)
}

pub fn weight(value: u64) -> Result<u8> {
    u8::try_from(value)
        .ok()
        .filter(|w| *w <= MAX_WEIGHT)
        .ok_or_else(|| Error::invalid(format!("weight is a whole number from 0 to {MAX_WEIGHT}."), Some("weight")))
}

pub fn label(text: &str) -> Result<String> {
    line("label", text)
}

/// A few words for people.
pub fn line(name: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
        return Err(Error::invalid(format!("{name} is one line of at most {MAX_LABEL} characters."), Some(name)));
    }
    Ok(text.into())
}

/// Of providers' or models' names.
pub fn glob(name: &'static str, text: &str) -> Result<String> {
    let text = text.trim().to_ascii_lowercase();
    if text.is_empty() || text.len() > 200 || text.chars().any(|c| c == ' ' || c.is_control()) {
        let message = format!("{name} is a name of at most 200 letters without spaces; * stands for any run of them.");
        return Err(Error::invalid(message, Some(name)));
    }
    Ok(text)
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

/// What a person may cap of a key: requests and tokens a minute, requests at a time.
pub const CAPS: [&str; 3] = ["rpm", "tpm", "concurrency"];

pub fn cap(name: &'static str, value: u64) -> Result<u32> {
    let value = u32::try_from(value).ok().filter(|n| *n > 0);
    value.ok_or_else(|| Error::invalid(format!("{name} is a whole number from 1, or null for no cap."), Some(name)))
}

/// The names of groups that a client key may ask for; `*` = any.
pub fn groups(names: Vec<String>) -> Result<Vec<String>> {
    names.into_iter().map(|name| if name == "*" { Ok(name) } else { group(&name) }).collect()
}

/// `Some(None)` = null: the provider's, where there is one above.
#[expect(clippy::option_option, reason = "absent, null and a mode mean three things")]
pub fn usage_mode(fields: &mut Fields) -> Result<Option<Option<UsageMode>>> {
    let Some(name) = fields.text_or_null("usage_mode") else { return Ok(None) };
    let Some(name) = name else { return Ok(Some(None)) };
    let mode = UsageMode::parse(&name).map(|mode| Some(Some(mode)));
    mode.ok_or_else(|| Error::invalid("usage_mode is as-is, ask or ask-and-hide.", Some("usage_mode")))
}

pub fn models(globs: Vec<String>) -> Result<Vec<String>> {
    let globs: Vec<String> = globs.into_iter().map(|g| g.trim().to_string()).filter(|g| !g.is_empty()).collect();
    if globs.len() > 100 || globs.iter().any(|g| g.len() > 200 || g.chars().any(char::is_control)) {
        let message = "models is a list of at most 100 names, each of at most 200 letters.";
        return Err(Error::invalid(message, Some("models")));
    }
    Ok(globs)
}

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

/// A header's name, in small letters, of those that a person may set or take out.
pub fn header(param: &'static str, name: &str) -> Result<String> {
    let name = name.trim().to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !(1..=200).contains(&name.len()) || !name.chars().all(is_token) {
        return Err(Error::invalid(format!("{param}: a header's name has letters, digits and dashes."), Some(param)));
    }
    // A gateway of Cloudflare's in front has headers of its own.
    let is_ours = name.starts_with("x-keypool-") || name.starts_with("cf-") && !name.starts_with("cf-aig-");
    if is_ours || KEPT.contains(&name.as_str()) {
        let message =
            format!("The header {name} carries a credential, or belongs to the connection: it cannot be changed.");
        return Err(Error::invalid(message, Some(param)));
    }
    Ok(name)
}

pub fn header_value(param: &'static str, value: &str) -> Result<()> {
    if value.trim() != value || value.len() > LONGEST_HEADER || !value.chars().all(|c| c == ' ' || c.is_ascii_graphic())
    {
        let message = format!("{param}: a header's value is one line of ASCII, without blanks around it.");
        return Err(Error::invalid(message, Some(param)));
    }
    Ok(())
}

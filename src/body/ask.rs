//! Asks a stream for its usage, by a few bytes in the request.
use crate::json;
use serde_json::Value;

pub const OPTIONS: &str = "stream_options";
const ASKED: &str = "\"include_usage\":true";

/// The value of `stream_options` that asks; `said` is the client's own, if it gives one. `None` when the client has said
/// itself whether it wants the usage, or what we do not understand.
pub fn usage(said: Option<&str>) -> Option<String> {
    let asked = || Some(["{", ASKED, "}"].concat());
    let Some(text) = said else { return asked() };
    match json::read(text).ok()? {
        Value::Null => asked(),
        Value::Object(fields) if !fields.contains_key("include_usage") => {
            let comma = if fields.is_empty() { "" } else { "," };
            Some(["{", ASKED, comma, text.strip_prefix('{')?].concat())
        }
        _ => None,
    }
}

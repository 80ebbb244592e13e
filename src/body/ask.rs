//! Asks a stream for its usage, by a few bytes in the request.
use super::Patch;
use crate::json;
use serde_json::Value;

const ASKED: &str = "\"include_usage\":true";

/// `root` is the offset of the body's `{`; there are fields in it. `options` is the value of `stream_options` and where it stands, if the client
/// gives one. `None` when the client has said itself whether it wants the usage, or what we do not understand.
pub fn usage(root: usize, options: Option<(&str, usize)>) -> Option<Patch> {
    let Some((text, at)) = options else {
        let with = ["\"stream_options\":{", ASKED, "},"].concat().into_bytes();
        return Some(Patch { at: root + 1..root + 1, with });
    };
    match json::read(text).ok()? {
        Value::Null => Some(Patch { at: at..at + text.len(), with: ["{", ASKED, "}"].concat().into_bytes() }),
        Value::Object(fields) if !fields.contains_key("include_usage") => {
            let comma = if fields.is_empty() { "" } else { "," };
            Some(Patch { at: at + 1..at + 1, with: [ASKED, comma].concat().into_bytes() })
        }
        _ => None,
    }
}

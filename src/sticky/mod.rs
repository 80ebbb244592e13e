//! Ids that remember their key: whatever is kept at a provider (a file, a batch, a response) lies in one key's account,
//! so its id gets a signed tag on the way out, and loses it on the way in. See docs/adr/0017.

mod marker;
mod page;
mod place;
#[cfg(test)]
mod tests;

pub use marker::{Marker, Tag};
pub use page::{Merge, Page};
pub use place::{Kept, is_list, kept};

use crate::{
    find,
    record::tag::{self, Tagged},
};

/// A keyed digest in small letters and digits.
pub type Sign<'a> = &'a dyn Fn(&str) -> String;

fn signature(id: &str, key: &str, sign: Sign) -> String {
    let mut signature = sign(&["sticky", key, id].join("\n"));
    signature.truncate(tag::SIGNATURE);
    signature
}

/// What is put behind `id` when the key of the id `key` made it.
pub fn tag(id: &str, key: &str, sign: Sign) -> String {
    tag::text(key, &signature(id, key, sign))
}

/// The id and the key of a text that is an id with a tag of ours.
pub fn read<'a>(text: &'a str, sign: Sign) -> Option<Tagged<'a>> {
    tag::split(text).filter(|tagged| tagged.signature == signature(tagged.id, tagged.key, sign))
}

/// A path or a query without the tags in it, and the keys that they name. `None` = there are none.
pub fn taken_out(text: &str, sign: Sign) -> Option<(String, Vec<String>)> {
    if !find::has(text, "_kp") {
        return None;
    }
    let (mut out, mut keys) = (String::with_capacity(text.len()), Vec::new());
    let is_border = |c: char| matches!(c, '/' | '&' | '=');
    for part in text.split_inclusive(is_border) {
        let word = part.trim_end_matches(is_border);
        match read(word, sign) {
            Some(tagged) => {
                out.push_str(tagged.id);
                out.push_str(part.get(word.len()..).unwrap_or_default());
                keys.push(tagged.key.to_string());
            }
            None => out.push_str(part),
        }
    }
    (!keys.is_empty()).then_some((out, keys))
}

/// The key that the string at the end of `bytes` names; they are what stands in front of its closing quote. What has to go
/// is the last `LENGTH` of them.
pub fn last(bytes: &[u8], sign: Sign) -> Option<String> {
    let begin = bytes.iter().rposition(|byte| *byte == b'"')? + 1;
    let text = std::str::from_utf8(bytes.get(begin..)?).ok()?;
    // So DashScope wants files in messages.
    read(text.strip_prefix("fileid://").unwrap_or(text), sign).map(|tagged| tagged.key.to_string())
}

//! What stands behind an id that remembers its key: `_kp`, the key's id, and eight letters that sign both. Letters and
//! digits only, so that it passes wherever an id does; see docs/adr/0017.

const MARK: &[u8] = b"_kp";
/// Of a key's id, see `auth::key_id`.
const KEY: usize = 16;
pub const SIGNATURE: usize = 8;
/// Of the whole tag.
pub const LENGTH: usize = MARK.len() + KEY + SIGNATURE;
/// An id with its tag is no longer than this, and has no other letters than A-Z, a-z, 0-9, - and _.
pub const LONGEST: usize = 200;

/// An id and its tag, taken apart. Nothing says yet that the signature is right.
#[derive(Debug, PartialEq, Eq)]
pub struct Tagged<'a> {
    pub id: &'a str,
    pub key: &'a str,
    pub signature: &'a str,
}

/// The tag's text.
pub fn text(key: &str, signature: &str) -> String {
    ["_kp", key, signature].concat()
}

/// Whether bytes end as an id with a tag does.
pub fn is_at_end(bytes: &[u8]) -> bool {
    let tag = bytes.len().checked_sub(LENGTH).and_then(|at| bytes.get(at..));
    tag.and_then(|tag| tag.strip_prefix(MARK)).is_some_and(|rest| rest.iter().all(|b| is_hex(*b)))
}

/// `None` when it does not look like one.
pub fn split(text: &str) -> Option<Tagged<'_>> {
    if !is_at_end(text.as_bytes()) || !is_id(text) {
        return None;
    }
    let (id, tag) = text.split_at_checked(text.len() - LENGTH)?;
    let (key, signature) = tag.get(MARK.len()..)?.split_at_checked(KEY)?;
    (!id.is_empty()).then_some(Tagged { id, key, signature })
}

/// Whether the whole text may be an id.
pub fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

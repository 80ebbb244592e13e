//! The form of what is encrypted at rest: `v1.<id of the key>.<nonce and ciphertext>`, AES-256-GCM, bound to the record
//! that it is a part of. docs/adr/0023 says why; WebCrypto does it, see `store::vault`.

use super::{keyed_bytes, keyed_digest};
use crate::record::Record;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// In bytes; random for each record and each time that it is written (NIST SP 800-38D, 8.2.2).
pub const NONCE: usize = 12;
/// What guards all keys must not be guessed: a shorter secret is refused.
pub const SHORTEST: usize = 32;
const VERSION: &str = "v1";
const ID: usize = 8;

/// What a secret's text gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Tells it from others, and nothing about it.
    pub id: String,
    pub bytes: [u8; 32],
}

impl Key {
    /// `None` when the secret is too short.
    pub fn of(secret: &str) -> Option<Self> {
        let mut id = keyed_digest(secret, "keypool\nid of the encryption key");
        id.truncate(ID);
        (secret.len() >= SHORTEST).then(|| Self { id, bytes: keyed_bytes(secret, "keypool\nencryption key") })
    }
}

/// `sealed` begins with the nonce.
pub fn text(key: &str, sealed: &[u8]) -> String {
    [VERSION, ".", key, ".", &URL_SAFE_NO_PAD.encode(sealed)].concat()
}

/// The key's id; `None` when the text is none of ours.
pub fn key(text: &str) -> Option<&str> {
    Some(parts(text)?.0)
}

/// They begin with the nonce; `None` when the text is none of ours, or too short to be anything.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    let sealed = URL_SAFE_NO_PAD.decode(parts(text)?.1).ok()?;
    (sealed.len() > NONCE).then_some(sealed)
}

fn parts(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix(VERSION)?.strip_prefix('.')?.split_once('.')
}

/// What is authenticated with it (GCM's additional data): nobody who can write to the storage can make one record's secret
/// another's.
pub fn place(record: &Record) -> String {
    [record.kind.name(), "\n", &record.id].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_text_reads_back_and_nothing_else_does() {
        let sealed: Vec<u8> = (0..40).collect();
        let text = text("0a1b2c3d", &sealed);
        assert_eq!((key(&text), bytes(&text)), (Some("0a1b2c3d"), Some(sealed)));
        for bad in
            ["", "v1", "v1.a", "v1.a.", "v1.a.AAAA", "v2.a.AAAAAAAAAAAAAAAAAAAAAAAA", "v1.a.not/base64url=", "sk-1"]
        {
            assert_eq!(bytes(bad), None, "{bad}");
        }
        assert_eq!([key("v2.a.b"), key("sk-1.2.3"), key("v1.a.b")], [None, None, Some("a")]);
    }

    #[test]
    fn a_secret_gives_one_key_and_another_secret_another() {
        let key = Key::of(SECRET).unwrap();
        assert_eq!(Key::of(SECRET).unwrap(), key);
        let other = Key::of(&SECRET.replace('f', "g")).unwrap();
        assert!(key.id.len() == ID && key.id != other.id && key.bytes != other.bytes);
        assert_eq!(Key::of(&SECRET[1..]), None);
    }

    #[test]
    fn two_records_are_two_places() {
        let place = |kind, id| place(&Record::deleted(kind, id, 0));
        assert_eq!(place(Kind::Key, "a"), "key\na");
        assert_ne!(place(Kind::Key, "a"), place(Kind::Provider, "a"));
    }
}

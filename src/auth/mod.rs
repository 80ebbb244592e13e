//! Who may: digests of client keys, ids of upstream keys, sessions of the admin. Secrets are compared by digest, so
//! the time it takes tells nothing about them.

mod hs256;
pub mod sealed;
pub mod session;
pub mod throttle;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Length of a new client key's random part.
const TOKEN_LENGTH: usize = 40;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether two secrets are the same, in time that depends on neither.
pub fn same_secret(a: &str, b: &str) -> bool {
    // The digests of unequal secrets differ at a place nobody can steer.
    Sha256::digest(a.as_bytes()) == Sha256::digest(b.as_bytes())
}

/// HMAC-SHA-256 in hex.
pub fn keyed_digest(key: &str, message: &str) -> String {
    keyed_bytes(key, message).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// HMAC-SHA-256.
fn keyed_bytes(key: &str, message: &str) -> [u8; 32] {
    // HMAC takes keys of any length, so the fallback is never taken.
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return [0; 32] };
    mac.chain_update(message.as_bytes()).finalize().into_bytes().into()
}

/// The id of an upstream key. The same key gets the same id again, so a paste finds what is already there.
pub fn key_id(pepper: &str, provider: &str, secret: &str) -> String {
    let mut id = keyed_digest(pepper, &format!("key\n{provider}\n{secret}"));
    id.truncate(16);
    id
}

/// What is stored of a client key.
pub fn client_hash(pepper: &str, client_key: &str) -> String {
    keyed_digest(pepper, &format!("client\n{client_key}"))
}

/// A new client key from at least 40 random bytes.
pub fn client_key(random: &[u8]) -> String {
    let letters = random.iter().take(TOKEN_LENGTH);
    let letters = letters.filter_map(|b| ALPHABET.get(usize::from(*b) % ALPHABET.len()));
    "kp-".chars().chain(letters.map(|c| char::from(*c))).collect()
}

/// The secret that signs sessions: `JWT_SECRET`, or one made of the password and the stored pepper.
pub fn session_secret(jwt_secret: Option<&str>, password: &str, pepper: &str) -> String {
    jwt_secret.map_or_else(|| keyed_digest(pepper, &format!("session\n{password}")), str::to_string)
}

/// Stands in a session, so that a new password ends all sessions whatever signs them.
pub fn password_mark(password: &str, pepper: &str) -> String {
    let mut mark = keyed_digest(pepper, &format!("password\n{password}"));
    mark.truncate(16);
    mark
}

/// The credential of a call: `Authorization: Bearer`, `x-api-key` or `api-key`, in this order.
pub fn credential(header: impl Fn(&str) -> Option<String>) -> Option<String> {
    let bearer = header("authorization").and_then(|value| bearer(&value).map(str::to_string));
    bearer.or_else(|| header("x-api-key")).or_else(|| header("api-key")).filter(|key| !key.is_empty())
}

/// The token of an `Authorization: Bearer` value.
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_hmac_sha_256() {
        // RFC 4231, test case 2.
        let digest = keyed_digest("Jefe", "what do ya want for nothing?");
        assert_eq!(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn the_same_key_at_the_same_provider_has_one_id() {
        assert_eq!(key_id("p", "openai", "sk-1"), key_id("p", "openai", "sk-1"));
        assert_ne!(key_id("p", "openai", "sk-1"), key_id("p", "groq", "sk-1"));
        assert_ne!(key_id("p", "openai", "sk-1"), key_id("q", "openai", "sk-1"));
    }

    #[test]
    fn a_credential_is_read_from_each_of_its_headers() {
        let with = |name: &'static str, value: &'static str| {
            credential(|n| if n == name { Some(value.to_string()) } else { None })
        };
        assert_eq!(with("authorization", "Bearer kp-1").as_deref(), Some("kp-1"));
        assert_eq!(with("authorization", "bearer  kp-1 ").as_deref(), Some("kp-1"));
        assert_eq!(with("x-api-key", "kp-1").as_deref(), Some("kp-1"));
        assert_eq!(with("api-key", "kp-1").as_deref(), Some("kp-1"));
        assert_eq!(with("authorization", "Basic eDp5"), None);
        assert_eq!(with("cookie", "kp-1"), None);
    }

    #[test]
    fn a_client_key_is_long_and_plain() {
        let key = client_key(&[0, 61, 62, 255].repeat(10));
        assert!(key.starts_with("kp-0z07") && key.len() == 43, "{key}");
    }
}

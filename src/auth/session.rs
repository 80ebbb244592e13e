//! An admin's session: a JWT (RFC 7519) signed with HS256. Only the very header that we write is taken back, so there
//! is no algorithm to be talked into; and jsonwebtoken's reader of headers, with all their key forms, stays out of the
//! upload, which it would make a seventh larger.

use super::hs256;
use crate::{
    json,
    record::{
        read::{Reader, Stored},
        write::{self, object},
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// Longer tokens are refused unread.
const MAX_LENGTH: usize = 1024;
/// How far ahead of ours the clock that issued a token may be, in seconds.
const LEEWAY: u64 = 60;

#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id, for logging out.
    pub jti: String,
    /// See `password_mark`.
    pub pw: String,
    /// Unix seconds, as JWT wants them.
    pub iat: u64,
    /// The milliseconds beyond `iat`.
    pub ms: u64,
    pub exp: u64,
}

/// Whether a credential is a token of ours by its looks. No client key has two dots.
pub fn is_like(credential: &str) -> bool {
    credential.bytes().filter(|b| *b == b'.').count() == 2
}

impl Stored for Session {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            jti: from.text("jti")?,
            pw: from.text("pw")?,
            iat: from.number("iat")?,
            ms: from.number("ms").unwrap_or(0),
            exp: from.number("exp")?,
        })
    }
}

impl Session {
    /// Begins now (Unix milliseconds) and lasts `life_ms`.
    pub const fn new(jti: String, pw: String, now: u64, life_ms: u64) -> Self {
        Self { jti, pw, iat: now / 1000, ms: now % 1000, exp: (now + life_ms) / 1000 }
    }

    /// Unix milliseconds.
    pub const fn began(&self) -> u64 {
        self.iat * 1000 + self.ms
    }

    pub const fn expires_at(&self) -> u64 {
        self.exp * 1000
    }

    /// The token; `None` only if signing itself fails.
    pub fn sign(&self, secret: &str) -> Option<String> {
        hs256::install();
        let claims = object! {"jti": self.jti, "pw": self.pw, "iat": self.iat, "ms": self.ms, "exp": self.exp};
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(write::text(&claims)));
        let key = EncodingKey::from_secret(secret.as_bytes());
        let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).ok()?;
        Some(format!("{message}.{signature}"))
    }
}

/// The session of a token, if it is one of ours and runs at `now` (Unix milliseconds).
pub fn check(token: &str, secret: &str, now: u64) -> Option<Session> {
    if token.len() > MAX_LENGTH {
        return None;
    }
    hs256::install();
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let key = DecodingKey::from_secret(secret.as_bytes());
    let genuine = header == URL_SAFE_NO_PAD.encode(HEADER)
        && crypto::verify(signature, message.as_bytes(), &key, Algorithm::HS256).ok()?;
    if !genuine {
        return None;
    }
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let claims = json::read(&claims).ok()?;
    let session = Session::read(&Reader(&claims))?;
    let second = now / 1000;
    (session.iat <= second + LEEWAY && second < session.exp).then_some(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_123;

    fn session() -> Session {
        Session::new("id".into(), "mark".into(), NOW, 3_600_000)
    }

    #[test]
    fn a_session_holds_until_it_expires() {
        let token = session().sign("secret").unwrap();
        assert_eq!(check(&token, "secret", NOW), Some(session()));
        assert_eq!(session().began(), NOW);
        assert_eq!(check(&token, "secret", NOW + 3_599_000), Some(session()));
        assert_eq!(check(&token, "secret", NOW + 3_600_000), None);
        assert_eq!(check(&token, "secret", NOW - 120_000), None);
    }

    #[test]
    fn a_token_of_another_secret_or_form_is_refused() {
        let token = session().sign("secret").unwrap();
        assert_eq!(check(&token, "other", NOW), None);
        assert_eq!(check(&format!("{token}x"), "secret", NOW), None);
        assert_eq!(check(&"x".repeat(5000), "secret", NOW), None);
        for bad in ["", ".", "..", "a.b.c", "ä"] {
            assert_eq!(check(bad, "secret", NOW), None);
        }
    }

    /// Made with another library: HS256 over the header we write, `{"jti":"a","pw":"b","iat":1,"exp":4000000000}`.
    #[test]
    fn a_token_made_elsewhere_with_our_header_and_secret_is_one_of_ours() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.\
            eyJqdGkiOiJhIiwicHciOiJiIiwiaWF0IjoxLCJleHAiOjQwMDAwMDAwMDB9.RAK4yE_RIElzog_tDqa2bytYz7TB7ikUNhAalUEaau0";
        assert_eq!(check(token, "your-256-bit-secret", NOW).unwrap().jti, "a");
    }

    #[test]
    fn alg_none_and_other_algorithms_are_refused() {
        // {"alg":"none","typ":"JWT"} and {"alg":"HS512","typ":"JWT"} in front of our own claims.
        let token = session().sign("secret").unwrap();
        let mut parts = token.split('.');
        let (_, claims, signature) = (parts.next(), parts.next().unwrap(), parts.next().unwrap());
        for head in ["eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9"] {
            assert_eq!(check(&format!("{head}.{claims}."), "secret", NOW), None);
            assert_eq!(check(&format!("{head}.{claims}.{signature}"), "secret", NOW), None);
        }
    }
}

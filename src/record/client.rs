//! A client key: what our users' programs present to us.

use super::read::{Reader, Stored};
use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Client {
    pub label: String,
    /// HMAC-SHA-256 of the whole client key under the stored pepper, in hex.
    pub hash: String,
    /// What a person may see of it.
    pub masked: String,
    pub enabled: bool,
    /// Unix milliseconds.
    pub created: u64,
}

impl Stored for Client {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            label: from.text("label")?,
            hash: from.text("hash")?,
            masked: from.text("masked")?,
            enabled: from.flag("enabled")?,
            created: from.number("created")?,
        })
    }
}

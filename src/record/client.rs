//! A client key: what our users' programs present to us.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

//! What is left on a key's account, as its provider told it. Machines write it.

use super::{
    read::{Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Balance {
    /// The last one that was told. `None` = none ever was, which is not 0.
    pub amount: Option<f64>,
    pub currency: Option<String>,
    /// When it was told, in Unix milliseconds.
    pub at: Option<u64>,
    /// When the provider was asked last.
    pub asked: u64,
    /// What went wrong then: `unsupported`, `refused`, `unreachable` or `unreadable`.
    pub failed: Option<String>,
    /// The provider's, of a failure.
    pub status: Option<u16>,
    /// One redacted line about a failure.
    pub message: String,
}

impl Json for Balance {
    fn json(&self) -> Value {
        object! { "amount": self.amount.map(Value::from), "currency": self.currency, "at": self.at, "asked": self.asked, "failed": self.failed, "status": self.status, "message": self.message }
    }
}

impl Stored for Balance {
    fn read(from: &Reader) -> Option<Self> {
        Some(Self {
            amount: from.field("amount").and_then(|amount| amount.0.as_f64()),
            currency: from.text("currency"),
            at: from.number("at"),
            asked: from.number("asked")?,
            failed: from.text("failed"),
            status: from.status("status"),
            message: from.text("message").unwrap_or_default(),
        })
    }
}

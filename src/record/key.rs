//! An upstream key, and what machines noted about it. People write `Key`; machines write `Disabled` and `Cooldown`.

use serde::{Deserialize, Serialize};

pub const MAX_WEIGHT: u8 = 100;
pub const DEFAULT_WEIGHT: u8 = 10;
pub const ACTIVE_GROUP: &str = "active";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    pub provider: String,
    pub secret: String,
    #[serde(default)]
    pub label: String,
    /// 0 to 100; a key of weight 0 gets no traffic.
    pub weight: u8,
    pub group: String,
    /// False only when a person switched the key off.
    pub enabled: bool,
    /// Globs of the models it may serve; empty = all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Unix milliseconds.
    pub created: u64,
}

/// Why a machine disabled a key. Kept after the key came back, so that a relapse continues the backoff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disabled {
    /// A class of failure by its name, see `pool::class`.
    pub class: String,
    /// The upstream's status.
    pub status: Option<u16>,
    /// One redacted line of what the upstream said.
    pub message: String,
    pub since: u64,
    /// Failed probes in a row.
    pub probes: u32,
    pub next_probe: u64,
    /// When it came back; `None` while it is disabled.
    #[serde(default)]
    pub restored: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cooldown {
    pub until: u64,
    pub class: String,
    pub status: Option<u16>,
    pub message: String,
    pub since: u64,
}

/// The id of a cooldown's record. Key ids contain no space. `None` stands for all models.
pub fn cooldown_id(key: &str, model: Option<&str>) -> String {
    format!("{key} {}", model.unwrap_or("*"))
}

/// Reads `cooldown_id` back.
pub fn split_cooldown_id(id: &str) -> Option<(&str, Option<&str>)> {
    let (key, model) = id.split_once(' ')?;
    Some((key, Some(model).filter(|m| *m != "*")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cooldown_id_reads_back() {
        for model in [None, Some("gpt-4o"), Some("a b")] {
            assert_eq!(split_cooldown_id(&cooldown_id("k1", model)), Some(("k1", model)));
        }
    }
}

//! The request log in KV: a batch is a value that expires by itself.

use super::{
    super::{
        Requests,
        bindings::{number, options, settled},
    },
    Kv,
};
use crate::{error::Result, usage::requests};

const REQUESTS: &str = "requests/";
const DAY_SECONDS: u64 = 86_400;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: usize = 10;

impl Kv {
    pub async fn requests(&self, ask: &Requests<'_>) -> Result<Vec<(String, String)>> {
        let mut batches = Vec::new();
        let (first, most, rows) = match ask {
            Requests::Keep(batch, days) => {
                let options = options(&[("expirationTtl", number(days * DAY_SECONDS))]);
                settled(self.0.put(&format!("{REQUESTS}{}", batch.id), &batch.text, &options)).await?;
                return Ok(batches);
            }
            Requests::From(first, most) => (first, usize::try_from(*most).unwrap_or(TRIMMED), None),
            Requests::Trim(first, rows) => (first, TRIMMED, Some(*rows)),
        };
        let (mut newer, mut names) = (0, Vec::new());
        // They come in order.
        for name in self.all_names(REQUESTS).await? {
            let id = name.strip_prefix(REQUESTS).unwrap_or_default();
            let wanted = id >= *first || rows.is_some_and(|rows| newer >= rows);
            newer += requests::entries_of(id);
            if wanted && names.len() < most {
                names.push(name);
            }
        }
        if rows.is_some() {
            for name in &names {
                settled(self.0.delete(name)).await?;
            }
        } else {
            for (name, text) in self.values(&names).await? {
                batches.push((name.strip_prefix(REQUESTS).unwrap_or_default().to_string(), text));
            }
        }
        Ok(batches)
    }
}

//! The request log in KV: a batch is a value that expires by itself.

use super::{
    super::{
        Requests,
        bindings::{number, options, settled},
    },
    Kv,
};
use crate::{error::Result, usage::requests};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Array, Map};

const REQUESTS: &str = "requests/";
const DAY_SECONDS: u64 = 86_400;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: u64 = 10;

impl Kv {
    pub async fn requests(&self, ask: &Requests<'_>) -> Result<Vec<(String, String)>> {
        let mut batches = Vec::new();
        let (first, most, rows) = match ask {
            Requests::Keep(batch, days) => {
                let options = options(&[("expirationTtl", number(days * DAY_SECONDS))]);
                settled(self.0.put(&format!("{REQUESTS}{}", batch.id), &batch.text, &options)).await?;
                return Ok(batches);
            }
            Requests::From(first, most) => (first, *most, None),
            Requests::Trim(first, rows) => (first, TRIMMED, Some(*rows)),
        };
        let (names, asked) = (Array::new(), Array::new());
        let (mut cursor, mut newer) = (None, 0);
        // Names come in order, 1,000 at a time.
        loop {
            let (found, after) = self.list(REQUESTS, cursor).await?;
            for name in &found {
                let id = name.strip_prefix(REQUESTS).unwrap_or_default();
                let wanted = id >= *first || rows.is_some_and(|rows| newer >= rows);
                newer += requests::entries_of(id);
                if wanted && u64::from(names.length()) < most {
                    names.push(&id.into());
                    asked.push(&name.into());
                }
            }
            cursor = after;
            if cursor.is_none() || names.length() > 0 {
                break;
            }
        }
        if rows.is_some() {
            for name in asked.iter().filter_map(|name| name.as_string()) {
                settled(self.0.delete(&name)).await?;
            }
        } else if names.length() > 0 {
            let values: Map = settled(self.0.get_many(&asked)).await?.unchecked_into();
            for (id, name) in names.iter().zip(asked.iter()) {
                // A list may show what is gone.
                let text: JsValue = values.get(&name);
                batches.extend(id.as_string().zip(text.as_string()));
            }
        }
        Ok(batches)
    }
}

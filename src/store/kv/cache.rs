//! The cache of answers in KV: a value each, which expires by itself. Its metadata say when it was written and how long it
//! is.

use super::{
    super::bindings::{number, options, settled},
    Kv,
};
use crate::{cached::Entry, error::Result, js::field, sort::sort};
use wasm_bindgen::JsValue;
use worker::js_sys::Array;

const CACHE: &str = "cache/";
/// KV keeps nothing for less.
const SHORTEST_S: u64 = 60;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: usize = 10;

impl Kv {
    pub async fn cached(&self, id: &str) -> Result<Option<Entry>> {
        let found = settled(self.0.get(&format!("{CACHE}{id}"))).await?;
        Ok(found.as_string().and_then(|text| Entry::parse(&text)))
    }

    pub async fn cache(&self, id: &str, entry: &Entry) -> Result<()> {
        let text = entry.text();
        let seconds = (entry.until.saturating_sub(entry.at) / 1000).max(SHORTEST_S);
        let about = format!("{:013} {}", entry.at, text.len());
        let options = options(&[("expirationTtl", number(seconds)), ("metadata", about.as_str().into())]);
        settled(self.0.put(&format!("{CACHE}{id}"), &text, &options)).await.map(|_| ())
    }

    /// What is too old KV forgets by itself.
    pub async fn trim_cache(&self, most: u64) -> Result<()> {
        // When each was written and its length, and its name.
        let mut all: Vec<(String, String)> = Vec::new();
        let mut cursor: Option<JsValue> = None;
        loop {
            let asked = options(&[("prefix", CACHE.into()), ("cursor", cursor.unwrap_or_default())]);
            let found = settled(self.0.list(&asked)).await?;
            for key in Array::from(&field(&found, "keys")) {
                let about = field(&key, "metadata").as_string();
                all.extend(about.zip(field(&key, "name").as_string()));
            }
            cursor = Some(field(&found, "cursor")).filter(JsValue::is_string);
            if cursor.is_none() {
                break;
            }
        }
        let mut newest: Vec<usize> = (0..all.len()).collect();
        sort(&mut newest, &|a, b| all.get(b).cmp(&all.get(a)));
        let (mut sum, mut old) = (0_u64, Vec::new());
        for (about, name) in newest.iter().filter_map(|at| all.get(*at)) {
            sum += about.split_once(' ').and_then(|(_, bytes)| bytes.parse::<u64>().ok()).unwrap_or(0);
            if sum > most {
                old.push(name);
            }
        }
        for name in old.into_iter().rev().take(TRIMMED) {
            settled(self.0.delete(name)).await?;
        }
        Ok(())
    }
}

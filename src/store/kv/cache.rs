//! The cache of answers in KV: a value each, which expires by itself. Its metadata say when it was written and how long it
//! is.

use super::{
    super::{
        Cached,
        bindings::{number, options, settled},
    },
    Kv,
};
use crate::{cached::Entry, error::Result, js::field, sort::sort};
use wasm_bindgen::JsValue;
use worker::js_sys::Array;

const CACHE: &str = "cache/";
/// KV keeps nothing for less.
const SHORTEST_S: u64 = 60;
/// Stands there while there is too much: nothing is added then.
const FULL: &str = "cache-full";
/// Until the next trim, an hour later.
const FULL_S: u64 = 3700;
/// Each lists a thousand values.
const LISTS: u32 = 10;
/// Values that one trim clears away: each is a call of the storage, and a cron has 50.
const TRIMMED: usize = 10;

impl Kv {
    pub async fn cached(&self, ask: &Cached<'_>) -> Result<Option<Entry>> {
        match ask {
            Cached::Find(id) => {
                let found = settled(self.0.get(&[CACHE, id].concat())).await?;
                Ok(found.as_string().and_then(|text| Entry::parse(&text)))
            }
            Cached::Keep(id, entry) => {
                if settled(self.0.get(FULL)).await?.is_string() {
                    return Ok(None);
                }
                let text = entry.text();
                let seconds = (entry.until.saturating_sub(entry.at) / 1000).max(SHORTEST_S);
                let about = format!("{:013} {}", entry.at, text.len());
                let options = options(&[("expirationTtl", number(seconds)), ("metadata", about.into())]);
                settled(self.0.put(&[CACHE, id].concat(), &text, &options)).await.map(|_| None)
            }
            // What is too old KV forgets by itself.
            Cached::Trim(_, most) => {
                let (mut all, mut cursor) = (Vec::new(), JsValue::UNDEFINED);
                for _ in 0..LISTS {
                    let found = settled(self.0.list(&options(&[("prefix", CACHE.into()), ("cursor", cursor)]))).await?;
                    all.extend(
                        Array::from(&field(&found, "keys"))
                            .iter()
                            .filter_map(|key| field(&key, "metadata").as_string().zip(field(&key, "name").as_string())),
                    );
                    cursor = field(&found, "cursor");
                    if !cursor.is_string() {
                        break;
                    }
                }
                let old = too_many(&all, *most);
                if !old.is_empty() || cursor.is_string() {
                    settled(self.0.put(FULL, "1", &options(&[("expirationTtl", number(FULL_S))]))).await?;
                }
                for name in old {
                    settled(self.0.delete(name)).await?;
                }
                Ok(None)
            }
        }
    }
}

/// The oldest of those values, each with what is said about it, that are too much.
fn too_many(all: &[(String, String)], most: u64) -> Vec<&str> {
    let mut newest: Vec<usize> = (0..all.len()).collect();
    sort(&mut newest, &|a, b| all.get(b).cmp(&all.get(a)));
    let (mut sum, mut old) = (0_u64, Vec::new());
    for (about, name) in newest.iter().filter_map(|at| all.get(*at)) {
        sum += about.split_once(' ').and_then(|(_, bytes)| bytes.parse::<u64>().ok()).unwrap_or(0);
        if sum > most {
            old.push(name.as_str());
        }
    }
    old.split_off(old.len().saturating_sub(TRIMMED))
}

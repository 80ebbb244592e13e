//! one-balance: rows of its table of keys, whose providers are called as Cloudflare's AI Gateway calls them.

use super::{Entry, Found, Place, of, text};
use crate::{pool::paste::Refusal, record::provider};
use serde_json::Value;

/// Where the names are not those of our presets.
const CALLED: [(&str, &str); 5] = [
    ("google-ai-studio", "gemini"),
    ("grok", "xai"),
    ("perplexity-ai", "https://api.perplexity.ai"),
    ("huggingface", "https://router.huggingface.co/v1"),
    ("cohere", "https://api.cohere.ai/compatibility/v1"),
];

/// `data` may have a list of providers of one's own beside the keys.
pub fn keys(data: &Value, items: &[&Value], found: &mut Found) {
    let own: Vec<&Value> = data.get("custom_providers").and_then(Value::as_array).into_iter().flatten().collect();
    for (line, row) in (1..).zip(items) {
        let (name, secret) = (text(row, &["provider"]).unwrap_or_default(), text(row, &["key"]));
        let Some(secret) = secret else {
            found.refuse(line, Refusal::NoKey, "");
            continue;
        };
        let Some(at) = place(name, &own) else {
            found.refuse(line, Refusal::Unsupported, secret);
            continue;
        };
        let label = text(row, &["remark"]).unwrap_or_default().into();
        let enabled = text(row, &["status"]).is_none_or(|status| status == "active");
        found.take(Entry { label, enabled, ..Entry::new(line, secret, at) });
    }
}

fn place(name: &str, own: &[&Value]) -> Option<Place> {
    let called = CALLED.iter().find(|(known, _)| *known == name).map(|(_, home)| *home);
    let preset = provider::preset(name).filter(|preset| preset.is_complete()).map(|preset| preset.name);
    let url =
        own.iter().find(|one| text(one, &["name"]) == Some(name)).and_then(|one| text(one, &["base_url", "baseURL"]));
    url.map(|url| Place::Address(url.into())).or_else(|| called.or(preset).map(of))
}

//! one-api and new-api: channels, each with an address of its own and one key or several, by line.

use super::{Entry, Found, Place, address, number, of, text};
use crate::{json, pool::paste::Refusal};
use serde_json::Value;

/// What a channel's type stands for: a preset, a base URL, or `*` for whatever its own address is. Those that are missing
/// speak nothing that is OpenAI's. From 23 on, the two projects number differently.
const BOTH: &str = "1 openai;3 azure;6 *;7 *;8 *;14 anthropic;16 https://open.bigmodel.cn/api/paas/v4;17 dashscope;\
    19 https://api.360.cn/v1;20 openrouter;24 gemini;25 moonshot;31 https://api.lingyiwanwu.com/v1";
const ONE_API: &str = "26 https://api.baichuan-ai.com/v1;27 https://api.minimax.chat/v1;28 mistral;29 groq;30 *;\
    32 https://api.stepfun.com/v1;36 deepseek;39 https://api.together.xyz/v1;40 https://ark.cn-beijing.volces.com/api/v3;\
    41 https://api.novita.ai/v3/openai;44 siliconflow;45 xai;47 qianfan;48 https://spark-api-open.xf-yun.com/v1;\
    49 dashscope;50 *;51 gemini";
const NEW_API: &str = "4 *;26 https://open.bigmodel.cn/api/paas/v4;27 https://api.perplexity.ai;\
    35 https://api.minimax.chat/v1;38 https://api.jina.ai/v1;40 siliconflow;42 mistral;43 deepseek;\
    45 https://ark.cn-beijing.volces.com/api/v3;46 qianfan;47 *;48 xai";
/// Fields that only new-api's channels have.
const NEWER: [&str; 4] = ["channel_info", "auto_ban", "tag", "status_code_mapping"];
const AZURE: u64 = 3;
/// As many as a key can be for.
const MODELS: usize = 100;

pub fn channels(items: &[&Value], found: &mut Found) {
    let is_newer = items.iter().any(|item| NEWER.iter().any(|name| item.get(*name).is_some()));
    for (line, channel) in (1..).zip(items) {
        let kind = number(channel, "type").unwrap_or(0);
        let place = home(kind, is_newer).ok_or(Refusal::Unsupported).and_then(|home| place(channel, kind, home));
        let keys = text(channel, &["key"]).unwrap_or_default();
        match place {
            Err(reason) => found.refuse(line, reason, keys),
            Ok(_) if keys.is_empty() => found.refuse(line, Refusal::NoKey, ""),
            Ok(place) => {
                for (nth, secret) in keys.lines().filter(|key| !key.trim().is_empty()).enumerate() {
                    found.take(entry(channel, line, nth, secret, place.clone()));
                }
            }
        }
    }
}

fn home(kind: u64, is_newer: bool) -> Option<&'static str> {
    let own = if is_newer { NEW_API } else { ONE_API };
    let mut known = BOTH.split(';').chain(own.split(';')).filter_map(|entry| entry.split_once(' '));
    known.find(|(number, _)| number.parse() == Ok(kind)).map(|(_, home)| home)
}

fn place(channel: &Value, kind: u64, home: &'static str) -> Result<Place, Refusal> {
    match text(channel, &["base_url"]) {
        Some(url) if kind == AZURE => Ok(Place::Azure(url.trim_end_matches('/').into(), version(channel))),
        Some(url) => Ok(address(url, home)),
        None if kind == AZURE || home == "*" => Err(Refusal::BadAddress),
        None => Ok(of(home)),
    }
}

/// Azure's, which has stood in one field and in another.
fn version(channel: &Value) -> Option<String> {
    let config = text(channel, &["config", "settings"]).and_then(|text| json::read(text).ok()).unwrap_or_default();
    let version = text(channel, &["other"]).or_else(|| text(&config, &["api_version", "azure_responses_version"]));
    version.map(str::to_string)
}

fn entry(channel: &Value, line: u32, nth: usize, secret: &str, place: Place) -> Entry {
    let mut models: Vec<String> = Vec::new();
    for model in text(channel, &["models"]).unwrap_or_default().split(',').map(str::trim) {
        if !model.is_empty() && model.len() <= 200 && !models.iter().any(|known| known == model) {
            models.push(model.into());
        }
    }
    if models.len() > MODELS {
        models.clear();
    }
    // Who belongs to no group of customers belongs to `default`.
    let groups = text(channel, &["group"]).unwrap_or("default");
    let group = groups.split(',').next().filter(|_| !groups.split(',').any(|group| group == "default"));
    // Of a list of keys each may be off.
    let off = channel.get("channel_info").and_then(|info| info.get("multi_key_status_list"));
    let is_on = |status: Option<u64>| status.is_none_or(|status| status == 1);
    Entry {
        label: text(channel, &["name"]).unwrap_or_default().into(),
        // 0 is what is there when nobody chose: not "no traffic".
        weight: number(channel, "weight")
            .filter(|weight| *weight > 0)
            .and_then(|weight| u8::try_from(weight.min(100)).ok()),
        enabled: is_on(number(channel, "status")) && is_on(off.and_then(|off| number(off, &nth.to_string()))),
        models,
        group: group.map(str::to_string),
        priority: u32::try_from(number(channel, "priority").unwrap_or(0).min(1000)).unwrap_or(0),
        ..Entry::new(line, secret, place)
    }
}

use super::{Entry, Found, From, Place, address, read};
use crate::pool::paste::Refusal;
use serde_json::{Value, json};

fn shown(entry: &Entry) -> String {
    let at = match &entry.at {
        Place::Unknown => "?".into(),
        Place::Preset(name) => (*name).into(),
        Place::Address(url) => url.clone(),
        Place::Azure(url, version) => format!("{url} {}", version.as_deref().unwrap_or("-")),
    };
    format!("{} {} {at}", entry.line, entry.secret)
}

fn read_as(from: From, data: &Value) -> Found {
    let (found_from, found) = read(data, None).unwrap_or_else(|| panic!("{data}"));
    assert_eq!(found_from, from, "{data}");
    assert_eq!(format!("{found:?}"), format!("{:?}", read(data, Some(from)).unwrap().1));
    // A file is text.
    assert_eq!(format!("{found:?}"), format!("{:?}", read(&data.to_string().into(), None).unwrap().1));
    found
}

fn check(from: From, data: &Value, expected: &[&str], refused: &[(u32, Refusal)]) -> Found {
    let found = read_as(from, data);
    assert_eq!(found.entries.iter().map(shown).collect::<Vec<_>>(), expected, "{data}");
    assert_eq!(found.refused.iter().map(|r| (r.line, r.reason)).collect::<Vec<_>>(), refused, "{data}");
    found
}

#[test]
fn addresses_become_base_urls() {
    for (url, home, expected) in [
        ("https://api.openai.com", "openai", "openai"),
        ("https://api.openai.com/v1/", "openai", "openai"),
        ("https://relay.example", "openai", "https://relay.example/v1"),
        ("https://relay.example/", "openai", "https://relay.example/v1"),
        ("https://relay.example/v1", "openai", "https://relay.example/v1"),
        ("https://relay.example/api", "openai", "https://relay.example/api/v1"),
        ("https://relay.example/api/v3", "openai", "https://relay.example/api/v3"),
        ("https://relay.example/v1/chat/completions", "*", "https://relay.example/v1"),
        ("http://localhost:11434", "*", "http://localhost:11434/v1"),
        ("https://generativelanguage.googleapis.com", "gemini", "gemini"),
        ("https://gemini.example", "gemini", "https://gemini.example/v1beta/openai"),
        ("https://dashscope.aliyuncs.com/api/v1", "dashscope", "dashscope"),
        ("https://open.bigmodel.cn", "https://open.bigmodel.cn/api/paas/v4", "https://open.bigmodel.cn/api/paas/v4"),
        // No base URL, as will be found.
        ("nonsense", "*", "*"),
    ] {
        let place = address(url, home);
        let text = match place {
            Place::Preset(name) => name.to_string(),
            Place::Address(url) => url,
            other => format!("{other:?}"),
        };
        assert_eq!(text, expected, "{url} {home}");
    }
}

#[test]
fn gpt_loads_lines_are_a_paste() {
    let found = read(&"sk-one-000001\r\nsk-two-000002\nsk-one-000001\nshort".into(), None).unwrap();
    assert_eq!(found.0, From::GptLoad);
    assert_eq!(found.1.entries.iter().map(shown).collect::<Vec<_>>(), ["1 sk-one-000001 ?", "2 sk-two-000002 ?"]);
    let refused: Vec<_> = found.1.refused.iter().map(|r| (r.line, r.reason)).collect();
    assert_eq!(refused, [(3, Refusal::Duplicate), (4, Refusal::TooShort)]);
    assert!(read(&"sk-one-000001".into(), Some(From::OneApi)).is_none());
}

#[test]
fn gpt_loads_groups_have_their_keys_inside_or_beside() {
    let group = |id: u64, kind: &str, upstreams: Value| {
        json!({"id": id, "name": format!("g{id}"), "display_name": format!("Group {id}"), "channel_type": kind,
            "upstreams": upstreams, "test_model": "m", "api_keys": null})
    };
    let with_keys = |mut group: Value, keys: Value| {
        group["api_keys"] = keys;
        group
    };
    let keys = json!([{"key_value": "sk-one-000001", "status": "active"},
        {"key_value": "sk-two-000002", "status": "invalid", "notes": "of Ann"}, {"key_value": ""}, 7]);
    let two = json!([{"url": "https://a.example", "weight": 1}, {"url": "https://b.example", "weight": 5}]);
    let groups = json!([
        with_keys(group(1, "openai", two.clone()), keys),
        with_keys(
            group(2, "gemini", json!([{"url": "https://generativelanguage.googleapis.com"}])),
            json!(["AIza-three"])
        ),
        group(3, "openai", json!([])),
    ]);
    let expected =
        ["1 sk-one-000001 https://b.example/v1", "2 sk-two-000002 https://b.example/v1", "5 AIza-three gemini"];
    let refused = [(3, Refusal::NoKey), (4, Refusal::NoKey), (6, Refusal::NoKey)];
    let found = check(From::GptLoad, &groups, &expected, &refused);
    let about: Vec<_> = found.entries.iter().map(|e| (e.label.as_str(), e.enabled)).collect();
    assert_eq!(about, [("Group 1", true), ("of Ann", false), ("Group 2", true)]);
    check(From::GptLoad, &json!({"code": 0, "message": "Success", "data": groups}), &expected, &refused);

    let tables = json!({"groups": [group(1, "anthropic", two.to_string().into())],
        "api_keys": [{"group_id": 1, "key_value": "sk-ant-000001"}, {"group_id": 2, "key_value": "sk-lost-00001"}]});
    check(From::GptLoad, &tables, &["1 sk-ant-000001 https://b.example/v1"], &[]);
    let listed = json!({"code": 0, "data": {"items": [{"id": 9, "key_value": "sk-one-000001", "status": "invalid"}],
        "pagination": {"page": 1}}});
    check(From::GptLoad, &listed, &["1 sk-one-000001 ?"], &[]);
}

#[test]
fn channels_go_where_their_type_says() {
    let channel = |kind: u64, more: Value| {
        let mut channel = json!({"id": kind, "type": kind, "key": format!("sk-of-type-{kind:04}"), "status": 1, "name": "n",
            "base_url": "", "models": "gpt-4o", "group": "default", "priority": 0, "weight": 0});
        channel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        channel
    };
    let old = json!({"success": true, "message": "", "data": [
        channel(1, json!({})),
        channel(1, json!({"base_url": "https://relay.example"})),
        channel(3, json!({"base_url": "https://mine.openai.azure.com/", "other": "2024-06-01"})),
        channel(8, json!({"base_url": "https://x.example/v1/chat/completions"})),
        channel(36, json!({"base_url": null})),
        channel(42, json!({})),
        channel(50, json!({})),
        channel(15, json!({"key": "ak|sk-of-baidu"})),
        channel(28, json!({"key": ""})),
        channel(29, json!({"key": "gsk_first-0001\n\n gsk_second-001 \nbad key here"})),
    ]});
    check(
        From::OneApi,
        &old,
        &[
            "1 sk-of-type-0001 openai",
            "2 sk-of-type-0001 https://relay.example/v1",
            "3 sk-of-type-0003 https://mine.openai.azure.com 2024-06-01",
            "4 sk-of-type-0008 https://x.example/v1",
            "5 sk-of-type-0036 deepseek",
            "10 gsk_first-0001 groq",
            "10 gsk_second-001 groq",
        ],
        &[
            (6, Refusal::Unsupported),
            (7, Refusal::BadAddress),
            (8, Refusal::Unsupported),
            (9, Refusal::NoKey),
            (10, Refusal::BadCharacters),
        ],
    );
    // The same numbers mean something else in new-api, whose channels have more fields.
    let new = json!({"success": true, "data": {"items": [
        channel(42, json!({"auto_ban": 1})),
        channel(40, json!({})),
        channel(36, json!({})),
        channel(4, json!({"base_url": "http://10.0.0.5:11434"})),
    ], "total": 4}});
    let expected =
        ["1 sk-of-type-0042 mistral", "2 sk-of-type-0040 siliconflow", "4 sk-of-type-0004 http://10.0.0.5:11434/v1"];
    check(From::OneApi, &new, &expected, &[(3, Refusal::Unsupported)]);
}

#[test]
fn a_channel_says_more_of_its_keys() {
    let channels = json!([{"type": 1, "key": "sk-first-0001\nsk-second-001\nsk-third-0001", "status": 1, "name": "Team",
        "models": "gpt-4o, gpt-4o-mini,,gpt-4o", "group": "vip,svip", "weight": 250, "priority": 7,
        "channel_info": {"is_multi_key": true, "multi_key_status_list": {"1": 3}}},
        {"type": 1, "key": "sk-off-000001", "status": 2, "group": "vip,default", "priority": -4, "weight": 3,
        "models": (0..101).map(|n| n.to_string()).collect::<Vec<_>>().join(",")}]);
    let Found { entries, .. } = read_as(From::OneApi, &channels);
    let about: Vec<_> =
        entries.iter().map(|e| (e.enabled, e.weight, e.priority, e.group.as_deref(), e.models.len())).collect();
    let team = |enabled| (enabled, Some(100), 7, Some("vip"), 2);
    assert_eq!(about, [team(true), team(false), team(true), (false, Some(3), 0, None, 0)]);
    assert_eq!(
        (entries[0].label.as_str(), &entries[0].models[..]),
        ("Team", &["gpt-4o".to_string(), "gpt-4o-mini".into()][..])
    );
}

#[test]
fn one_balances_rows_are_read_as_wrangler_prints_them() {
    let row = |provider: &str, key: &str, status: &str| {
        json!({"id": "u", "key": key, "provider": provider, "status": status,
        "model_coolings": null, "total_cooling_seconds": 0, "remark": "of Ann"})
    };
    let rows = json!([row("google-ai-studio", "AIza-first-001", "active"), row("grok", "xai-second-001", "blocked"),
        row("openrouter", "sk-or-third-01", "active"), row("aws-bedrock", "key-of-bedrock", "active"), {"provider": "openai", "key": null}]);
    let expected = ["1 AIza-first-001 gemini", "2 xai-second-001 xai", "3 sk-or-third-01 openrouter"];
    let refused = [(4, Refusal::Unsupported), (5, Refusal::NoKey)];
    for data in [rows.clone(), json!([{"results": rows, "success": true, "meta": {}}]), json!({"results": rows})] {
        let found = check(From::OneBalance, &data, &expected, &refused);
        let about: Vec<_> = found.entries.iter().map(|e| (e.label.as_str(), e.enabled)).collect();
        assert_eq!(about, [("of Ann", true), ("of Ann", false), ("of Ann", true)]);
    }
    let own = json!({"keys": [row("mine", "sk-mine-000001", "active")],
        "custom_providers": [{"name": "mine", "base_url": "https://mine.example/v1"}]});
    check(From::OneBalance, &own, &["1 sk-mine-000001 https://mine.example/v1"], &[]);
}

#[test]
fn what_is_of_nobody_is_read_by_nobody() {
    for data in [
        json!({}),
        json!([]),
        json!(7),
        Value::Null,
        json!({"hello": "world"}),
        json!([1, 2]),
        json!({"data": {"data": {}}}),
    ] {
        assert!(read(&data, None).is_none(), "{data}");
    }
    // Whoever insists is told of each entry.
    for from in From::ALL {
        let Found { entries, refused } = read(&json!([{"hello": 1}, null, 7, "x"]), Some(from)).unwrap().1;
        assert_eq!((entries.len(), refused.len()), (0, 4), "{from:?}");
    }
}

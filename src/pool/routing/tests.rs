use super::*;
use crate::record::{Kind, Record, key::Key, models::Models};

/// Providers by name, each with what is changed of its preset (or of none), and with what it lists.
type Known<'a> = (&'a str, fn(&mut Provider), &'a [&'a str]);

fn pool(known: &[Known], aliases: &[(&str, Alias)]) -> Pool {
    let mut records = Vec::new();
    for (at, (name, change, list)) in (1..).zip(known) {
        let mut made = preset(name).map_or_else(|| Provider::new(at), |preset| preset.provider(at));
        change(&mut made);
        records.push(Record::new(Kind::Provider, *name, &made, at).unwrap());
        let key = Key::new(name, "sk-secret", String::new(), at);
        records.push(Record::new(Kind::Key, format!("k{at}"), &key, at).unwrap());
        if !list.is_empty() {
            let text = crate::record::write::text(&serde_json::json!({"data": list}));
            records.push(Record::new(Kind::Models, *name, &Models::parse(&text, at).unwrap(), at).unwrap());
        }
    }
    records.extend(aliases.iter().map(|(name, alias)| Record::new(Kind::Alias, *name, alias, 1).unwrap()));
    let mut pool = Pool::default();
    pool.sync(&records, true, 0);
    pool
}

fn as_it_is(_: &mut Provider) {}

fn alias(target: Option<&str>, fallbacks: &[&str]) -> Alias {
    Alias {
        target: target.map(String::from),
        fallbacks: fallbacks.iter().map(ToString::to_string).collect(),
        economy: None,
        fallback_on: vec!["exhausted".into()],
    }
}

/// `provider/model` by stages, in order.
fn places(pool: &Pool, asked: &Asked, conversation: u64) -> Vec<String> {
    let way = way(pool, asked, Some(conversation), &mut Dice::seeded(1)).unwrap();
    way.targets.iter().map(|t| format!("{} {}/{}", t.stage, t.provider, t.model)).collect()
}

fn asked(model: &str) -> Asked<'_> {
    Asked { pin: None, model, default: None, economy: false, may: &|_, _| true }
}

fn check(pool: &Pool, model: &str, expected: &[&str]) {
    assert_eq!(places(pool, &asked(model), 7), expected, "{model}");
}

#[test]
fn a_provider_in_front_of_the_model_is_taken_off() {
    let pool = pool(&[("openai", as_it_is, &[]), ("openrouter", as_it_is, &[])], &[]);
    check(&pool, "openrouter/openai/gpt-4o", &["0 openrouter/openai/gpt-4o"]);
    check(&pool, "meta/llama", &["0 openai/meta/llama"]);
}

#[test]
fn a_pinned_provider_leaves_the_model_alone() {
    let pool = pool(&[("openai", as_it_is, &["a"]), ("openrouter", as_it_is, &[])], &[("a", alias(Some("b"), &[]))]);
    let pinned = |pin| Asked { pin: Some(pin), ..asked("a") };
    assert_eq!(places(&pool, &pinned("openrouter"), 7), ["0 openrouter/a"]);
    let unknown = way(&pool, &pinned("nobody"), None, &mut Dice::seeded(1)).unwrap_err();
    assert_eq!(unknown.status(), 404);
}

#[test]
fn a_name_goes_to_who_lists_it_then_to_who_is_known_for_it_then_to_the_default() {
    let pool = pool(
        &[
            ("openai", as_it_is, &["gpt-4o"]),
            ("groq", as_it_is, &["llama-3", "gpt-oss"]),
            ("qianfan", as_it_is, &[]),
            ("azure", |p| p.models = vec!["my-*".into()], &[]),
        ],
        &[],
    );
    check(&pool, "gpt-4o", &["0 openai/gpt-4o"]);
    check(&pool, "gpt-oss", &["0 groq/gpt-oss"]);
    check(&pool, "gpt-5-new", &["0 openai/gpt-5-new"]);
    check(&pool, "ernie-4.5", &["0 qianfan/ernie-4.5"]);
    check(&pool, "my-deployment", &["0 azure/my-deployment"]);
    check(&pool, "nobody-has-it", &["0 openai/nobody-has-it"]);
    check(&pool, "", &["0 openai/"]);
    let chosen = Asked { default: Some("groq"), ..asked("nobody-has-it") };
    assert_eq!(places(&pool, &chosen, 7), ["0 groq/nobody-has-it"]);
    let gone = Asked { default: Some("gone"), ..asked("nobody-has-it") };
    assert_eq!(places(&pool, &gone, 7), ["0 openai/nobody-has-it"]);
    let none = way(&Pool::default(), &asked("x"), None, &mut Dice::seeded(1)).unwrap_err();
    assert_eq!(none.code(), "provider_not_found");
}

#[test]
fn providers_of_one_model_go_by_priority_then_share_by_weight() {
    let pool = pool(
        &[
            ("a", |p| (p.weight, p.priority) = (30, 1), &["m"]),
            ("b", |p| (p.weight, p.priority) = (10, 1), &["m"]),
            ("c", |p| p.priority = 9, &["m"]),
            ("d", |p| p.weight = 0, &["m"]),
            ("e", |p| p.enabled = false, &["m"]),
        ],
        &[],
    );
    let mut first = 0;
    for conversation in 0..4000 {
        let order = places(&pool, &asked("m"), hash::mix(conversation));
        assert_eq!((order.len(), order[0].as_str(), order[3].as_str()), (4, "0 c/m", "0 d/m"));
        first += u32::from(order[1] == "0 a/m");
        assert_eq!(order, places(&pool, &asked("m"), hash::mix(conversation)), "a conversation stays");
    }
    assert!((2900..3100).contains(&first), "{first}");
}

#[test]
fn a_provider_without_keys_leaves_its_models_to_others() {
    let mut pool = pool(&[("openai", as_it_is, &[]), ("groq", as_it_is, &["m"])], &[]);
    check(&pool, "m", &["0 groq/m"]);
    pool.sync(&[Record::deleted(Kind::Key, "k2", 9)], false, 9);
    check(&pool, "m", &["0 openai/m"]);
}

#[test]
fn an_alias_leads_to_its_target_and_then_to_its_fallbacks() {
    let pool = pool(
        &[("openai", as_it_is, &["gpt-4.1"]), ("deepseek", as_it_is, &["v3"]), ("groq", as_it_is, &["v3"])],
        &[
            ("gpt-4.1", alias(None, &["v3", "groq/llama"])),
            ("fast", alias(Some("groq/llama"), &[])),
            ("fast-*", alias(Some("groq/*"), &["fast"])),
            ("fast-x*", alias(Some("openai/*"), &[])),
            ("round", alias(Some("about"), &[])),
            ("about", alias(Some("round"), &[])),
        ],
    );
    let stages = places(&pool, &asked("gpt-4.1"), 7);
    assert_eq!((stages.len(), stages[0].as_str(), stages[3].as_str()), (4, "0 openai/gpt-4.1", "2 groq/llama"));
    assert!(stages[1].starts_with("1 ") && stages[1].ends_with("/v3") && stages[2].starts_with("1 "), "{stages:?}");
    check(&pool, "FAST", &["0 groq/llama"]);
    check(&pool, "fast-1", &["0 groq/fast-1", "1 groq/llama"]);
    check(&pool, "fast-x1", &["0 openai/fast-x1"]);
    assert_eq!(places(&pool, &asked("round"), 7).len(), 1, "an alias of itself ends");
}

#[test]
fn a_pattern_does_not_swallow_its_own_economy_model_and_fallbacks() {
    let of_many = Alias { economy: Some("gpt-4.1-mini".into()), ..alias(Some("gpt-4.1"), &["gpt-4.1-nano"]) };
    let pool = pool(&[("openai", as_it_is, &[])], &[("gpt-4*", of_many)]);
    check(&pool, "gpt-4-turbo", &["0 openai/gpt-4.1", "1 openai/gpt-4.1-nano"]);
    assert_eq!(places(&pool, &Asked { economy: true, ..asked("gpt-4-turbo") }, 7), ["0 openai/gpt-4.1-mini"]);
}

#[test]
fn a_client_is_led_to_the_providers_that_it_may_use() {
    let pool = pool(&[("openai", as_it_is, &["m"]), ("groq", as_it_is, &["m"])], &[]);
    let may = |_: &Pool, name: &str| name == "groq";
    for model in ["m", "nobody-has-it", ""] {
        assert_eq!(places(&pool, &Asked { may: &may, ..asked(model) }, 7), [format!("0 groq/{model}")]);
    }
    let none = |_: &Pool, _: &str| false;
    assert_eq!(places(&pool, &Asked { may: &none, ..asked("x") }, 7), ["0 openai/x"]);
}

#[test]
fn near_the_end_of_a_budget_the_economy_model_answers() {
    let frugal = Alias { economy: Some("mini".into()), ..alias(None, &["groq/llama"]) };
    let pool = pool(&[("openai", as_it_is, &["big", "mini"]), ("groq", as_it_is, &[])], &[("big", frugal)]);
    check(&pool, "big", &["0 openai/big", "1 groq/llama"]);
    assert_eq!(places(&pool, &Asked { economy: true, ..asked("big") }, 7), ["0 openai/mini"]);
}

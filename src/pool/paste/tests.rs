//! What people paste, and what becomes of it. All keys are made up.
use super::{Entry, Refusal, guess_provider, parse};

/// `line secret provider weight label`, with `-` for what is not said.
fn read(text: &str) -> Vec<String> {
    let show = |e: &Entry| {
        let weight = e.weight.map_or("-".into(), |w| w.to_string());
        let (provider, label) = (e.provider.as_deref().unwrap_or("-"), e.label.as_deref().unwrap_or("-"));
        format!("{} {} {provider} {weight} {label}", e.line, e.secret)
    };
    parse(text).entries.iter().map(show).collect()
}

fn refused(text: &str) -> Vec<(u32, Refusal)> {
    parse(text).refused.iter().map(|r| (r.line, r.reason)).collect()
}

fn check(text: &str, entries: &[&str]) {
    assert_eq!(read(text), entries, "{text}");
    assert_eq!(refused(text), [], "{text}");
}

#[test]
fn keys_are_separated_by_anything_usual() {
    check("", &[]);
    check(" \r\n\t\n# a comment\n", &[]);
    check("mock-good-1\nmock-good-2", &["1 mock-good-1 - - -", "2 mock-good-2 - - -"]);
    check("mock-good-1\r\n\r\nmock-good-2\r\n", &["1 mock-good-1 - - -", "3 mock-good-2 - - -"]);
    check("mock-good-1\rmock-good-2", &["1 mock-good-1 - - -", "2 mock-good-2 - - -"]);
    check(
        "mock-good-1,mock-good-2;\tmock-good-3",
        &["1 mock-good-1 - - -", "1 mock-good-2 - - -", "1 mock-good-3 - - -"],
    );
    check(
        "mock-good-1， mock-good-2；mock-good-3",
        &["1 mock-good-1 - - -", "1 mock-good-2 - - -", "1 mock-good-3 - - -"],
    );
    check("\u{feff}  mock-good-1\u{a0}\u{3000}", &["1 mock-good-1 - - -"]);
}

#[test]
fn what_surrounds_a_key_is_dropped() {
    for text in [
        "Bearer mock-good-1",
        "Authorization: Bearer mock-good-1",
        "x-api-key: mock-good-1",
        "\"mock-good-1\",",
        "'mock-good-1'",
        "“mock-good-1”",
        "‘mock-good-1’;",
        "`mock-good-1`",
        "<mock-good-1>",
        "1. mock-good-1",
        "- mock-good-1",
        "mock-good-1 # of Alice",
        "\u{200b}mock-good-1\u{200b}",
    ] {
        check(text, &["1 mock-good-1 - - -"]);
    }
}

#[test]
fn a_line_may_say_weight_and_label() {
    check("mock-good-1|5|Alice", &["1 mock-good-1 - 5 Alice"]);
    check(" mock-good-1 | 0 | Alice's key, the good one ", &["1 mock-good-1 - 0 Alice's key, the good one"]);
    check("mock-good-1||备用", &["1 mock-good-1 - - 备用"]);
    check("mock-good-1|100", &["1 mock-good-1 - 100 -"]);
    check("mock-good-1|", &["1 mock-good-1 - - -"]);
    check("Bearer \"mock-good-1\"|7|a|b", &["1 mock-good-1 - 7 a|b"]);
    check(
        "mock-good-1|1|a; mock-good-2|2|b,gsk_mockgood3",
        &["1 mock-good-1 - 1 a", "1 mock-good-2 - 2 b", "1 gsk_mockgood3 - - -"],
    );
    for weight in ["101", "-1", "1.5", "heavy", "256", "99999999999"] {
        assert_eq!(refused(&format!("mock-good-1|{weight}|x")), [(1, Refusal::BadWeight)]);
    }
}

#[test]
fn an_env_file_names_the_providers() {
    let text = "# keys\nexport OPENAI_API_KEY_1=\"mock-good-1\"\nGEMINI_API_KEY='mock-good-2' # free\n\
                AZURE_OPENAI_API_KEY=0f3a9c1b2d4e5f60718293a4b5c6d7e8\nMY_TOKEN = mock-good-4\n\
                QWEN_API_KEYS=mock-good-5,mock-good-6\nopenrouter_api_key: mock-good-7\nGROQ_API_KEY=mock-good-8|3|x y";
    check(
        text,
        &[
            "2 mock-good-1 openai - -",
            "3 mock-good-2 gemini - -",
            "4 0f3a9c1b2d4e5f60718293a4b5c6d7e8 azure - -",
            "5 mock-good-4 - - -",
            "6 mock-good-5 dashscope - -",
            "6 mock-good-6 dashscope - -",
            "7 mock-good-7 openrouter - -",
            "8 mock-good-8 groq 3 x y",
        ],
    );
    let settings =
        "OPENAI_BASE_URL=https://api.test/v1\nDATABASE_URL=mock-good-1\nPROXY_API_KEY=mock-good-2\nXAI_API_KEY=";
    assert_eq!(refused(settings)[..3], [(1, Refusal::NotAKey), (2, Refusal::NotAKey), (3, Refusal::NotAKey)]);
    assert_eq!(read(settings), Vec::<String>::new());
}

#[test]
fn json_may_hold_strings_and_objects() {
    check("[\"mock-good-1\",\n \" mock-good-2 \"]", &["1 mock-good-1 - - -", "2 mock-good-2 - - -"]);
    check(
        "[\n{\"key\":\"mock-good-1\",\"weight\":3,\"label\":\"A\",\"provider\":\"mine\"},\n\
         {\"secret\":\"mock-good-2\",\"name\":\"B\",\"weight\":\"4\"},\n{\"api_key\":\"mock-good-3\",\"label\":null}]",
        &["2 mock-good-1 mine 3 A", "3 mock-good-2 - 4 B", "4 mock-good-3 - - -"],
    );
    check("{\"keys\":[\"mock-good-1\"]}", &["1 mock-good-1 - - -"]);
    check("{\"key\":\"mock-good-1\"}\n{\"key\":\"mock-good-2\"}", &["1 mock-good-1 - - -", "2 mock-good-2 - - -"]);
    // A comma too many is not JSON, but what is meant is clear.
    check("[\n  \"mock-good-1\",\n  \"mock-good-2\",\n]", &["2 mock-good-1 - - -", "3 mock-good-2 - - -"]);
    assert_eq!(refused("[1, {\"label\":\"x\"}, \"mock-good-1\"]"), [(1, Refusal::BadJson), (1, Refusal::BadJson)]);
    assert_eq!(refused("mock-good-1\n{\"key\": mock-good-2"), [(2, Refusal::BadJson)]);
    assert_eq!(refused("[{\"key\":\"mock-good-1\",\"weight\":1000}]"), [(1, Refusal::BadWeight)]);
}

#[test]
fn keys_of_every_provider_are_taken() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl-_a";
    for (secret, provider) in [
        ("sk-0123456789abcdef0123456789abcdef", None),
        ("sk-proj-abc_def-0123456789", Some("openai")),
        ("sk-ant-api03-abcDEF_0123-AA", Some("anthropic")),
        ("sk-or-v1-0123456789abcdef", Some("openrouter")),
        ("AIzaSyMadeUp_0123456789-abcdefghijklmno", Some("gemini")),
        ("gsk_0123456789abcdef", Some("groq")),
        ("xai-0123456789abcdef", Some("xai")),
        ("nvapi-0123_456-789abc", Some("nvidia")),
        ("csk-0123456789abcdef", Some("cerebras")),
        ("bce-v3/ALTAK-abcDEF/0123456789abcdef", Some("qianfan")),
        ("0f3a9c1b2d4e5f60718293a4b5c6d7e8", None),
        ("0f3a9c1b-2d4e-5f60-7182-93a4b5c6d7e8", None),
        ("accesskey:c2VjcmV0+/==", None),
        (jwt, None),
    ] {
        check(secret, &[&format!("1 {secret} - - -")]);
        assert_eq!(guess_provider(secret), provider, "{secret}");
    }
}

#[test]
fn what_cannot_be_a_key_is_refused_with_its_line() {
    let long = "a1".repeat(2049);
    for (text, reason) in [
        ("short", Refusal::TooShort),
        (long.as_str(), Refusal::TooLong),
        ("schlüssel-1234", Refusal::BadCharacters),
        ("your-api-key-here", Refusal::Placeholder),
        ("sk-xxxxxxxxxxxx", Refusal::Placeholder),
        ("sk-...", Refusal::Placeholder),
        ("sk-…wxyz", Refusal::Placeholder),
        ("sk-abc***wxyz", Refusal::Placeholder),
        ("https://api.test/v1", Refusal::NotAKey),
    ] {
        assert_eq!(refused(&format!("\n{text}")), [(2, reason)], "{text}");
    }
    assert_eq!(read(&"a1".repeat(2048)).len(), 1);
}

#[test]
fn the_first_of_equal_keys_is_kept() {
    let pasted = parse("mock-good-1|5\nmock-good-2\nBearer mock-good-1");
    assert_eq!(pasted.entries.len(), 2);
    assert_eq!(pasted.entries[0].weight, Some(5));
    assert_eq!((pasted.refused[0].line, pasted.refused[0].reason.name()), (3, "duplicate"));
    assert_eq!(pasted.refused[0].shown, "…d-1");
    assert!(!pasted.refused[0].reason.message().is_empty());
}

#[test]
fn ten_thousand_lines_are_all_understood() {
    let text: String = (0..10_000).map(|n| format!("sk-proj-made-up-{n:06}|{}|key {n}\r\n", n % 101)).collect();
    let pasted = parse(&text);
    assert_eq!((pasted.entries.len(), pasted.refused.len()), (10_000, 0));
    assert_eq!(pasted.entries[9_999].line, 10_000);
    let json = format!("[{}]", (0..10_000).map(|n| format!("\"made-up-{n:06}\"")).collect::<Vec<_>>().join(",\n"));
    assert_eq!(parse(&json).entries[9_999].line, 10_000);
}

#[test]
fn nothing_pasted_panics_or_vanishes() {
    let mut state = 1_u64;
    for _ in 0..20_000 {
        let text: String = (0..40)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let signs: Vec<char> = "ab1-_=|,;:#\"'[]{}\\\n\r\t …é".chars().collect();
                signs[usize::try_from(state >> 33).unwrap() % signs.len()]
            })
            .collect();
        let pasted = parse(&text);
        for entry in &pasted.entries {
            assert!(text.contains(&entry.secret) && entry.secret.len() >= 8, "{text:?}");
        }
    }
}

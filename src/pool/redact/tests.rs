//! What is shown and what is not, with keys in the shape of real ones (all made up).
use super::{mask, redact_line};

#[test]
fn a_mask_tells_keys_apart_and_gives_nothing_away() {
    for (secret, masked) in [
        ("sk-1234567890abcdefghijwxyz", "sk-…wxyz"),
        ("sk-ant-made-up-made-up-0123", "sk-…0123"),
        ("sk-made-up", "…up"),
        ("sk-made-up-12", "…p-12"),
        ("AIzaSyA0123456789abcdefghijklmnopqrstuv", "…stuv"),
        ("gsk_0123456789abcdefghijABCD", "gsk_…ABCD"),
        ("mock-good-1", "…d-1"),
        ("abcdefghijkl", "…ijkl"),
        ("12345678", "…"),
        ("", "…"),
        ("ключключключключ", "…ключ"),
    ] {
        assert_eq!(mask(secret), masked, "{secret}");
    }
    for length in 0..100 {
        let secret: String = "sk-proj-0123456789".chars().cycle().take(length).collect();
        let shown = mask(&secret).chars().count() - 1;
        assert!(shown * 3 <= length && (shown == 0 || length - shown >= 8), "{length}");
    }
}

#[test]
fn what_looks_like_a_key_is_gone() {
    for secret in [
        "sk-abcdefghijklmnopqrst",
        "sk-proj-a_b-cdefgh",
        "sk-abc***xyz",
        "na***ys",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "gsk_0123456789abcdef",
        "xai-abcdef0123",
        "nvapi-abc_def-ghi",
        "bce-v3/ALTAK-aBcDeFgHiJ/0123456789abcdef",
        "0f3a9c1b2d4e5f60718293a4b5c6d7e8",
        "16f2151a-40f4-4a80-8ad0-cae00c27e8dd",
        "org_01kjh7p9n8f1qs6nz2bz77vy6b",
        "QmFzZTY0IGlzIG5vdCBhIHNlY3JldA==",
        "abcdefghijklmnopqrstuvwxyzabcdef1",
    ] {
        let line = redact_line(&format!("Incorrect API key provided: {secret}. See `{secret}`"), &[]);
        assert_eq!(line, "Incorrect API key provided: [redacted]. See `[redacted]`", "{secret}");
    }
    assert_eq!(redact_line("no Bearer mock-good-1, please", &[]), "no Bearer [redacted], please");
    assert_eq!(redact_line("Incorrect API key provided: mock-dead-1.", &[]), "Incorrect API key provided: [redacted].");
    assert_eq!(redact_line("key tiny! is bad", &["tiny!", ""]), "key [redacted] is bad");
}

#[test]
fn words_names_and_links_stay_readable() {
    for line in [
        "The model `claude-3-5-sonnet-20241022` does not exist",
        "meta-llama/Llama-3.3-70B-Instruct-Turbo at capacity",
        "qwen3-235b-a22b-instruct-2507, gpt-4o-mini-2024-07-18",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
        "MODEL_CAPACITY_EXHAUSTED at 2026-11-20T13:00:00Z",
        "see https://platform.openai.com/docs/guides/error-codes/api-errors",
        "Missing bearer authentication in header",
        "Unknown parameter provided: max_tokens",
        "余额不足, please recharge",
    ] {
        assert_eq!(redact_line(line, &[]), line);
    }
}

#[test]
fn a_line_is_one_short_line() {
    assert_eq!(redact_line(" a\r\n\tb\u{0} \u{202e}c\u{7f}\u{1b}[31m ", &[]), "a b c[31m");
    let long = redact_line(&"é ".repeat(300), &[]);
    assert_eq!(long.chars().count(), 200);
    assert!(long.ends_with('…'));
    assert_eq!(redact_line(&"b ".repeat(100), &[]).len(), 199);
    assert_eq!(redact_line("", &[]), "");
}

//! Texts that people paste and providers send.
use crate::fuzz;
use keypool::{
    config,
    pool::{foreign, paste, reset},
    record::glob,
};
use proptest::{prop_assert, prop_assert_eq};
use std::collections::HashSet;

const NOW: u64 = 1_800_000_000_000;

#[test]
fn of_a_paste_every_key_is_taken_once_and_whole() {
    let words = &[
        "sk-proj-0123456789abcdef",
        "\n",
        "\r\n",
        ",",
        ";",
        "|",
        "Bearer ",
        "\"",
        "'",
        "#",
        "OPENAI_API_KEY=",
        "export ",
        "[",
        "]",
        "{\"key\":\"",
        "\"}",
        " ",
        "\t",
        "\u{feff}",
        "10",
        "101",
        "sk-...",
        "https://",
    ];
    fuzz("paste", words, |bytes, _| {
        let text = String::from_utf8_lossy(bytes);
        let pasted = paste::parse(&text);
        let lines = text.matches(['\n', '\r']).count() + 1;
        let mut seen = HashSet::new();
        for entry in &pasted.entries {
            prop_assert!(seen.insert(entry.secret.clone()), "{} was taken twice", entry.secret);
            prop_assert!(
                (8..=4096).contains(&entry.secret.len()) && entry.secret.bytes().all(|byte| byte.is_ascii_graphic())
            );
            prop_assert!(entry.weight.is_none_or(|weight| weight <= 100));
            prop_assert!(entry.label.as_ref().is_none_or(|label| !label.is_empty() && label.chars().count() <= 200));
            prop_assert!(usize::try_from(entry.line).unwrap() <= lines);
            prop_assert!(
                pasted.refused.iter().all(|refused| !refused.shown.contains(&entry.secret)),
                "a key is shown whole"
            );
            // What is exported of it reads as the same key again.
            let label = entry.label.as_deref().unwrap_or_default();
            let again = paste::parse(&paste::line(&entry.secret, entry.weight.unwrap_or(7), label));
            prop_assert_eq!(again.refused.len(), 0);
            let weight = Some(entry.weight.unwrap_or(7));
            let expected = paste::Entry { line: 1, weight, provider: None, ..entry.clone() };
            prop_assert_eq!(again.entries, [expected]);
        }
        Ok(())
    });
}

#[test]
fn of_another_pools_export_no_key_is_half_taken_and_none_is_shown() {
    let words = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\n",
        "\n",
        "null",
        "\"data\":",
        "\"items\":",
        "\"results\":",
        "\"groups\":",
        "\"api_keys\":",
        "\"key\":\"sk-word-000001\"",
        "\"type\":3",
        "\"type\":18446744073709551615",
        "\"base_url\":\"//\"",
        "\"models\":\",,\"",
        "\"weight\":-1",
        "https://",
        "/v1",
        "é",
    ];
    fuzz("import", words, |bytes, dice| {
        let text = String::from_utf8_lossy(bytes);
        let from = [None, Some(0), Some(1), Some(2)][(dice % 4) as usize].map(|n: usize| foreign::From::ALL[n]);
        let Some((_, found)) = foreign::read(&text.as_ref().into(), from) else { return Ok(()) };
        for entry in &found.entries {
            let secret = &entry.secret;
            prop_assert!((8..=4096).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert!(
                entry.line > 0 && entry.models.len() <= 100 && entry.weight.is_none_or(|weight| weight <= 100)
            );
            // Of a masked key eight letters in a row may be seen, and a key may have no more.
            let seen = found.refused.iter().any(|refused| refused.shown.contains(secret.as_str()));
            prop_assert!(!seen || secret.len() == 8, "a key is shown whole");
        }
        Ok(())
    });
}

#[test]
fn a_wait_is_never_longer_than_is_believed() {
    let words = &[
        "retry-after: ",
        "\n",
        "x-ratelimit-reset-requests: ",
        "x-ratelimit-remaining-requests: 0\n",
        "anthropic-ratelimit-tokens-reset: ",
        "-1",
        "1e99",
        "NaN",
        "99999999999999999999",
        "1h2m3s",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "2026-11-26T00:00:00Z",
        "Please try again in ",
        "retryDelay\": \"",
        "ms",
        ".",
        "0",
    ];
    fuzz("reset", words, |bytes, _| {
        let (head, body) = bytes.split_at(bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len()));
        let text = String::from_utf8_lossy(head);
        let headers: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_string()))
            .collect();
        for wait in [reset::wait_ms(&headers, body, NOW), reset::used_up_ms(&headers, NOW)].into_iter().flatten() {
            prop_assert!(wait <= reset::MAX_WAIT_MS);
        }
        Ok(())
    });
}

#[test]
fn settings_are_within_their_bounds_or_named() {
    let words = &[
        "=",
        "\n",
        "max_attempts",
        "session_ms",
        "time_zone",
        "request_log",
        "-1",
        "0",
        "1e3",
        "4294967296",
        "true",
        "meta",
        " ",
        "UTC",
    ];
    fuzz("config", words, |bytes, dice| {
        let text = String::from_utf8_lossy(bytes);
        let said =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_string);
        match config::read(said, dice % 2 == 0, |zone| zone == "UTC") {
            Ok(config) => {
                prop_assert!(config.max_attempts >= 1 && config.session_ms >= 60_000 && config.time_zone == "UTC")
            }
            Err(problems) => prop_assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.is_empty())),
        }
        Ok(())
    });
}

#[test]
fn a_glob_is_matched_as_a_plain_search_would() {
    fuzz("glob", &["*", "**", "\n", "gpt-4", "o", "-mini", "?", ".", "[a]", "\u{e9}"], |bytes, _| {
        let text = String::from_utf8_lossy(bytes);
        let (pattern, name) = text.split_once('\n').unwrap_or((&text, ""));
        if !pattern.contains('*') {
            prop_assert_eq!(glob::matches(pattern, name), pattern.eq_ignore_ascii_case(name));
        }
        let (longer, wider) = (format!("{name}*"), format!("*{pattern}*"));
        prop_assert!(glob::matches("*", name) && glob::matches(&longer, name));
        prop_assert!(!glob::matches(pattern, name) || glob::matches(&wider, name));
        Ok(())
    });
}

//! Requests' bodies: what is found in them and what is put into them.
use crate::{fuzz, pieces};
use keypool::{
    body::{
        Scanner, Seen,
        edit::{Edit, Wish, edit},
        rules::Ready,
    },
    json,
    record::rule::{Action, Rule},
};
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseResult};
use serde_json::Value;
use std::rc::Rc;

const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\\"",
    "\\u006d",
    "\"model\"",
    "\"model\":\"x\"",
    "\"stream\":true",
    "\"stream_options\":{\"include_usage\":false}",
    "\"messages\"",
    "\"role\"",
    "\"x\":1",
    "null",
    "true",
    "1e9",
    " ",
    "\n",
    "\u{e9}",
    "_kp0123456789abcdef01234567\"",
];

fn scanned(kind: &str, windows: &[&[u8]]) -> Scanner {
    let mut scanner = Scanner::of(kind);
    windows.iter().for_each(|window| scanner.feed(window));
    scanner
}

#[test]
fn a_body_reads_the_same_however_it_is_cut_and_as_a_whole_parser_reads_it() {
    fuzz("body", WORDS, |body, dice| {
        let seen = scanned("application/json", &[body]).seen().clone();
        let cut = scanned("application/json", &pieces(body, dice));
        prop_assert_eq!(&seen, cut.seen());
        for range in seen.model.iter().map(|model| &model.range).chain(&seen.stream_options) {
            prop_assert!(range.start <= range.end && range.end <= body.len());
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(Value::Object(root)) => agrees(&seen, &root),
            _ => Ok(()),
        }
    });
}

fn agrees(seen: &Seen, root: &serde_json::Map<String, Value>) -> TestCaseResult {
    let model = root.get("model").and_then(Value::as_str).filter(|model| model.len() < 100);
    if let Some(model) = model {
        prop_assert_eq!(seen.model.as_ref().map(|found| found.value.as_str()), Some(model));
    }
    prop_assert_eq!(seen.stream, root.get("stream").and_then(Value::as_bool));
    prop_assert_eq!(seen.stream_options.is_some(), root.contains_key("stream_options"));
    Ok(())
}

#[test]
fn of_a_whole_body_an_edit_changes_what_it_shall_and_nothing_else() {
    let rule = |name: &str, action| {
        Rc::new(Ready {
            id: name.into(),
            source: None,
            rule: Rule {
                enabled: true,
                provider: "*".into(),
                model: "*".into(),
                action,
                name: name.into(),
                about: String::new(),
                created: 0,
            },
        })
    };
    let rules = [rule("x", Action::Drop), rule("forced", Action::Force(Value::from(7)))];
    fuzz("body", WORDS, |body, dice| {
        let scanner = scanned("application/json", &pieces(body, dice));
        let Edit { patches, is_blind, .. } =
            edit(&scanner, &Wish { model: Some("new \"name\""), asks: false, rules: &rules }, &|range| {
                body[range].to_vec()
            });
        let mut after = Vec::new();
        let mut from = 0;
        for patch in &patches {
            prop_assert!(from <= patch.at.start && patch.at.end <= body.len(), "patches overlap");
            after.extend_from_slice(&body[from..patch.at.start]);
            after.extend_from_slice(&patch.with);
            from = patch.at.end;
        }
        after.extend_from_slice(&body[from..]);
        let Ok(Value::Object(mut wanted)) = serde_json::from_slice(body) else { return Ok(()) };
        if is_blind {
            return Ok(());
        }
        wanted.remove("x");
        wanted.insert("forced".into(), 7.into());
        if scanner.seen().model.is_some() {
            wanted.insert("model".into(), "new \"name\"".into());
        }
        let got: Value = serde_json::from_slice(&after).map_err(|error| {
            proptest::test_runner::TestCaseError::fail(format!("{error}: {}", String::from_utf8_lossy(&after)))
        })?;
        prop_assert_eq!(got, Value::Object(wanted));
        Ok(())
    });
}

#[test]
fn a_form_reads_the_same_however_it_is_cut() {
    let words = &[
        "--b",
        "--b--",
        "\r\n",
        "\r\n\r\n",
        "\r\n--b\r\n",
        "Content-Disposition: form-data; name=\"model\"",
        "name=",
        "\"",
        "whisper-1",
        "-",
        "\r",
        "\n",
    ];
    fuzz("form", words, |body, dice| {
        let kind = "multipart/form-data; boundary=b";
        let whole = scanned(kind, &[body]);
        let cut = scanned(kind, &pieces(body, dice));
        prop_assert_eq!(whole.seen(), cut.seen());
        if let Some(model) = &whole.seen().model {
            prop_assert_eq!(&body[model.range.clone()], model.value.as_bytes());
        }
        Ok(())
    });
}

#[test]
fn json_is_read_as_the_library_reads_it() {
    fuzz("body", WORDS, |body, _| {
        let Ok(text) = std::str::from_utf8(body) else { return Ok(()) };
        let (ours, theirs) = (json::read(text), serde_json::from_str::<Value>(text));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        Ok(())
    });
}

//! Ids and answers, against a parser.
mod lists;

use super::*;
use serde_json::{Value, json};
use std::rc::Rc;

const KEY: &str = "0123456789abcdef";

/// FNV-1a in the place of a digest.
fn digest(seed: u64, message: &str) -> String {
    format!("{:016x}", message.bytes().fold(seed, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x100_0000_01b3)))
}

fn sign(message: &str) -> String {
    digest(0xcbf2_9ce4_8422_2325, message)
}

fn tags(key: &'static str) -> Tag {
    Rc::new(move |id| tag(id, key, &sign))
}

fn tagged(id: &str) -> String {
    format!("{id}{}", tag(id, KEY, &sign))
}

#[test]
fn an_id_leads_back_to_its_key_and_no_other_text_does() {
    for id in ["file-abc", "resp_0a-_Z", "0b1c2d3e-0000-4000-8000-1234567890ab", "x", &tagged("file-1")] {
        let text = tagged(id);
        let read = |text: &str| read(text, &sign).map(|t| (t.id.to_string(), t.key.to_string()));
        assert_eq!(read(&text), Some((id.into(), KEY.into())));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(read(std::str::from_utf8(&other).unwrap()), None, "{text} at {at}");
        }
        assert_eq!(read(&text[1..]), None);
        assert_eq!(read(&format!("{text}0")), None);
        assert_eq!(super::read(&text, &|m| digest(7, m)), None);
    }
    for text in ["", "_kp", &tag("", KEY, &sign), "file-1", "ä", &format!("a b{}", tag("a b", KEY, &sign))] {
        assert_eq!(read(text, &sign), None, "{text}");
    }
}

#[test]
fn paths_and_queries_lose_their_tags() {
    let (run, file) = (tagged("run_1"), tagged("file-1"));
    let out = taken_out(&format!("threads/thread_2/runs/{run}/steps"), &sign);
    assert_eq!(out, Some(("threads/thread_2/runs/run_1/steps".into(), vec![KEY.into()])));
    let out = taken_out(&format!("limit=2&after={file}&x"), &sign);
    assert_eq!(out, Some(("limit=2&after=file-1&x".into(), vec![KEY.into()])));
    for text in ["", "files/file-1", "files/file-1_kp", &format!("files/{file}0"), &format!("files/x{file}")] {
        assert_eq!(taken_out(text, &sign), None, "{text}");
    }
}

#[test]
fn a_strings_end_names_the_key_when_all_of_it_is_an_id() {
    let named = |text: String| last(text.as_bytes(), &sign);
    assert_eq!(named(format!("x, \"{}", tagged("file-1"))), Some(KEY.into()));
    assert_eq!(named(format!("\"fileid://{}", tagged("file-1"))), Some(KEY.into()));
    for text in [tagged("file-1"), format!("\"see {}", tagged("file-1")), format!("\"\\n{}", tagged("file-1"))] {
        assert_eq!(named(text), None);
    }
}

#[test]
fn only_what_keeps_something_is_tagged() {
    for (rest, expected) in [
        ("responses", Some(Kept::Talks)),
        ("conversations/c/items", Some(Kept::Talks)),
        ("files", Some(Kept::Objects)),
        ("fine_tuning/jobs/j/events", Some(Kept::Objects)),
        ("files/f/content", None),
        ("containers/c/files/f/content", None),
        ("chat/completions", None),
        ("models", None),
        ("filesystem", None),
    ] {
        assert_eq!(kept(rest), expected, "{rest}");
    }
}

/// The straightforward way: parse, walk, tag.
fn walk(kept: Kept, value: &mut Value, role: place::Role, owned: bool, foreign: bool) {
    use place::Role;
    match value {
        Value::String(text) if !foreign && tag::is_id(text) && text.len() < 170 && role.fits(text) => {
            *text = tagged(text);
        }
        Value::Array(items) => {
            for item in items {
                let owned = role == Role::Owner && item.is_object();
                walk(kept, item, role, owned, foreign || role == Role::Foreign);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                let role = if foreign { Role::Other } else { kept.role(name, owned) };
                walk(kept, value, role, role == Role::Owner, foreign || role == Role::Foreign);
            }
        }
        _ => {}
    }
}

fn passed(kept: Kept, events: bool, pieces: &mut dyn Iterator<Item = &[u8]>) -> String {
    let mut marker = Marker::new(kept, events, tags(KEY));
    String::from_utf8(pieces.flat_map(|piece| marker.pass(piece)).collect()).unwrap()
}

/// However it is cut, it comes out the same. Answers what comes out.
fn cut(kept: Kept, events: bool, text: &str) -> String {
    let whole = passed(kept, events, &mut [text.as_bytes()].into_iter());
    for size in (1..40).chain([100, 1000]) {
        assert_eq!(passed(kept, events, &mut text.as_bytes().chunks(size)), whole, "pieces of {size}");
    }
    for at in 0..=text.len() {
        let (one, two) = text.as_bytes().split_at(at);
        assert_eq!(passed(kept, events, &mut [one, two].into_iter()), whole, "cut at {at}");
    }
    whole
}

fn check(kept: Kept, value: &Value, expected: &[&str]) {
    for text in [serde_json::to_string(value).unwrap(), serde_json::to_string_pretty(value).unwrap()] {
        let out = cut(kept, false, &text);
        let mut reference = value.clone();
        walk(kept, &mut reference, place::Role::Other, true, false);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), reference);
        let mut plain = out.clone();
        for id in expected {
            assert!(out.contains(&format!("\"{}\"", tagged(id))), "{id} in {out}");
            plain = plain.replace(&tag(id, KEY, &sign), "");
        }
        assert_eq!(plain, text, "nothing else is changed");
    }
}

#[test]
fn a_batch_and_a_job_have_all_their_ids_tagged() {
    let batch = json!({"id": "batch_1", "object": "batch", "input_file_id": "file-1", "output_file_id": null,
        "error_file_id": "file-2", "completion_window": "24h", "purpose": "batch_output",
        "metadata": {"id": "file-9", "user_id": "u1", "deep": [{"file_id": "file-8"}]}, "request_counts": {"total": 1}});
    check(Kept::Objects, &batch, &["batch_1", "file-1", "file-2"]);
    let job = json!({"id": "ftjob-1", "training_file": "file-1", "result_files": ["file-2", "file-3"],
        "model": "ft:gpt", "organization_id": "org-1", "validation_file": "other", "hyperparameters": {"n_epochs": 4}});
    check(Kept::Objects, &job, &["ftjob-1", "file-1", "file-2", "file-3"]);
    let other = json!({"id": "0b1c2d3e-0000-4000-8000-1234567890ab", "object": "file"});
    check(Kept::Objects, &other, &["0b1c2d3e-0000-4000-8000-1234567890ab"]);
}

#[test]
fn a_threads_answer_is_tagged_but_for_what_the_model_said() {
    let list = json!({"object": "list", "first_id": "msg_1", "last_id": "msg_1", "has_more": false, "data": [
        {"id": "msg_1", "thread_id": "thread_1", "run_id": "run_1", "content": [
            {"type": "text", "text": {"value": "file-7", "annotations": [{"file_citation": {"file_id": "file-1"}}]}}],
         "attachments": [{"file_id": "file-2", "tools": [{"type": "code_interpreter"}]}]}]});
    check(Kept::Objects, &list, &["msg_1", "thread_1", "run_1", "file-1", "file-2"]);
    let run = json!({"id": "run_1", "required_action": {"submit_tool_outputs": {"tool_calls": [
        {"id": "call_1", "function": {"name": "run_code", "arguments": "{\"file_id\":\"file-1\"}"}}]}}});
    check(Kept::Objects, &run, &["run_1"]);
}

#[test]
fn a_response_has_its_own_id_and_those_of_known_kinds_tagged() {
    let response = json!({"id": "resp_1", "object": "response", "previous_response_id": "resp_0",
        "conversation": {"id": "conv_1"}, "metadata": {"file_id": "file-1"}, "user": "file-1", "output": [
            {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "file-5", "annotations": [
                {"type": "file_citation", "file_id": "file-6"}, {"container_id": "cntr_1", "file_id": "cfile_1"}]}]},
            {"id": "fc_1", "type": "function_call", "name": "run_id", "call_id": "call_1", "arguments": "{\"id\":\"run_1\"}"}],
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1", "vs_2"]},
            {"type": "code_interpreter", "container": "cntr_2"},
            {"type": "function", "name": "f", "parameters": {"properties": {"id": {"type": "string"}}, "required": ["id"]}}]});
    let ids = ["resp_1", "resp_0", "conv_1", "file-6", "cntr_1", "cfile_1", "vs_1", "vs_2", "cntr_2"];
    check(Kept::Talks, &response, &ids);
    check(Kept::Talks, &json!({"id": "0b1c-uuid", "output": [{"id": "x"}]}), &["0b1c-uuid"]);
}

#[test]
fn what_is_no_json_or_no_id_passes_as_it_is() {
    for text in [
        "",
        "no json \" at { all",
        r#"{"id": 7, "a_id": null, "b_id": "with space", "c_id": "esc\u0061ped", "d_id": "a\"b", "e_id": ""}"#,
        r#"{"id": "unfinished"#,
        r#"["id", "file-1"]"#,
        r#"{"i\u0064": "file-1"}"#,
        "}}]]\":,{",
    ] {
        assert_eq!(cut(Kept::Objects, false, text), text);
    }
    let long = format!(r#"{{"id": "{}"}}"#, "x".repeat(400));
    assert_eq!(cut(Kept::Objects, false, &long), long);
    let deep = format!("{}{}", r#"{"a":"#.repeat(300), r#"{"id":"file-1"}"#);
    assert_eq!(passed(Kept::Objects, false, &mut [deep.as_bytes()].into_iter()), deep);
}

#[test]
fn an_event_stream_is_tagged_event_by_event() {
    let r = tagged("resp_1");
    for line in ["\n", "\r\n", "\r"] {
        let stream = |id: &str| {
            [
                "\u{feff}: {\"id\": \"resp_1\"}",
                "event: response.created",
                &format!(r#"data: {{"type":"response.created","response":{{"id":"{id}","output":[]}}}}"#),
                "",
                r#"data: {"type":"response.output_text.delta","item_id":"msg_1","delta":"\"id\": resp_1"}"#,
                "",
                // Broken off; the next one is read all the same.
                r#"data: {"response":{"id":"resp_1"#,
                "",
                "data: {\"response\":",
                &format!(r#"data:  {{"id":"{id}"}}}}"#),
                "id: 7",
                "",
                "data: [DONE]",
                "",
            ]
            .join(line)
        };
        assert_eq!(cut(Kept::Talks, true, &stream("resp_1")), stream(&r), "{line:?}");
    }
}

#[test]
fn an_events_tag_goes_out_with_the_bytes_before_it() {
    let mut marker = Marker::new(Kept::Talks, true, tags(KEY));
    assert_eq!(marker.pass(b"data: {\"response\":{\"id\":\"resp_1"), b"data: {\"response\":{\"id\":\"resp_1");
    assert_eq!(marker.pass(b"\",\""), format!("{}\",\"", tag("resp_1", KEY, &sign)).as_bytes());
}

/// A fixed seed, so that a failure comes back.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % n).unwrap()
    }

    fn value(&mut self, depth: u64) -> Value {
        let names = [
            "id",
            "file_id",
            "file_ids",
            "metadata",
            "item",
            "response",
            "conversation",
            "call_id",
            "a",
            "text",
            "container",
            "result_files",
            "previous_response_id",
            "",
        ];
        let words = ["file-1", "resp_2", "x", "run_3", "call_4", "a b", "ü", "\"", "\\", "\n", "conv_5", "cntr_6"];
        match self.below(if depth == 0 { 3 } else { 6 }) {
            0 => json!(self.below(100)),
            1 | 2 => json!(words[self.below(12)]),
            3 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => {
                let fields = (0..self.below(5)).map(|_| (names[self.below(14)].into(), self.value(depth - 1)));
                Value::Object(fields.collect())
            }
        }
    }
}

#[test]
fn whatever_json_passes_comes_out_as_a_parser_would_tag_it() {
    let mut dice = Dice(5);
    for _ in 0..1000 {
        let value = Value::Object([("r".to_string(), dice.value(6))].into_iter().collect());
        for kept in [Kept::Talks, Kept::Objects] {
            let mut reference = value.clone();
            walk(kept, &mut reference, place::Role::Other, true, false);
            let text = value.to_string();
            let size = 1 + dice.below(30);
            let out = passed(kept, false, &mut text.as_bytes().chunks(size));
            assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), reference, "{text}");
            let event = format!("data: {text}\n\n");
            let out = passed(kept, true, &mut event.as_bytes().chunks(size));
            assert_eq!(out, format!("data: {reference}\n\n"), "{text}");
        }
    }
}

#[test]
fn garbage_passes_with_nothing_taken_away() {
    let mut dice = Dice(6);
    let letters = b"{}[]\":,\\\n\r d a t a :idfile-1_";
    for _ in 0..5000 {
        let text: Vec<u8> = (0..dice.below(60)).map(|_| letters[dice.below(29)]).collect();
        for events in [false, true] {
            let mut marker = Marker::new(Kept::Objects, events, Rc::new(|_| "#".into()));
            let whole = marker.pass(&text);
            let out: Vec<u8> = whole.iter().copied().filter(|b| *b != b'#').collect();
            assert_eq!(out, text);
            let mut marker = Marker::new(Kept::Objects, events, Rc::new(|_| "#".into()));
            let cut: Vec<u8> = text.chunks(1 + dice.below(9)).flat_map(|piece| marker.pass(piece)).collect();
            assert_eq!(cut, whole);
        }
    }
}

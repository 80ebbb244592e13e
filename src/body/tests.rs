//! Both scanners against whole parsers, for every way to cut a body into windows.
mod conversation;
mod editing;
mod tagged;

use super::{Model, Patch, Scanner, Seen, edit};
use serde_json::Value;

fn scan(content_type: &str, body: &[u8], window: usize) -> Seen {
    let mut scanner = Scanner::of(content_type);
    body.chunks(window).for_each(|part| scanner.feed(part));
    scanner.seen().clone()
}

/// Scans in windows of every size, which must agree.
fn seen(content_type: &str, body: &[u8]) -> Seen {
    let whole = scan(content_type, body, body.len().max(1));
    for window in 1..40 {
        assert_eq!(scan(content_type, body, window), whole, "windows of {window}: {}", String::from_utf8_lossy(body));
    }
    whole
}

fn json(body: &str) -> Seen {
    seen("application/json", body.as_bytes())
}

fn model(body: &str) -> Option<String> {
    json(body).model.map(|m| m.value)
}

#[test]
fn fields_of_the_root_are_found() {
    let body = r#" {"messages":[{"role":"user","content":"say \"model\":\"x\" {{[\\"}], "model" : "gpt-4o" ,"stream":true,"n":1}"#;
    let found = json(body);
    let Model { value, range } = found.model.unwrap();
    assert_eq!((value.as_str(), &body[range]), ("gpt-4o", "gpt-4o"));
    assert_eq!((found.stream, found.stream_options, found.root), (Some(true), None, Some(1)));
    assert_eq!(json(r#"{"stream":false,"stream_options":null}"#).stream, Some(false));
    let body = r#"{"stream_options": {"a":[{}],"include_usage":true} ,"n":1}"#;
    assert_eq!(&body[json(body).stream_options.unwrap()], r#"{"a":[{}],"include_usage":true}"#);
}

#[test]
fn only_the_root_counts_and_the_last_one_wins() {
    assert_eq!(model(r#"{"a":{"model":"x"},"b":[{"model":"y"}]}"#), None);
    assert_eq!(model(r#"{"model":"x","model":"y"}"#).unwrap(), "y");
    assert_eq!(model(r#"{"model":"x","model":7}"#), None);
    assert_eq!(model(r#"{"model":"x","model":null}"#), None);
    assert_eq!(json(r#"{"stream":true,"stream":"yes"}"#).stream, None);
    assert_eq!(model(r#"{"model":"x"}{"model":"y"}"#).unwrap(), "x");
}

#[test]
fn escapes_are_decoded_in_keys_and_values() {
    let body = r#"{"\u006dodel":"a\/b \u00e9\n\\","\u0073\u0074\u0072\u0065\u0061\u006d\u005f\u006f\u0070\u0074\u0069\u006f\u006e\u0073":1}"#;
    let found = json(body);
    assert_eq!(found.model.as_ref().unwrap().value, "a/b é\n\\");
    assert_eq!(&body[found.model.unwrap().range], r"a\/b \u00e9\n\\");
    assert_eq!(&body[found.stream_options.unwrap()], "1");
    assert_eq!(model(r#"{"model\\":"x"}"#), None);
}

#[test]
fn what_is_no_object_or_no_json_gives_nothing() {
    for body in ["", "  ", "[{\"model\":\"x\"}]", "\"model\"", "\u{feff}{\"model\":\"x\"}", "7", "model=x"] {
        assert_eq!(json(body), Seen::default(), "{body}");
    }
    for body in [
        r#"{"model""x"}"#,
        r#"{"model":,"x"}"#,
        r#"{model:"x"}"#,
        r#"{"a" "model":"x"}"#,
        r#"{,"model":"x"}"#,
        r#"{"model":"x"#,
        r#"{"model":"\ud800"}"#,
        "{\"model\":\"a\nb\"}",
        r#"{"stream":trueish}"#,
        r#"{"stream":true"#,
    ] {
        assert_eq!(json(body), Seen { root: Some(0), ..Seen::default() }, "{body}");
    }
    assert_eq!(seen("application/json", b"{\"model\":\"\xff\"}").model, None);
}

#[test]
fn memory_is_bounded() {
    assert_eq!(model(&format!("{{\"model\":\"{}\"}}", "x".repeat(1024))).unwrap().len(), 1024);
    assert_eq!(model(&format!("{{\"model\":\"{}\"}}", "x".repeat(1025))), None);
    assert_eq!(model(&format!("{{\"{}\":1,\"model\":\"y\"}}", "x".repeat(5000))).unwrap(), "y");
    assert_eq!(model(&("{\"a\":".repeat(5000) + "{\"model\":\"x\"}")), None);
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

const TOKENS: [&str; 38] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\"model\"",
    "\"stream\"",
    "\"stream_options\"",
    "true",
    "false",
    "null",
    "1.5e3",
    "\"x\"",
    "\"\\\"\"",
    "\"mod\\u0065l\"",
    "\"\\\\\"",
    "\"model\":\"gpt\"",
    "\"stream\":true",
    "\"a\":{\"model\":\"no\"}",
    "\"b\":[1,{}]",
    ",\"model\":null",
    "\"é\"",
    "{\"model\":\"z\",",
    "\"\\ud83d\\ude00\"",
    "\\",
    "\"",
    "\t",
    "\"messages\"",
    "{\"messages\":[{",
    "\"role\"",
    "\"user\"",
    "\"role\":\"user\"",
    "\"input\":[{\"role\":\"user\"}]",
    "\"prompt_cache_key\":\"k\"",
    "\"content\":[{\"role\":\"no\"}]",
];

/// A body that is more often valid than not: fields between braces.
fn plausible(dice: &mut Dice) -> String {
    const KEYS: [&str; 6] = ["model", "stream", "stream_options", "mod\\u0065l", "a", "messages"];
    const VALUES: [&str; 13] = [
        "\"m\"",
        "\"a\\\"b\"",
        "true",
        "false",
        "null",
        "-1",
        "[\"model\",{\"model\":\"q\"}]",
        "{\"stream\":true}",
        "{\"include_usage\":false}",
        "\"\"",
        "[]",
        "{}",
        "\"\\u00e9\\/\"",
    ];
    let fields = (0..dice.roll(6)).map(|_| {
        let blank = ["", " ", "\r\n"][dice.roll(3)];
        format!("{blank}\"{}\"{blank}:{blank}{}{blank}", KEYS[dice.roll(6)], VALUES[dice.roll(13)])
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

#[test]
fn it_agrees_with_a_parser_on_everything_valid() {
    let mut dice = Dice(3);
    let mut valid = 0;
    for round in 0..60_000 {
        let body = if round % 2 == 0 {
            plausible(&mut dice)
        } else {
            (0..dice.roll(12)).map(|_| TOKENS[dice.roll(TOKENS.len())]).collect()
        };
        let window = 1 + dice.roll(9);
        let found = scan("application/json", body.as_bytes(), window);
        assert_eq!(found, scan("application/json", body.as_bytes(), 4096), "{body}");
        let Ok(Value::Object(fields)) = serde_json::from_str(&body) else { continue };
        valid += 1;
        assert_eq!(
            found.model.as_ref().map(|m| m.value.as_str()),
            fields.get("model").and_then(Value::as_str),
            "{body}"
        );
        assert_eq!(found.stream, fields.get("stream").and_then(Value::as_bool), "{body}");
        let stands = found.stream_options.clone().map(|range| serde_json::from_str::<Value>(&body[range]).ok());
        let said = fields.get("stream_options").map(|said| (!said.is_string()).then_some(said));
        assert_eq!(stands.as_ref().map(Option::as_ref), said, "{body}");
        if let Some(Model { range, .. }) = found.model {
            let patch = Scanner::of("").splice(range, "n\"é\\w");
            let mut bytes = body.into_bytes();
            bytes.splice(patch.at, patch.with);
            assert_eq!(serde_json::from_slice::<Value>(&bytes).unwrap()["model"], "n\"é\\w");
        }
    }
    assert!(valid > 25_000, "{valid}");
}

#[test]
fn a_stream_is_asked_for_its_usage_unless_the_client_has_spoken() {
    let check = |body: &str, expected: Option<&str>| {
        let found = editing::edited(&body.replacen('{', "{\"stream\":true,", 1), None, true, &[]);
        let asked = found.asked.then(|| found.after.replacen("\"stream\":true,", "", 1));
        assert_eq!(asked.as_deref(), expected);
    };
    assert!(!editing::edited("{}", None, true, &[]).asked, "it is no stream");
    check(r#" {"a":1}"#, Some(r#" {"stream_options":{"include_usage":true},"a":1}"#));
    check(r#"{"stream_options":{}}"#, Some(r#"{"stream_options":{"include_usage":true}}"#));
    check(r#"{"stream_options": { "x":1 }}"#, Some(r#"{"stream_options": {"include_usage":true, "x":1 }}"#));
    check(r#"{"stream_options":null}"#, Some(r#"{"stream_options":{"include_usage":true}}"#));
    for said in [r#"{"include_usage":false}"#, r#"{"x":1,"include_usage":null}"#, "\"yes\"", "7", "[]"] {
        check(&format!(r#"{{"stream_options":{said}}}"#), None);
    }
}

const FORM: &str = "multipart/form-data; charset=utf-8; boundary=\"--x Y\"";

fn part(headers: &str, content: &str) -> String {
    format!("----x Y\r\n{headers}\r\n\r\n{content}\r\n")
}

fn form(parts: &[String]) -> Seen {
    seen(FORM, format!("{}----x Y--\r\n", parts.concat()).as_bytes())
}

const MODEL: &str = "Content-Disposition: form-data; name=\"model\"";

#[test]
fn a_forms_fields_are_found_before_and_after_its_file() {
    let file =
        "content-type: audio/wav\r\nContent-Disposition: form-data; filename=\"a\\\"; name=\\\"model\\\"\"; name=file";
    let file = part(file, "\r\n--\r\n----x\r\r\n----x Z name=\"model\"\r\n\r\nno");
    let model = part(MODEL, "whisper-1");
    let stream = part("content-disposition:form-data;name=stream", "True");
    for parts in [vec![file.clone(), model.clone(), stream.clone()], vec![stream, model, file]] {
        let found = form(&parts);
        let Model { value, range } = found.model.unwrap();
        assert_eq!((value.as_str(), &parts.concat()[range]), ("whisper-1", "whisper-1"));
        assert_eq!((found.stream, found.root), (Some(true), None));
    }
}

#[test]
fn a_forms_odd_values_are_taken_as_they_are() {
    let value = |parts: &[String]| form(parts).model.map(|m| m.value);
    assert_eq!(value(&[part(MODEL, "a\r\nb\r\r\n--")]).unwrap(), "a\r\nb\r\r\n--");
    assert_eq!(value(&[part(MODEL, "")]).unwrap(), "");
    assert_eq!(value(&[part(MODEL, "a"), part(MODEL, "b")]).unwrap(), "b");
    assert_eq!(value(&[part(MODEL, &"x".repeat(1024))]).unwrap().len(), 1024);
    assert_eq!(value(&[part(MODEL, &"x".repeat(1025))]), None);
    assert_eq!(value(&[part(&format!("{MODEL}; filename=\"f\""), "a")]), None);
    assert_eq!(value(&[part(&format!("X-Long: {}\r\n{MODEL}", "y".repeat(9000)), "a")]).unwrap(), "a");
    assert_eq!(form(&["preamble\r\n".into(), part(MODEL, "a")]).model.unwrap().value, "a");
    assert_eq!(seen(FORM, format!("{}----x Y--\r\n{}", part("a: b", ""), part(MODEL, "a")).as_bytes()).model, None);
    assert_eq!(seen(FORM, &part(MODEL, "unfinished").as_bytes()[..40]).model, None);
    assert_eq!(Scanner::of(FORM).splice(3..4, "a\r\n\"b").with, b"a\"b");
}

#[test]
fn the_boundary_comes_from_the_content_type() {
    let boundary = super::multipart::boundary;
    assert_eq!(boundary("multipart/form-data; boundary=abc").unwrap(), "abc");
    assert_eq!(boundary("Multipart/Form-Data;Boundary = \"a b\" ; x=y").unwrap(), "a b");
    for none in
        ["application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=a", ""]
    {
        assert_eq!(boundary(none), None, "{none}");
    }
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(201))), None);
}

#[test]
fn noise_never_panics() {
    let mut dice = Dice(11);
    for _ in 0..30_000 {
        let pieces = ["\r\n", "----x Y", "--", MODEL, "\r\n\r\n", "a", "\r", "\n", ";", "\"", "name=", "\u{1}é"];
        let body: String = (0..dice.roll(20)).map(|_| pieces[dice.roll(pieces.len())]).collect();
        let (one, many) = (scan(FORM, body.as_bytes(), 1 + dice.roll(7)), scan(FORM, body.as_bytes(), 4096));
        assert_eq!(one, many, "{body:?}");
        assert!(one.model.is_none_or(|m| body.as_bytes()[m.range] == *m.value.as_bytes()), "{body:?}");
        super::multipart::boundary(&body);
    }
}

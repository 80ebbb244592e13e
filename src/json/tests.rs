use super::*;
use serde_json::json;

/// Texts that serde_json reads the same.
const GOOD: [&str; 27] = [
    "null",
    " true\r\n",
    "\tfalse ",
    "0",
    "-1",
    "18446744073709551615",
    "-9223372036854775808",
    "18446744073709551616",
    "1.5",
    "-0.25",
    "0.3",
    "1e3",
    "12E-1",
    "1e+2",
    "0.0e0",
    "\"\"",
    "\"é ↔ 😀\"",
    r#""\"\\\/\b\f\n\r\t""#,
    r#""\u00e9\u20AC\ud83d\ude00""#,
    "[]",
    "[ ]",
    "[1, [2, []], {\"a\": [3]}]",
    "{}",
    "{ }",
    r#"{"a":1,"b":{"c":null},"":true}"#,
    r#"{"a":1,"b":2,"a":3}"#,
    r#" { "a" : "x" , "b" : [ 1 , 2 ] } "#,
];

/// Texts that serde_json refuses too.
const BAD: [&str; 46] = [
    "",
    " ",
    "nul",
    "nulll",
    "True",
    "01",
    "-",
    "-01",
    "+1",
    ".5",
    "1.",
    "1.e1",
    "1e",
    "1e+",
    "1e+-1",
    "1e1.5",
    "--1",
    "1-1",
    "0x1",
    "1e400",
    "NaN",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u+123\"",
    "\"\\u12é\"",
    "\"\\ud800\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"a\nb\"",
    "\"\u{0}\"",
    "'a'",
    "[",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{a:1}",
    "{\"a\":1}]",
    "\u{feff}1",
];

#[test]
fn it_reads_what_serde_json_reads() {
    for text in GOOD {
        assert_eq!(read(text).ok(), serde_json::from_str(text).ok(), "{text}");
        assert!(read(text).is_ok(), "{text}");
    }
}

#[test]
fn it_refuses_what_serde_json_refuses() {
    for text in BAD {
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        assert!(read(text).is_err(), "{text}");
    }
}

/// The last bit of a fraction may differ.
fn rounded(value: Value) -> Value {
    let rounded = value.as_f64().filter(|_| value.is_f64()).map(|number| json!(format!("{number:.12e}")));
    rounded.unwrap_or(value)
}

/// Good texts cut off, with a character left out, and with one too many.
#[test]
fn it_agrees_with_serde_json_on_damaged_texts() {
    let agree = |text: &str| {
        let [ours, theirs] = [read(text).ok(), serde_json::from_str(text).ok()].map(|value| value.map(rounded));
        assert_eq!(ours, theirs, "{text}");
    };
    for text in GOOD {
        for (at, _) in text.char_indices() {
            let (before, after) = text.split_at(at);
            agree(before);
            agree(&format!("{before}{}", after.chars().skip(1).collect::<String>()));
            for more in ["\"", "\\", ",", "[", "]", "{", "}", ":", "0", "9", "-", ".", "e", " ", "\n", "u", "d800"] {
                agree(&format!("{before}{more}{after}"));
            }
        }
    }
}

#[test]
fn it_does_not_go_deeper_than_serde_json() {
    for (depth, good) in [(127, true), (128, false), (100_000, false)] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(read(&text).is_ok(), good, "{depth}");
        assert_eq!(serde_json::from_str::<Value>(&text).is_ok(), good, "{depth}");
    }
    let broad = format!("[{}1]", "[[]],{},".repeat(1000));
    assert_eq!(read(&broad).ok(), serde_json::from_str(&broad).ok());
}

#[test]
fn a_fault_is_found_where_it_is() {
    for (text, line, column) in [("", 1, 1), ("[1,]", 1, 4), ("{\n  \"a\": x}", 2, 8), ("1\n\n2", 3, 1), ("[\n1", 2, 2)]
    {
        assert_eq!(read(text), Err(Broken { line, column }), "{text}");
    }
}

#[test]
fn what_follows_the_first_value_is_left() {
    assert_eq!(read_first(" {\"a\":1}} , 2"), Some((json!({"a": 1}), "} , 2")));
    assert_eq!(read_first("{\"a\":"), None);
}

#[test]
fn what_is_written_is_what_serde_json_writes() {
    for value in [
        json!(null),
        json!([true, false, 0, -1, u64::MAX, i64::MIN]),
        json!({"a": [], "b": {}, "": [[], {"c": [1, {"d": null}]}], "é\n": 1}),
        json!((0..128).map(char::from).collect::<String>()),
        json!([1.5, -0.25, 0.3, 1.0, -100.0, 0.001, 123_456.789, 99_999_999_999.5]),
        json!("\\\"\u{7f}\u{80}é↔😀\u{2028}"),
    ] {
        assert_eq!(text(&value), value.to_string());
    }
}

#[test]
fn a_fraction_is_read_back_as_what_it_was() {
    for number in [1.5, -0.25, 0.3, 1.0, 100.0, 1e300, -2.5e-300, 0.1, 123_456.789, 1.0 / 3.0] {
        let back = read(&text(&json!(number))).unwrap().as_f64().unwrap();
        assert!((back - number).abs() <= number.abs() * 1e-13, "{number} {back}");
    }
}

#[test]
fn a_text_s_whole_numbers_have_their_places() {
    let text = r#" {"id":"c","choices":[{"index":0,"message":{"content":"\"usage\":{\\","refusal":null}}, "b", 7, [[8]]],
        "usage":{"prompt_tokens":12,"details":{"cached":4.5,"less":-1,"none":[],"no":{}}},"x":true,"a/b~":1,"y":false,"":1e2} "#;
    let found = [
        ("/choices/0/index", 0),
        ("/choices/2", 7),
        ("/choices/3/0/0", 8),
        ("/usage/prompt_tokens", 12),
        ("/a~1b~0", 1),
    ];
    let found: Vec<(String, u64)> = found.iter().map(|(at, number)| ((*at).to_string(), *number)).collect();
    assert_eq!(numbers(text), Some((found.clone(), " ")));
    let value = read(text).unwrap();
    assert!(found.iter().all(|(at, number)| value.pointer(at) == Some(&json!(number))), "{value}");
    // One that is cut is none.
    for end in (0..text.trim_end().len()).filter(|end| text.is_char_boundary(*end)) {
        assert_eq!(numbers(&text[..end]), None, "{}", &text[..end]);
    }
}

//! What rules, another model and the wish for the usage make of a body, against the same done to a parsed value.

use super::{
    Dice, Patch, Scanner,
    edit::{self, Wish},
    scan,
};
use crate::{
    body::{rules::Ready, scan::Json},
    record::rule::{Action, Rule},
};
use serde_json::{Map, Value, json};
use std::rc::Rc;

pub struct Edited {
    pub after: String,
    pub asked: bool,
    pub applied: Vec<String>,
    pub patches: usize,
    pub is_blind: bool,
}

fn rule(id: &str, name: &str, action: Action) -> Rc<Ready> {
    let [provider, model] = ["*", "*"].map(String::from);
    let rule = Rule { enabled: true, provider, model, action, name: name.into(), about: String::new(), created: 0 };
    Rc::new(Ready { id: id.into(), source: None, rule })
}

fn scanner(body: &str, window: usize) -> Scanner {
    let mut scanner = Scanner::Json(Json::default());
    body.as_bytes().chunks(window).for_each(|part| scanner.feed(part));
    scanner
}

fn patched(body: &str, patches: &[Patch]) -> String {
    let (mut after, mut from) = (Vec::new(), 0);
    for Patch { at, with } in patches {
        assert!(from <= at.start && at.start <= at.end, "patches stand in their order: {patches:?}");
        after.extend_from_slice(&body.as_bytes()[from..at.start]);
        after.extend_from_slice(with);
        from = at.end;
    }
    after.extend_from_slice(&body.as_bytes()[from..]);
    String::from_utf8(after).unwrap()
}

fn edited_in(body: &str, window: usize, wish: &Wish) -> Edited {
    let edit = edit::edit(&scanner(body, window), wish, &|at| body.as_bytes()[at].to_vec());
    let after = patched(body, &edit.patches);
    Edited { after, asked: edit.asked, applied: edit.applied, patches: edit.patches.len(), is_blind: edit.is_blind }
}

/// In windows of every size, which must agree.
pub fn edited(body: &str, model: Option<&str>, asks: bool, rules: &[Rc<Ready>]) -> Edited {
    let wish = Wish { model, asks, rules };
    let whole = edited_in(body, body.len().max(1), &wish);
    for window in 1..20 {
        assert_eq!(edited_in(body, window, &wish).after, whole.after, "windows of {window}: {body}");
    }
    whole
}

fn check(body: &str, rules: &[(&str, Action)], after: &str) {
    let rules: Vec<_> = rules.iter().map(|(name, action)| rule(name, name, action.clone())).collect();
    let edited = edited(body, None, false, &rules);
    assert_eq!(edited.after, after, "{body}");
    assert_eq!(edited.applied.is_empty(), body == after, "{body}");
    assert_eq!(edited.patches == 0, body == after, "{body}");
}

#[test]
fn a_parameter_is_dropped_with_its_comma() {
    let drop = |body: &str, after: &str| check(body, &[("x", Action::Drop)], after);
    drop(r#"{"x":1,"a":2}"#, r#"{"a":2}"#);
    drop(r#"{ "a":2 , "x" : [1,{"x":2}] , "b":3 }"#, r#"{ "a":2 , "b":3 }"#);
    drop(r#"{"a":2 , "x":"y" }"#, r#"{"a":2 }"#);
    drop(r#" { "x" : null } "#, r#" {  } "#);
    drop(r#"{"x":1,"x":2,"a":3,"x":4,"x":5}"#, r#"{"a":3}"#);
    drop(r#"{"a":"x","b":{"x":1},"c":["x"]}"#, r#"{"a":"x","b":{"x":1},"c":["x"]}"#);
    drop(r#"{"\u0078":true,"a":1}"#, r#"{"a":1}"#);
    drop("{}", "{}");
}

#[test]
fn a_parameter_is_renamed_unless_the_client_gives_the_new_one() {
    let rename = |body: &str, after: &str| check(body, &[("x", Action::Rename("y".into()))], after);
    rename(r#"{"x" : {"x":1}}"#, r#"{"y" : {"x":1}}"#);
    rename(r#"{"x":1,"y":2}"#, r#"{"y":2}"#);
    rename(r#"{"y":2,"x":1}"#, r#"{"y":2}"#);
    rename(r#"{"x":1,"a":0,"x":2}"#, r#"{"a":0,"y":2}"#);
    rename(r#"{"y":1}"#, r#"{"y":1}"#);
    check(r#"{"x":1}"#, &[("x", Action::Rename("\"é\\".into()))], r#"{"\"é\\":1}"#);
}

#[test]
fn a_value_is_forced_or_given_where_there_is_none() {
    let force = |body: &str, after: &str| check(body, &[("x", Action::Force(json!({"a": [1, "b"]})))], after);
    force(r#"{"x":7}"#, r#"{"x":{"a":[1,"b"]}}"#);
    force(r#"{"x":1,"c":2,"x":3}"#, r#"{"c":2,"x":{"a":[1,"b"]}}"#);
    force("{}", r#"{"x":{"a":[1,"b"]}}"#);
    force(r#" {"c":2}"#, r#" {"x":{"a":[1,"b"]},"c":2}"#);
    force(r#"{"x": { "a" : [ 1, "b" ] } }"#, r#"{"x": { "a" : [ 1, "b" ] } }"#);
    force(&format!(r#"{{"x":"{}"}}"#, "y".repeat(9000)), r#"{"x":{"a":[1,"b"]}}"#);
    let default = |body: &str, after: &str| check(body, &[("x", Action::Default(json!(0.5)))], after);
    default(r#"{"a":1}"#, r#"{"x":0.5,"a":1}"#);
    default(r#"{"x":null}"#, r#"{"x":null}"#);
    default(r#"{"\u0078":2}"#, r#"{"\u0078":2}"#);
}

#[test]
fn rules_follow_each_other() {
    let of = |name, action| (name, action);
    let rename = |to: &str| Action::Rename(to.into());
    check(r#"{"a":1}"#, &[of("a", rename("b")), of("b", rename("c"))], r#"{"c":1}"#);
    check(r#"{"a":1}"#, &[of("a", Action::Drop), of("a", Action::Default(json!(2)))], r#"{"a":2}"#);
    check(r#"{"b":1}"#, &[of("a", Action::Force(json!(2))), of("a", rename("c"))], r#"{"c":2,"b":1}"#);
    check(r#"{"b":1}"#, &[of("a", Action::Force(json!(2))), of("b", Action::Drop)], r#"{"a":2}"#);
    let ids = edited(r#"{"a":1}"#, None, false, &[rule("1", "b", Action::Drop), rule("2", "a", Action::Drop)]).applied;
    assert_eq!(ids, ["2"]);
}

#[test]
fn what_the_walk_itself_changes_never_collides_with_a_rule() {
    let body = r#"{"model":"p/m","stream":true}"#;
    let all = |rules: &[Rc<Ready>]| edited(body, Some("m"), true, rules);
    let asked = all(&[]);
    assert_eq!(asked.after, r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#);
    assert!(asked.asked);
    let both = all(&[rule("1", "stream", Action::Default(json!(1))), rule("2", "a", Action::Force(json!(1)))]);
    assert_eq!(both.after, r#"{"stream_options":{"include_usage":true},"a":1,"model":"m","stream":true}"#);
    assert!(both.asked && both.applied == ["2"]);
    for action in [Action::Drop, Action::Force(json!(null)), Action::Rename("other".into())] {
        assert!(!all(&[rule("1", "stream_options", action)]).asked, "a rule has the last word");
    }
    let unread = edited(r#"{"model":"p/m","stream":true,"stream_options":null}"#, Some("m"), true, &[]);
    assert_eq!(unread.after, r#"{"model":"m","stream":true,"stream_options":{"include_usage":true}}"#);
}

#[test]
fn what_is_no_complete_object_gets_the_model_alone() {
    let many: String = (0..600).map(|n| format!(r#""a{n}":1,"#)).collect();
    for body in [
        r#"{"model":"p/m","x":1"#,
        r#"{"model":"p/m","x":1,}"#,
        r#"{"model":"p/m","x" 1}"#,
        r#"{"model":"p/m","x":1]"#,
        &format!(r#"{{{many}"model":"p/m"}}"#),
    ] {
        let edited = edited(body, Some("m"), true, &[rule("1", "x", Action::Drop)]);
        assert_eq!(edited.after, body.replace("p/m", "m"));
        assert!(edited.is_blind && edited.applied.is_empty() && !edited.asked, "{body}");
    }
    let mut form = Scanner::of("multipart/form-data; boundary=b");
    form.feed(b"--b\r\ncontent-disposition: form-data; name=model\r\n\r\np/m\r\n--b--");
    let rules = [rule("1", "model", Action::Drop)];
    let edit = edit::edit(&form, &Wish { model: Some("m"), asks: true, rules: &rules }, &|_| Vec::new());
    assert!(edit.patches.len() == 1 && edit.is_blind && !edit.asked);
    assert!(scan("application/json", b"[]", 1).root.is_none());
}

const NAMES: [&str; 7] = ["model", "stream", "stream_options", "a", "b", "c", "é\"\n"];

fn value(dice: &mut Dice) -> Value {
    match dice.roll(9) {
        0 => json!(null),
        1 => json!(true),
        2 => json!(dice.roll(3)),
        3 => json!("p/m"),
        4 => json!({"a": [1, {"b": "\\\""}]}),
        5 => json!([]),
        6 => json!({}),
        7 => json!({"include_usage": false}),
        _ => json!("x".repeat(dice.roll(50))),
    }
}

/// As some client may write it: blanks, escapes, names that stand twice.
fn written(dice: &mut Dice) -> String {
    let mut text = String::from("{");
    for at in 0..dice.roll(7) {
        let blank = ["", "", " ", "\r\n\t"][dice.roll(4)];
        let name = NAMES[dice.roll(NAMES.len())];
        let name = match dice.roll(4) {
            0 => name.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>(),
            _ => json!(name).to_string().trim_matches('"').to_string(),
        };
        let name = if name.ends_with('\\') { name + "\"" } else { name };
        let value = value(dice);
        let comma = if at > 0 { "," } else { "" };
        text += &format!("{comma}{blank}\"{name}\"{blank}:{blank}{value}{blank}");
    }
    text + "}"
}

fn action(dice: &mut Dice) -> Action {
    match dice.roll(4) {
        0 => Action::Drop,
        1 => Action::Rename(NAMES[2 + dice.roll(5)].into()),
        2 => Action::Force(value(dice)),
        _ => Action::Default(value(dice)),
    }
}

fn done(fields: &mut Map<String, Value>, name: &str, action: &Action) {
    match action {
        Action::Drop => drop(fields.remove(name)),
        Action::Rename(to) => {
            if let Some(value) = fields.remove(name) {
                fields.entry(to.clone()).or_insert(value);
            }
        }
        Action::Force(value) => drop(fields.insert(name.into(), value.clone())),
        Action::Default(value) => drop(fields.entry(name).or_insert(value.clone())),
        Action::SetHeader(_) | Action::DropHeader => {}
    }
}

#[test]
fn it_agrees_with_a_parser_on_whatever_comes() {
    let mut dice = Dice(16);
    let mut changed = 0;
    for _ in 0..8_000 {
        let body = written(&mut dice);
        let rules: Vec<_> = (0..dice.roll(5))
            .map(|at| (NAMES[2 + dice.roll(5)], action(&mut dice), at))
            .filter(|(name, action, _)| action.to() != Some(name))
            .map(|(name, action, at)| rule(&at.to_string(), name, action))
            .collect();
        let (model, asks) = ([None, Some("m\"é")][dice.roll(2)], dice.roll(2) == 0);
        let wish = Wish { model, asks, rules: &rules };
        let edited = edited_in(&body, 1 + dice.roll(9), &wish);
        let Value::Object(mut expected) = serde_json::from_str(&body).unwrap() else { panic!("{body}") };
        let mut touched = false;
        if let (Some(model), Some(Value::String(_))) = (model, expected.get("model")) {
            expected.insert("model".into(), json!(model));
            touched = true;
        }
        let says = expected.get("stream_options").cloned().unwrap_or_default();
        if asks && expected.get("stream") == Some(&json!(true)) && (says.is_null() || says.is_object()) {
            let mut says = says.as_object().cloned().unwrap_or_default();
            touched |= !says.contains_key("include_usage");
            says.entry("include_usage").or_insert(json!(true));
            expected.insert("stream_options".into(), Value::Object(says));
        }
        for ready in &rules {
            done(&mut expected, &ready.rule.name, &ready.rule.action);
        }
        let after: Value =
            serde_json::from_str(&edited.after).unwrap_or_else(|e| panic!("{e}: {body}\n{}", edited.after));
        assert_eq!(after, Value::Object(expected), "{body}");
        if !touched && edited.applied.is_empty() {
            assert_eq!(edited.after, body);
        }
        changed += usize::from(edited.after != body);
    }
    assert!(changed > 4_000, "{changed}");
}

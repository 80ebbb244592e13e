//! What tells a conversation from others. `json` scans with every cut.
use super::{Dice, FORM, form, json, part, scan};
use std::collections::{HashMap, HashSet};

fn conversation(body: &str) -> Option<u64> {
    json(body).conversation
}

fn of_messages(messages: &str) -> Option<u64> {
    conversation(&format!("{{\"messages\":[{messages}]}}"))
}

const SYSTEM: &str = r#"{"role":"system","content":"Be \"brief\" 😀 \ud83d\ude00\\"}"#;
const USER: &str = r#"{"role":"user","content":"Grüße, [{ \"role\":\"user\" }]"}"#;

#[test]
fn later_turns_are_of_the_same_conversation() {
    let first = of_messages(&format!("{SYSTEM},{USER}"));
    assert!(first.is_some());
    for later in [
        r#"{"role":"assistant","content":"Hello"}"#,
        r#"{"role":"assistant","content":null,"tool_calls":[{"role":"user"}]},{"role":"tool","content":"{}"}"#,
        r#"{"role":"assistant","content":"Hello"},{"role":"user","content":"More"},{"role":"user","content":"!"}"#,
    ] {
        assert_eq!(of_messages(&format!("{SYSTEM},{USER},{later}")), first, "{later}");
    }
    assert_eq!(of_messages(&format!(" {SYSTEM}\r\n\t, {USER} ")), first, "blanks between messages");
    let around =
        format!(r#"{{"user":"u","n":[1,{{}}],"model":"m","messages":[{SYSTEM},{USER}],"user":"v","tools":[]}}"#);
    assert_eq!(conversation(&around), first, "other fields");
    assert_eq!(conversation(&format!("{{\"input\":[{SYSTEM},{USER}]}}")), first, "the Responses API");
    assert_eq!(conversation(&format!("{{\"m\\u0065ssages\":[{SYSTEM},{USER}]}}")), first, "an escaped key");
}

#[test]
fn another_beginning_is_another_conversation() {
    let beginnings = [
        USER.to_string(),
        format!("{SYSTEM},{USER}"),
        format!("{USER},{SYSTEM}").replace("user", "developer") + "," + USER,
        format!("{SYSTEM},{SYSTEM},{USER}"),
        USER.replace("Gr", "gr"),
        USER.replace('ü', "\\u00fc"),
        format!("{SYSTEM},{}", USER.replace('!', "?").replace("Gr", "gr")),
        r#"{"role":"user","content":""}"#.into(),
        r#"{"content":"","role":"user"}"#.into(),
        r#"{"content":[{"type":"text","text":"a"},{"role":"assistant"}],"role":"user"}"#.into(),
        r#"{"content":[{"type":"text","text":"b"},{"role":"assistant"}],"role":"user"}"#.into(),
    ];
    let hashes: HashSet<u64> = beginnings.iter().map(|messages| of_messages(messages).unwrap()).collect();
    assert_eq!(hashes.len(), beginnings.len());
}

#[test]
fn only_the_messages_own_role_makes_it_the_users() {
    for other in [
        r#"{"role":"system","content":{"role":"user"}}"#,
        r#"{"role":"system","content":[{"role":"user","a":{"role":"user"}}],"x":1}"#,
        r#"{"content":[[["role","user"]]],"name":"user","role":"system"}"#,
        r#"{"role":["user"],"a":"role","b":"user"}"#,
        r#"{"role":null,"name":"user"}"#,
        r#"{"role":"User"}"#,
        r#"{"role":"user "}"#,
        r#"{"role":"user","role":"system"}"#,
        r#"{"model":"user","user":"user","prompt_cache_key":"user"}"#,
        "{}",
    ] {
        assert_eq!(of_messages(other), None, "{other}");
        let followed = |last: &str| of_messages(&format!("{other},{USER}{last}"));
        assert!(followed("").is_some() && followed("") != of_messages(USER), "{other}");
        assert_eq!(followed(",{}"), followed(""), "{other}");
    }
}

#[test]
fn the_clients_own_key_goes_first_and_its_user_last() {
    let messages = format!("\"messages\":[{USER}]");
    let key = conversation(r#"{"prompt_cache_key":"k"}"#);
    assert!(key.is_some() && key != of_messages(USER));
    assert_eq!(conversation(&format!(r#"{{"prompt_cache_key":"k",{messages},"user":"u"}}"#)), key);
    assert_eq!(conversation(&format!(r#"{{"user":"u",{messages},"prompt_cache_key" : "k"}}"#)), key);
    assert_ne!(conversation(r#"{"prompt_cache_key":"l"}"#), key);
    for none in ["null", "\"\"", "7", "{\"prompt_cache_key\":\"k\"}", "[\"k\"]"] {
        assert_eq!(conversation(&format!(r#"{{"prompt_cache_key":{none},{messages}}}"#)), of_messages(USER), "{none}");
    }
    let user = conversation(r#"{"user":"u","input":["a","b"]}"#);
    assert!(user.is_some());
    for nothing in [r#""input":"a""#, r#""messages":[]"#, r#""messages":null"#, r#""prompt":"user""#] {
        assert_eq!(conversation(&format!(r#"{{{nothing},"user":"u"}}"#)), user, "{nothing}");
        assert_eq!(conversation(&format!("{{{nothing}}}")), None, "{nothing}");
    }
}

#[test]
fn what_is_no_conversation_has_none() {
    for body in [
        "{}",
        "[]",
        r#"{"input":["role","user"]}"#,
        r#"{"input":[[1,2],[3,{"role":"user"}]]}"#,
        r#"{"input":[1,{"role":"user"}]}"#,
        r#"{"input":{"role":"user"}}"#,
        r#"{"input":[{"type":"item_reference","id":"i"}]}"#,
        r#"{"a":{"messages":[{"role":"user"}]}}"#,
        r#"{"a":[[{"role":"user"}]],"role":"user"}"#,
        r#"{"messages":[{"role":"user""#,
    ] {
        assert_eq!(conversation(body), None, "{body}");
    }
    assert_eq!(form(&[part("Content-Disposition: form-data; name=\"user\"", "u")]).conversation, None);
    assert_eq!(scan(FORM, USER.as_bytes(), 9).conversation, None);
}

#[test]
fn of_equal_keys_the_first_that_tells_something_counts() {
    let other = USER.replace("Gr", "gr");
    let two = |one: &str, two: &str| conversation(&format!("{{\"messages\":{one},\"messages\":{two}}}"));
    let (first, second) = (format!("[{USER}]"), format!("[{other}]"));
    assert_eq!(two(&first, &second), of_messages(USER));
    assert_eq!(two(&first, "null"), of_messages(USER));
    assert_eq!(two("[]", &second), of_messages(&other));
    assert_eq!(conversation(r#"{"user":"a","user":"b"}"#), conversation(r#"{"user":"a"}"#));
}

#[test]
fn a_long_message_is_told_by_its_beginning_and_its_length() {
    let long = |first: char, length: usize, last: char| {
        let image = format!("{first}{}{last}", "A".repeat(length));
        of_messages(&format!(r#"{SYSTEM},{{"content":[{{"url":"{image}"}}],"role":"user"}}"#)).unwrap()
    };
    assert_eq!(long('a', 20_000, 'b'), long('a', 20_000, 'c'));
    assert_ne!(long('a', 20_000, 'b'), long('a', 20_001, 'b'));
    assert_ne!(long('a', 20_000, 'b'), long('b', 20_000, 'b'));
    // A long message of the system leaves the user's to be told apart.
    let system = format!(r#"{{"role":"system","content":"{}"}}"#, "x".repeat(20_000));
    let with = |user: &str| of_messages(&format!("{system},{user}"));
    assert_ne!(with(USER), with(&USER.replace("Gr", "gr")));
}

/// Messages in turns around a beginning that is known, in bodies that differ in all that must not matter.
#[test]
fn conversations_are_equal_when_their_beginnings_are() {
    const OTHERS: [&str; 4] =
        [SYSTEM, "{}", r#"{"role":"developer","content":[{"role":"user"}]}"#, r#"{"a":[],"role":"assistant"}"#];
    const USERS: [&str; 3] =
        [USER, r#"{ "content" : {"role":"x"} , "role" : "user" }"#, r#"{"role":"user","n":-1.5e3}"#];
    const FIELDS: [&str; 4] = [r#""model":"m""#, r#""stream":true"#, r#""user":"\"u""#, r#""tools":[{"role":"user"}]"#];
    let mut dice = Dice(17);
    let mut known: HashMap<Vec<&str>, u64> = HashMap::new();
    for _ in 0..5_000 {
        let mut beginning: Vec<&str> = (0..dice.roll(3)).map(|_| OTHERS[dice.roll(4)]).collect();
        beginning.push(USERS[dice.roll(3)]);
        let mut messages = beginning.clone();
        messages.extend((0..dice.roll(4)).map(|_| [OTHERS, FIELDS.map(|_| USER)].concat()[dice.roll(8)]));
        let name = ["messages", "input"][dice.roll(2)];
        let comma = [",", " ,\n", ", "][dice.roll(3)];
        let mut fields = vec![format!("\"{name}\":[{}]", messages.join(comma))];
        for _ in 0..dice.roll(4) {
            fields.insert(dice.roll(fields.len() + 1), FIELDS[dice.roll(4)].into());
        }
        let body = format!("{{{}}}", fields.join(","));
        let found = scan("", body.as_bytes(), 1 + dice.roll(30)).conversation.unwrap();
        assert_eq!(*known.entry(beginning).or_insert(found), found, "{body}");
    }
    let hashes: HashSet<&u64> = known.values().collect();
    assert_eq!((hashes.len(), known.len()), (63, 63));
}

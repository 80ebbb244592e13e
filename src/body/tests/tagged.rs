//! Strings that end in a tag.
use super::json;

const TAG: &str = "_kp0123456789abcdef01234567";

#[test]
fn a_string_that_ends_in_a_tag_is_noticed_wherever_it_stands() {
    let id = format!("file-1{TAG}");
    for body in [
        format!(r#"{{"input_file_id":"{id}"}}"#),
        format!(r#"{{"a":{{"b":[1,"{id}",{{"c":"x"}}]}},"model":"m"}}"#),
        format!(r#"{{"input":[{{"role":"user","content":[{{"file_id":"{id}"}}]}}]}}"#),
        format!(r#"{{"model":"m\\","previous_response_id" : "{id}" }}"#),
        format!(r#"{{"messages":[{{"role":"system","content":"fileid://{id}"}}]}}"#),
        format!(r#"{{"a":"\"{id}"}}"#),
    ] {
        assert_eq!(json(&body).tagged, [body.find(TAG).unwrap() + TAG.len()], "{body}");
    }
}

#[test]
fn what_only_holds_a_tag_is_not() {
    for text in [
        format!("{TAG}x"),
        TAG[1..].into(),
        TAG.replace('a', "A"),
        TAG.replace('a', "\\u0061"),
        format!("{}\\n{}", &TAG[..9], &TAG[9..]),
        format!("{TAG}\\\""),
    ] {
        assert!(json(&format!(r#"{{"a":"{text}","b":[{{"c":"{text}"}}]}}"#)).tagged.is_empty(), "{text}");
    }
    assert!(json(TAG).tagged.is_empty());
}

#[test]
fn so_many_are_noticed_and_no_more() {
    let ids = format!("\"{TAG}\",").repeat(600);
    let body = format!(r#"{{"file_ids":[{}]}}"#, ids.trim_end_matches(','));
    assert_eq!(json(&body).tagged.len(), 512);
}

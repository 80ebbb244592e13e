//! A call as the cache knows it: the same question is the same however its JSON is written.

use super::{LARGEST, canonical};
use crate::json;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What answers a question and does nothing else; what follows `/v1/`.
const ENDPOINTS: [&str; 6] = ["chat/completions", "completions", "embeddings", "moderations", "rerank", "messages"];
/// Fields with which the provider may do something, or look something up that is new each time.
const ACTIVE: [&str; 7] = ["tools", "functions", "store", "web_search_options", "plugins", "mcp_servers", "container"];
/// Values, written anew, with which such a field asks for nothing.
const EMPTY: [&str; 3] = ["null", "false", "[]"];

/// Whether answers to such calls are cached at all.
pub fn is_cached(method: &str, rest: &str) -> bool {
    method == "POST" && ENDPOINTS.contains(&rest)
}

/// The name of a question, 64 hex letters; `None` when it is not to be cached. `scope` are all other things that the answer
/// depends on. With `tools`, calls that may do something are cached too.
pub fn id(scope: &[&str], body: &[u8], tools: bool) -> Option<String> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= LARGEST)?;
    let fields = canonical::fields(text)?;
    let acts = |(name, value): &(String, String)| ACTIVE.contains(&&**name) && !EMPTY.contains(&&**value);
    if !tools && fields.iter().any(acts) {
        return None;
    }
    let mut canonical = String::with_capacity(text.len());
    for part in scope {
        // Quoted, so that no two scopes look alike.
        json::quote(part, &mut canonical);
    }
    canonical::write(&fields, &mut canonical);
    let digest = Sha256::digest(canonical.as_bytes());
    Some(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Option<String> {
        id(&["me", "chat/completions"], body.as_bytes(), false)
    }

    #[test]
    fn the_same_question_spelled_otherwise_has_the_same_name() {
        let asked =
            of(r#"{"model":"m","messages":[{"role":"user","content":"é\n"}],"n":1,"temperature":0.5}"#).unwrap();
        assert_eq!(asked.len(), 64);
        for same in [
            "{ \"n\": 1,\r\n\"messages\": [ {\"content\":\"\\u00e9\\u000a\", \"role\":\"user\"} ],\t\"temperature\":5e-1,\"model\":\"m\"}",
            r#"{"model":"x","model":"m","messages":[{"role":"user","content":"é\n"}],"n":1,"temperature":0.50}"#,
        ] {
            assert_eq!(of(same).as_ref(), Some(&asked), "{same}");
        }
        for other in [
            r#"{"model":"m","messages":[{"role":"user","content":"é\n "}],"n":1,"temperature":0.5}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"é\n"}],"n":2,"temperature":0.5}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"é\n"}],"n":"1","temperature":0.5}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"é\n"}],"n":1,"temperature":0.5,"stream":true}"#,
        ] {
            assert_ne!(of(other).as_ref(), Some(&asked), "{other}");
        }
        assert_ne!(of(r#"{"a":[1,2]}"#), of(r#"{"a":[2,1]}"#));
        assert_ne!(of(r#"{"a":[[1],[2]]}"#), of(r#"{"a":[[1,2]]}"#));
        assert_ne!(of(r#"{"a":18446744073709551615}"#), of(r#"{"a":18446744073709551614}"#));
    }

    #[test]
    fn one_scope_never_sees_anothers() {
        let ids =
            [["a", "b"], ["b", "a"], ["a\"\"b", ""], ["", "a\"\"b"], ["ab", ""]].map(|scope| id(&scope, b"{}", false));
        for (place, one) in ids.iter().enumerate() {
            assert!(one.is_some() && !ids[..place].contains(one));
        }
    }

    #[test]
    fn what_may_do_something_is_cached_only_when_it_is_asked() {
        for body in [
            r#"{"tools":[{"type":"function"}]}"#,
            r#"{"functions":[{"name":"f"}]}"#,
            r#"{"store":true}"#,
            r#"{"web_search_options":{}}"#,
            r#"{"mcp_servers":[{"url":"x"}]}"#,
        ] {
            assert_eq!(of(body), None, "{body}");
            assert!(id(&["me"], body.as_bytes(), true).is_some(), "{body}");
        }
        for body in [r#"{"tools":[]}"#, r#"{"store":false,"functions":null}"#, r#"{"messages":[{"tools":[1]}]}"#] {
            assert!(of(body).is_some(), "{body}");
        }
    }

    #[test]
    fn what_is_no_object_or_too_large_is_not_cached() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST));
        for body in
            ["", "[]", "{", "7", "{\"a\":1e999}", "{} x", "{\"a\" 1}", "{\"a\":[1 2]}", "{\"a\":1,}", &deep, &large]
        {
            assert_eq!(of(body), None, "{}", body.get(..20).unwrap_or(body));
        }
        assert_eq!(id(&[], b"{\"a\":\"\xff\"}", false), None);
        assert!(is_cached("POST", "rerank") && !is_cached("GET", "rerank") && !is_cached("POST", "responses"));
    }
}

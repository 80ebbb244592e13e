//! Row 14, as providers send it: whole answers and first events.
use super::{
    super::{Class, tests::answer},
    error_inside,
};

#[test]
fn row_14_an_error_dressed_as_a_success() {
    for (status, class, head) in [
        (429, Class::RateLimited, r#"{"error":{"code":429,"message":"Rate limited"},"user_id":"u"}"#),
        (429, Class::KeyBroke, r#"{"error":{"code":"insufficient_quota","message":"no"}}"#),
        (401, Class::KeyDead, r#"[{"error":{"code":401,"status":"UNAUTHENTICATED","message":"no"}}]"#),
        (400, Class::KeyBroke, r#"{"error":{"code":"invalid_request_error","message":"Insufficient Balance"}}"#),
        (200, Class::KeyBroke, r#"{"error":"Insufficient balance"}"#),
        (200, Class::Transient, r#"{"object":"error","message":"something"}"#),
        (400, Class::Caller, r#"{"error":{"type":"invalid_request_error","message":"bad"}}"#),
    ] {
        let found = error_inside(head.as_bytes(), false).unwrap();
        assert_eq!((found.status, &found.body[..]), (status, head.as_bytes()));
        let verdict = answer(200, &[("content-type", "application/json")], head).unwrap();
        assert_eq!((verdict.class, verdict.status), (class, Some(status)), "{head}");
    }
    for healthy in [
        "",
        "{",
        r#"{"choices":[],"error":{"code":1}}"#,
        r#"{"id":"r","object":"response","status":"failed","error":{"code":"server_error"}}"#,
        r#"{"object":"response","error":null}"#,
        r#"{"error":{}}"#,
        r#"{"text":"an \"error\": {}"}"#,
        "error",
        "[1]",
    ] {
        assert_eq!(error_inside(healthy.as_bytes(), false), None, "{healthy}");
        assert_eq!(answer(200, &[("content-type", "application/json")], healthy), None, "{healthy}");
    }
}

#[test]
fn row_14_the_first_event_is_an_error() {
    let overloaded = "event: error\r\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\r\n\r\n";
    for (status, class, head) in [
        (529, Class::ModelBusy, overloaded),
        (
            429,
            Class::RateLimited,
            ": OPENROUTER PROCESSING\n\ndata: {\"error\":{\"code\":429,\"message\":\"slow\"},\"choices\":[]}\n\n",
        ),
        (401, Class::KeyDead, "data:{\"error\":{\"code\":\"invalid_api_key\"}}\n\ndata: [DONE]\n\n"),
        (200, Class::Transient, "event: error\ndata: oh no\n\n"),
        (502, Class::Transient, "{\"error\":{\"code\":502}}"),
    ] {
        let verdict = answer(200, &[("content-type", "text/event-stream; charset=utf-8")], head).unwrap();
        assert_eq!((verdict.class, verdict.status), (class, Some(status)), "{head}");
    }
    for healthy in [
        "",
        ": ping\n\n",
        "data: [DONE]\n\n",
        "data: {\"choices\":[]}\n\ndata: {\"error\":{\"code\":500}}\n\n",
        "event: error\n\n",
        "data: {\"error\":null,\"choices\":[]}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    ] {
        assert_eq!(error_inside(healthy.as_bytes(), true), None, "{healthy}");
    }
    for cut in 0..overloaded.len() {
        error_inside(&overloaded.as_bytes()[..cut], true);
    }
    assert_eq!(
        error_inside(b"data: {\"error\":{\"code\":429,\"message\":\"a\"}}\n\ndata: \xe4\xbd", true).unwrap().status,
        429
    );
}

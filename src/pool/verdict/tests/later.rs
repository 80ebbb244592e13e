//! Rows 8 to 13 and 15, what never costs a key, and the message.
use super::{
    super::{Class, Outcome, judge},
    NOW, answer, check,
};

#[test]
fn row_8_it_may_pass() {
    let page = "<!DOCTYPE html><html><title>Attention Required</title>access to model</html>";
    check(
        Class::Transient,
        &[
            (500, ""),
            (502, page),
            (503, ""),
            (504, "timeout"),
            (520, page),
            (527, ""),
            (403, page),
            (408, ""),
            (409, ""),
            (425, ""),
        ],
    );
    check(
        Class::Transient,
        &[(500, r#"{"error":{"message":"Internal error","type":"server_error"}}"#), (0, ""), (999, "")],
    );
    let refused = judge(&Outcome::Unreachable, NOW).unwrap();
    assert_eq!((refused.class, refused.status), (Class::Transient, None));
    let moved = answer(302, &[("location", "https://a.test/login?token=x")], "").unwrap();
    assert_eq!((moved.class, moved.status), (Class::Transient, Some(302)));
    assert_eq!(moved.message, "a redirect to https://a.test/login: is the base URL right?");
}

#[test]
fn row_9_no_head_in_time() {
    assert_eq!(judge(&Outcome::NoHead, NOW).unwrap().class, Class::Timeout);
}

#[test]
fn row_10_the_key_lacks_the_model() {
    check(
        Class::KeyLacksModel,
        &[
            (
                404,
                r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","code":"model_not_found"}}"#,
            ),
            (404, r#"{"error":{"message":"The model `m` does not exist or you do not have access to it."}}"#),
            (403, r#"{"error":{"message":"Project `p` does not have access to model `m`","code":"model_not_found"}}"#),
            (403, r#"{"error":{"message":"This model is not enabled for your account"}}"#),
            // github.com/Alishahryar1/free-claude-code/issues/1021 (NVIDIA)
            (404, r#"{"status":404,"title":"Not Found","detail":"Function 'f': Not found for account 'a'"}"#),
            // learn.microsoft.com/azure/ai-services/openai
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            ),
            // www.alibabacloud.com/help/en/model-studio/error-code
            (403, r#"{"code":"Model.AccessDenied","message":"Model access denied."}"#),
            // Baidu Qianfan, via ecweb.ecer.com/topic/cn/detail-161097
            (
                401,
                r#"{"error":{"code":"invalid_model","message":"No permission to use the model","type":"invalid_request_error"}}"#,
            ),
        ],
    );
}

#[test]
fn rows_11_and_13_are_the_callers_own() {
    check(
        Class::Caller,
        &[
            (
                403,
                r#"{"error":{"message":"Country, region, or territory not supported","code":"unsupported_country_region_territory"}}"#,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"m requires moderation. Your input was flagged.","metadata":{"reasons":["violence"],"flagged_input":"api key not valid"}}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"maximum context length is 128000 tokens","code":"context_length_exceeded"}}"#,
            ),
            // github.com/Azure-Samples; content filter
            (
                400,
                r#"{"error":{"code":"content_filter","message":"The response was filtered","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            ),
            // docs.siliconflow.com/en/faqs/error-code
            (400, r#"{"code":20012,"message":"Model does not exist. Please check it carefully.","data":null}"#),
            (400, r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}"#),
            (404, "404 page not found"),
            (405, ""),
            (413, "<html><center><h1>413 Request Entity Too Large</h1></center></html>"),
            (415, ""),
            (422, r#"{"detail":[{"loc":["body"],"msg":"field required","type":"missing","input":"invalid_api_key"}]}"#),
        ],
    );
}

#[test]
fn a_clients_own_words_never_cost_a_key() {
    check(
        Class::Caller,
        &[
            (400, r#"{"error":{"message":"Unknown model: API key not valid"}}"#),
            (400, r#"{"error":{"message":"Invalid value: insufficient_quota","param":"insufficient_quota"}}"#),
            (404, r#"{"error":{"message":"Unknown model: your credit balance is too low"}}"#),
        ],
    );
    let echoed = r#"{"error":{"message":"No access to model `reported as leaked`","code":"model_not_found"}}"#;
    check(
        Class::KeyLacksModel,
        &[(403, echoed), (403, r#"{"detail":"You do not have access to model 'insufficient balance'"}"#)],
    );
}

#[test]
fn row_12_any_other_403() {
    // github.com/Alishahryar1/free-claude-code/issues/1242 (NVIDIA)
    let nvidia = r#"{"status":403,"title":"Forbidden","detail":"Authorization failed"}"#;
    check(
        Class::Forbidden,
        &[(403, ""), (403, nvidia), (403, r#"{"code":"AccessDenied","message":"Access denied."}"#)],
    );
}

#[test]
fn row_15_a_success_without_a_body() {
    assert_eq!(answer(200, &[("content-length", "0")], "").unwrap().class, Class::Empty);
    for (status, headers) in [(200, vec![]), (204, vec![("content-length", "0")]), (304, vec![])] {
        assert_eq!(answer(status, &headers, ""), None);
    }
}

#[test]
fn the_message_is_one_redacted_line() {
    let body =
        r#"{"error":{"message":"Incorrect API key\nprovided: sk-abcdefghijkl.","details":[{"message":"more"}]}}"#;
    assert_eq!(answer(401, &[], body).unwrap().message, "Incorrect API key provided: [redacted].: more");
    assert_eq!(answer(500, &[], "").unwrap().message, "HTTP 500");
    assert_eq!(answer(502, &[], "<html>").unwrap().message, "a page of markup instead of an answer");
    assert_eq!(answer(500, &[], &"long ".repeat(5000)).unwrap().message.chars().count(), 200);
    let deep = "{\"error\":".repeat(1000) + "1" + &"}".repeat(1000);
    assert_eq!(answer(500, &[], &deep).unwrap().class, Class::Transient);
}

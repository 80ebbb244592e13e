//! A table test per row, from error bodies that providers document or that their users reported (links beside
//! them), cut to what matters.
mod later;

use super::{Class, Outcome, Verdict, blames_address, judge};

pub const NOW: u64 = 1_795_179_600_000;

pub fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Verdict> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    judge(&Outcome::Answer { status, headers: &headers, body: body.as_bytes() }, NOW)
}

pub fn check(class: Class, cases: &[(u16, &str)]) {
    for (status, body) in cases {
        let verdict = answer(*status, &[], body);
        assert_eq!(verdict.as_ref().map(|v| v.class), Some(class), "{status} {body}");
        for cut in 0..body.len() {
            let cut_body = &body.as_bytes()[..cut];
            assert!(judge(&Outcome::Answer { status: *status, headers: &[], body: cut_body }, NOW).is_some());
        }
    }
}

#[test]
fn row_1_the_key_is_dead() {
    check(
        Class::KeyDead,
        &[
            (401, ""),
            // platform.openai.com/docs/guides/error-codes
            (
                401,
                r#"{"error":{"message":"Incorrect API key provided: sk-x.","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            ),
            (403, r#"{"error":{"message":"Your account is gone","code":"account_deactivated"}}"#),
            // docs.anthropic.com/en/api/errors
            (401, r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#),
            // github.com/google-gemini/gemini-cli/issues/25198
            (
                400,
                r#"[{"error":{"code":400,"message":"API Key not found. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}]"#,
            ),
            (
                400,
                r#"{"error":{"message":"{\n  \"error\": {\"code\": 400, \"details\": [{\"reason\": \"API_KEY_INVALID\"}]}}","code":400}}"#,
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}"#,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}"#,
            ),
            (
                403,
                r#"{"error":{"code":403,"message":"Permission denied: Consumer 'api_key:x' has been suspended.","details":[{"reason":"CONSUMER_SUSPENDED"}]}}"#,
            ),
            // github.com/continuedev/continue/issues/10778 (xAI: the error is a string)
            (
                400,
                r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: na***ys. You can obtain an API key from https://console.x.ai."}"#,
            ),
            // www.alibabacloud.com/help/en/model-studio/error-code
            (401, r#"{"code":"InvalidApiKey","message":"Invalid API-key provided."}"#),
            (403, "Invalid API-key"),
            // docs.siliconflow.com/en/faqs/error-code
            (401, r#""Invalid token""#),
            // learn.microsoft.com/azure/ai-services/openai
            (
                401,
                r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}"#,
            ),
        ],
    );
}

#[test]
fn row_1_an_address_that_may_not_call_is_no_dead_key() {
    let body = r#"{"error":{"message":"IP not authorized for this key","code":"ip_not_authorized"}}"#;
    assert!(blames_address(&answer(401, &[], body).unwrap()));
    assert!(!blames_address(&answer(401, &[], "no").unwrap()));
}

#[test]
fn row_2_the_account_is_broke() {
    check(
        Class::KeyBroke,
        &[
            (402, ""),
            // community.openai.com/t/where-to-find-all-values-of-error-type/158707
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":null}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}"#,
            ),
            (400, r#"{"error":{"message":"Billing hard limit has been reached","code":"billing_hard_limit_reached"}}"#),
            // github.com/continuedev/continue/issues/9942 (DeepSeek)
            (
                402,
                r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            ),
            // docs.anthropic.com/en/api/errors
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            ),
            // github.com/Alishahryar1/free-claude-code/issues/772 (OpenRouter)
            (402, r#"{"error":{"message":"Insufficient credits. This account never purchased credits.","code":402}}"#),
            // github.com/continuedev/continue/issues/10373 (xAI)
            (
                429,
                r#"{"code":"x","error":"Your team t has either used all available credits or reached its monthly spending limit."}"#,
            ),
            // www.alibabacloud.com/help/en/model-studio/error-code
            (
                400,
                r#"{"error":{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing."}}"#,
            ),
            // docs.siliconflow.cn/en/faqs/error-code
            (403, r#"{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}"#),
            (403, r#"{"code":30001,"message":"账户余额不足"}"#),
        ],
    );
}

#[test]
fn row_3_the_day_is_used_up() {
    check(
        Class::DayQuota,
        &[
            // github.com/google-gemini/gemini-cli/issues/8437
            (
                429,
                r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier"},{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"2s"}]}}]"#,
            ),
            // github.com/continuedev/continue/issues/10920 (Groq)
            (
                429,
                r#"{"error":{"message":"Rate limit reached for model `m` on tokens per day (TPD): Limit 100000, Used 97050. Please try again in 9m38.016s.","type":"tokens","code":"rate_limit_exceeded"}}"#,
            ),
            (429, r#"{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits","code":429}}"#),
            // docs.siliconflow.com/en/faqs/error-code
            (429, r#"{"message":"Request was rejected due to rate limiting. Details:RPD limit reached.","data":null}"#),
        ],
    );
}

#[test]
fn rows_4_and_5_too_fast() {
    check(
        Class::RateLimited,
        &[
            (429, ""),
            (429, "Too Many Requests"),
            // docs.anthropic.com/en/api/errors
            (
                429,
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"Number of request tokens has exceeded your per-minute rate limit"}}"#,
            ),
            // github.com/google-gemini/gemini-cli/issues/2020
            (
                429,
                r#"{"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}"#,
            ),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}]}}"#,
            ),
            // github.com/raycast/extensions/issues/31107 (Mistral)
            (
                429,
                r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#,
            ),
            // www.alibabacloud.com/help/en/model-studio/error-code
            (
                429,
                r#"{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded, please try again later."}"#,
            ),
            // Baidu Qianfan, via ecweb.ecer.com/topic/en/detail-161097
            (429, r#"{"error":{"code":"rate_limit_exceeded","message":"rpm_rate_limit_exceeded"}}"#),
            // github.com/cline/cline/issues/4826 (xAI)
            (
                429,
                "Too many tokens for team t and model grok-4. Your team's rate limit is Tokens per Minute: 65605/16000.",
            ),
        ],
    );
    // github.com/jasonacox/TinyLLM/issues/17 (Azure)
    let azure = r#"{"error":{"code":"429","message":"Requests have exceeded token rate limit. Please retry after 7 seconds."}}"#;
    assert_eq!(answer(429, &[], azure).unwrap().wait_ms, Some(7000));
    let patient = answer(402, &[("retry-after", "5")], "").unwrap();
    assert_eq!((patient.class, patient.wait_ms), (Class::RateLimited, Some(5000)));
}

#[test]
fn row_6_the_model_is_busy() {
    check(
        Class::ModelBusy,
        &[
            // docs.anthropic.com/en/api/errors; console.groq.com/docs/errors
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
            (498, ""),
            (
                503,
                r#"{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}"#,
            ),
            (429, r#"{"error":{"code":429,"details":[{"reason":"MODEL_CAPACITY_EXHAUSTED"}]}}"#),
            // github.com/continuedev/continue/issues/6185 (Mistral)
            (
                429,
                r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","code":null}"#,
            ),
            // github.com/open-webui/computer/issues/293 (OpenRouter)
            (
                429,
                r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"m is temporarily rate-limited upstream. Please retry shortly","provider_name":"P"}}}"#,
            ),
            (503, r#"{"error":{"message":"Slow down","code":"slow_down"}}"#),
            (503, "no healthy upstream"),
            (503, r#"{"code":50505,"message":"Model service overloaded. Please try again later.","data":null}"#),
        ],
    );
}

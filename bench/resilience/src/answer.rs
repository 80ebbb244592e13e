//! What upstreams answer, in the words and headers of real ones, so that the classification is driven too.

use keypool::pool::verdict::Outcome;

/// One attempt's outcome, as the wire shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Head {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// No connection, or a reset before the head.
    Unreachable,
    /// No head before the first-byte timeout.
    NoHead,
}

/// How an account says that it is at its limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dialect {
    /// OpenAI's paid tiers: `x-ratelimit-*` on every answer, and in the 429 a sentence and the `retry-after-ms` that its
    /// own SDKs look for first.
    Headers,
    /// Gemini's free tier: a delay in the body of the 429, nothing before.
    RetryDelay,
    /// Groq and others: `retry-after` on the 429.
    RetryAfter,
    /// NVIDIA, SiliconFlow and others: 429 and nothing else.
    Bare,
}

impl Answer {
    pub fn headers(&self) -> &[(String, String)] {
        match self {
            Self::Head { headers, .. } => headers,
            Self::Unreachable | Self::NoHead => &[],
        }
    }

    pub fn is_success(&self) -> bool {
        matches!(self, Self::Head { status: 200, .. })
    }

    pub fn outcome(&self) -> Outcome<'_> {
        match self {
            Self::Head { status, headers, body } => Outcome::Answer { status: *status, headers, body: body.as_bytes() },
            Self::Unreachable => Outcome::Unreachable,
            Self::NoHead => Outcome::NoHead,
        }
    }
}

fn head(status: u16, kind: &str, more: &[(&str, String)], body: impl Into<String>) -> Answer {
    let kind = ("content-type".to_owned(), kind.to_owned());
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Answer::Head { status, headers: std::iter::once(kind).chain(more).collect(), body: body.into() }
}

fn json(status: u16, more: &[(&str, String)], body: impl Into<String>) -> Answer {
    head(status, "application/json", more, body)
}

/// The first event of a stream. `limits`: the limit, what remains of it, and when it is whole again.
pub fn success(limits: Option<(u64, u64, u64)>) -> Answer {
    let event = "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":\
        [{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n";
    let told = limits.map(|(limit, remaining, full_in)| {
        [
            ("x-ratelimit-limit-requests", limit.to_string()),
            ("x-ratelimit-remaining-requests", remaining.to_string()),
            ("x-ratelimit-reset-requests", duration(full_in)),
        ]
    });
    head(200, "text/event-stream", told.as_ref().map_or(&[], |t| t.as_slice()), event)
}

/// At the limit; a request would pass after `free_in`, and all is as if unused after `full_in`.
pub fn limited(dialect: Dialect, rpm: u64, free_in: u64, full_in: u64) -> Answer {
    let seconds = free_in.div_ceil(1000).max(1);
    match dialect {
        Dialect::Headers => {
            let message = format!(
                "Rate limit reached for m in organization org-x on requests per min (RPM): Limit {rpm}, Used {rpm}, \
                 Requested 1. Please try again in {}.",
                duration(free_in)
            );
            json(
                429,
                &[
                    ("retry-after-ms", free_in.to_string()),
                    ("x-ratelimit-limit-requests", rpm.to_string()),
                    ("x-ratelimit-remaining-requests", "0".into()),
                    ("x-ratelimit-reset-requests", duration(full_in)),
                ],
                format!(
                    r#"{{"error":{{"message":"{message}","type":"requests","param":null,"code":"rate_limit_exceeded"}}}}"#
                ),
            )
        }
        Dialect::RetryDelay => json(
            429,
            &[],
            format!(
                r#"[{{"error":{{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaValue":"{rpm}"}}]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{seconds}s"}}]}}}}]"#
            ),
        ),
        Dialect::RetryAfter => json(
            429,
            &[("retry-after", seconds.to_string())],
            r#"{"error":{"message":"Rate limit reached for model m on requests per minute (RPM)","type":"requests","code":"rate_limit_exceeded"}}"#,
        ),
        Dialect::Bare => bare_limit(),
    }
}

pub fn bare_limit() -> Answer {
    json(429, &[], r#"{"status":429,"title":"Too Many Requests"}"#)
}

pub fn revoked(secret_end: usize) -> Answer {
    json(
        401,
        &[],
        format!(
            r#"{{"error":{{"message":"Incorrect API key provided: sk-proj-********************{secret_end:04}. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}}}"#
        ),
    )
}

pub fn broke() -> Answer {
    json(
        429,
        &[],
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
    )
}

pub fn forbidden() -> Answer {
    json(403, &[], r#"{"error":{"message":"Project is not allowed to sample.","type":"invalid_request_error"}}"#)
}

/// The server errors that providers and what stands before them send, in turn.
pub fn server_error(which: u64) -> Answer {
    match which % 4 {
        0 => json(
            500,
            &[],
            r#"{"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}"#,
        ),
        1 => head(
            502,
            "text/html",
            &[],
            "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n",
        ),
        2 => head(
            503,
            "text/plain",
            &[],
            "upstream connect error or disconnect/reset before headers. reset reason: connection failure",
        ),
        _ => json(504, &[], r#"{"error":{"message":"Gateway Timeout","type":"server_error","code":"timeout"}}"#),
    }
}

/// `GET models`.
pub fn models() -> Answer {
    json(200, &[], r#"{"object":"list","data":[{"id":"m","object":"model","owned_by":"system"}]}"#)
}

/// As OpenAI writes it: 17ms, 1.2s, 6m0s.
fn duration(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..60_000 => format!("{}.{:03}s", ms / 1000, ms % 1000),
        _ => format!("{}m{}s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keypool::pool::{class::Class, verdict::judge};

    #[test]
    fn each_answer_is_of_the_class_that_it_plays() {
        let judged = |answer: Answer| judge(&answer.outcome(), 1_793_491_200_000);
        let check = |answer: Answer, class: Class, wait_ms: Option<u64>| {
            let verdict = judged(answer.clone()).unwrap();
            assert_eq!((verdict.class, verdict.wait_ms), (class, wait_ms), "{answer:?}");
        };
        assert_eq!(judged(success(Some((60, 3, 10)))), None);
        assert_eq!(judged(models()), None);
        check(limited(Dialect::Headers, 60, 1200, 10_000), Class::RateLimited, Some(1200));
        check(limited(Dialect::RetryDelay, 60, 1200, 0), Class::RateLimited, Some(2000));
        check(limited(Dialect::RetryAfter, 60, 1200, 0), Class::RateLimited, Some(2000));
        check(limited(Dialect::Bare, 60, 1200, 0), Class::RateLimited, None);
        check(revoked(7), Class::KeyDead, None);
        check(broke(), Class::KeyBroke, None);
        check(forbidden(), Class::Forbidden, None);
        for which in 0..4 {
            check(server_error(which), Class::Transient, None);
        }
    }
}

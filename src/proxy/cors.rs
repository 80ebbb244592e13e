//! Web pages that call from a browser (the Fetch standard's CORS protocol). Nothing here depends on cookies, so an origin
//! gives no right: the client key does.

use crate::{
    config::Config,
    error::Result,
    js::{self, call::Head},
};
use worker::web_sys::{Headers, Response};

/// How long a browser may remember that it may.
const REMEMBERED_S: &str = "86400";

/// The answer to a browser that asks before it calls; `None` when this is the call itself.
///
/// # Errors
/// When the runtime refuses a header.
pub fn preflight(head: &Head, config: &Config) -> Result<Option<Response>> {
    let Some(method) = head.get("access-control-request-method").filter(|_| head.method == "OPTIONS") else {
        return Ok(None);
    };
    let headers = Headers::new()?;
    if allow(&headers, head, config)? {
        headers.set("access-control-allow-methods", method)?;
        if let Some(names) = head.get("access-control-request-headers") {
            headers.set("access-control-allow-headers", names)?;
        }
        headers.set("access-control-max-age", REMEMBERED_S)?;
    }
    js::text_response(204, &headers, None).map(Some)
}

/// Lets the page of the request read the answer, if it may; answers whether it may.
///
/// # Errors
/// As `preflight`.
pub fn allow(answer: &Headers, request: &Head, config: &Config) -> Result<bool> {
    let Some(origin) = request.get("origin") else { return Ok(false) };
    let origins = config.cors_origins.as_str();
    let all = origins == "*";
    if !all {
        answer.append("vary", "origin")?;
    }
    let allowed = all || origins.split_ascii_whitespace().any(|known| known.eq_ignore_ascii_case(origin));
    if allowed {
        answer.set("access-control-allow-origin", if all { "*" } else { origin })?;
        answer.set("access-control-expose-headers", "*")?;
    }
    Ok(allowed)
}

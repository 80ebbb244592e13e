//! Who may enter the admin API: a session from the login, by cookie for the page or as Bearer for scripts.

use crate::{
    auth,
    error::{Fault, Result},
    js,
};
use worker::web_sys::Request;

pub const COOKIE: &str = "keypool_session";

/// What the caller shows, still to be checked, and whether that is a cookie.
///
/// # Errors
/// `LoginRequired` when that is nothing; `CrossSite`.
pub fn token(request: &Request) -> Result<(String, bool)> {
    let headers = request.headers();
    let bearer = js::header(&headers, "authorization");
    if let Some(bearer) = bearer.as_deref().and_then(auth::bearer) {
        return Ok((bearer.into(), false));
    }
    let token = js::header(&headers, "cookie").and_then(|all| cookie(&all, COOKIE)).ok_or(Fault::LoginRequired)?;
    same_site(request).map(|()| (token, true))
}

/// # Errors
/// `CrossSite`.
pub fn same_site(request: &Request) -> Result<()> {
    if is_cross_site(request) { Err(Fault::CrossSite.into()) } else { Ok(()) }
}

/// A change that a page of another site asks for. Browsers say where a request comes from; scripts say nothing.
fn is_cross_site(request: &Request) -> bool {
    if matches!(request.method().as_str(), "GET" | "HEAD") {
        return false;
    }
    let headers = request.headers();
    match (js::header(&headers, "sec-fetch-site"), js::header(&headers, "origin")) {
        (Some(site), _) => site != "same-origin" && site != "none",
        (None, Some(origin)) => !request.url().strip_prefix(&origin).is_some_and(|rest| rest.starts_with('/')),
        (None, None) => false,
    }
}

fn cookie(all: &str, name: &str) -> Option<String> {
    let mut pairs = all.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let all = "other=1; xkeypool_session=2; keypool_session=abc.def; last=3";
        assert_eq!(cookie(all, COOKIE).as_deref(), Some("abc.def"));
        assert_eq!(cookie("a=b", COOKIE), None);
    }
}

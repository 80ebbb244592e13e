//! Who may enter the admin API: a session from the login, by cookie for the page or as Bearer for scripts.

use super::Asked;
use crate::{
    app::App,
    auth::{self, session::Session},
    error::{Error, Result},
    js,
};
use std::rc::Rc;
use worker::web_sys::Request;

pub const COOKIE: &str = "keypool_session";

pub struct Door {
    pub password: String,
    jwt_secret: Option<String>,
}

impl Door {
    /// # Errors
    /// `NoPassword`: there is no default password.
    pub fn new(app: &Rc<App>) -> Result<Self> {
        let password = app.var("ADMIN_PASSWORD").ok_or(Error::NoPassword)?;
        Ok(Self { password, jwt_secret: app.var("JWT_SECRET") })
    }

    pub fn secret(&self, pepper: &str) -> String {
        auth::session_secret(self.jwt_secret.as_deref(), &self.password, pepper)
    }

    /// The session of the caller. It also brings this isolate up to date: an admin never sees an old picture.
    ///
    /// # Errors
    /// `LoginRequired`; `CrossSite`; `Storage`, since nothing can be administered without it.
    pub async fn enter(&self, asked: &Asked) -> Result<Session> {
        let headers = asked.request.headers();
        let bearer = js::header(&headers, "authorization");
        let bearer = bearer.as_deref().and_then(auth::bearer).map(str::to_string);
        let by_cookie = bearer.is_none();
        let cookie = || js::header(&headers, "cookie").and_then(|all| cookie(&all, COOKIE));
        let token = bearer.or_else(cookie).ok_or(Error::LoginRequired)?;
        if by_cookie && is_cross_site(&asked.request) {
            return Err(Error::CrossSite);
        }
        asked.app.load(asked.now).await?;
        asked.app.pepper(asked.now).await?;
        asked.app.session(&token, asked.now).ok_or(Error::LoginRequired)
    }
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

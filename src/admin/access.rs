//! Cloudflare Access in front of the admin API: where the operator names its team, whoever Access lets in is the admin, and
//! nobody else is, password or not.

use super::door;
use crate::{
    app::App,
    auth::{self, session::Session},
    error::{Error, Fault, Result},
    js, runtime,
};
use wasm_bindgen::JsValue;
use worker::{wasm_bindgen_futures::JsFuture, web_sys::Request};

const TEAM: &str = "KEYPOOL_ACCESS_TEAM";
const AUDIENCE: &str = "KEYPOOL_ACCESS_AUD";
const HOST: &str = ".cloudflareaccess.com";

pub struct Access {
    /// As tokens name their issuer.
    team: String,
    audience: String,
}

impl Access {
    /// # Errors
    /// `Config` when a half of it is missing, or the team's address is no safe one.
    pub fn of(app: &App) -> Result<Option<Self>> {
        let (team, audience) = match (app.var(TEAM), app.var(AUDIENCE)) {
            (None, None) => return Ok(None),
            (Some(team), Some(audience)) => (address(&team), audience),
            _ => return Err(Fault::Config([TEAM, " and ", AUDIENCE, " only work together"].concat()).into()),
        };
        if !team.starts_with("https://") && !app.config()?.allow_private_upstreams {
            return Err(Fault::Config([TEAM, " must be a team's name, or its https:// address"].concat()).into());
        }
        Ok(Some(Self { team, audience }))
    }

    /// Who came through Access, and the session that this is; `mark` as `auth::password_mark`.
    ///
    /// # Errors
    /// 403 for whoever did not; 503 when Access' keys cannot be had.
    pub async fn admit(&self, request: &Request, mark: String, pepper: &str, now: u64) -> Result<(String, Session)> {
        let refused = || Error::forbidden("access_required", "Sign in through Cloudflare Access.".into());
        let token = js::header(&request.headers(), "cf-access-jwt-assertion").ok_or_else(refused)?;
        door::same_site(request)?;
        #[expect(clippy::cast_precision_loss, reason = "times are below 2^53")]
        let claims = js::access(&self.team, &self.audience, &token, now as f64)?;
        let claims = JsFuture::from(claims).await.map_err(|thrown| unavailable(&thrown))?;
        let time = |name| js::field(&claims, name).as_f64().map(runtime::millis);
        let (Some(who), Some(iat), Some(exp)) = (js::field(&claims, "who").as_string(), time("iat"), time("exp"))
        else {
            return Err(refused());
        };
        // Of one token it is one session, which a logout ends.
        let mut jti = auth::keyed_digest(pepper, &["access\n", &*token].concat());
        jti.truncate(32);
        Ok((who, Session { jti, pw: mark, iat, ms: 0, exp }))
    }
}

fn address(team: &str) -> String {
    let team = team.trim_end_matches('/');
    match (team.contains(':'), team.contains('.')) {
        (true, _) => team.into(),
        (false, true) => ["https://", team].concat(),
        (false, false) => ["https://", team, HOST].concat(),
    }
}

fn unavailable(thrown: &JsValue) -> Error {
    let message = ["The keys of Cloudflare Access cannot be had: ", &js::message(thrown)].concat();
    Fault::Exhausted { status: 503, code: "access_unavailable", message, wait_ms: Some(60_000) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_known_by_its_name_or_its_address() {
        assert_eq!(address("acme"), "https://acme.cloudflareaccess.com");
        assert_eq!(address("https://acme.cloudflareaccess.com/"), "https://acme.cloudflareaccess.com");
        assert_eq!(address("acme.cloudflareaccess.com"), "https://acme.cloudflareaccess.com");
        assert_eq!(address("http://127.0.0.1:8788"), "http://127.0.0.1:8788");
    }
}

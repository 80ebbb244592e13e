//! Login and logout.

use super::{
    Asked,
    audit::{Deed, When},
    door::COOKIE,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::{EVERY_SESSION, with_cache},
    auth::{self, session::Session},
    config::Level,
    error::{Fault, Result},
    js,
    limit::ip,
    record::{Kind, Record, write::object},
    runtime,
    store::{Secrecy, secrecy},
};

/// Without use, a session ends after so long.
const IDLE_MS: u64 = 3_600_000;

/// Whoever sent the password may log in.
pub async fn admit(asked: &Asked, password: &str) -> Result<()> {
    let address = js::header(&asked.request.headers(), "cf-connecting-ip").unwrap_or_default();
    let address = ip::house(&address);
    if let Some(wait_ms) = asked.app.login_wait(&address, asked.now).await? {
        return Err(Fault::Throttled { wait_ms }.into());
    }
    let mut fields = input::body(asked)?;
    let sent = fields.required("password");
    fields.end()?;
    if !auth::same_secret(&sent, password) {
        asked.app.login_failed(&address, asked.now).await;
        runtime::log(Level::Warn, "login_refused", || object! {});
        return Err(Fault::WrongPassword.into());
    }
    asked.app.login_held(&address, asked.now).await;
    Ok(())
}

/// With the id of the session.
pub fn login(asked: &Asked, password: &str) -> Result<(String, Outcome)> {
    let mark = auth::password_mark(password, &asked.pepper);
    let session = Session::new(runtime::random_id()?, mark, asked.now, asked.app.config()?.session_ms.min(IDLE_MS));
    let outcome = told(&session, asked.app.sign(&session, password)?, asked.now)?;
    Ok((session.jti, outcome.told(Deed::new("session", "login", When::IfPossible))))
}

/// The same session, as long as a new one would last, though not beyond its longest life.
pub fn renewed(asked: &Asked, session: &Session) -> Result<Session> {
    let longest = session.began() + asked.app.config()?.session_ms;
    Ok(Session { exp: (asked.now + IDLE_MS).min(longest) / 1000, ..session.clone() })
}

/// For scripts: the page's cookie is renewed by its use.
pub fn renew(asked: &Asked, session: &Session, password: &str) -> Result<Outcome> {
    let session = renewed(asked, session)?;
    told(&session, asked.app.sign(&session, password)?, asked.now)
}

/// A cookie for a session of which half is over.
pub fn renewed_cookie(asked: &Asked, session: &Session, password: &str) -> Result<Option<String>> {
    let renewed = renewed(asked, session)?;
    if session.expires_at() > asked.now + IDLE_MS / 2 || renewed.exp <= session.exp {
        return Ok(None);
    }
    Ok(Some(cookie(&asked.app.sign(&renewed, password)?, renewed.expires_at().saturating_sub(asked.now) / 1000)))
}

fn told(session: &Session, token: String, now: u64) -> Result<Outcome> {
    let cookie = Some(cookie(&token, session.expires_at().saturating_sub(now) / 1000));
    Ok(Outcome { cookie, ..answer(200, object! {"token": token, "expires_at": session.expires_at()})? })
}

/// Of this session, or `everywhere` of all that have begun.
pub fn logout(asked: &Asked, session: &Session) -> Result<Outcome> {
    let mut fields = if asked.body.is_empty() { Fields::query("") } else { input::body(asked)? };
    let everywhere = fields.flag("everywhere").unwrap_or(false);
    fields.end()?;
    let id = if everywhere { EVERY_SESSION } else { &session.jti };
    let revoked = Record::new(Kind::Revoked, id, &object! {"until": session.expires_at()}, asked.now)?;
    Ok(Outcome { cookie: Some(cookie("", 0)), ..store(vec![revoked], Say::Nothing)? })
}

/// `broken` are values of the storage that cannot be read.
pub fn show(asked: &Asked, expires_at: u64, broken: Vec<String>) -> Result<Outcome> {
    let secrecy = secrecy();
    let left_out = with_cache(|c| [c.unreadable.as_slice(), &broken].concat());
    let left_out = (!left_out.is_empty()).then(|| ["Left out, as it cannot be read: ", &left_out.join(", ")].concat());
    answer(
        200,
        object! {
            "expires_at": expires_at,
            "who": asked.who,
            "by": if asked.by_access { "access" } else { "password" },
            "storage": asked.app.store.name(),
            "version": env!("CARGO_PKG_VERSION"),
            "encrypted": secrecy.has_key && secrecy.plain == 0,
            "storage_warning": left_out.or_else(|| warning(&secrecy)),
        },
    )
}

/// What cron has still to do.
fn warning(secrecy: &Secrecy) -> Option<String> {
    let (n, what) = match secrecy {
        Secrecy { plain: n @ 1.., .. } => (n, "not encrypted yet. Cron does it, some every minute"),
        Secrecy { old: n @ 1.., .. } => (
            n,
            "still encrypted with a former key. Cron changes that, some every minute: keep ENCRYPTION_KEY_OLD until then",
        ),
        Secrecy { .. } => return None,
    };
    Some(format!("Keys and providers: {n} {what}."))
}

fn cookie(token: &str, seconds: u64) -> String {
    format!("{COOKIE}={token}; Path=/admin; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict")
}

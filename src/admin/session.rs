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
    error::{Error, Fault, Result},
    js,
    record::{Kind, Record, write::object},
    runtime,
    store::{Secrecy, secrecy},
};

/// Whoever sent the password may log in. The storage is not read for those who may not.
pub fn admit(asked: &Asked, password: &str) -> Result<()> {
    let address = js::header(&asked.request.headers(), "cf-connecting-ip").unwrap_or_default();
    if let Some(wait_ms) = with_cache(|c| c.throttle.wait_ms(&address, asked.now)) {
        return Err(Fault::Throttled { wait_ms }.into());
    }
    let mut fields = input::body(asked)?;
    let sent = fields.required("password");
    fields.end()?;
    if !auth::same_secret(&sent, password) {
        with_cache(|c| c.throttle.wrong(&address, asked.now));
        runtime::log(Level::Warn, "login_refused", || object! {});
        return Err(Fault::WrongPassword.into());
    }
    with_cache(|c| c.throttle.right(&address));
    Ok(())
}

/// With the id of the session.
pub fn login(asked: &Asked, password: &str) -> Result<(String, Outcome)> {
    let life = asked.app.config()?.session_ms;
    let mark = auth::password_mark(password, &asked.pepper);
    let session = Session::new(runtime::random_id()?, mark, asked.now, life);
    let secret = auth::session_secret(asked.app.var("JWT_SECRET").as_deref(), password, &asked.pepper);
    let token = session.sign(&secret).ok_or_else(|| Error::internal("signing failed"))?;
    let cookie = Some(cookie(&token, life / 1000));
    let outcome = Outcome { cookie, ..answer(200, object! {"token": token, "expires_at": session.expires_at()})? };
    Ok((session.jti, outcome.told(Deed::new("session", "login", When::IfPossible))))
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

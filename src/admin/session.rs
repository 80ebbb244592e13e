//! Login and logout, and the call that makes counts durable at once.

use super::{
    Asked, answer,
    door::{COOKIE, Door},
    input, no_content,
};
use crate::{
    app::with_cache,
    auth::{self, session::Session},
    config::Level,
    error::{Error, Result},
    js,
    record::{Kind, Record},
    runtime,
};
use serde_json::json;
use worker::web_sys::Response;

pub async fn login(asked: &Asked, door: &Door) -> Result<Response> {
    let address = js::header(&asked.request.headers(), "cf-connecting-ip").unwrap_or_default();
    if let Some(wait_ms) = with_cache(|c| c.throttle.wait_ms(&address, asked.now)) {
        return Err(Error::Throttled { wait_ms });
    }
    let mut fields = input::body(asked)?;
    let password = input::required("password", fields.text("password")?)?;
    fields.end()?;
    if !auth::same_secret(&password, &door.password) {
        with_cache(|c| c.throttle.wrong(&address, asked.now));
        runtime::log(Level::Warn, "login_refused", || json!({}));
        return Err(Error::WrongPassword);
    }
    with_cache(|c| c.throttle.right(&address));
    asked.app.load(asked.now).await?;
    let pepper = asked.app.pepper(asked.now).await?;
    let life = asked.app.config()?.session_ms;
    let mark = auth::password_mark(&door.password, &pepper);
    let session = Session::new(runtime::random_id()?, mark, asked.now, life);
    let token = session.sign(&door.secret(&pepper)).ok_or_else(|| Error::Internal("signing failed".into()))?;
    let response = answer(200, &json!({"token": token, "expires_at": session.expires_at()}))?;
    set_cookie(&response, &token, life / 1000)?;
    Ok(response)
}

pub async fn logout(asked: &Asked, session: &Session) -> Result<Response> {
    let revoked = Record::new(Kind::Revoked, &*session.jti, &json!({"until": session.expires_at()}), asked.now)?;
    asked.app.write(vec![revoked], asked.now).await?;
    let response = no_content()?;
    set_cookie(&response, "", 0)?;
    Ok(response)
}

pub fn show(asked: &Asked, session: &Session) -> Result<Response> {
    answer(
        200,
        &json!({
            "expires_at": session.expires_at(),
            "storage": asked.app.store.name(),
            "version": env!("CARGO_PKG_VERSION"),
            "encrypted": false,
            "storage_warning": null,
        }),
    )
}

pub async fn flush(asked: &Asked) -> Result<Response> {
    let flushed = asked.app.flush(asked.now).await?;
    let folded = asked.app.store.fold(asked.now).await?;
    answer(200, &json!({"flushed": flushed, "folded": folded}))
}

fn set_cookie(response: &Response, token: &str, seconds: u64) -> Result<()> {
    let cookie = format!("{COOKIE}={token}; Path=/admin; Max-Age={seconds}; HttpOnly; Secure; SameSite=Strict");
    Ok(response.headers().append("set-cookie", &cookie)?)
}

//! The admin API: one file a noun. docs/openapi.yaml describes it, and the tests hold the answers against it.

mod access;
mod audit;
mod backup;
mod clients;
mod cost;
mod door;
mod fields;
mod input;
mod keys;
mod metrics;
mod models;
mod outcome;
mod overview;
mod prices;
mod providers;
mod requests;
mod rules;
mod session;
mod settings;
mod stats;

use crate::{
    app::{App, with_cache},
    auth::{self, session::Session},
    error::{Error, Fault, Result},
    record::write::object,
    runtime,
    store::{Logs, Shelf},
    upstream,
};
use access::Access;
use outcome::{Outcome, Say, answer};
use std::rc::Rc;
use worker::web_sys::{Request, Response};

/// What every handler is given.
struct Asked {
    app: Rc<App>,
    request: Request,
    query: String,
    /// Of a POST, PATCH or PUT; empty otherwise.
    body: String,
    /// See `App::pepper`.
    pepper: String,
    /// As the audit log names them.
    who: String,
    by_access: bool,
    now: u64,
}

/// What comes of a call by the admin.
pub enum Handled {
    Answered(Response),
    /// The session holds that has this token; the rest is another walk's matter.
    Entered(String),
}

/// `rest` is what follows `/admin/api/`; `None` for a call that is not answered here.
///
/// # Errors
/// As the caller shall see them.
pub async fn handle(app: &Rc<App>, request: Request, rest: Option<&str>, query: &str, now: u64) -> Result<Handled> {
    let asked = Asked {
        app: app.clone(),
        request,
        query: query.into(),
        body: String::new(),
        pepper: String::new(),
        who: "admin".into(),
        by_access: false,
        now,
    };
    let mut cookie = None;
    let handled = answered(asked, rest, &mut cookie).await?;
    if let (Handled::Answered(answer), Some(cookie)) = (&handled, cookie) {
        answer.headers().append("set-cookie", &cookie)?;
    }
    Ok(handled)
}

/// Whatever is awaited is awaited here: the handlers decide, and this walk does what they decided.
async fn answered(mut asked: Asked, rest: Option<&str>, cookie: &mut Option<String>) -> Result<Handled> {
    let (app, now) = (asked.app.clone(), asked.now);
    let password = app.var("ADMIN_PASSWORD").ok_or(Fault::NoPassword)?;
    let access = Access::of(&app)?;
    let method = asked.request.method();
    let is_login = rest == Some("login");
    if is_login && method != "POST" {
        return Err(Fault::Method { allow: "POST" }.into());
    }
    let mut token = match door::token(&asked.request) {
        Err(error) if !is_login && access.is_none() => return Err(error),
        shown => shown.ok().filter(|_| !is_login),
    };
    if is_login && access.is_none() {
        asked.body = input::text(&asked.request).await?;
        if let Err(error) = session::admit(&asked, &password).await {
            if matches!(*error, Fault::WrongPassword | Fault::Throttled { .. }) {
                audit::refused(&asked).await;
            }
            return Err(error);
        }
    }
    // An admin never sees an old picture.
    app.load(now).await?;
    asked.pepper = app.pepper(now).await?;
    let is_scrape = |token: &Option<(String, bool)>| {
        let may = |(token, _): &(String, bool)| metrics::is_token(&asked, token);
        rest == Some("metrics") && method == "GET" && token.as_ref().is_some_and(may)
    };
    let (session, outcome) = if is_scrape(&token) {
        (String::new(), metrics::show()?)
    } else if is_login && access.is_none() {
        session::login(&asked, &password)?
    } else {
        if let Some(access) = access {
            let mark = auth::password_mark(&password, &asked.pepper);
            let (who, session) = access.admit(&asked.request, mark, &asked.pepper, now).await?;
            token = Some((app.sign(&session, &password)?, false));
            (asked.who, asked.by_access) = (who, true);
        }
        let (token, is_cookie) = token.ok_or(Fault::LoginRequired)?;
        let session = app.session(&token, now).ok_or(Fault::LoginRequired)?;
        let Some(rest) = rest else { return Ok(Handled::Entered(token)) };
        if is_cookie {
            *cookie = session::renewed_cookie(&asked, &session, &password)?;
        }
        if matches!(method.as_str(), "POST" | "PATCH" | "PUT") {
            asked.body = input::text(&asked.request).await?;
        }
        let outcome = match (rest, method.as_str()) {
            ("session", "POST") if !asked.by_access => session::renew(&asked, &session, &password)?,
            _ => decide(&asked, &session, rest, &method)?,
        };
        (session.jti, outcome)
    };
    let mut outcome = match outcome.say {
        Say::Probe(suspect) => {
            let probe =
                upstream::probe(&suspect.provider, &suspect.key.secret, &suspect.url, upstream::LOOK, keys::PROBE_MS)
                    .await?;
            asked.now = runtime::now();
            keys::probed(&suspect, probe, asked.now)?
        }
        Say::Models(name) => {
            let read = app.fetch_models(&name, now).await?;
            providers::models_read(&name, read)?
        }
        Say::Flush => {
            let flushed = app.flush(now).await?;
            answer(200, object! {"flushed": flushed, "folded": app.store.fold(&app.upkeep(now)?).await?})?
        }
        Say::Session(expires_at) => session::show(&asked, expires_at, app.store.broken().await?)?,
        Say::Backup(passphrase) => backup::made(&asked, passphrase.as_deref()).await?,
        Say::Restore(wish) => backup::opened(&asked, *wish).await?,
        Say::Requests(wish) => {
            let batches = app.store.logs(&Logs::From(Shelf::Requests, &wish.batch, "", wish.most())).await?;
            return requests::tell(&wish, &batches).map(Handled::Answered);
        }
        Say::Audit(wish) => {
            let found = app.store.logs(&Logs::From(Shelf::Audit, &wish.from, &wish.ending, wish.most)).await?;
            return audit::tell(&wish, &found).map(Handled::Answered);
        }
        _ => outcome,
    };
    with_cache(|c| outcome.records.retain(|record| !c.is_held(record)));
    let (audited, may_fail) = audit::entries(&asked, &session, &mut outcome)?;
    let Outcome { records, mut say, .. } = outcome;
    if outcome.cookie.is_some() {
        *cookie = outcome.cookie;
    }
    // Before the change, so that a storage that fails here has changed nothing.
    let counted = app.store.usage(&say.queries()).await?;
    match app.write(records, &audited, asked.now).await {
        Err(error) if may_fail => audit::lost(&error),
        written => written?,
    }
    if matches!(say, Say::Overview(_)) {
        return overview::tell(&asked, &counted, app.store.waits_since().await?).map(Handled::Answered);
    }
    say.response(&asked, counted).map(Handled::Answered)
}

fn decide(asked: &Asked, session: &Session, rest: &str, method: &str) -> Result<Outcome> {
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    let allow = |methods| Err(Fault::Method { allow: methods }.into());
    match (parts.as_slice(), method) {
        (["session"], "GET") => outcome::store(Vec::new(), Say::Session(session.expires_at())),
        (["session"], _) => allow("GET, POST"),
        (["logout"], "POST") => session::logout(asked, session),
        (["overview"], "GET") => overview::show(asked),
        (["overview"], _) => allow("GET"),
        (["flush"], "POST") => outcome::store(Vec::new(), Say::Flush),
        (["logout" | "flush"], _) => allow("POST"),
        (["keys"], "GET") => keys::list(asked),
        (["keys"], "POST") => keys::add(asked),
        (["keys", "bulk"], "POST") => keys::bulk(asked),
        (["keys"], _) => allow("GET, POST"),
        (["keys", "export"], "POST") => keys::export(asked),
        (["keys", "bulk" | "export"], _) => allow("POST"),
        (["keys", "stats"], "GET") => keys::stats(asked),
        (["keys", "stats"], _) => allow("GET"),
        (["keys", id], "GET") => keys::show(id),
        (["keys", id], "PATCH") => keys::change(asked, id),
        (["keys", id], "DELETE") => keys::delete(asked, id),
        (["keys", _], _) => allow("GET, PATCH, DELETE"),
        (["keys", id, "reset"], "POST") => keys::reset(asked, id),
        (["keys", id, "test"], "POST") => keys::test(id),
        (["keys", id, "balance"], "POST") => keys::balance(id),
        (["keys", id, "reveal"], "POST") => keys::reveal(id),
        (["keys", _, "reset" | "test" | "balance" | "reveal"], _) => allow("POST"),
        (["providers"], "GET") => providers::list(asked),
        (["providers"], "POST") => providers::add(asked),
        (["providers"], _) => allow("GET, POST"),
        (["providers", name, "models"], "POST") => providers::read_models(name),
        (["providers", _, "models"], _) => allow("POST"),
        (["models"], "GET") => models::list(asked),
        (["models"], "PUT") => models::put(asked),
        (["models"], "DELETE") => models::delete(asked),
        (["models"], _) => allow("GET, PUT, DELETE"),
        (["providers", name], "GET") => providers::show(name),
        (["providers", name], "PATCH") => providers::change(asked, name),
        (["providers", name], "DELETE") => providers::delete(asked, name),
        (["providers", _], _) => allow("GET, PATCH, DELETE"),
        (["clients"], "GET") => clients::list(asked),
        (["clients"], "POST") => clients::add(asked),
        (["clients"], _) => allow("GET, POST"),
        (["clients", id], "PATCH") => clients::change(asked, id),
        (["clients", id], "DELETE") => clients::delete(asked, id),
        (["clients", _], _) => allow("PATCH, DELETE"),
        (["metrics"], "GET") => metrics::show(),
        (["metrics"], _) => allow("GET"),
        (["prices"], "GET") => prices::list(asked),
        (["prices"], "PUT") => prices::put(asked),
        (["prices"], "DELETE") => prices::delete(asked),
        (["prices"], _) => allow("GET, PUT, DELETE"),
        (["rules"], "GET") => rules::list(),
        (["rules"], "POST") => rules::add(asked),
        (["rules"], _) => allow("GET, POST"),
        (["rules", "test"], "POST") => rules::test(asked),
        (["rules", "test"], _) => allow("POST"),
        (["rules", id], "PATCH") => rules::change(asked, id),
        (["rules", id], "DELETE") => rules::delete(asked, id),
        (["rules", _], _) => allow("PATCH, DELETE"),
        (["stats"], "GET") => stats::now(asked),
        (["stats", "series"], "GET") => stats::series(asked),
        (["stats", "cost"], "GET") => cost::report(asked),
        (["stats"] | ["stats", "series" | "cost"], _) => allow("GET"),
        (["requests"], "GET") => requests::list(asked),
        (["requests", id], "GET") => requests::show(id),
        (["requests", ..], _) => allow("GET"),
        (["backup"], "POST") => backup::make(asked),
        (["backup", "restore"], "POST") => backup::restore(asked),
        (["backup"] | ["backup", "restore"], _) => allow("POST"),
        (["import"], "POST") => keys::import(asked),
        (["import"], _) => allow("POST"),
        (["audit"], "GET") => audit::list(asked),
        (["audit"], _) => allow("GET"),
        (["settings"], "GET") => outcome::store(Vec::new(), Say::Settings),
        (["settings"], "PATCH") => settings::change(asked),
        (["settings"], _) => allow("GET, PATCH"),
        _ => Err(Error::not_found("unknown_route", format!("/admin/api/{rest} is not a path of keypool."))),
    }
}

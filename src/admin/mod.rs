//! The admin API: one file a noun. docs/openapi.yaml describes it, and the tests hold the answers against it.

mod clients;
mod door;
mod fields;
mod input;
mod keys;
mod providers;
mod session;
mod settings;

use crate::{
    app::App,
    error::{Error, Result},
    js,
};
use door::Door;
use serde::Serialize;
use std::rc::Rc;
use worker::web_sys::{Request, Response};

/// What every handler is given.
struct Asked {
    app: Rc<App>,
    request: Request,
    query: String,
    /// Of a POST or PATCH; empty otherwise.
    body: String,
    now: u64,
}

/// `rest` is what follows `/admin/api/`.
///
/// # Errors
/// As the caller shall see them.
pub async fn handle(app: &Rc<App>, request: Request, rest: &str, query: &str, now: u64) -> Result<Response> {
    let door = Door::new(app)?;
    let method = request.method();
    let mut asked = Asked { app: app.clone(), request, query: query.into(), body: String::new(), now };
    if rest == "login" {
        if method != "POST" {
            return allow("POST");
        }
        asked.body = input::text(&asked.request).await?;
        return session::login(&asked, &door).await;
    }
    let session = door.enter(&asked).await?;
    if matches!(method.as_str(), "POST" | "PATCH") {
        asked.body = input::text(&asked.request).await?;
    }
    let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
    match (parts.as_slice(), method.as_str()) {
        (["session"], "GET") => session::show(&asked, &session),
        (["session"], _) => allow("GET"),
        (["logout"], "POST") => session::logout(&asked, &session).await,
        (["flush"], "POST") => session::flush(&asked).await,
        (["logout" | "flush"], _) => allow("POST"),
        (["keys"], "GET") => keys::list(&asked).await,
        (["keys"], "POST") => keys::add(&asked).await,
        (["keys", "bulk"], "POST") => keys::bulk(&asked).await,
        (["keys"], _) => allow("GET, POST"),
        (["keys", "bulk"], _) => allow("POST"),
        (["keys", id], "GET") => keys::show(&asked, id).await,
        (["keys", id], "PATCH") => keys::change(&asked, id).await,
        (["keys", id], "DELETE") => keys::delete(&asked, id).await,
        (["keys", _], _) => allow("GET, PATCH, DELETE"),
        (["keys", id, "reset"], "POST") => keys::reset(&asked, id).await,
        (["keys", id, "test"], "POST") => keys::test(&asked, id).await,
        (["keys", _, "reset" | "test"], _) => allow("POST"),
        (["providers"], "GET") => providers::list(&asked),
        (["providers"], "POST") => providers::add(&asked).await,
        (["providers"], _) => allow("GET, POST"),
        (["providers", name], "GET") => providers::show(&asked, name),
        (["providers", name], "PATCH") => providers::change(&asked, name).await,
        (["providers", name], "DELETE") => providers::delete(&asked, name).await,
        (["providers", _], _) => allow("GET, PATCH, DELETE"),
        (["clients"], "GET") => clients::list(&asked),
        (["clients"], "POST") => clients::add(&asked).await,
        (["clients"], _) => allow("GET, POST"),
        (["clients", id], "PATCH") => clients::change(&asked, id).await,
        (["clients", id], "DELETE") => clients::delete(&asked, id).await,
        (["clients", _], _) => allow("PATCH, DELETE"),
        (["settings"], "GET") => settings::show(&asked),
        (["settings"], "PATCH") => settings::change(&asked).await,
        (["settings"], _) => allow("GET, PATCH"),
        _ => Err(Error::not_found("unknown_route", format!("/admin/api/{rest} is not a path of keypool."))),
    }
}

fn allow(methods: &'static str) -> Result<Response> {
    Err(Error::Method { allow: methods })
}

fn answer(status: u16, value: &impl Serialize) -> Result<Response> {
    let body = serde_json::to_string(value).map_err(|e| Error::Internal(e.to_string()))?;
    js::json_response(status, &body)
}

fn no_content() -> Result<Response> {
    js::text_response(204, &js::headers_of(&[("cache-control", "no-store")])?, None)
}

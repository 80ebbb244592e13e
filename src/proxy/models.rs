//! `GET /v1/models`: what the caller may ask for, merged from the lists of all providers, and one of them by its name.

use crate::{
    app::{App, Cache, Caller, with_cache},
    error::{Error, Fault, Result},
    js, json,
    pool::target::is_on,
    record::{models::Model, provider::Provider, write::object},
    runtime::{self, Work},
};
use serde_json::Value;
use std::rc::Rc;
use worker::{js_sys::Promise, wasm_bindgen_futures::JsFuture, web_sys::Response};

/// A list that cron should have renewed long ago is renewed behind the answer.
const OLD_MS: u64 = 24 * 3_600_000;

/// Each is an upstream call and one of the storage, of 50 in all; the others are read by the next call, or by cron.
const AT_ONCE: usize = 10;

/// `rest` is what follows `/v1/`; `None` when it is not about these, or a change, which is for an upstream.
///
/// # Errors
/// `model_not_found`, as OpenAI's.
pub async fn answer(app: &Rc<App>, caller: &Caller, rest: &str, method: &str, now: u64) -> Result<Option<Response>> {
    let one = rest.strip_prefix("models/").filter(|id| !id.is_empty());
    let listed = matches!(rest, "models" | "models/");
    if !listed && one.is_none() || listed && method == "DELETE" || !listed && method != "GET" && method != "HEAD" {
        return Ok(None);
    }
    if method != "GET" && method != "HEAD" {
        return Err(Fault::Method { allow: "GET" }.into());
    }
    renew(app, now).await;
    let body = with_cache(|c| match one {
        None => Ok(json::text(&object! {"object": "list", "data": merged(c, caller)})),
        Some(id) => named(c, caller, &js::decoded(id)).map(|model| json::text(&model)),
    })?;
    js::json_response(200, if method == "HEAD" { "" } else { &body }).map(Some)
}

/// Lists that nobody has read yet are waited for, all at once.
async fn renew(app: &Rc<App>, now: u64) {
    let (old, missing) = with_cache(|c| {
        let (missing, old): (Vec<_>, Vec<_>) =
            c.pool.models_due(OLD_MS, now).into_iter().partition(|name| c.pool.models(name).is_none());
        (old, missing)
    });
    let work = |name: String| -> Work {
        let app = app.clone();
        Box::pin(async move {
            if let Ok(Some(record)) = app.fetch_models(&name, now).await {
                app.discover(vec![record], now);
            }
        })
    };
    old.into_iter().take(AT_ONCE).for_each(|name| app.in_background(work(name)));
    let waited: Vec<Promise> = missing.into_iter().take(AT_ONCE).map(|name| runtime::begin(work(name))).collect();
    for promise in waited {
        let _ = JsFuture::from(promise).await;
    }
}

/// Each name once, in their order.
fn merged(cache: &Cache, caller: &Caller) -> Vec<Value> {
    let mut found: Vec<(String, u64, String)> = Vec::new();
    let mut add = |id: &str, created: u64, owner: &str| {
        if let Err(place) = found.binary_search_by(|(known, ..)| known.as_str().cmp(id)) {
            found.insert(place, (id.into(), created, owner.into()));
        }
    };
    for (name, provider) in served(cache, caller) {
        for model in cache.pool.models(name).map_or(&[][..], |models| &models.list) {
            if cache.pool.offers(name, &model.id) && caller.may_call(&model.id, name, &model.id).is_ok() {
                add(&model.id, model.created, owner(model, name));
            }
        }
        for id in provider.models.iter().filter(|id| !id.contains('*')) {
            if caller.may_call(id, name, id).is_ok() {
                add(id, provider.created / 1000, name);
            }
        }
    }
    for (name, _) in cache.pool.aliases().iter().filter(|(name, _)| !name.contains('*')) {
        if caller.may_name(name) {
            add(name, 0, "keypool");
        }
    }
    found.iter().map(|(id, created, owner)| view(id, *created, owner)).collect()
}

fn named(cache: &Cache, caller: &Caller, id: &str) -> Result<Value> {
    let missing = || {
        Error::not_found(
            "model_not_found",
            format!("The model {id} does not exist, or this client key may not use it."),
        )
    };
    let pinned = id.split_once('/').filter(|(provider, _)| is_on(&cache.pool, provider));
    let alias = cache.pool.alias(id).filter(|_| caller.may_name(id));
    let of = |(name, model): (&str, &str)| {
        let listed = cache.pool.models(name).and_then(|models| models.find(model));
        let offered = cache.pool.offers(name, model) && caller.may_call(id, name, model).is_ok();
        offered.then(|| listed.map_or_else(|| view(id, 0, name), |m| view(id, m.created, owner(m, name))))
    };
    let found = pinned.and_then(of).or_else(|| served(cache, caller).find_map(|(name, _)| of((name, id))));
    found.or_else(|| alias.map(|_| view(id, 0, "keypool"))).ok_or_else(missing)
}

/// Providers that have a key for the caller.
fn served<'a>(cache: &'a Cache, caller: &'a Caller) -> impl Iterator<Item = (&'a str, &'a Provider)> {
    let mut with_keys: Vec<&str> = Vec::new();
    for (_, slot) in cache.pool.keys().filter(|(_, slot)| slot.key.enabled && caller.may_use(&slot.key.group)) {
        if with_keys.last() != Some(&slot.key.provider.as_str()) && !with_keys.contains(&slot.key.provider.as_str()) {
            with_keys.push(&slot.key.provider);
        }
    }
    cache.pool.providers().filter(move |(name, p)| p.enabled && with_keys.contains(name))
}

fn owner<'a>(model: &'a Model, provider: &'a str) -> &'a str {
    if model.owned_by.is_empty() { provider } else { &model.owned_by }
}

fn view(id: &str, created: u64, owner: &str) -> Value {
    object! {"id": id, "object": "model", "created": created, "owned_by": owner}
}

//! keypool: one OpenAI-compatible URL in front of a weighted pool of LLM API keys, on Cloudflare Workers.
//! The layers stand from top to bottom; a module imports only from layers below its own (tests/architecture.rs).

// walks: what happens from the request to the answer
mod admin;
#[cfg(feature = "contract")]
mod crash;
mod cron;
mod proxy;

// carried: what every walk has with it
mod app;

// edges: storage, upstreams, streams
mod store;
mod stream;
mod upstream;

// platform: the clock, chance, the log
mod runtime;

// below it: JavaScript
mod js;

// core: pure, tested natively
pub mod auth;
pub mod body;
pub mod cached;
pub mod config;
pub mod limit;
pub mod paced;
pub mod pool;
pub mod route;
pub mod sticky;
pub mod usage;

// words: the stored shapes
pub mod record;

// ground
pub mod error;

// letters: JSON as text
pub mod json;

// signs: bytes and words looked for, places in order
pub mod find;
pub mod sort;

use admin::Handled;
use app::App;
use error::{Error, Result};
use js::call::Head;
use record::write::object;
use route::Route;
use std::rc::Rc;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{ArrayBuffer, Promise},
    wasm_bindgen_futures::future_to_promise,
    web_sys::{Request, Response},
};

/// The events' entrances; scripts/entry.mjs hands them on. They are plain exports, because what the `worker` crate's
/// macros add for errors can never happen here.
#[wasm_bindgen]
pub fn fetch(request: Request, env: JsValue, context: js::Context, body: Option<ArrayBuffer>) -> Promise {
    let held = context.clone();
    let answer = future_to_promise(async move {
        let request_id = runtime::random_id().unwrap_or_default();
        let answer = serve(request, body, env, context, &request_id).await;
        Ok(answer.unwrap_or_else(|error| runtime::refuse(&error, &request_id)).into())
    });
    // When the client leaves before the answer begins, all that is not waited for is dropped where it stands: the key
    // would never be given back.
    let _ = held.wait_until(&answer);
    answer
}

#[wasm_bindgen]
pub fn scheduled(event: &JsValue, env: JsValue) -> Promise {
    let time = js::field(event, "scheduledTime").as_f64().map_or_else(runtime::now, runtime::millis);
    runtime::begin(Box::pin(async move {
        match App::new(env, None) {
            Ok(app) => cron::tick(&app, time).await,
            Err(error) => {
                runtime::log(config::Level::Error, "cron_failed", || object! {"error": error.message()});
            }
        }
    }))
}

async fn serve(
    request: Request,
    body: Option<ArrayBuffer>,
    env: JsValue,
    context: js::Context,
    request_id: &str,
) -> Result<Response> {
    let head = Head::of(&request, &proxy::LOOKED_AT, body);
    let (path, query) = js::path_and_query(&head.url);
    let app = || -> Result<Rc<App>> { App::new(env, Some(context)) };
    #[cfg(feature = "contract")]
    if path == "/contract" {
        let (status, said) = match store::contract::check(&app()?.store).await {
            Ok(()) => (200, "kept".into()),
            Err(broken) => (500, broken),
        };
        return js::text_response(status, &js::headers_of(&[])?, Some(&said));
    }
    #[cfg(feature = "contract")]
    if let Some(way) = path.strip_prefix("/crash/") {
        return Err(crash::die(&app()?, way).await);
    }
    let route = route::parse(path);
    match route {
        Route::Home => js::text_response(302, &js::headers_of(&[("location", "/admin/")])?, None),
        Route::Health => js::json_response(200, "{\"status\":\"ok\"}"),
        Route::Admin(rest) | Route::Playground(rest) => {
            let (app, api) = (app()?, matches!(route, Route::Admin(_)).then_some(rest));
            match admin::handle(&app, Clone::clone(&request), api, query, runtime::now()).await? {
                Handled::Answered(answer) => Ok(answer),
                Handled::Entered(token) => {
                    proxy::play(&app, request, proxy::Asked { pin: None, rest, query, head: &head }, token, request_id)
                        .await
                }
            }
        }
        Route::Call { pin, rest } => {
            proxy::call(&app()?, Clone::clone(&request), proxy::Asked { pin, rest, query, head: &head }, request_id)
                .await
        }
        Route::Unknown => Err(Error::not_found("unknown_route", format!("{path} is not a path of keypool."))),
    }
}

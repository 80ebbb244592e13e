//! The least that a Worker in Rust is: what `bench/gateway/bare.mjs` does with a JSON call, asked of JavaScript in the crossings
//! that keypool has, and nothing of keypool. Built and started as keypool is, by scripts/build.mjs and scripts/entry.mjs.

use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, ArrayBuffer, Promise, Reflect},
    wasm_bindgen_futures::{JsFuture, future_to_promise},
    web_sys::{Headers, Request, Response},
};

/// As keypool's.
const PATIENCE_MS: f64 = 30_000.0;
const READ_AT_MOST: f64 = 65_536.0;
const ASKED: [&str; 3] = ["content-type", "authorization", "x-request-id"];
const HOP_BY_HOP: [&str; 3] = ["connection", "keep-alive", "transfer-encoding"];

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = keypool)]
    fn head(request: &Request, names: &JsValue) -> String;
    #[wasm_bindgen(js_namespace = keypool, catch)]
    fn picked(headers: &Headers, names: &JsValue) -> Result<Headers, JsValue>;
    #[wasm_bindgen(js_namespace = keypool, catch)]
    fn without(headers: &Headers, names: &JsValue) -> Result<Headers, JsValue>;
    #[wasm_bindgen(js_namespace = keypool, catch)]
    fn respond(status: u16, headers: &Headers, body: &JsValue) -> Result<Response, JsValue>;
    #[wasm_bindgen(js_namespace = keypool)]
    fn log(level: &str, text: &str);
    #[wasm_bindgen(js_namespace = keypool, catch)]
    fn send(
        url: &str,
        method: &str,
        headers: &Headers,
        body: &JsValue,
        client: &Request,
        ms: f64,
        most: f64,
    ) -> Result<Promise, JsValue>;

    pub type Context;
    #[wasm_bindgen(method, js_name = waitUntil, catch)]
    fn wait_until(this: &Context, work: &Promise) -> Result<(), JsValue>;
}

struct Settings {
    upstream: String,
    authorization: String,
    asked: JsValue,
    dropped: JsValue,
}

thread_local! {
    static SETTINGS: std::cell::OnceCell<Settings> = const { std::cell::OnceCell::new() };
}

#[wasm_bindgen]
pub fn fetch(request: Request, env: JsValue, context: Context, body: Option<ArrayBuffer>) -> Promise {
    let answer = future_to_promise(async move { forwarded(request, &env, body).await.map(JsValue::from) });
    // A client that leaves must not end it in the middle.
    let _ = context.wait_until(&answer);
    answer
}

/// What the entry module asks for, too.
#[wasm_bindgen]
pub fn scheduled() -> Promise {
    Promise::resolve(&JsValue::UNDEFINED)
}

async fn forwarded(request: Request, env: &JsValue, body: Option<ArrayBuffer>) -> Result<Response, JsValue> {
    let (url, authorization, asked, dropped) = SETTINGS.with(|settings| {
        let settings = settings.get_or_init(|| Settings::of(env));
        let names = || settings.asked.clone();
        (settings.upstream.clone(), settings.authorization.clone(), names(), settings.dropped.clone())
    });
    let head = head(&request, &asked);
    let mut lines = head.split('\n');
    let (method, address) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let path = address.splitn(4, '/').nth(3).unwrap_or_default();
    let body: JsValue = match body {
        Some(body) => body.into(),
        None => JsFuture::from(request.array_buffer()?).await?,
    };
    let headers = picked(&request.headers(), &asked)?;
    headers.set("authorization", &authorization)?;
    let began = send(&[&url, "/", path].concat(), method, &headers, &body, &request, PATIENCE_MS, READ_AT_MOST)?;
    let began: Array = JsFuture::from(began).await?.dyn_into()?;
    let response: Response = began.get(0).dyn_into()?;
    let read = began.get(2);
    let body = if read.is_undefined() { response.body().into() } else { read };
    let status = response.status();
    log("log", &format!("{{\"level\":\"info\",\"event\":\"call\",\"status\":{status},\"path\":\"/{path}\"}}"));
    respond(status, &without(&response.headers(), &dropped)?, &body)
}

impl Settings {
    fn of(env: &JsValue) -> Self {
        let text =
            |name: &str| Reflect::get(env, &name.into()).ok().and_then(|value| value.as_string()).unwrap_or_default();
        let list = |names: &[&str]| names.iter().map(|name| JsValue::from_str(name)).collect::<Array>().into();
        Self {
            upstream: text("UPSTREAM"),
            authorization: format!("Bearer {}", text("KEY")),
            asked: list(&ASKED),
            dropped: list(&HOP_BY_HOP),
        }
    }
}

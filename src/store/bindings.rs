//! What the store calls of a D1 database and a KV namespace. Values cross as text; their own reading and writing of
//! Rust types, in the `worker` crate, would make the upload larger.

pub use crate::js::options;
use crate::{
    error::{Error, Result},
    js,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, Object, Promise, Reflect},
    wasm_bindgen_futures::JsFuture,
};

/// What a call into JavaScript gives, or what it throws.
type Thrown<T> = std::result::Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    pub type Database;
    #[wasm_bindgen(method, catch)]
    pub fn prepare(this: &Database, sql: &str) -> Thrown<Statement>;
    /// One transaction.
    #[wasm_bindgen(method, catch)]
    pub fn batch(this: &Database, statements: &Array) -> Thrown<Promise>;

    pub type Statement;
    #[wasm_bindgen(method, variadic, catch)]
    pub fn bind(this: &Statement, values: &Array) -> Thrown<Statement>;

    pub type Namespace;
    #[wasm_bindgen(method, catch)]
    pub fn get(this: &Namespace, name: &str) -> Thrown<Promise>;
    /// A `Map` of at most 100 names.
    #[wasm_bindgen(method, js_name = get, catch)]
    pub fn get_many(this: &Namespace, names: &Array) -> Thrown<Promise>;
    #[wasm_bindgen(method, js_name = getWithMetadata, catch)]
    pub fn get_with_metadata(this: &Namespace, name: &str) -> Thrown<Promise>;
    #[wasm_bindgen(method, catch)]
    pub fn put(this: &Namespace, name: &str, value: &str, options: &Object) -> Thrown<Promise>;
    #[wasm_bindgen(method, catch)]
    pub fn list(this: &Namespace, options: &Object) -> Thrown<Promise>;
    #[wasm_bindgen(method, catch)]
    pub fn delete(this: &Namespace, name: &str) -> Thrown<Promise>;
}

/// The binding `name` as `T` if it has `method`, by which D1 and KV are told apart.
pub fn binding<T: JsCast>(env: &JsValue, name: &str, method: &str) -> Option<T> {
    let binding = Reflect::get(env, &JsValue::from_str(name)).ok()?;
    Reflect::get(&binding, &JsValue::from_str(method)).ok()?.is_function().then(|| binding.unchecked_into())
}

/// What the promise comes to.
///
/// # Errors
/// `Storage`, in the words of what was thrown.
pub async fn settled(promise: Thrown<Promise>) -> Result<JsValue> {
    JsFuture::from(promise.map_err(failed)?).await.map_err(failed)
}

pub fn failed(thrown: JsValue) -> Error {
    Error::storage(js::message(&thrown))
}

/// As the only number type of JavaScript that D1 takes and JSON keeps; ours are all below 2^53.
#[expect(clippy::cast_precision_loss, reason = "times and revisions are below 2^53")]
pub fn number(value: u64) -> JsValue {
    JsValue::from_f64(value as f64)
}

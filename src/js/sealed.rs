//! Text under a passphrase, by the platform's WebCrypto: PBKDF2 with HMAC-SHA-256 makes a key of it, AES-256-GCM does the
//! rest.

use super::{Error, Result, field, options};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, Object, Promise, Uint8Array},
    wasm_bindgen_futures::JsFuture,
};

type Thrown<T> = std::result::Result<T, JsValue>;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    fn import_key(form: &str, secret: &Uint8Array, algorithm: &str, out: bool, uses: &Array) -> Thrown<Promise>;
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = deriveKey, catch)]
    fn derive_key(how: &Object, secret: &JsValue, to: &Object, out: bool, uses: &Array) -> Thrown<Promise>;
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn encrypt(how: &Object, key: &JsValue, clear: &Uint8Array) -> Thrown<Promise>;
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], catch)]
    fn decrypt(how: &Object, key: &JsValue, sealed: &Uint8Array) -> Thrown<Promise>;
}

/// A key made of a passphrase, for one file. Whatever it seals is bound to the same text.
pub struct Seal<'a> {
    key: JsValue,
    bound: &'a str,
}

impl<'a> Seal<'a> {
    /// # Errors
    /// When the platform refuses so many iterations.
    pub async fn new(passphrase: &str, salt: &[u8], iterations: u32, bound: &'a str) -> Result<Self> {
        let uses = |names: &[&str]| names.iter().map(|name| JsValue::from_str(name)).collect::<Array>();
        let raw = bytes(passphrase.as_bytes());
        let secret = settled(import_key("raw", &raw, "PBKDF2", false, &uses(&["deriveKey"]))).await?;
        let how = options(&[
            ("name", "PBKDF2".into()),
            ("hash", "SHA-256".into()),
            ("salt", bytes(salt).into()),
            ("iterations", iterations.into()),
        ]);
        let to = options(&[("name", "AES-GCM".into()), ("length", 256.into())]);
        let key = settled(derive_key(&how, &secret, &to, false, &uses(&["encrypt", "decrypt"]))).await?;
        Ok(Self { key, bound })
    }

    /// A nonce is used once only.
    pub async fn seal(&self, nonce: &[u8], text: &str) -> Result<Vec<u8>> {
        let sealed = settled(encrypt(&self.how(nonce), &self.key, &bytes(text.as_bytes()))).await?;
        Ok(Uint8Array::new(&sealed).to_vec())
    }

    /// `None` when it is not what was sealed so.
    pub async fn open(&self, nonce: &[u8], sealed: &[u8]) -> Option<String> {
        let clear = settled(decrypt(&self.how(nonce), &self.key, &bytes(sealed))).await.ok()?;
        String::from_utf8(Uint8Array::new(&clear).to_vec()).ok()
    }

    fn how(&self, nonce: &[u8]) -> Object {
        let bound = bytes(self.bound.as_bytes());
        options(&[("name", "AES-GCM".into()), ("iv", bytes(nonce).into()), ("additionalData", bound.into())])
    }
}

fn bytes(bytes: &[u8]) -> Uint8Array {
    Uint8Array::from(bytes)
}

async fn settled(promise: Thrown<Promise>) -> Result<JsValue> {
    let thrown = |thrown: JsValue| Error::internal(field(&thrown, "message").as_string().unwrap_or_default());
    JsFuture::from(promise.map_err(thrown)?).await.map_err(thrown)
}

//! What keeps guesses of the admin password slow in all isolates: the platform's rate limiters where they are bound, the
//! storage otherwise.

use super::{App, with_cache};
use crate::{
    auth::throttle::{LIMITER_MS, Seen, window},
    config::Level,
    error::Result,
    js,
    record::write::object,
    runtime,
    store::Logins,
};
use wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;

/// The bindings: by address, and for all.
const LIMITERS: [(&str, bool); 2] = [("LOGIN_LIMIT", true), ("LOGIN_LIMIT_ALL", false)];

impl App {
    /// How long a login from that address must wait; `None` = it may be looked at now.
    ///
    /// # Errors
    /// When the storage must be asked and fails.
    pub async fn login_wait(&self, address: &str, now: u64) -> Result<Option<u64>> {
        let wait = |stored| with_cache(|c| c.throttle.wait_ms(address, stored, now));
        let known = wait(Seen::default());
        if known.is_some() {
            return Ok(known);
        }
        if let Some(is_free) = self.ask_limiters(address).await {
            return Ok((!is_free).then_some(LIMITER_MS));
        }
        if !with_cache(|c| c.is_loaded()) {
            // A new storage has no place for them yet.
            self.load(now).await?;
        }
        self.store.logins(&Logins::Of(address), window(now)).await.map(wait)
    }

    /// The password that came from there was wrong.
    pub async fn login_failed(&self, address: &str, now: u64) {
        let is_dear = self.store.name() == "kv";
        let tries = with_cache(|c| {
            c.throttle.wrong(address, now);
            c.throttle.to_store(is_dear, now)
        });
        let Some(tries) = tries.filter(|_| !self.has_limiters()) else { return };
        if let Err(error) = self.store.logins(&Logins::Add(&tries), window(now)).await {
            runtime::log(Level::Error, "throttle_failed", || object! {"error": error.message()});
            with_cache(|c| c.throttle.not_stored(tries));
        }
    }

    /// The password that came from there was right.
    pub async fn login_held(&self, address: &str, now: u64) {
        with_cache(|c| c.throttle.right(address));
        if self.has_limiters() {
            return;
        }
        if let Err(error) = self.store.logins(&Logins::Forget(address), window(now)).await {
            runtime::log(Level::Error, "throttle_failed", || object! {"error": error.message()});
        }
    }

    fn has_limiters(&self) -> bool {
        LIMITERS.iter().any(|(name, _)| js::field(&self.env, name).is_object())
    }

    /// Whether all that are bound let it through; `None` when there is none, or it fails.
    async fn ask_limiters(&self, address: &str) -> Option<bool> {
        let mut answer = None;
        for (name, by_address) in LIMITERS {
            let limiter = js::field(&self.env, name);
            if !limiter.is_object() {
                continue;
            }
            let asked = js::options(&[("key", if by_address { address } else { "*" }.into())]);
            let promise = limiter.unchecked_into::<js::Limiter>().limit(&asked).ok()?;
            let outcome = JsFuture::from(promise).await.ok()?;
            answer = Some(answer.unwrap_or(true) && js::field(&outcome, "success").is_truthy());
        }
        answer
    }
}

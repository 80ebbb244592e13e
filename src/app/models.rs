//! The providers' lists of models: read from them now and then, stored, and the same in every isolate.

use super::{App, with_cache};
use crate::{
    config::Level,
    error::Result,
    record::{Kind, Record, models::Models, write::object},
    runtime, upstream,
};

const PATIENCE_MS: u64 = 8_000;
/// Longer lists are cut, and so are no JSON: then the provider counts as one without a list.
const LONGEST: usize = 4 * 1024 * 1024;

impl App {
    /// Asks the provider for its list, with one of its keys; answers what is to be stored. `None` when it has no key to
    /// ask with.
    ///
    /// # Errors
    /// When the request cannot be built at all.
    pub async fn fetch_models(&self, name: &str, now: u64) -> Result<Option<Record>> {
        let found = with_cache(|c| {
            let provider = c.pool.provider(name).filter(|p| p.enabled)?.clone();
            let secret = c.pool.key_to_ask(name, now)?.key.secret.clone();
            Some((provider, secret, c.pool.models(name).cloned().unwrap_or_default()))
        });
        let Some((provider, secret, known)) = found else { return Ok(None) };
        let url = upstream::url(&provider, "models", "", "");
        let probe = upstream::probe(&provider, &secret, &url, LONGEST, PATIENCE_MS).await?;
        let read = probe.text().and_then(|body| Models::parse(body, now).ok_or("the answer is no list of models"));
        let models = read.unwrap_or_else(|problem| Models { asked: now, error: Some(problem.into()), ..known });
        let error = models.error.as_deref();
        runtime::log(Level::Info, "models", || object! {"provider": name, "models": models.list.len(), "error": error});
        Record::new(Kind::Models, name, &models, now).map(Some)
    }
}

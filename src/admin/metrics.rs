//! What Prometheus reads, at `/metrics` too: with a token of its own, or an admin's session.

use super::{
    Asked,
    outcome::{Outcome, Say, store},
};
use crate::{
    app::with_cache,
    auth,
    error::Result,
    js,
    usage::{
        prometheus,
        row::{Dimension, Period, Query, Row, dimensions},
    },
};
use worker::web_sys::Response;

/// Whether this is the token for what Prometheus reads, which is good for nothing else.
pub fn is_token(asked: &Asked, token: &str) -> bool {
    asked.app.var("KEYPOOL_METRICS_TOKEN").is_some_and(|known| auth::same_secret(&known, token))
}

pub fn show() -> Result<Outcome> {
    let by = dimensions(&[Dimension::Provider, Dimension::Model]);
    let ever = Query { period: Period::Models, from: 0, to: 1, timed: false, by, only: None };
    store(Vec::new(), Say::Usage(vec![ever], tell))
}

fn tell(asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
    let mut keys = Vec::new();
    with_cache(|c| {
        for (name, _) in c.pool.providers() {
            keys.push((name.to_string(), c.pool.count(&|key| key.provider == name, asked.now)));
        }
    });
    let text = prometheus::text(&counted.concat(), &keys, env!("CARGO_PKG_VERSION"), asked.app.store.name());
    let headers = js::headers_of(&[("content-type", prometheus::CONTENT_TYPE), ("cache-control", "no-store")])?;
    js::text_response(200, &headers, Some(&text))
}

//! Quantiles in microseconds, as a line of JSON has them.

use serde_json::{Value, json};

/// Of nanoseconds, in microseconds; null of none.
pub fn quantiles(mut values: Vec<u64>) -> Value {
    values.sort_unstable();
    let at = |permille: usize| values.get((values.len().saturating_sub(1) * permille + 500) / 1000).map(|ns| us(*ns));
    json!({ "p10": at(100), "p50": at(500), "p90": at(900), "p99": at(990), "max": at(1000) })
}

#[expect(clippy::cast_precision_loss, reason = "a day in nanoseconds is below 2^53")]
pub fn us(ns: u64) -> f64 {
    ns as f64 / 1000.0
}

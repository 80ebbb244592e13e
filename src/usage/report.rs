//! What the counts say: rates, shares of success, quantiles.

use super::{
    metric::{self, Metric, SLOTS},
    row::Row,
    sums::Sums,
};
use crate::record::write::object;
use serde_json::{Map, Value};

const MINUTE_MS: u64 = 60_000;
const SLOT_MS: u64 = 10_000;

/// How much of the slots that begin at `first` fell into the last 60 s. A slot that began before counts as far as it
/// lies within.
pub fn last_minute(row: &Row, first: Metric, now: u64) -> u64 {
    let begin = now.saturating_sub(MINUTE_MS);
    let within = |slot: usize| {
        let from = row.place.at * MINUTE_MS + slot as u64 * SLOT_MS;
        let held = row.sums.at(first as usize + slot);
        let inside = (from + SLOT_MS).saturating_sub(from.max(begin)).min(SLOT_MS);
        (held * inside).div_ceil(SLOT_MS)
    };
    (0..SLOTS).map(within).sum()
}

/// The rows as sums of which `Requests` and `In` are those of the last 60 s, tokens of both kinds being `In`.
pub fn rates(rows: Vec<Row>, now: u64) -> Vec<Row> {
    let rate = |row: Row| {
        let mut sums = Sums::default();
        sums.count(Metric::Requests, last_minute(&row, Metric::RequestSlot, now));
        sums.count(Metric::In, last_minute(&row, Metric::TokenSlot, now));
        Row { sums, ..row }
    };
    rows.into_iter().map(rate).collect()
}

/// Of a hundred requests that were not the caller's fault and not given up by it, how many went well, in per mille;
/// `None` when there was none.
pub fn success_per_mille(sums: &Sums) -> Option<u64> {
    let ok = sums.of(Metric::Ok);
    let failed = sums.of(Metric::Failed) + sums.of(Metric::Limited) + sums.of(Metric::Broken);
    (ok * 1000).checked_div(ok + failed)
}

/// Everything that is told of a time.
pub fn told(sums: &Sums) -> Value {
    let of = |metric| sums.of(metric);
    object! {
        "requests": object! {"total": of(Metric::Requests), "ok": of(Metric::Ok), "caller": of(Metric::Caller),
            "limited": of(Metric::Limited), "failed": of(Metric::Failed), "broken": of(Metric::Broken),
            "client_gone": of(Metric::Gone), "partial": of(Metric::Partial), "estimated": of(Metric::Estimated),
            "unpriced": of(Metric::Unpriced)},
        "success_rate": success_per_mille(sums).map(fraction),
        "attempts": object! {"total": of(Metric::Attempts), "ok": of(Metric::AttemptsOk), "failed": classes(sums)},
        "tokens": object! {"prompt": of(Metric::In), "completion": of(Metric::Out), "cached": of(Metric::Cached),
            "reasoning": of(Metric::Reasoning), "estimated_prompt": of(Metric::EstimatedIn),
            "estimated_completion": of(Metric::EstimatedOut)},
        "cost_micros": of(Metric::Cost) / 1000,
        "latency_ms": times(sums, Metric::Latency, Metric::Ms),
        "first_byte_ms": times(sums, Metric::FirstByte, Metric::FirstByteMs),
    }
}

/// As in `0.987`.
fn fraction(per_mille: u64) -> Value {
    u16::try_from(per_mille).map_or(Value::Null, |n| Value::from(f64::from(n) / 1000.0))
}

fn classes(sums: &Sums) -> Value {
    let mut classes = Map::new();
    for (place, name) in metric::classes() {
        if sums.at(place) > 0 {
            classes.insert(name.into(), sums.at(place).into());
        }
    }
    Value::Object(classes)
}

fn times(sums: &Sums, first: Metric, total: Metric) -> Value {
    let timed: u64 = (0..metric::BUCKETS).map(|bucket| sums.at(first as usize + bucket)).sum();
    let quantile = |per_mille| sums.quantile(first, per_mille);
    object! {"average": sums.of(total).checked_div(timed), "p50": quantile(500), "p95": quantile(950)}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::row::{Place, Series};
    use std::rc::Rc;

    #[test]
    fn the_last_60_seconds_are_slots_of_two_minutes() {
        let series = Series(["p", "k", "m", "c"].map(Rc::from));
        let mut sums = Sums::default();
        (0..SLOTS).for_each(|slot| sums.count_at(Metric::RequestSlot as usize + slot, 10));
        let row = Row { place: Place { at: 100, day: 0, series }, sums };
        let at = |seconds: u64| last_minute(&row, Metric::RequestSlot, 100 * MINUTE_MS + seconds * 1000);
        assert_eq!([at(60), at(65), at(70), at(119), at(120)], [60, 55, 50, 1, 0]);
    }

    #[test]
    fn the_callers_faults_are_no_failures() {
        let mut sums = Sums::default();
        assert_eq!(success_per_mille(&sums), None);
        for (metric, count) in [(Metric::Ok, 3), (Metric::Caller, 9), (Metric::Gone, 9), (Metric::Failed, 1)] {
            sums.count(metric, count);
        }
        assert_eq!(success_per_mille(&sums), Some(750));
    }
}

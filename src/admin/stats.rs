//! What was counted: as it is now, and over time.

use super::{
    Asked,
    fields::Fields,
    outcome::{Outcome, Say, store},
};
use crate::{
    app::with_cache,
    error::{Error, Result},
    js,
    record::write::{self, object},
    sort::sort,
    usage::{
        metric::Metric,
        report,
        row::{self, Dimension, Period, Query, Row},
        sums::Sums,
    },
};
use serde_json::Value;
use std::collections::HashMap;
use worker::web_sys::Response;

const MINUTE_MS: u64 = 60_000;
/// Names that an answer tells apart; the busiest ones.
const NAMES: usize = 1000;
/// Lines of a chart.
const LINES: usize = 20;

/// What a query string asks for.
struct Wish {
    by: Option<Dimension>,
    only: Option<(Dimension, Vec<String>)>,
    range: &'static Range,
}

/// Points of time that a chart shows.
struct Range {
    name: &'static str,
    period: Period,
    points: u64,
    step_ms: u64,
}

const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

const RANGES: [Range; 3] = [
    Range { name: "60m", period: Period::Minute, points: 60, step_ms: MINUTE_MS },
    Range { name: "24h", period: Period::Hour, points: 24, step_ms: 60 * MINUTE_MS },
    Range { name: "30d", period: Period::Day, points: 30, step_ms: DAY_MS },
];

/// The rates of the last 60 seconds, and today so far.
pub fn now(asked: &Asked) -> Result<Outcome> {
    let Wish { by, only, .. } = wish(asked)?;
    let by = row::dimensions(by.as_slice());
    let (minute, today) = (asked.now / MINUTE_MS, today(asked));
    let lately =
        Query { period: Period::Minute, from: minute - 1, to: minute + 1, timed: true, by, only: only.clone() };
    let day = Query { period: Period::Day, from: today, to: today + 1, timed: false, by, only };
    store(Vec::new(), Say::Usage(vec![lately, day], tell_now))
}

fn tell_now(asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
    let by = wish(asked)?.by;
    let [lately, day] = counted.try_into().unwrap_or_default();
    let rates = report::rates(lately, asked.now);
    let told = |rates: &Sums, day: &Sums, name: Option<&str>| {
        object! {"name": name, "rpm": rates.of(Metric::Requests), "tpm": rates.of(Metric::In),
        "rpd": day.of(Metric::Requests), "tpd": day.of(Metric::In) + day.of(Metric::Out), "today": report::told(day)}
    };
    let total = told(&total(&rates), &total(&day), None);
    let mut named = Vec::new();
    if let Some(dimension) = by {
        let rates = row::by(dimension, &rates);
        let none = Sums::default();
        for (name, day) in busiest(row::by(dimension, &day), NAMES) {
            named.push(told(rates.get(&name).unwrap_or(&none), &day, Some(&name)));
        }
    }
    let zone = asked.app.config()?.time_zone.clone();
    let answer = object! {"as_of": asked.now, "time_zone": zone, "total": total, "by": named};
    js::json_response(200, &write::text(&answer))
}

/// A chart's points, oldest first.
pub fn series(asked: &Asked) -> Result<Outcome> {
    let wish = wish(asked)?;
    let (period, to) = (wish.range.period, newest(asked, wish.range) + 1);
    let from = to - wish.range.points;
    let by = row::dimensions(wish.by.as_slice());
    store(Vec::new(), Say::Usage(vec![Query { period, from, to, timed: true, by, only: wish.only }], tell_series))
}

fn tell_series(asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
    let Wish { by, range, .. } = wish(asked)?;
    let rows = counted.concat();
    let to = newest(asked, range) + 1;
    let times: Vec<u64> = (to - range.points..to).collect();
    let mut lines: Vec<Value> = Vec::new();
    match by {
        None => lines.push(line(None, rows.iter(), &times)),
        Some(dimension) => {
            for (name, _) in busiest(row::by(dimension, &rows), LINES) {
                let of_name = rows.iter().filter(|row| **row.place.series.of(dimension) == *name);
                lines.push(line(Some(&name), of_name, &times));
            }
        }
    }
    let offset = if range.period == Period::Day { offset_ms(asked) } else { 0 };
    let starts: Vec<u64> = times.iter().map(|at| (at * range.step_ms).saturating_add_signed(-offset)).collect();
    let answer = object! {"as_of": asked.now, "range": range.name, "step_ms": range.step_ms, "times": starts,
    "lines": lines};
    js::json_response(200, &write::text(&answer))
}

fn line<'a>(name: Option<&str>, rows: impl Iterator<Item = &'a Row>, times: &[u64]) -> Value {
    let mut points: Vec<Sums> = times.iter().map(|_| Sums::default()).collect();
    for row in rows {
        if let Some(point) = times.binary_search(&row.place.at).ok().and_then(|at| points.get_mut(at)) {
            point.add(&row.sums);
        }
    }
    let of = |figure: &dyn Fn(&Sums) -> Value| Value::Array(points.iter().map(figure).collect());
    let sum = |metrics: &'static [Metric]| {
        of(&|sums: &Sums| metrics.iter().map(|metric| sums.of(*metric)).sum::<u64>().into())
    };
    let quantile = |per_mille| of(&|sums: &Sums| sums.quantile(Metric::Latency, per_mille).into());
    object! {"name": name, "requests": sum(&[Metric::Requests]), "ok": sum(&[Metric::Ok]),
    "failed": sum(&[Metric::Failed, Metric::Limited, Metric::Broken]), "attempts": sum(&[Metric::Attempts]),
    "prompt_tokens": sum(&[Metric::In]), "completion_tokens": sum(&[Metric::Out]),
    "cost_micros": of(&|sums: &Sums| (sums.of(Metric::Cost) / 1000).into()), "p50_ms": quantile(500),
    "p95_ms": quantile(950)}
}

fn wish(asked: &Asked) -> Result<Wish> {
    let mut query = Fields::query(&asked.query);
    let (by, range) = (query.text("by"), query.text("range"));
    let only = Dimension::ALL.into_iter().find_map(|d| Some((d, vec![query.text(d.name())?])));
    query.end()?;
    let by = by.map(|name| dimension(&name)).transpose()?;
    let name = range.as_deref().unwrap_or("60m");
    let Some(range) = RANGES.iter().find(|range| range.name == name) else {
        return Err(Error::invalid("range is 60m, 24h or 30d.", Some("range")));
    };
    Ok(Wish { by, only, range })
}

pub fn dimension(name: &str) -> Result<Dimension> {
    Dimension::parse(name).ok_or_else(|| Error::invalid("by is provider, key, model or client.", Some("by")))
}

pub fn total(rows: &[Row]) -> Sums {
    let mut total = Sums::default();
    rows.iter().for_each(|row| total.add(&row.sums));
    total
}

/// Those with the most requests, or attempts, first.
fn busiest(named: HashMap<String, Sums>, most: usize) -> Vec<(String, Sums)> {
    let named: Vec<(String, Sums)> = named.into_iter().filter(|(_, sums)| sums.is_told()).collect();
    let rank = |at: usize| {
        let (name, sums) = named.get(at)?;
        Some((sums.of(Metric::Requests), sums.of(Metric::Attempts), name))
    };
    let mut places: Vec<usize> = (0..named.len()).collect();
    sort(&mut places, &|a, b| rank(b).cmp(&rank(a)));
    places.truncate(most);
    places.iter().filter_map(|place| named.get(*place).cloned()).collect()
}

/// The last point of a chart, which is not over yet.
fn newest(asked: &Asked, range: &Range) -> u64 {
    if range.period == Period::Day { today(asked) } else { asked.now / range.step_ms }
}

pub fn today(asked: &Asked) -> u64 {
    with_cache(|c| c.time(asked.now).day)
}

/// By how much the days' clock is ahead of UTC.
fn offset_ms(asked: &Asked) -> i64 {
    let zone = asked.app.config().map(|config| config.time_zone.clone()).unwrap_or_default();
    js::utc_offset_minutes(&zone, asked.now).unwrap_or(0) * 60_000
}

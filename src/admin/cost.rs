//! The cost report: money by day, provider, key, model or client key, from one date to another.

use super::{
    Asked,
    fields::Fields,
    outcome::{Outcome, Say, store},
    stats,
};
use crate::{
    app::with_cache,
    error::{Error, Result},
    js,
    record::write::{self, object},
    sort::sort,
    usage::{
        csv, date,
        decimal::decimal,
        metric::Metric,
        row::{self, Dimension, Period, Query, Row},
        sums::Sums,
    },
};
use serde_json::Value;
use worker::web_sys::Response;

/// So many days are told when the query does not say from when on.
const DAYS: u64 = 30;

/// What a query string asks for; `by` nothing is by the day.
struct Wish {
    from: u64,
    to: u64,
    by: Option<Dimension>,
    csv: bool,
}

/// What is told of each row, besides its name, label and money.
const COUNTS: [(&str, Metric); 8] = [
    ("requests", Metric::Requests),
    ("prompt_tokens", Metric::In),
    ("cached_tokens", Metric::Cached),
    ("completion_tokens", Metric::Out),
    ("reasoning_tokens", Metric::Reasoning),
    ("estimated_requests", Metric::Estimated),
    ("partial_requests", Metric::Partial),
    ("unpriced_requests", Metric::Unpriced),
];

pub fn report(asked: &Asked) -> Result<Outcome> {
    let wish = wish(asked)?;
    let by = row::dimensions(wish.by.as_slice());
    let days =
        Query { period: Period::Day, from: wish.from, to: wish.to + 1, timed: wish.by.is_none(), by, only: None };
    store(Vec::new(), Say::Usage(vec![days], tell))
}

fn tell(asked: &Asked, counted: Vec<Vec<Row>>) -> Result<Response> {
    let wish = wish(asked)?;
    let counted = counted.concat();
    let rows = rows(wish.by, &counted);
    let (from, to) = (date::text(wish.from), date::text(wish.to));
    let by = wish.by.map_or("day", Dimension::name);
    if wish.csv {
        let file = format!("attachment; filename=\"keypool-cost-{from}-{to}-by-{by}.csv\"");
        let headers = [
            ("content-type", "text/csv; charset=utf-8; header=present"),
            ("content-disposition", &file),
            ("cache-control", "no-store"),
        ];
        return js::text_response(200, &js::headers_of(&headers)?, Some(&table(by, &rows)));
    }
    let zone = asked.app.config()?.time_zone.clone();
    let answer = object! {"as_of": asked.now, "from": from, "to": to, "time_zone": zone, "by": by, "rows": rows,
    "total": figures(None, None, &stats::total(&counted))};
    js::json_response(200, &write::text(&answer))
}

/// By the day in their order, others with the dearest first.
fn rows(by: Option<Dimension>, counted: &[Row]) -> Vec<Value> {
    let name = |row: &Row| by.map_or_else(|| date::text(row.place.at), |by| row.place.series.of(by).to_string());
    let rank = |at: usize| {
        let row = counted.get(at)?;
        let figures = [Metric::Cost, Metric::Requests].map(|metric| u64::MAX - row.sums.of(metric));
        Some((if by.is_some() { figures } else { [row.place.at; 2] }, name(row)))
    };
    let mut places: Vec<usize> = (0..counted.len()).collect();
    sort(&mut places, &|a, b| rank(a).cmp(&rank(b)));
    let mut rows = Vec::new();
    for row in places.iter().filter_map(|at| counted.get(*at)).filter(|row| row.sums.is_told()) {
        let name = name(row);
        let label = by.and_then(|by| label(by, &name));
        rows.push(figures(Some(name), label, &row.sums));
    }
    rows
}

/// Of a key or client key that is still there.
fn label(dimension: Dimension, id: &str) -> Option<String> {
    with_cache(|c| match dimension {
        Dimension::Key => c.pool.find(id).map(|(_, slot)| slot.key.label.clone()),
        Dimension::Client => {
            c.clients.values().find(|(known, _)| **known == *id).map(|(_, client)| client.label.clone())
        }
        Dimension::Provider | Dimension::Model => None,
    })
}

fn figures(name: Option<String>, label: Option<String>, sums: &Sums) -> Value {
    let mut fields = write::none();
    write::field(&mut fields, "name", &name);
    write::field(&mut fields, "label", &label);
    for (name, metric) in COUNTS {
        write::field(&mut fields, name, &sums.of(metric));
    }
    write::field(&mut fields, "cost_micros", &(sums.of(Metric::Cost) / 1000));
    Value::Object(fields)
}

/// In the order of the rows' fields.
fn table(by: &str, rows: &[Value]) -> String {
    let mut table = format!("{by},label,");
    for (name, _) in COUNTS {
        table.push_str(name);
        table.push(',');
    }
    table.push_str("cost_usd\r\n");
    for fields in rows.iter().filter_map(Value::as_object) {
        let mut mark = "";
        for (name, value) in fields {
            table.push_str(mark);
            match value.as_u64() {
                Some(micros) if name == "cost_micros" => table.push_str(&decimal(micros, 6)),
                Some(count) => table.push_str(&count.to_string()),
                None => table.push_str(&csv::cell(value.as_str().unwrap_or_default())),
            }
            mark = ",";
        }
        table.push_str("\r\n");
    }
    table
}

fn wish(asked: &Asked) -> Result<Wish> {
    let mut query = Fields::query(&asked.query);
    let (from, to) = (query.text("from"), query.text("to"));
    let (by, format) = (query.text("by"), query.text("format"));
    query.end()?;
    let to = day("to", to)?.unwrap_or_else(|| stats::today(asked));
    let from = day("from", from)?.unwrap_or(to.saturating_sub(DAYS - 1));
    if from > to {
        return Err(Error::invalid("from is no later than to.", Some("from")));
    }
    let by = match by.as_deref() {
        None => Some(Dimension::Provider),
        Some("day") => None,
        Some(name) => Some(
            Dimension::parse(name)
                .ok_or_else(|| Error::invalid("by is provider, key, model, client or day.", Some("by")))?,
        ),
    };
    let csv = match format.as_deref() {
        None | Some("json") => false,
        Some("csv") => true,
        Some(_) => return Err(Error::invalid("format is json or csv.", Some("format"))),
    };
    Ok(Wish { from, to, by, csv })
}

/// Both days are included.
fn day(name: &'static str, text: Option<String>) -> Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let day = date::parse(&text).ok_or_else(|| Error::invalid(format!("{name} is a date, as 2026-11-20."), Some(name)));
    day.map(Some)
}

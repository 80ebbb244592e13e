//! All that was ever counted, in Prometheus' text format (version 0.0.4). What it tells apart is bounded: providers,
//! a hundred models, and classes. Sums of all times are never trimmed, so no counter decreases; see docs/adr/0013.

use super::{
    decimal::decimal,
    metric::{self, BOUNDS_MS, BUCKETS, Metric},
    row::{Dimension, Row},
    sums::Sums,
};

pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Names of models that are told apart; the rest is `other`.
const MODELS: usize = 100;
const OTHER: &str = "other";

/// A number of keys in each state: active, cooling, disabled.
pub type Keys = (String, [u64; 3]);

/// A line that begins with # is a family: how many decimals it has in its unit, its name, its help. Lines below are
/// what is counted, by `metric::NAMES`, and how such requests ended if that is told apart.
const COUNTERS: &str = "\
#0requests Requests by how they ended.
o ok
c4 caller
c9 limited
c5 failed
cb broken
cg client_gone
#0estimated_requests Requests whose tokens are estimated.
es
#0partial_requests Requests that were cut short and counted.
pt
#0unpriced_requests Requests whose tokens have no price.
np
#0prompt_tokens Tokens that went in, cached ones included.
ti
#0cached_tokens Prompt tokens from a cache.
tc
#0completion_tokens Tokens that came out, reasoning included.
to
#0reasoning_tokens Completion tokens of reasoning.
tr
#9cost_dollars What the tokens cost.
$
#0attempts_ok Attempts that went well.
ao";

/// With the first bucket, and the sum of the times.
const HISTOGRAMS: [(&str, &str, Metric, Metric); 2] = [
    ("request_duration_seconds", "From a request to its end.", Metric::Latency, Metric::Ms),
    ("first_byte_seconds", "From a request to its answer's first byte.", Metric::FirstByte, Metric::FirstByteMs),
];

/// `rows` are of all times, by provider and model.
pub fn text(rows: &[Row], keys: &[Keys], version: &str, storage: &str) -> String {
    let [models, providers] = named(rows);
    let mut out = Text { text: String::new(), name: "" };
    out.family("info", "", "What answers.", "gauge");
    out.sample("", &[("version", version), ("storage", storage)], 1, 0);
    out.family("keys", "", "Keys by state.", "gauge");
    for (provider, counts) in keys {
        for (state, count) in ["active", "cooling", "disabled"].into_iter().zip(counts) {
            out.sample("", &[("provider", provider), ("state", state)], *count, 0);
        }
    }
    let mut digits = 0;
    for line in COUNTERS.lines() {
        if let Some((head, help)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) {
            digits = head.bytes().next().map_or(0, |digit| u32::from(digit.saturating_sub(b'0')));
            let name = head.get(1..).unwrap_or_default();
            out.family(name, "_total", help, "counter");
            continue;
        }
        let (metric, result) = line.split_once(' ').unwrap_or((line, ""));
        let place = metric::place(metric).unwrap_or_default();
        for (name, sums) in &models {
            let [provider, model] = *name;
            let labels = [("provider", provider), ("model", model), ("result", result)];
            let told = if result.is_empty() { 2 } else { 3 };
            out.sample("_total", labels.get(..told).unwrap_or_default(), sums.at(place), digits);
        }
    }
    out.family("attempts_failed", "_total", "Attempts that failed, by class.", "counter");
    for (name, sums) in &providers {
        let [provider, _] = *name;
        for (place, class) in metric::classes() {
            out.sample("_total", &[("provider", provider), ("class", class)], sums.at(place), 0);
        }
    }
    for (family, help, first, total) in HISTOGRAMS {
        out.family(family, "", help, "histogram");
        for (name, sums) in &providers {
            let [provider, _] = *name;
            let provider = ("provider", provider);
            let mut count = 0;
            // Buckets are cumulative here.
            for index in 0..BUCKETS {
                count += sums.at(first as usize + index);
                let end = BOUNDS_MS.get(index).map_or("+Inf".into(), |ms| decimal(*ms, 3));
                out.sample("_bucket", &[provider, ("le", &end)], count, 0);
            }
            out.sample("_sum", &[provider], sums.of(total), 3);
            out.sample("_count", &[provider], count, 0);
        }
    }
    out.text
}

/// Sums by provider and model, in the order of their names.
type Named<'a> = Vec<([&'a str; 2], Box<Sums>)>;

fn add<'a>(named: &mut Named<'a>, name: [&'a str; 2], sums: &Sums) {
    let at = named.partition_point(|(known, _)| *known < name);
    match named.get_mut(at) {
        Some((known, held)) if *known == name => held.add(sums),
        _ => named.insert(at, (name, Box::new(sums.clone()))),
    }
}

/// By provider and model, and by provider alone.
///
/// Told apart are the first hundred names of the alphabet: whichever names come along, one that was in `other` stays
/// there, so that `other` never decreases.
fn named(rows: &[Row]) -> [Named<'_>; 2] {
    let rows = || rows.iter().filter(|row| row.sums.is_told());
    let mut names: Vec<&str> = Vec::new();
    for row in rows() {
        let model = &**row.place.series.of(Dimension::Model);
        if let Err(at) = names.binary_search(&model) {
            names.insert(at, model);
        }
    }
    let first_out = names.get(MODELS).copied();
    let (mut models, mut providers) = (Named::new(), Named::new());
    for row in rows() {
        let [provider, model] = [Dimension::Provider, Dimension::Model].map(|d| &**row.place.series.of(d));
        let told = if first_out.is_some_and(|out| model >= out) { OTHER } else { model };
        add(&mut models, [provider, told], &row.sums);
        add(&mut providers, [provider, ""], &row.sums);
    }
    [models, providers]
}

struct Text {
    text: String,
    /// Of the family, less what all names begin with.
    name: &'static str,
}

impl Text {
    fn family(&mut self, name: &'static str, suffix: &str, help: &str, kind: &str) {
        for part in ["# HELP keypool_", name, suffix, " ", help, "\n# TYPE keypool_", name, suffix, " ", kind, "\n"] {
            self.text.push_str(part);
        }
        self.name = name;
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], amount: u64, digits: u32) {
        let mut mark = "{";
        for part in ["keypool_", self.name, suffix] {
            self.text.push_str(part);
        }
        for (label, value) in labels {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            for part in [mark, label, "=\"", &value, "\""] {
                self.text.push_str(part);
            }
            mark = ",";
        }
        let amount = if digits == 0 { amount.to_string() } else { decimal(amount, digits) };
        for part in ["} ", &amount, "\n"] {
            self.text.push_str(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::row::{Place, Series};
    use std::rc::Rc;

    fn row(provider: &str, model: &str, counts: &[(Metric, u64)]) -> Row {
        let mut sums = Sums::default();
        counts.iter().for_each(|(metric, amount)| sums.count(*metric, *amount));
        Row { place: Place { at: 0, day: 0, series: Series([provider, "", model, ""].map(Rc::from)) }, sums }
    }

    #[test]
    fn every_counter_is_of_a_metric_that_there_is() {
        let counters: Vec<&str> = COUNTERS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(counters.len(), 15);
        for counter in counters {
            assert!(metric::place(counter.split(' ').next().unwrap()).is_some(), "{counter}");
        }
        for head in COUNTERS.lines().filter_map(|line| line.strip_prefix('#')) {
            assert!(head.starts_with(|c: char| c.is_ascii_digit()) && head.contains(' '), "{head}");
        }
    }

    fn samples<'a>(text: &'a str, beginning: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(beginning)).collect()
    }

    #[test]
    fn what_was_counted_is_told_by_provider_and_model() {
        let mut slow = row("groq", "llama \"3\"", &[(Metric::Ok, 2), (Metric::Cost, 1_500_000_007), (Metric::Ms, 650)]);
        [30, 620].into_iter().for_each(|ms| slow.sums.time(Metric::Latency, ms));
        slow.sums.count_at(metric::class("timeout"), 4);
        let text = text(&[slow, row("groq", "b", &[(Metric::Ok, 3)])], &[("groq".into(), [1, 2, 3])], "1.2", "kv");
        for expected in [
            r#"keypool_info{version="1.2",storage="kv"} 1"#,
            r#"keypool_keys{provider="groq",state="disabled"} 3"#,
            r#"keypool_requests_total{provider="groq",model="llama \"3\"",result="ok"} 2"#,
            r#"keypool_requests_total{provider="groq",model="b",result="failed"} 0"#,
            r#"keypool_cost_dollars_total{provider="groq",model="llama \"3\""} 1.500000007"#,
            r#"keypool_attempts_failed_total{provider="groq",class="timeout"} 4"#,
            r#"keypool_request_duration_seconds_bucket{provider="groq",le="0.025"} 0"#,
            r#"keypool_request_duration_seconds_bucket{provider="groq",le="0.050"} 1"#,
            r#"keypool_request_duration_seconds_bucket{provider="groq",le="0.800"} 2"#,
            r#"keypool_request_duration_seconds_bucket{provider="groq",le="+Inf"} 2"#,
            r#"keypool_request_duration_seconds_sum{provider="groq"} 0.650"#,
            r#"keypool_request_duration_seconds_count{provider="groq"} 2"#,
        ] {
            assert!(text.lines().any(|line| line == expected), "{expected}\n{text}");
        }
    }

    #[test]
    fn of_a_hundred_and_more_models_the_rest_is_one_that_never_decreases() {
        let models = |names: &[usize]| -> Vec<Row> {
            names.iter().map(|n| row("p", &format!("m{n:03}"), &[(Metric::Ok, 1)])).collect()
        };
        let ok = |rows: &[Row]| {
            let text = text(rows, &[], "", "");
            let lines = samples(&text, "keypool_requests_total");
            let ok: Vec<&str> = lines.into_iter().filter(|line| line.contains(r#"result="ok""#)).collect();
            let other = ok.iter().find_map(|line| line.split_once(r#"model="other",result="ok"} "#));
            (ok.len(), other.map_or(0, |(_, count)| count.parse::<u64>().unwrap()))
        };
        // Names come along in any order; of each there is one request.
        let names: Vec<usize> = (0..150).map(|n| n * 37 % 150).collect();
        let mut known = 0;
        for many in 1..=150 {
            let (lines, other) = ok(&models(&names[..many]));
            assert!(lines <= 101 && other >= known, "{many}: {lines} lines, {known} became {other}");
            assert_eq!(other, (many as u64).saturating_sub(100));
            known = other;
        }
    }

    #[test]
    fn a_model_called_other_is_in_it_and_no_series_stands_twice() {
        let mut rows: Vec<Row> = (0..120).map(|n| row("p", &format!("m{n:03}"), &[(Metric::Ok, 1)])).collect();
        rows.extend([row("p", "other", &[(Metric::Ok, 5)]), row("q", "other", &[(Metric::Ok, 7)])]);
        let text = text(&rows, &[], "", "");
        let mut series: Vec<&str> = text.lines().filter_map(|line| line.rsplit_once(' ').map(|(s, _)| s)).collect();
        let all = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), all);
        assert!(text.contains("keypool_requests_total{provider=\"p\",model=\"other\",result=\"ok\"} 25\n"), "{text}");
        assert!(text.contains("keypool_requests_total{provider=\"q\",model=\"other\",result=\"ok\"} 7\n"));
    }
}

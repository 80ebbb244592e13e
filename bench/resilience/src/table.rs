//! The numbers as Markdown.

use super::{
    goal::{Goal, Played},
    number::{grouped, percent, ratio, seconds},
    tally::Tally,
};
use std::fmt::Write;

pub fn goals(goals: &[Goal]) -> String {
    let mut text = String::from("| | Goal | Measured | |\n|---|---|---|---|\n");
    for Goal { scenario, what, value, holds } in goals {
        let mark = if *holds { "holds" } else { "**missed**" };
        let _ = writeln!(text, "| {scenario} | {what} | {value} | {mark} |");
    }
    text
}

pub fn scenarios(played: &[Played]) -> String {
    let tables: Vec<String> = played.iter().map(scenario).collect();
    tables.join("\n")
}

fn scenario(played: &Played) -> String {
    let (scenario, keypool) = (&played.scenario, &played.keypool);
    let mut text = format!("### {}: {}\n\n", scenario.name, scenario.title);
    text.push_str("| Pool | Answered | p50 ms | p95 ms | p99 ms | Calls per request | Failed calls |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
    text.push_str(&row("**keypool**", keypool));
    for (way, tally) in &played.baselines {
        text.push_str(&row(way.name(), tally));
    }
    let _ = write!(text, "\n{} requests.", grouped(keypool.requests));
    let _ = write!(text, " keypool's clients got: {}.", list(keypool.errors.iter(), "no error"));
    let _ = write!(text, " Its failed calls: {}.", list(keypool.wasted.iter(), "none"));
    if let Some(mean) = keypool.waited_ms.checked_div(keypool.waits) {
        let _ = write!(text, " {} requests waited, {} on average.", grouped(keypool.waits), seconds(mean));
    }
    if keypool.probes > 0 {
        let _ = write!(text, " Probes: {}.", keypool.probes);
    }
    text.push('\n');
    text
}

fn row(name: &str, tally: &Tally) -> String {
    format!(
        "| {name} | {} | {} | {} | {} | {} | {} |\n",
        percent(tally.ok(), tally.requests),
        tally.percentile(50),
        tally.percentile(95),
        tally.percentile(99),
        ratio(tally.calls, tally.requests),
        grouped(tally.wasted_calls())
    )
}

fn list<'a>(counts: impl Iterator<Item = (impl AsRef<str> + 'a, &'a u64)>, none: &str) -> String {
    let parts: Vec<String> = counts.map(|(what, count)| format!("{} `{}`", grouped(*count), what.as_ref())).collect();
    if parts.is_empty() { none.into() } else { parts.join(", ") }
}

//! The picture: for each scenario and pool the share of requests that failed, on a logarithmic axis. The SVG brings
//! its own background and follows the reader's color scheme.

use super::{
    goal::{Played, allowed_failures},
    tally::Tally,
};
use std::fmt::Write;

const WIDTH: u64 = 860;
const LEFT: u64 = 250;
const TOP: u64 = 104;
const LANE: u64 = 54;
/// Where nothing failed, and where the axis begins: at 10 of a million.
const NONE: u64 = LEFT + 20;
const AXIS: u64 = LEFT + 70;
const DECADE: u64 = 100;
const FIRST_DECADE: u64 = 1;

/// Thousandths of log10 of 1 to 10.
const LOG: [u64; 10] = [0, 301, 477, 602, 699, 778, 845, 903, 954, 1000];

const STYLE: &str = "
  svg { color-scheme: light dark; font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; }
  .paper { fill: #ffffff; } .text { fill: #1f2328; } .faint { fill: #59636e; font-size: 12px; }
  .bold { font-weight: 600; } .title { font-size: 16px; font-weight: 600; }
  .grid { stroke: #d8dee4; } .goal { stroke: #1a7f37; stroke-width: 2; }
  .p0 { fill: #0969da; } .p1 { fill: #8c959f; } .p2 { fill: #bf8700; } .p3 { fill: #8250df; } .p4 { fill: #cf222e; }
  .p5 { fill: #953800; }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117; } .text { fill: #f0f6fc; } .faint { fill: #9198a1; } .grid { stroke: #2f353d; }
    .goal { stroke: #3fb950; } .p0 { fill: #58a6ff; } .p1 { fill: #848d97; } .p2 { fill: #d29922; }
    .p3 { fill: #a371f7; } .p4 { fill: #f85149; } .p5 { fill: #db6d28; }
  }
";

pub fn svg(played: &[Played]) -> String {
    let bottom = TOP + LANE * played.len() as u64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" \
         aria-labelledby=\"title\">\n<title id=\"title\">Share of requests that failed, by scenario and pool\
         </title>\n<style>{STYLE}</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"8\"/>\n",
        bottom + 48
    );
    text(&mut out, 24, 34, "text title", "Requests that failed (further left is better)");
    legend(&mut out, played);
    axis(&mut out, bottom);
    for (lane, played) in (0..).zip(played) {
        scenario(&mut out, TOP + lane * LANE, played);
    }
    out.push_str("</svg>\n");
    out
}

fn legend(out: &mut String, played: &[Played]) {
    let Some(first) = played.first() else { return };
    let names = std::iter::once("keypool").chain(first.baselines.iter().map(|(way, _)| way.name()));
    let mut x = 24;
    for (pool, name) in names.enumerate() {
        mark(out, pool, x + 6, 58);
        let class = if pool == 0 { "text bold" } else { "text" };
        text(out, x + 18, 62, class, name);
        x += 40 + 13 * name.len() as u64 / 2;
    }
    let _ = writeln!(out, "<path class=\"goal\" d=\"M30 75v14\"/>");
    text(out, 42, 86, "faint", "the most that the goal allows");
}

fn axis(out: &mut String, bottom: u64) {
    let names = ["0.001 %", "0.01 %", "0.1 %", "1 %", "10 %", "100 %"];
    let marks = names.into_iter().zip((AXIS..).step_by(100)).chain([("none", NONE)]);
    for (name, x) in marks {
        let _ = writeln!(out, "<path class=\"grid\" d=\"M{x} {}V{bottom}\"/>", TOP - 4);
        let _ =
            writeln!(out, "<text class=\"faint\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", bottom + 22);
    }
}

fn scenario(out: &mut String, y: u64, played: &Played) {
    let _ = writeln!(out, "<path class=\"grid\" d=\"M24 {y}H{}\"/>", WIDTH - 24);
    text(out, 24, y + 22, "text bold", played.scenario.name);
    for (row, line) in (0..).zip(wrapped(played.scenario.title, 32)) {
        text(out, 62, y + 18 + 14 * row, "faint", &line);
    }
    if let Some(ppm) = allowed_failures(played.scenario.name) {
        let _ = writeln!(out, "<path class=\"goal\" d=\"M{} {}v{}\"/>", place(ppm), y + 4, LANE - 8);
    }
    let tallies = played.baselines.iter().map(|(_, tally)| tally);
    let all: Vec<&Tally> = std::iter::once(&played.keypool).chain(tallies).collect();
    // keypool is drawn last, on top of the others.
    for (pool, tally) in all.into_iter().enumerate().rev() {
        let ppm = (tally.failed() * 1_000_000).div_ceil(tally.requests.max(1));
        mark(out, pool, place(ppm), y + 9 + 7 * pool as u64);
    }
}

/// A shape of its own for each pool, so that colors need not be told apart.
fn mark(out: &mut String, pool: usize, x: u64, y: u64) {
    let shape = match pool {
        0 => format!("<circle class=\"p0\" cx=\"{x}\" cy=\"{y}\" r=\"5.5\"/>"),
        1 => format!("<path class=\"p1\" d=\"M{} {}h8v8h-8z\"/>", x - 4, y - 4),
        2 => format!("<path class=\"p2\" d=\"M{x} {}l5 9h-10z\"/>", y - 5),
        3 => format!("<path class=\"p3\" d=\"M{x} {}l5 5l-5 5l-5 -5z\"/>", y - 5),
        4 => format!("<path class=\"p4\" d=\"M{x} {}l5 -9h-10z\"/>", y + 5),
        _ => format!("<path class=\"p5\" d=\"M{} {}h3v3h4v3h-4v3h-3v-3h-4v-3h4z\"/>", x - 1, y - 4),
    };
    let _ = writeln!(out, "{shape}");
}

/// Where so many failures per million stand.
fn place(ppm: u64) -> u64 {
    let Some(decade) = ppm.checked_ilog10().map(u64::from) else { return NONE };
    let base = 10_u64.pow(u32::try_from(decade).unwrap_or(0));
    // From the digit before the point to the next, evenly.
    let digit = usize::try_from(ppm / base).unwrap_or(1).clamp(1, 9);
    let (from, to) = (LOG[digit - 1], LOG[digit]);
    let thousandths = decade * 1000 + from + (to - from) * (ppm % base) / base;
    (AXIS + thousandths * DECADE / 1000).saturating_sub(FIRST_DECADE * DECADE).max(NONE + 20)
}

fn text(out: &mut String, x: u64, y: u64, class: &str, words: &str) {
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", words.replace('`', ""));
}

fn wrapped(words: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.len() + word.len() < width => {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}

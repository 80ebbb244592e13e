//! Holds the estimate of tokens against what OpenAI's tokenizer counts, and keeps the table in docs/TOKENS.md.
#![expect(clippy::unwrap_used, reason = "a test may stop where its files are not what they should be")]

use keypool::usage::{
    estimate::Estimate,
    texts::{Shape, Texts},
};
use serde_json::{Map, Value};
use std::{fmt::Write, fs};

/// What each kind of text may be off by, in percent.
const BOUNDS: [(&str, &str, f64); 9] = [
    ("english", "English", 15.0),
    ("chinese", "Chinese", 15.0),
    ("code", "Code", 15.0),
    ("json", "JSON", 30.0),
    ("japanese", "Japanese", 30.0),
    ("korean", "Korean", 30.0),
    ("mixed", "Mixed", 15.0),
    ("tools", "Chat body with tools", 15.0),
    ("other", "German, Russian, Spanish", 30.0),
];
/// The weights were not fitted to these.
const HELD_OUT: [&str; 11] = [
    "english-3.txt",
    "chinese-2.txt",
    "japanese-2.txt",
    "korean-2.txt",
    "code-4.sql",
    "code-5.rs",
    "code-6.html",
    "json-2.json",
    "mixed-2.txt",
    "tools-2.json",
    "other-1.txt",
];
const DOCUMENT: &str = "docs/TOKENS.md";

struct Sample {
    name: String,
    counted: f64,
    estimated: u64,
}

fn samples() -> Vec<Sample> {
    let counts = fs::read_to_string("tests/tokens/counts.json").unwrap();
    let counts: Map<String, Value> = serde_json::from_str(&counts).unwrap();
    let sample = |(name, count): (&String, &Value)| Sample {
        name: name.clone(),
        counted: count.as_f64().unwrap(),
        estimated: estimate(name, &fs::read(format!("tests/tokens/corpus/{name}")).unwrap()),
    };
    counts.iter().map(sample).collect()
}

fn estimate(name: &str, text: &[u8]) -> u64 {
    if name.starts_with("tools") {
        let mut texts = Texts::new(Shape::Request);
        texts.feed(text);
        assert!(texts.is_whole(), "{name}");
        return texts.tokens();
    }
    let mut estimate = Estimate::default();
    estimate.push(text);
    estimate.pause();
    estimate.tokens()
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand tokens")]
fn off(sample: &Sample) -> f64 {
    (sample.estimated as f64 / sample.counted - 1.0) * 100.0
}

#[test]
fn every_text_of_the_corpus_is_counted() {
    let files = fs::read_dir("tests/tokens/corpus").unwrap();
    let mut files: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, samples().into_iter().map(|sample| sample.name).collect::<Vec<_>>(), "run scripts/tokens.py");
}

#[test]
fn the_estimate_is_within_its_bounds() {
    for sample in samples() {
        let kind = sample.name.split('-').next().unwrap();
        let (_, _, bound) = BOUNDS.iter().find(|(name, _, _)| *name == kind).unwrap();
        let off = off(&sample);
        assert!(off.abs() <= *bound, "{} is off by {off:.1} %, of {bound}", sample.name);
    }
}

#[test]
fn where_a_text_is_cut_does_not_matter() {
    for sample in samples().iter().filter(|sample| !sample.name.starts_with("tools")) {
        let text = fs::read(format!("tests/tokens/corpus/{}", sample.name)).unwrap();
        for size in [1, 2, 3, 7, 100] {
            let mut estimate = Estimate::default();
            text.chunks(size).for_each(|piece| estimate.push(piece));
            estimate.pause();
            assert_eq!(estimate.tokens(), sample.estimated, "{} in pieces of {size}", sample.name);
        }
    }
}

/// `KEYPOOL_WRITE_TABLE=1 cargo test --test tokens` writes it.
#[test]
fn the_document_has_the_table_of_errors() {
    let document = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = document.split_once("<!-- errors -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->\n").unwrap();
    let made = format!("{before}<!-- errors -->\n{}<!-- end -->\n{after}", table());
    if std::env::var_os("KEYPOOL_WRITE_TABLE").is_some() {
        fs::write(DOCUMENT, made).unwrap();
    } else {
        assert!(made == document, "the table is old: run `npm run tokens`");
    }
}

fn table() -> String {
    let mut table = String::from("| Kind | Text | o200k | Estimate | Off by | At most |\n|---|---|--:|--:|--:|--:|\n");
    let samples = samples();
    for (kind, label, bound) in BOUNDS {
        for sample in samples.iter().filter(|sample| sample.name.split('-').next() == Some(kind)) {
            let held_out = if HELD_OUT.contains(&sample.name.as_str()) { ", held out" } else { "" };
            let Sample { name, counted, estimated } = sample;
            let off = off(sample);
            writeln!(table, "| {label} | `{name}`{held_out} | {counted} | {estimated} | {off:+.1} % | {bound} % |")
                .unwrap();
        }
    }
    table
}

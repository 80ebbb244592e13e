//! Parsers of what comes from outside, under damaged input: the examples of `corpus/` cut, doubled, mixed, and sprinkled with
//! words that mean something there. `cargo test` tries each a fixed number of times with fixed dice; `npm run fuzz` a hundred
//! times as often with new ones. What it finds is put into `corpus/` as a file: every example is tried as it is, too.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "these are tests")]

mod bodies;
mod gate;
mod streams;
mod texts;

use proptest::{
    collection::vec,
    prelude::{Strategy, any, prop_oneof},
    sample::{Index, select},
    test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner},
};
use std::{env, fs, path::Path};

const TIMES: u32 = 2_000;
const MOST_DAMAGES: usize = 8;

/// One thing that happens to an example.
#[derive(Debug, Clone)]
enum Damage {
    Put(Index, Vec<u8>),
    Cut(Index, usize),
    Change(Index, u8),
    Repeat(Index, usize),
    /// What follows in another example.
    Mix(Index, Vec<u8>, Index),
}

/// Whether `holds` of every example of `corpus`, and of what damage makes of them with these words. It also gets dice.
fn fuzz(corpus: &str, words: &'static [&str], holds: impl Fn(&[u8], u64) -> TestCaseResult) {
    let examples = examples(corpus);
    for example in &examples {
        let told = |error| panic!("{corpus}: {error}\n{}", String::from_utf8_lossy(example));
        (0..4).for_each(|dice| holds(example, dice).unwrap_or_else(told));
    }
    let asked = env::var("KEYPOOL_FUZZ_TIMES").ok().map(|text| text.parse().unwrap());
    let config = Config {
        cases: asked.unwrap_or(TIMES),
        rng_seed: asked.map_or(RngSeed::Fixed(1), |_| RngSeed::Random),
        failure_persistence: None,
        ..Config::default()
    };
    let damaged = (select(examples.clone()), vec(damage(words, examples), 0..MOST_DAMAGES))
        .prop_map(|(example, damages)| damages.into_iter().fold(example, damaged));
    let result = TestRunner::new(config).run(&(damaged, any::<u64>()), |(bytes, dice)| holds(&bytes, dice));
    match result {
        Err(TestError::Fail(reason, (bytes, dice))) => {
            panic!("{corpus}: {reason}\ndice {dice}: {}", bytes.escape_ascii())
        }
        other => other.unwrap_or_else(|error| panic!("{corpus}: {error}")),
    }
}

fn examples(corpus: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(corpus);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{corpus} has no examples");
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn damage(words: &'static [&str], examples: Vec<Vec<u8>>) -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    let word = select(words).prop_map(|word| word.as_bytes().to_vec());
    prop_oneof![
        4 => (at(), word).prop_map(|(at, word)| Damage::Put(at, word)),
        1 => (at(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Put(at, bytes)),
        2 => (at(), 1..40_usize).prop_map(|(at, length)| Damage::Cut(at, length)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Change(at, byte)),
        1 => (at(), 1..200_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => (at(), select(examples), at()).prop_map(|(at, other, there)| Damage::Mix(at, other, there)),
    ]
}

fn damaged(mut bytes: Vec<u8>, damage: Damage) -> Vec<u8> {
    let (Damage::Put(at, _) | Damage::Cut(at, _) | Damage::Change(at, _) | Damage::Repeat(at, _) | Damage::Mix(at, ..)) =
        &damage;
    let at = at.index(bytes.len() + 1);
    match damage {
        Damage::Put(_, other) => drop(bytes.splice(at..at, other)),
        Damage::Cut(_, length) => drop(bytes.drain(at..bytes.len().min(at + length))),
        Damage::Change(_, byte) => bytes.iter_mut().skip(at).take(1).for_each(|old| *old = byte),
        Damage::Repeat(_, length) => bytes.extend_from_within(at..bytes.len().min(at + length)),
        Damage::Mix(_, other, there) => {
            bytes.truncate(at);
            bytes.extend_from_slice(&other[there.index(other.len() + 1)..]);
        }
    }
    bytes
}

/// The bytes cut into pieces of sizes that the dice tell.
fn pieces(bytes: &[u8], dice: u64) -> Vec<&[u8]> {
    let (mut rest, mut dice, mut pieces) = (bytes, dice | 1, Vec::new());
    while !rest.is_empty() {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let longest = if dice >> 63 == 0 { 4 } else { 64 };
        let (piece, left) = rest.split_at(rest.len().min(1 + usize::try_from(dice >> 33).unwrap() % longest));
        pieces.push(piece);
        rest = left;
    }
    pieces
}

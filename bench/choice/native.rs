//! What it costs to choose one key of many, natively: the time of `Pool::pick`, and of `Pool::blocked` where there is
//! none to pick. Prints a table. `npm run bench:choice` runs it beside its twin in workerd.

use keypool::{
    pool::{Pool, Ticket, dice::Dice, select::Choice},
    record::{Kind, Record, key::cooldown_id},
};
use serde_json::json;
use std::{
    hint::black_box,
    io::{Result, Write, stdout},
    time::{Duration, Instant},
};

const NOW: u64 = 1_000_000;
const MODEL: &str = "m";
const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// As many keys as a request can have behind it when it asks for its fifth.
const TRIED: usize = 4;
const BATCHES: usize = 400;
/// Choices that are timed together: one alone is shorter than what the clock can tell.
const BATCH: u32 = 50;

/// Which keys cool for the model, by their place among so many.
type Cools = fn(usize, usize) -> bool;
const STATES: [(&str, Cools); 4] = [
    ("all healthy", |_, _| false),
    ("half of them cooling", |place, _| place % 2 == 1),
    ("all but one cooling", |place, keys| place != keys / 2),
    ("all cooling (and why)", |_, _| true),
];

fn main() -> Result<()> {
    let mut out = stdout().lock();
    writeln!(
        out,
        "| choice, natively | keys | median, µs | p99, µs | with {TRIED} tried: median, µs | p99, µs | a conversation's: median, µs | p99, µs |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    for (name, cools) in STATES {
        for keys in SIZES {
            let mut pool = pool(keys, cools)?;
            let (median, worst) = time(&mut pool, &[], false);
            let tried: Vec<Ticket> = (0..TRIED).collect();
            let (tried_median, tried_worst) = time(&mut pool, &tried, false);
            let (talk_median, talk_worst) = time(&mut pool, &[], true);
            write!(out, "| {name} | {keys} | {median:.2} | {worst:.2} | {tried_median:.2} | {tried_worst:.2} ")?;
            writeln!(out, "| {talk_median:.2} | {talk_worst:.2} |")?;
        }
    }
    Ok(())
}

/// A pool of one provider, made of what a storage would hold.
fn pool(keys: usize, cools: Cools) -> Result<Pool> {
    let mut records = Vec::with_capacity(2 * keys);
    for place in 0..keys {
        let id = format!("k{place}");
        let key = json!({"provider": "p", "secret": "s", "label": "", "weight": 10, "group": "active",
            "enabled": true, "models": [], "created": 0});
        if cools(place, keys) {
            let until = NOW + 60_000 + u64::try_from(place).map_err(std::io::Error::other)?;
            let cooldown = json!({"until": until, "class": "rate_limited", "message": "Slow down.", "since": 0});
            records.push(record(Kind::Cooldown, cooldown_id(&id, Some(MODEL)), &cooldown)?);
        }
        records.push(record(Kind::Key, id, &key)?);
    }
    let mut pool = Pool::default();
    pool.sync(&records, true, NOW);
    Ok(pool)
}

fn record(kind: Kind, id: String, body: &serde_json::Value) -> Result<Record> {
    Record::new(kind, id, body, 0).map_err(|error| std::io::Error::other(error.message()))
}

/// The median and the 99th percentile of batches, in microseconds for one choice.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn time(pool: &mut Pool, tried: &[Ticket], talks: bool) -> (f64, f64) {
    let mut dice = Dice::seeded(1);
    let mut batch = || {
        let start = Instant::now();
        for _ in 0..BATCH {
            let conversation = talks.then(|| dice.roll());
            choose(pool, tried, conversation, &mut dice);
        }
        start.elapsed() / BATCH
    };
    // The first ones build what the pool builds when it is first asked.
    for _ in 0..BATCHES / 10 {
        batch();
    }
    let mut times: Vec<Duration> = (0..BATCHES).map(|_| batch()).collect();
    times.sort_unstable();
    let micros = |at: usize| times.get(at).map_or(f64::NAN, |t| t.as_secs_f64() * 1e6);
    (micros(BATCHES / 2), micros(BATCHES * 99 / 100))
}

/// What a request asks of the pool before it sends, or gives up.
fn choose(pool: &mut Pool, tried: &[Ticket], conversation: Option<u64>, dice: &mut Dice) {
    let choice = Choice { provider: "p", model: MODEL, groups: &["active", "standby"], conversation };
    match pool.pick(choice, tried, false, NOW, dice) {
        Some(ticket) => {
            black_box(ticket);
        }
        None => {
            black_box(pool.blocked(choice, NOW));
        }
    }
}

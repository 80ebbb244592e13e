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
const BATCHES: usize = 2000;
/// Choices that are timed together take about so long: what the clock can tell, and little enough that another program
/// seldom gets in between.
const BATCH: Duration = Duration::from_micros(20);
const WARM_UP: u32 = 300;

/// More models than a lane keeps trees for.
const MODELS: [&str; 17] =
    [MODEL, "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "m10", "m11", "m12", "m13", "m14", "m15", "m16"];

/// Which keys cool for the first model, by their place among so many.
type Cools = fn(usize, usize) -> bool;

struct State {
    name: &'static str,
    cools: Cools,
    /// So many models take turns.
    models: usize,
    /// Between two choices; what was found out is not looked up again within a moment.
    step_ms: u64,
}

const fn state(name: &'static str, cools: Cools) -> State {
    State { name, cools, models: 1, step_ms: 0 }
}

const STATES: [State; 6] = [
    state("all healthy", |_, _| false),
    state("half of them cooling", |place, _| place % 2 == 1),
    state("all but one cooling", |place, keys| place != keys / 2),
    state("all cooling (and why)", |_, _| true),
    State { step_ms: 1000, ..state("all cooling, a second later", |_, _| true) },
    State { models: MODELS.len(), step_ms: 1, ..state("all healthy, 17 models in turn", |_, _| false) },
];

fn main() -> Result<()> {
    let mut out = stdout().lock();
    writeln!(
        out,
        "| choice, natively | keys | median, µs | p99, µs | with {TRIED} tried: median, µs | p99, µs | a conversation's: median, µs | p99, µs |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|")?;
    for state in STATES {
        for keys in SIZES {
            let (mut pool, mut now) = (pool(keys, state.cools)?, NOW);
            let (median, worst) = time(&mut pool, &state, &mut now, &[], false);
            let tried: Vec<Ticket> = (0..TRIED).collect();
            let (tried_median, tried_worst) = time(&mut pool, &state, &mut now, &tried, false);
            let (talk_median, talk_worst) = time(&mut pool, &state, &mut now, &[], true);
            let name = state.name;
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
            let until = NOW + 1_000_000_000 + u64::try_from(place).map_err(std::io::Error::other)?;
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
fn time(pool: &mut Pool, state: &State, now: &mut u64, tried: &[Ticket], talks: bool) -> (f64, f64) {
    let mut dice = Dice::seeded(1);
    let mut models = MODELS.iter().take(state.models).cycle();
    let mut batch = |choices: u32| {
        let start = Instant::now();
        for _ in 0..choices {
            let conversation = talks.then(|| dice.roll());
            let model = models.next().copied().unwrap_or_default();
            *now += state.step_ms;
            let choice = Choice { provider: "p", model, groups: &["active", "standby"], conversation };
            choose(pool, choice, tried, *now, &mut dice);
        }
        start.elapsed() / choices
    };
    // The first ones build what the pool builds when it is first asked.
    batch(WARM_UP);
    let one = batch(WARM_UP).as_nanos().max(1);
    let choices = u32::try_from(BATCH.as_nanos() / one).unwrap_or(1).max(1);
    let mut times: Vec<Duration> = (0..BATCHES).map(|_| batch(choices)).collect();
    times.sort_unstable();
    let micros = |at: usize| times.get(at).map_or(f64::NAN, |t| t.as_secs_f64() * 1e6);
    (micros(BATCHES / 2), micros(BATCHES * 99 / 100))
}

/// What a request asks of the pool before it sends, or gives up.
fn choose(pool: &mut Pool, choice: Choice, tried: &[Ticket], now: u64, dice: &mut Dice) {
    match pool.pick(choice, tried, false, now, dice) {
        Some(ticket) => {
            black_box(ticket);
        }
        None => {
            black_box(pool.blocked(choice, now));
        }
    }
}

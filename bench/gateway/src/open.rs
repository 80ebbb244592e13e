//! Open loop: requests come when they come, whether others were answered or not.

use crate::{
    ask::{Ask, Heard, number},
    now,
    tally::{quantiles, us},
    wire::Wire,
};
use serde_json::{Value, json};
use std::{cell::RefCell, io, rc::Rc, time::Duration};
use tokio::{
    task::LocalSet,
    time::{Instant, sleep_until},
};

struct Ended {
    /// Nanoseconds from the beginning of the run.
    at: u64,
    heard: io::Result<Heard>,
}

#[derive(Default)]
struct Run {
    idle: Vec<Wire>,
    ended: Vec<Ended>,
}

/// Poisson processes one after the other, each of `phases` being `[how many a second, for how many seconds]`. A report for
/// each, by when requests came.
pub async fn run(command: &Value) -> io::Result<Value> {
    let ask = Rc::new(Ask::new(command)?);
    let phases: Vec<(u64, u64)> = serde_json::from_value(command["phases"].clone())?;
    let run = Rc::new(RefCell::new(Run::default()));
    let (start, begun) = (Instant::now(), now());
    let local = LocalSet::new();
    for at in arrivals(&phases, number(command, "seed")?) {
        let (ask, run) = (Rc::clone(&ask), Rc::clone(&run));
        local.spawn_local(async move {
            sleep_until(start + at).await;
            let begins = now();
            let heard = one(&ask, &run).await;
            run.borrow_mut().ended.push(Ended { at: begins - begun, heard });
        });
    }
    local.await;
    Ok(report(run.take().ended, &phases))
}

async fn one(ask: &Ask, run: &RefCell<Run>) -> io::Result<Heard> {
    let idle = run.borrow_mut().idle.pop();
    let mut wire = match idle {
        Some(wire) => wire,
        None => Wire::connect(ask.port).await?,
    };
    let heard = ask.send(&mut wire).await?;
    run.borrow_mut().idle.push(wire);
    Ok(heard)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits of chance are enough")]
fn arrivals(phases: &[(u64, u64)], seed: u64) -> Vec<Duration> {
    let mut state = seed;
    let mut chance = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut begins = 0.0;
    let mut all = Vec::new();
    for &(rate, seconds) in phases {
        let ends = begins + seconds as f64;
        let gap = |chance: f64| -(1.0 - chance).ln() / rate as f64;
        let mut at = begins + gap(chance());
        while at < ends {
            all.push(Duration::from_secs_f64(at));
            at += gap(chance());
        }
        begins = ends;
    }
    all
}

/// What came in one phase.
#[derive(Default)]
struct Phase {
    /// Of each second, by when they came.
    answered: Vec<u64>,
    refused: Vec<u64>,
    took: Vec<u64>,
    refusals: Vec<u64>,
    /// Of each that was refused: when it was, in ms from the run's beginning, what it was told, and the status.
    waits: Vec<Value>,
    errors: Vec<Value>,
}

fn report(ended: Vec<Ended>, phases: &[(u64, u64)]) -> Value {
    let all: usize = phases.iter().map(|(_, seconds)| usize::try_from(*seconds).unwrap_or(0)).sum();
    let which: Vec<(usize, usize)> = (0..)
        .zip(phases)
        .flat_map(|(phase, (_, seconds))| {
            (0..usize::try_from(*seconds).unwrap_or(0)).map(move |second| (phase, second))
        })
        .collect();
    let mut found: Vec<Phase> = phases
        .iter()
        .map(|(_, seconds)| usize::try_from(*seconds).unwrap_or(0))
        .map(|length| Phase { answered: vec![0; length], refused: vec![0; length], ..Phase::default() })
        .collect();
    // Answers by when they were there.
    let mut done = vec![0_u64; all];
    for Ended { at, heard } in ended {
        // One that came late belongs to the last second.
        let (phase, second) = which[second(at).min(all - 1)];
        if let Ok(heard) = &heard
            && heard.status == 200
            && let Some(count) = done.get_mut(self::second(at + heard.took))
        {
            *count += 1;
        }
        found[phase].add(at, second, heard);
    }
    json!({ "done": done, "phases": found.into_iter().map(Phase::json).collect::<Vec<_>>() })
}

fn second(at: u64) -> usize {
    usize::try_from(at / 1_000_000_000).unwrap_or(usize::MAX)
}

impl Phase {
    fn add(&mut self, at: u64, second: usize, heard: io::Result<Heard>) {
        match heard {
            Ok(heard) if heard.status == 200 && heard.scan.is_whole() => {
                self.answered[second] += 1;
                self.took.push(heard.took);
            }
            Ok(heard) if matches!(heard.status, 429 | 503) => {
                self.refused[second] += 1;
                self.refusals.push(heard.took);
                self.waits.push(json!([us(at + heard.took) / 1000.0, heard.retry_after, heard.status]));
            }
            Ok(heard) => self.errors.push(json!([us(at) / 1000.0, heard.status])),
            Err(error) => self.errors.push(json!([us(at) / 1000.0, error.to_string()])),
        }
    }

    fn json(self) -> Value {
        json!({
            "answered": self.answered, "refused": self.refused, "took": quantiles(self.took),
            "refusal": quantiles(self.refusals), "waits": self.waits, "errors": self.errors,
        })
    }
}

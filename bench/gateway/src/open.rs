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

/// A Poisson process of `rate` a second for `seconds`.
pub async fn run(command: &Value) -> io::Result<Value> {
    let ask = Rc::new(Ask::new(command)?);
    let (rate, seconds) = (number(command, "rate")?, number(command, "seconds")?);
    let run = Rc::new(RefCell::new(Run::default()));
    let (start, begun) = (Instant::now(), now());
    let local = LocalSet::new();
    for at in arrivals(rate, seconds, command["seed"].as_u64().unwrap_or(1)) {
        let (ask, run) = (Rc::clone(&ask), Rc::clone(&run));
        local.spawn_local(async move {
            sleep_until(start + at).await;
            let begins = now();
            let heard = one(&ask, &run).await;
            run.borrow_mut().ended.push(Ended { at: begins - begun, heard });
        });
    }
    local.await;
    Ok(report(run.take().ended, seconds))
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
fn arrivals(rate: u64, seconds: u64, seed: u64) -> Vec<Duration> {
    let mut state = seed;
    let mut at = 0.0;
    let next = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let chance = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        at -= (1.0 - chance).ln() / rate as f64;
        Some(at)
    };
    std::iter::from_fn(next).take_while(|at| *at < seconds as f64).map(Duration::from_secs_f64).collect()
}

fn report(ended: Vec<Ended>, seconds: u64) -> Value {
    let second = |at: u64| usize::try_from(at / 1_000_000_000).unwrap_or(usize::MAX);
    let length = usize::try_from(seconds).unwrap_or_default();
    let (mut answered, mut refused) = (vec![0_u64; length], vec![0_u64; length]);
    let (mut took, mut refusals, mut asked_to_wait, mut errors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for Ended { at, heard } in ended {
        let slot = second(at).min(length.saturating_sub(1));
        match heard {
            Ok(heard) if heard.status == 200 && heard.scan.is_whole() => {
                answered[slot] += 1;
                took.push(heard.took);
            }
            Ok(heard) if matches!(heard.status, 429 | 503) => {
                refused[slot] += 1;
                refusals.push(heard.took);
                asked_to_wait.push(json!([us(at + heard.took) / 1000.0, heard.retry_after, heard.status]));
            }
            Ok(heard) => errors.push(json!([us(at) / 1000.0, heard.status])),
            Err(error) => errors.push(json!([us(at) / 1000.0, error.to_string()])),
        }
    }
    errors.truncate(20);
    json!({
        "answered": answered, "refused": refused, "errors": errors, "took": quantiles(took), "refusal": quantiles(refusals),
        "waits": asked_to_wait,
    })
}

//! What must hold, and whether it does. The limits are those of the project's plan; nothing here is tuned.

use super::{
    baseline::Way,
    number::{percent, ratio, seconds},
    scenario::Scenario,
    tally::Tally,
};

pub struct Played {
    pub scenario: Scenario,
    pub keypool: Tally,
    pub baselines: Vec<(Way, Tally)>,
}

pub struct Goal {
    pub scenario: &'static str,
    pub what: String,
    pub value: String,
    pub holds: bool,
}

/// The largest share of failed requests, per million, where the scenario has a goal for it.
pub fn allowed_failures(scenario: &str) -> Option<u64> {
    match scenario {
        "B1a" => Some(1000),
        "B2" | "B6b" => Some(500),
        "B3b" => Some(100),
        "B4" => Some(0),
        "B6a" => Some(10_000),
        _ => None,
    }
}

pub fn goals(played: &[Played]) -> Vec<Goal> {
    played.iter().flat_map(of).collect()
}

fn of(played: &Played) -> Vec<Goal> {
    let (name, tally) = (played.scenario.name, &played.keypool);
    let mut goals: Vec<Goal> = allowed_failures(name).map(|ppm| answered(name, tally, ppm)).into_iter().collect();
    match name {
        "B1a" => {
            let p95 = tally.percentile(95);
            goals.push(goal(name, "p95 under 2 s", format!("{p95} ms"), p95 < 2000));
            goals.push(calls(name, tally, 1030));
        }
        "B3a" | "B3b" => goals.push(incidents(played)),
        "B4" => goals.push(calls(name, tally, 1020)),
        "B5a" | "B5b" | "B5c" => goals.extend(down(played)),
        "B7" => goals.extend(against_one(played)),
        _ => {}
    }
    goals
}

fn goal(scenario: &'static str, what: impl Into<String>, value: String, holds: bool) -> Goal {
    Goal { scenario, what: what.into(), value, holds }
}

fn answered(name: &'static str, tally: &Tally, ppm: u64) -> Goal {
    let share = percent(1_000_000 - ppm, 1_000_000);
    let share = share.trim_end_matches(" %").trim_end_matches('0').trim_end_matches('.');
    let share = if ppm == 0 { "100" } else { share };
    let holds = tally.failed() * 1_000_000 <= ppm * tally.requests;
    goal(name, format!("at least {share} % answered"), percent(tally.ok(), tally.requests), holds)
}

fn calls(name: &'static str, tally: &Tally, thousandths: u64) -> Goal {
    let what = format!("at most {}.{:02} calls per request", thousandths / 1000, thousandths % 1000 / 10);
    goal(name, what, ratio(tally.calls, tally.requests), tally.calls * 1000 <= thousandths * tally.requests)
}

/// A request that failed while a key was struck makes that incident visible, whatever it failed of.
fn incidents(played: &Played) -> Goal {
    let all = &played.scenario.incidents;
    let visible = all.iter().filter(|(from, until)| played.keypool.failed_within(*from, *until) > 0).count();
    let value = format!("{visible} of {}", all.len());
    goal(played.scenario.name, "no key incident visible to a client", value, visible == 0)
}

fn down(played: &Played) -> Vec<Goal> {
    let (name, tally) = (played.scenario.name, &played.keypool);
    let Some((_, back)) = played.scenario.down else { return Vec::new() };
    let first = tally.back_at.map(|at| at - back);
    let last = tally.failed_at.last().filter(|at| **at >= back).map_or(0, |at| at - back);
    let value = match first {
        Some(first) => format!("after {}; none failed that came after {}", seconds(first), seconds(last)),
        None => "never".into(),
    };
    vec![
        goal(
            name,
            "at most 0.6 calls per request while down",
            ratio(tally.down_calls, tally.down_requests),
            tally.down_calls * 10 <= tally.down_requests * 6,
        ),
        goal(name, "serving again within 10 s", value, first.is_some_and(|first| first <= 10_000)),
    ]
}

fn against_one(played: &Played) -> Vec<Goal> {
    let (name, tally) = (played.scenario.name, &played.keypool);
    let Some((_, single)) = played.baselines.iter().find(|(way, _)| *way == Way::Single) else { return Vec::new() };
    let fewer = single.failed().saturating_sub(tally.failed());
    vec![
        goal(
            name,
            "at least 95 % fewer errors than with one key",
            percent(fewer, single.failed()),
            fewer * 100 >= single.failed() * 95,
        ),
        goal(
            name,
            "at least 8 times the answers of one key",
            format!("{} times", ratio(tally.ok(), single.ok())),
            tally.ok() >= single.ok() * 8,
        ),
    ]
}

//! `npm run bench:resilience`: keypool's own pool code and simpler pools, in the same seeded world. Writes the numbers
//! into docs/; with `--check` it writes nothing and fails when a goal is missed.

mod answer;
mod baseline;
mod chance;
mod fault;
mod goal;
mod limit;
mod load;
mod number;
mod page;
mod plot;
mod policy;
mod real;
mod run;
mod scenario;
mod scenarios;
mod shared;
mod table;
mod tally;
mod world;

use baseline::{Baseline, Way};
use goal::Played;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--check") => true,
        Some(other) => {
            eprintln!("`{other}` is not known; the only option is --check.");
            return ExitCode::from(2);
        }
    };
    let played: Vec<Played> = scenarios::all().into_iter().map(play).collect();
    let goals = goal::goals(&played);
    for goal in &goals {
        let mark = if goal.holds { "holds " } else { "MISSED" };
        println!("{mark}  {:4} {}: {}", goal.scenario, goal.what, goal.value);
    }
    let written = if check { page::is_current(&played, &goals) } else { page::write(&played, &goals) };
    if let Err(problem) = &written {
        eprintln!("{problem}");
    }
    let missed = goals.iter().filter(|goal| !goal.holds).count();
    println!("{} of {} goals hold.", goals.len() - missed, goals.len());
    if written.is_ok() && (missed == 0 || !check) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn play(scenario: scenario::Scenario) -> Played {
    let keypool = run::run(&scenario, real::Keypool::new(&scenario));
    let baselines = Way::ALL.map(|way| (way, run::run(&scenario, Baseline::new(way, &scenario))));
    Played { scenario, keypool, baselines: baselines.into() }
}

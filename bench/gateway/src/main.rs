//! The other two ends of `npm run bench`: a provider and its clients, in one process, so that both read one clock. Commands
//! are lines of JSON on stdin, each answered by a line on stdout; the first line says where the provider listens.

mod answer;
mod ask;
mod closed;
mod key;
mod leave;
mod open;
mod provider;
mod scan;
mod tally;
mod wire;

use serde_json::{Value, json};
use std::{
    io::{self, BufRead, Write},
    sync::{Arc, LazyLock, mpsc},
    thread,
    time::Instant,
};

#[expect(clippy::disallowed_methods, reason = "here time is what is measured")]
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since this process began: what a chunk says of when it was sent.
pub fn now() -> u64 {
    u64::try_from(START.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn main() -> io::Result<()> {
    now();
    let world = Arc::new(provider::World::default());
    let (send, receive) = mpsc::channel();
    let shared = Arc::clone(&world);
    // A thread of its own, so that clients and provider do not wait for each other.
    thread::spawn(move || runtime().and_then(|runtime| runtime.block_on(provider::serve(shared, &send))));
    let port = receive.recv().map_err(io::Error::other)?;
    say(&json!({ "port": port }))?;
    let runtime = runtime()?;
    for line in io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let answer = runtime.block_on(obey(&command, &world));
        say(&answer.unwrap_or_else(|error| json!({ "error": error.to_string() })))?;
    }
    Ok(())
}

async fn obey(command: &Value, world: &provider::World) -> io::Result<Value> {
    match command["do"].as_str() {
        Some("closed") => closed::run(command).await,
        Some("open") => open::run(command).await,
        Some("leave") => leave::run(command, world).await,
        Some("calls") => Ok(world.calls()),
        _ => Err(io::Error::other("no such command")),
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

fn say(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}

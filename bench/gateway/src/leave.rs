//! Clients that leave in the middle of a stream, and how soon the provider learns of it.

use crate::{
    ask::{Ask, number},
    now,
    provider::World,
    tally::quantiles,
    wire::Wire,
};
use serde_json::{Value, json};
use std::{io, time::Duration};
use tokio::{
    io::AsyncReadExt,
    time::{sleep, timeout},
};

/// How long one may take to be noticed.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a client reads before it goes.
const STAYS: Duration = Duration::from_millis(120);

/// `requests` one after the other.
pub async fn run(command: &Value, world: &World) -> io::Result<Value> {
    let ask = Ask::new(command)?;
    let requests = number(command, "requests")?;
    let mut noticed = Vec::new();
    for _ in 0..requests {
        let before = world.left().len();
        let gone = goes(&ask).await?;
        let seen = timeout(PATIENCE, async {
            loop {
                if let Some(at) = world.left().get(before) {
                    return *at;
                }
                sleep(Duration::from_millis(1)).await;
            }
        });
        noticed.extend(seen.await.ok().map(|at| at.saturating_sub(gone)));
    }
    Ok(json!({ "clients": requests, "noticed": noticed.len(), "after": quantiles(noticed) }))
}

/// Reads a while and goes; when that was.
async fn goes(ask: &Ask) -> io::Result<u64> {
    let mut wire = Wire::connect(ask.port).await?;
    ask.begin(&mut wire).await?;
    let mut piece = [0; 4096];
    let reads = async {
        while wire.stream.read(&mut piece).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    if timeout(STAYS, reads).await.is_ok() {
        return Err(io::Error::other("the stream ended before its reader went"));
    }
    drop(wire);
    Ok(now())
}

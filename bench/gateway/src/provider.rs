//! A provider that answers every chat at once, or as the model's and the key's name say.

use crate::{
    answer::{self, Answer},
    key::{Key, Treated},
    now,
    wire::Wire,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    future::poll_fn,
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    task::Poll,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    time::{Interval, MissedTickBehavior, interval, sleep},
};

/// A model's name stands in the first bytes of a body.
const LOOKED_AT: usize = 256;

/// What clients and provider both know.
#[derive(Default)]
pub struct World {
    keys: Mutex<HashMap<String, Key>>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    calls: u64,
    refused: u64,
    /// When a stream's reader was found gone.
    left: Vec<u64>,
}

impl World {
    /// What came since this was last asked.
    pub fn calls(&self) -> Value {
        let seen = std::mem::take(&mut *lock(&self.seen));
        json!({ "calls": seen.calls, "refused": seen.refused, "left": seen.left.len() })
    }

    /// When each reader was found gone.
    pub fn left(&self) -> Vec<u64> {
        lock(&self.seen).left.clone()
    }

    fn treat(&self, name: &str) -> Treated {
        let treated = lock(&self.keys).entry(name.into()).or_default().treat(name, now());
        let mut seen = lock(&self.seen);
        seen.calls += 1;
        seen.refused += u64::from(matches!(treated, Treated::Refused { .. }));
        treated
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves for ever; the port is told.
pub async fn serve(world: Arc<World>, told: &mpsc::Sender<u16>) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    told.send(listener.local_addr()?.port()).map_err(io::Error::other)?;
    loop {
        let mut wire = Wire::new(listener.accept().await?.0)?;
        let world = Arc::clone(&world);
        // A connection that breaks is the gateway's, and has been seen there.
        tokio::spawn(async move { while let Ok(true) = exchange(&mut wire, &world).await {} });
    }
}

/// False when there is nothing more to come.
async fn exchange(wire: &mut Wire, world: &World) -> io::Result<bool> {
    let Some(head) = wire.head().await? else { return Ok(false) };
    let mut body = Vec::new();
    wire.body(head.framing(), |piece| body.extend_from_slice(&piece[..piece.len().min(LOOKED_AT - body.len())]))
        .await?;
    let name = head.get("authorization").unwrap_or_default().trim_start_matches("Bearer ");
    match (world.treat(name), Answer::asked(&body)) {
        (Treated::Refused { status, headers }, _) => {
            let body = "{\"error\":{\"message\":\"Not with this key.\",\"type\":\"error\",\"code\":null}}";
            wire.write(&answer::with_head(status, &headers, body)).await?;
        }
        (_, Some(Answer::Json { size, after })) => {
            if !after.is_zero() {
                sleep(after).await;
            }
            wire.write(&answer::json(size)).await?;
        }
        (_, Some(Answer::Stream { chunks, every })) => {
            if let Err(error) = stream(wire, chunks, every).await {
                lock(&world.seen).left.push(now());
                return Err(error);
            }
        }
        // What is not a chat, as a list of models.
        (_, None) => wire.write(&answer::with_head("404 Not Found", "", "{}")).await?,
    }
    Ok(true)
}

async fn stream(wire: &mut Wire, chunks: usize, every: Duration) -> io::Result<()> {
    wire.write(answer::stream_head()).await?;
    if every.is_zero() {
        for _ in 0..chunks {
            wire.write(&answer::event(now())).await?;
            tokio::task::yield_now().await;
        }
    } else {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..chunks {
            ticked(wire, &mut tick).await?;
            wire.write(&answer::event(now())).await?;
        }
    }
    wire.write(&answer::last(chunks)).await
}

/// Waits, unless the reader goes meanwhile: nothing else is to be read from it.
async fn ticked(wire: &Wire, tick: &mut Interval) -> io::Result<()> {
    let mut byte = [0];
    let mut gone = pin!(wire.stream.peek(&mut byte));
    let mut tick = pin!(tick.tick());
    poll_fn(|context| match gone.as_mut().poll(context) {
        Poll::Ready(_) => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        Poll::Pending => tick.as_mut().poll(context).map(|_| Ok(())),
    })
    .await
}

//! What every store promises of cached answers.

use super::{Kept, START, Store, hold, said};
use crate::cached::Entry;

pub async fn answers_are_kept_until_there_are_too_many(store: &Store) -> Kept {
    // One that lasts as long as the story may be behind the clock.
    let entry = |at: u64, body: &str| Entry {
        at,
        until: at + 30 * 86_400_000,
        kind: "text/event-stream; charset=utf-8".into(),
        body: body.into(),
    };
    let read = async |id: &str| store.cached(id).await.map_err(said);
    hold(read("a").await?.is_none(), "what was not cached is not there")?;
    let (first, long) = (entry(START, "data: \"é\r\n\r\n日本\u{1}\n\n"), "x".repeat(1000));
    store.cache("a", &first).await.map_err(said)?;
    hold(read("a").await? == Some(first), "a cached answer reads back as it was")?;
    let newer = entry(START + 1000, &long);
    store.cache("a", &newer).await.map_err(said)?;
    hold(read("a").await? == Some(newer.clone()), "a newer answer takes the older one's place")?;
    for (id, at) in [("b", 2000), ("c", 500), ("d", 3000)] {
        store.cache(id, &entry(START + at, &long)).await.map_err(said)?;
    }
    store.trim_cache(START + 4000, 3500).await.map_err(said)?;
    hold(read("c").await?.is_none(), "what is too much is cleared away, the oldest first")?;
    hold(read("a").await? == Some(newer) && read("b").await?.is_some(), "what there is place for is kept")?;
    if store.name() != "kv" {
        // KV forgets by itself, in its own time.
        store.trim_cache(START + 1000 + 30 * 86_400_000, 1_000_000).await.map_err(said)?;
        hold(read("a").await?.is_none() && read("d").await?.is_some(), "what has expired is cleared away")?;
    }
    Ok(())
}

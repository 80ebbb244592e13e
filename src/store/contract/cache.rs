//! What every store promises of cached answers.

use super::{super::Cached, Kept, START, Store, hold, said};
use crate::cached::Entry;

pub async fn answers_are_kept_until_there_are_too_many(store: &Store) -> Kept {
    // One that lasts as long as the story may be behind the clock.
    let entry = |at: u64, body: &str| Entry {
        at,
        until: at + 30 * 86_400_000,
        kind: "text/event-stream; charset=utf-8".into(),
        body: body.into(),
    };
    let read = async |id: &str| store.cached(&Cached::Find(id)).await.map_err(said);
    let keep = async |id: &str, entry: &Entry| store.cached(&Cached::Keep(id, entry)).await.map_err(said);
    let trim = async |now, most| store.cached(&Cached::Trim(now, most)).await.map_err(said);
    hold(read("a").await?.is_none(), "what was not cached is not there")?;
    let (first, long) = (entry(START, "data: \"é\r\n\r\n日本\u{1}\n\n"), "x".repeat(1000));
    keep("a", &first).await?;
    hold(read("a").await? == Some(first), "a cached answer reads back as it was")?;
    let newer = entry(START + 1000, &long);
    keep("a", &newer).await?;
    hold(read("a").await? == Some(newer.clone()), "a newer answer takes the older one's place")?;
    for (id, at) in [("b", 2000), ("c", 500), ("d", 3000)] {
        keep(id, &entry(START + at, &long)).await?;
    }
    trim(START + 4000, 3500).await?;
    hold(read("c").await?.is_none(), "what is too much is cleared away, the oldest first")?;
    hold(read("a").await? == Some(newer) && read("b").await?.is_some(), "what there is place for is kept")?;
    if store.name() != "kv" {
        // KV forgets by itself, in its own time.
        trim(START + 1000 + 30 * 86_400_000, 1_000_000).await?;
        hold(read("a").await?.is_none() && read("d").await?.is_some(), "what has expired is cleared away")?;
    }
    Ok(())
}

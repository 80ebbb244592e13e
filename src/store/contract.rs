//! What every store promises, told step by step on an empty one. Memory is held to it natively; D1 and KV in
//! workerd, by a build with the feature `contract`.

use super::{Loaded, REVOKED_MS, Store, TOMBSTONE_MS};
use crate::{
    error::Error,
    record::{Kind, Record},
    usage::count::{Count, Row},
};

/// When the story begins, in Unix milliseconds; it goes on by the step.
const START: u64 = 1_700_000_000_000;
const HOUR: u64 = 3_600_000;

/// The sentence of a promise that was broken.
type Kept<T = ()> = Result<T, String>;

/// # Errors
/// The first promise that does not hold, as a sentence.
pub async fn check(store: &Store) -> Kept {
    a_load_tells_what_changed(store).await?;
    the_newest_record_holds(store).await?;
    a_deletion_is_seen(store).await?;
    the_first_one_ensured_stays(store).await?;
    what_is_noted_is_there_after_a_fold(store).await?;
    many_records_are_written_at_once(store).await?;
    counts_are_added_once(store).await?;
    what_is_old_is_trimmed(store).await
}

async fn a_load_tells_what_changed(store: &Store) -> Kept {
    let empty = all(store).await?;
    hold(empty.full && empty.records.is_empty(), "a new store is empty")?;
    write(store, &[key("a", "one", START), key("b", "two", START)], START).await?;
    let first = all(store).await?;
    hold(texts(&first) == ["a one", "b two"], "a full load gives all records")?;
    let known = first.revision;
    hold(known > 0, "a revision is never 0")?;
    hold(store.load(known).await.map_err(said)?.is_none(), "a load that knows the latest revision gives nothing")?;
    write(store, &[key("b", "three", START + 1)], START + 1).await?;
    let second = store.load(known).await.map_err(said)?.ok_or("a load gives what was written since")?;
    hold(second.revision != known, "a write changes the revision")?;
    let expected: &[&str] = if second.full { &["a one", "b three"] } else { &["b three"] };
    hold(texts(&second) == expected, "a load gives either all records or those that changed")?;
    hold(store.load(second.revision).await.map_err(said)?.is_none(), "its revision is known to the next load")
}

async fn the_newest_record_holds(store: &Store) -> Kept {
    write(store, &[key("b", "older", START)], START + 2).await?;
    hold(has(&all(store).await?, "b three"), "a record that was changed earlier does not replace a newer one")?;
    write(store, &[key("b", "four", START + 3)], START + 3).await?;
    hold(has(&all(store).await?, "b four"), "a record that was changed later replaces an older one")?;
    write(store, &[Record::new(Kind::Client, "b", &"other", START).map_err(said)?], START + 3).await?;
    let held = all(store).await?;
    hold(has(&held, "b four") && has(&held, "b other"), "records of two kinds with one id are two")
}

async fn a_deletion_is_seen(store: &Store) -> Kept {
    let known = all(store).await?.revision;
    write(store, &[Record::deleted(Kind::Key, "a", START + 4)], START + 4).await?;
    let seen = store.load(known).await.map_err(said)?.ok_or("a deletion is a change")?;
    hold(has(&seen, "a deleted"), "a load shows a deletion as a record without a body")?;
    write(store, &[key("a", "revived", START + 3)], START + 4).await?;
    hold(has(&all(store).await?, "a deleted"), "a change older than the deletion does not undo it")
}

async fn the_first_one_ensured_stays(store: &Store) -> Kept {
    let secret = |value: &str, at| Record::new(Kind::Secret, "pepper", &value, START + at).map_err(said);
    let first = store.ensure(secret("first", 5)?, START + 5).await.map_err(said)?;
    hold(text(&first) == "pepper first", "ensure writes what is not there, and answers it")?;
    let second = store.ensure(secret("second", 6)?, START + 6).await.map_err(said)?;
    hold(text(&second) == "pepper first", "ensure answers what was there before")?;
    hold(has(&all(store).await?, "pepper first"), "ensure changes nothing that was there before")
}

async fn what_is_noted_is_there_after_a_fold(store: &Store) -> Kept {
    store.note(&[key("n", "noted", START + 7)], START + 7).await.map_err(said)?;
    store.fold(START + 7).await.map_err(said)?;
    hold(has(&all(store).await?, "n noted"), "what was noted is there after a fold")
}

async fn many_records_are_written_at_once(store: &Store) -> Kept {
    let long = "x".repeat(400);
    let many: Vec<Record> = (0..3000).map(|i| key(&format!("many-{i}"), &long, START + 8)).collect();
    write(store, &many, START + 8).await?;
    let found = |loaded: &Loaded, body: bool| {
        loaded.records.iter().filter(|r| r.id.starts_with("many-") && r.body.is_some() == body).count()
    };
    hold(found(&all(store).await?, true) == 3000, "3,000 records are written at once")?;
    let gone: Vec<Record> = many.iter().map(|r| Record::deleted(Kind::Key, &*r.id, START + 9)).collect();
    write(store, &gone, START + 9).await?;
    hold(found(&all(store).await?, false) == 3000, "3,000 records are deleted at once")
}

async fn counts_are_added_once(store: &Store) -> Kept {
    let now = START + 10;
    store.fold(now).await.map_err(said)?;
    hold(total(store, "k").await?.is_none(), "a key without counts has no total")?;
    for id in ["1", "2", "1"] {
        store.append(&entry(now, id), &[row("k", 2, now), row("l", 1, now)]).await.map_err(said)?;
    }
    let folded = store.fold(now).await.map_err(said)?;
    hold(folded == 2, "a fold answers how many entries it folded, those of one id being one")?;
    let k = total(store, "k").await?.unwrap_or_default();
    hold((k.attempts, k.ok, k.failed) == (6, 4, 2), "counts of all entries are added, those of one id once")?;
    hold((k.prompt_tokens, k.completion_tokens) == (20, 40), "tokens are added")?;
    hold(total(store, "l").await?.is_some_and(|l| l.ok == 2), "each key has its own total")?;
    hold(store.fold(now).await.map_err(said)? == 0, "a fold that is repeated finds nothing")?;
    for hours in [1, 2] {
        store.fold(now + hours * HOUR).await.map_err(said)?;
    }
    hold(total(store, "k").await? == Some(k), "later folds add nothing again")?;
    store.append(&entry(now + HOUR, "3"), &[row("k", 1, now - 1)]).await.map_err(said)?;
    store.fold(now + 3 * HOUR).await.map_err(said)?;
    let k = total(store, "k").await?.unwrap_or_default();
    hold(k.ok == 5, "a later entry is added to the total")?;
    hold(k.last_used == now, "the latest use holds")
}

async fn what_is_old_is_trimmed(store: &Store) -> Kept {
    let at = START + 11;
    let cooldown = Record::new(Kind::Cooldown, "b *", &"rests", at).map_err(said)?;
    let revoked = Record::new(Kind::Revoked, "session", &"over", at).map_err(said)?;
    write(store, &[cooldown, revoked], at).await?;
    store.fold(at + TOMBSTONE_MS - HOUR).await.map_err(said)?;
    hold(has(&all(store).await?, "a deleted"), "a deletion is kept for as long as an isolate may not know of it")?;
    for later in [TOMBSTONE_MS, REVOKED_MS] {
        let now = at + later + HOUR;
        // A store may clear away when it writes anyway.
        write(store, &[key("b", "later", now)], now).await?;
        store.fold(now).await.map_err(said)?;
        let held = all(store).await?;
        hold(!has(&held, "a deleted") && !has(&held, "b * rests"), "old deletions and cooldowns are cleared away")?;
        let kept = has(&held, "session over");
        hold(kept == (later < REVOKED_MS), "a revoked session is kept until it has expired for sure, and no longer")?;
        hold(has(&held, "b later") && has(&held, "pepper first"), "what is in force is kept, however old")?;
    }
    Ok(())
}

fn hold(kept: bool, promise: &str) -> Kept {
    if kept { Ok(()) } else { Err(promise.into()) }
}

fn said(error: Error) -> String {
    error.message()
}

async fn all(store: &Store) -> Kept<Loaded> {
    store.load(0).await.map_err(said)?.ok_or_else(|| "a load that knows nothing gives all".into())
}

async fn write(store: &Store, records: &[Record], now: u64) -> Kept {
    store.write(records, now).await.map_err(said)
}

async fn total(store: &Store, key: &str) -> Kept<Option<Count>> {
    Ok(store.totals(&[key.into()]).await.map_err(said)?.remove(key))
}

/// The store does not look into a body.
fn key(id: &str, value: &str, changed: u64) -> Record {
    let deleted = Record::deleted(Kind::Key, id, changed);
    Record::new(Kind::Key, id, &value, changed).unwrap_or(deleted)
}

fn row(key: &str, ok: u64, last_used: u64) -> Row {
    let count = Count { attempts: ok + 1, ok, failed: 1, prompt_tokens: 10, completion_tokens: 20, last_used };
    Row { key: key.into(), count }
}

/// An entry's id begins with its time, see `app::flush`.
fn entry(now: u64, id: &str) -> String {
    format!("{now:013}-{id}")
}

fn text(record: &Record) -> String {
    format!("{} {}", record.id, record.read::<String>().unwrap_or_else(|| "deleted".into()))
}

fn texts(loaded: &Loaded) -> Vec<String> {
    let mut texts: Vec<String> = loaded.records.iter().map(text).collect();
    texts.sort();
    texts
}

fn has(loaded: &Loaded, record: &str) -> bool {
    loaded.records.iter().any(|r| text(r) == record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory::Memory;
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    #[test]
    fn memory_keeps_every_promise() {
        let store = Store::Memory(Memory::default());
        // Memory never waits.
        let kept = pin!(check(&store)).poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(kept, Poll::Ready(Ok(())));
    }
}

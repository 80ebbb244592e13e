//! What every store promises, told step by step on an empty one. Memory is held to it natively; D1 and KV in
//! workerd, by a build with the feature `contract`.

mod audit;
mod cache;
mod logins;

use super::{DAY_MS, Loaded, Logs, REVOKED_MS, Shelf, Store, TOMBSTONE_MS, Upkeep, entry_id};
use crate::{
    error::Error,
    record::{Kind, Record},
    usage::{
        metric::Metric,
        requests::{Batch, batch_id},
        row::{self, Dimension, Period, Place, Query, Row, Series},
        sums::Sums,
    },
};
use std::rc::Rc;

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
    counts_are_told_apart_as_asked(store).await?;
    what_is_old_is_trimmed(store).await?;
    old_rollups_are_trimmed(store).await?;
    requests_are_kept_until_they_are_old(store).await?;
    audit::what_was_done_is_kept_until_it_is_old(store).await?;
    logins::wrong_passwords_are_counted_by_window_and_address(store).await?;
    cache::answers_are_kept_until_there_are_too_many(store).await
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
    fold(store, START + 7).await?;
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
    fold(store, now).await?;
    hold(total(store, "k").await?.is_none(), "a key without counts has no total")?;
    for id in ["1", "2", "1"] {
        append(store, now, id, &[line("k", "a", 2, now), line("l", "a", 1, now)]).await?;
    }
    let waiting = total(store, "k").await?.unwrap_or_default();
    hold(waiting.of(Metric::Ok) == 4, "what waits in the journal counts already, that of one id once")?;
    hold(fold(store, now).await? == 2, "a fold answers how many entries it folded")?;
    let k = total(store, "k").await?.unwrap_or_default();
    hold(k == waiting, "a fold changes no sum")?;
    hold((k.of(Metric::Attempts), k.of(Metric::In)) == (6, 20), "counts of all entries are added")?;
    hold(total(store, "l").await?.is_some_and(|l| l.of(Metric::Ok) == 2), "each key has its own total")?;
    hold(fold(store, now).await? == 0, "a fold that is repeated finds nothing")?;
    append(store, now, "1", &[line("k", "a", 2, now)]).await?;
    fold(store, now).await?;
    hold(
        total(store, "k").await? == Some(k.clone()),
        "an entry that is written again after it was folded adds nothing",
    )?;
    for hours in [1, 2] {
        fold(store, now + hours * HOUR).await?;
    }
    hold(total(store, "k").await? == Some(k), "later folds add nothing again")?;
    append(store, now + HOUR, "3", &[line("k", "a", 1, now - 1)]).await?;
    fold(store, now + 3 * HOUR).await?;
    let k = total(store, "k").await?.unwrap_or_default();
    hold(k.of(Metric::Ok) == 5, "a later entry is added to the total")?;
    hold(k.of(Metric::LastUsed) == now, "the latest use holds")
}

/// Two minutes of one hour, half of it folded and half waiting.
async fn counts_are_told_apart_as_asked(store: &Store) -> Kept {
    let (first, second) = (START + DAY_MS, START + DAY_MS + 60_000);
    append(store, first, "4", &[line("k", "a", 1, first), line("l", "b", 2, first)]).await?;
    fold(store, first).await?;
    append(store, second, "5", &[line("k", "a", 4, second), line("", "b", 8, second)]).await?;
    let (minute, none) = (first / 60_000, [false; 4]);
    let ask = |period, from: u64, timed, by| Query { period, from, to: from + 2, timed, by, only: None };
    let minutes = ask(Period::Minute, minute, true, none);
    hold(sums(store, minutes).await? == [(minute, 3), (minute + 1, 12)], "minutes are told apart")?;
    let keys = ask(Period::Minute, minute, false, [false, true, false, false]);
    hold(sums(store, keys).await? == [(0, 2), (0, 5), (0, 8)], "keys are told apart")?;
    let hours = ask(Period::Hour, minute / 60, false, none);
    hold(sums(store, hours).await? == [(0, 15)], "an hour is the sum of its minutes")?;
    let days = ask(Period::Day, day(first), true, [false, false, true, false]);
    hold(sums(store, days).await? == [(day(first), 5), (day(first), 10)], "models are told apart by day")?;
    let these = Some((Dimension::Model, vec!["b".to_string(), "c".into()]));
    let only = Query { only: these, ..ask(Period::Minute, minute, false, none) };
    hold(sums(store, only).await? == [(0, 10)], "one dimension's others are left out")?;
    let past = ask(Period::Minute, minute + 2, false, none);
    hold(sums(store, past).await?.is_empty(), "times that are not asked for are left out")?;
    let slots = store.usage(&[ask(Period::Minute, minute, false, none)]).await.map_err(said)?;
    let slot = |rows: &[Row]| rows.iter().map(|row| row.of(Metric::RequestSlot)).sum::<u64>();
    hold(slots.iter().map(|rows| slot(rows)).sum::<u64>() == 4, "minutes have slots")?;
    let slots = store.usage(&[ask(Period::Hour, minute / 60, false, none)]).await.map_err(said)?;
    hold(slots.iter().map(|rows| slot(rows)).sum::<u64>() == 0, "hours have none")
}

async fn old_rollups_are_trimmed(store: &Store) -> Kept {
    let (at, now) = (START + DAY_MS, START + 40 * DAY_MS);
    let ask = |period, from| Query { period, from, to: from + 1, timed: false, by: [false; 4], only: None };
    let total_before = total(store, "k").await?;
    append(store, now, "6", &[line("m", "a", 1, now)]).await?;
    fold(store, now).await?;
    if store.name() != "kv" {
        // KV forgets by itself, in its own time.
        hold(sums(store, ask(Period::Minute, at / 60_000)).await?.is_empty(), "old minutes are cleared away")?;
        hold(sums(store, ask(Period::Hour, at / HOUR)).await?.is_empty(), "old hours are cleared away")?;
    }
    hold(!sums(store, ask(Period::Day, day(at))).await?.is_empty(), "days are kept for longer")?;
    hold(total(store, "k").await? == total_before, "a key's total is kept for ever")
}

async fn requests_are_kept_until_they_are_old(store: &Store) -> Kept {
    let ids = |batches: &[(String, String)]| batches.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
    let [first, second, third] = [1, 2, 3].map(|minutes| batch_id(START + minutes * 60_000, "r-2"));
    for id in [&first, &second, &third, &first] {
        let text = format!("{{\"of\":\"{id}\"}}\n{{}}\nb\n{{}}\n");
        let batch = Batch { id: id.clone(), text, entries: 2, lost: 0 };
        store.logs(&Logs::Keep(&batch, 1)).await.map_err(said)?;
    }
    let read = async |from: &str, most| store.logs(&Logs::From(Shelf::Requests, from, "", most)).await.map_err(said);
    hold(ids(&read("0", 9).await?) == [&*third, &second, &first], "batches are read from the newest on")?;
    hold(ids(&read(&second, 1).await?) == [&*second], "a batch is found by its id")?;
    let [(_, text)] = &read(&first, 9).await?[..] else { return Err("older batches are read alone".into()) };
    hold(text.starts_with(&format!("{{\"of\":\"{first}\"}}\n")), "a batch's text is as it was kept")?;
    let trim = async |from: &str, rows| store.logs(&Logs::Trim(Shelf::Requests, from, rows)).await.map_err(said);
    trim(&batch_id(START, ""), 4).await?;
    hold(ids(&read("0", 9).await?) == [&*third, &second], "batches beyond so many entries are cleared away")?;
    trim(&batch_id(START + 2 * 60_000, ""), 4).await?;
    hold(ids(&read("0", 9).await?) == [&*third], "old batches are cleared away")
}

async fn what_is_old_is_trimmed(store: &Store) -> Kept {
    let at = START + 11;
    let cooldown = Record::new(Kind::Cooldown, "b *", &"rests", at).map_err(said)?;
    let revoked = Record::new(Kind::Revoked, "session", &"over", at).map_err(said)?;
    write(store, &[cooldown, revoked], at).await?;
    fold(store, at + TOMBSTONE_MS - HOUR).await?;
    hold(has(&all(store).await?, "a deleted"), "a deletion is kept for as long as an isolate may not know of it")?;
    for later in [TOMBSTONE_MS, REVOKED_MS] {
        let now = at + later + HOUR;
        // A store may clear away when it writes anyway.
        write(store, &[key("b", "later", now)], now).await?;
        fold(store, now).await?;
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
    store.write(records, &[], now).await.map_err(said)
}

async fn fold(store: &Store, now: u64) -> Kept<u64> {
    store.fold(&Upkeep { now, minute_days: 2, days: 400, large: true }).await.map_err(said)
}

async fn append(store: &Store, now: u64, id: &str, rows: &[Row]) -> Kept {
    store.append(&entry_id(now, id), rows).await.map_err(said)
}

async fn total(store: &Store, key: &str) -> Kept<Option<Sums>> {
    let answer = store.usage(&[row::of_keys(vec![key.into()])]).await.map_err(said)?;
    Ok(row::by(Dimension::Key, &answer.concat()).remove(key))
}

/// Time and successes of each row, in order.
async fn sums(store: &Store, query: Query) -> Kept<Vec<(u64, u64)>> {
    let answer = store.usage(&[query]).await.map_err(said)?;
    let mut rows: Vec<(u64, u64)> = answer.concat().iter().map(|row| (row.place.at, row.of(Metric::Ok))).collect();
    rows.sort_unstable();
    Ok(rows)
}

/// The store does not look into a body.
fn key(id: &str, value: &str, changed: u64) -> Record {
    let deleted = Record::deleted(Kind::Key, id, changed);
    Record::new(Kind::Key, id, &value, changed).unwrap_or(deleted)
}

fn line(key: &str, model: &str, ok: u64, now: u64) -> Row {
    let counted = [
        (Metric::Attempts, ok + 1),
        (Metric::Ok, ok),
        (Metric::In, 10),
        (Metric::RequestSlot, 1),
        (Metric::LastUsed, now),
    ];
    let mut sums = Sums::default();
    counted.into_iter().for_each(|(metric, amount)| sums.count(metric, amount));
    let series = Series(["p", key, model, "c"].map(Rc::from));
    Row { place: Place { at: now / 60_000, day: day(now), series }, sums }
}

const fn day(now: u64) -> u64 {
    now / DAY_MS
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

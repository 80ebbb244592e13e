//! What every store promises of the audit log.

use super::{
    super::{Audited, Logs, Shelf},
    Kept, START, Store, all, has, hold, key, said,
};
use crate::usage::audit::{ending, entry_id};

pub async fn what_was_done_is_kept_until_it_is_old(store: &Store) -> Kept {
    let entry = |minute: u64, action: &str| Audited {
        id: entry_id(START + minute * 60_000, "0123abcd", action),
        text: format!("{{\"of\":{minute},\"text\":\"é\\n\"}}"),
        days: 400,
    };
    let write = async |entries: &[Audited]| store.write(&[], entries, START).await.map_err(said);
    let read = async |from: &str, action: Option<&str>, most| {
        let ending = action.map(ending).unwrap_or_default();
        let found = store.logs(&Logs::From(Shelf::Audit, from, &ending, most)).await.map_err(said)?;
        Ok::<_, String>(found.into_iter().map(|(id, text)| Audited { id, text, days: 400 }).collect::<Vec<_>>())
    };
    hold(read("", None, 9).await?.is_empty(), "a new store has no audit log")?;
    let [first, second, third] = [entry(1, "key.add"), entry(2, "key.change"), entry(3, "keys.change")];
    store.write(&[key("audited", "one", START)], std::slice::from_ref(&first), START).await.map_err(said)?;
    hold(has(&all(store).await?, "audited one"), "a record is written with its entry")?;
    let revision = all(store).await?.revision;
    write(&[second.clone(), third.clone()]).await?;
    hold(all(store).await?.revision == revision, "an entry alone changes no revision")?;
    write(&[]).await?;
    let newest_first = [third.clone(), second.clone(), first.clone()];
    hold(read("", None, 9).await? == newest_first, "entries are read as they were written, from the newest on")?;
    hold(read(&second.id, None, 1).await? == [second.clone()], "a reader begins with the entry that it names")?;
    hold(read("", Some("key"), 9).await? == [second.clone(), first.clone()], "entries are found by their noun")?;
    hold(read("", Some("key.add"), 1).await? == [first.clone()], "entries are found by their action")?;
    hold(read(&(first.id.clone() + " "), None, 9).await?.is_empty(), "there is nothing after the oldest entry")?;
    let trim = async |from: &str, rows| store.logs(&Logs::Trim(Shelf::Audit, from, rows)).await.map_err(said);
    trim(&entry_id(START, "", ""), 2).await?;
    hold(read("", None, 9).await? == [third.clone(), second], "entries beyond so many are cleared away")?;
    trim(&entry_id(START + 2 * 60_000, "", ""), 9).await?;
    hold(read("", None, 9).await? == [third], "old entries are cleared away")
}

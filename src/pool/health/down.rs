//! Keys that machines disable, their way back, and what is kept of both. The history grows only when the record that it
//! is a part of is written anyway.

use crate::{
    pool::{class::Class, slot::Slot, verdict::Verdict},
    record::{
        Kind, Record,
        key::{Disabled, Event},
    },
};

const MINUTE: u64 = 60_000;
/// A key that fails this soon after it came back goes on with the backoff it had.
const RELAPSE_MS: u64 = 10 * MINUTE;

/// Minutes to the next probe after so many failed ones. A dead key: doubling from 5 to 360, then daily after three
/// more; a broke one: doubling from one hour to 24.
fn backoff_minutes(class: Class, probes: u32) -> u64 {
    match class {
        Class::KeyBroke => 60 * (1_u64 << probes.min(5)).min(24),
        _ if probes >= 10 => 24 * 60,
        _ => (5 * (1_u64 << probes.min(7))).min(360),
    }
}

pub fn disable(slot: &mut Slot, class: Class, verdict: &Verdict, now: u64) -> Option<Record> {
    let relapse =
        slot.disabled.as_ref().filter(|d| !d.is_fresh() && d.restored.is_some_and(|at| at + RELAPSE_MS > now));
    let probes = relapse.map_or(0, |d| d.probes.saturating_add(1));
    let mut history = slot.disabled.as_ref().map(|d| d.history.clone()).unwrap_or_default();
    if slot.down().is_none() {
        Event::disabled(now, class.name(), verdict.status, &verdict.message).add_to(&mut history);
    }
    let disabled = Disabled {
        class: class.name().into(),
        status: verdict.status,
        message: verdict.message.clone(),
        since: now,
        probes,
        next_probe: now + backoff_minutes(class, probes) * MINUTE,
        restored: None,
        history,
    };
    slot.cools.clear();
    note_disabled(slot, disabled, now)
}

pub fn restore(slot: &mut Slot, now: u64) -> Option<Record> {
    slot.refusals = 0;
    let mut disabled = slot.down()?.clone();
    disabled.restored = Some(now);
    Event::restored(now).add_to(&mut disabled.history);
    note_disabled(slot, disabled, now)
}

/// A failed probe. One that says nothing about the key (the upstream is down, say) only moves the next one.
pub fn postpone(slot: &mut Slot, verdict: &Verdict, now: u64) -> Option<Record> {
    let mut disabled = slot.disabled.clone()?;
    let class = Class::parse(&disabled.class).unwrap_or(Class::KeyDead);
    if matches!(verdict.class, Class::KeyDead | Class::KeyBroke | Class::Forbidden) {
        disabled.probes = disabled.probes.saturating_add(1);
        (disabled.status, disabled.message) = (verdict.status, verdict.message.clone());
    }
    disabled.next_probe = now + backoff_minutes(class, disabled.probes) * MINUTE;
    note_disabled(slot, disabled, now)
}

fn note_disabled(slot: &mut Slot, disabled: Disabled, now: u64) -> Option<Record> {
    let record = Record::new(Kind::Disabled, &*slot.id, &disabled, now).ok();
    slot.disabled = Some(disabled);
    record
}

/// What is stored when someone gives the key a fresh start: nothing but what happened until then.
pub fn fresh_start(slot: &Slot, now: u64) -> Record {
    let mut history = slot.disabled.as_ref().map(|d| d.history.clone()).unwrap_or_default();
    if slot.down().is_some() {
        Event::restored(now).add_to(&mut history);
    }
    fresh(slot, history, now)
}

pub fn fresh(slot: &Slot, history: Vec<Event>, now: u64) -> Record {
    let record = Disabled::fresh(history).and_then(|fresh| Record::new(Kind::Disabled, &*slot.id, &fresh, now).ok());
    record.unwrap_or_else(|| Record::deleted(Kind::Disabled, &*slot.id, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{
        Pool,
        dice::Dice,
        fixtures::{pool_of, verdict},
    };

    /// As `d` (disabled) and `r` (restored) with their times, newest first.
    fn history(pool: &Pool) -> Vec<String> {
        let events = pool.slot(0).unwrap().disabled.iter().flat_map(|d| &d.history);
        events.map(|e| format!("{}{}", if e.class.is_some() { 'd' } else { 'r' }, e.at)).collect()
    }

    fn fail(pool: &mut Pool, ticket: usize, class: Class, now: u64) -> Vec<Record> {
        pool.failed(ticket, "m", &verdict(class, None), now, &mut Dice::seeded(1))
    }

    #[test]
    fn a_history_tells_each_change_once_and_survives_a_fresh_start() {
        let mut pool = pool_of(&[10]);
        fail(&mut pool, 0, Class::KeyDead, 1);
        // Another request with the same key, and a probe that fails.
        fail(&mut pool, 0, Class::KeyDead, 2);
        pool.probed(0, Some(&verdict(Class::KeyDead, None)), 3);
        assert_eq!(history(&pool), ["d1"]);
        pool.probed(0, None, 4);
        assert!(pool.probed(0, None, 5).is_empty(), "it is back already");
        assert_eq!(history(&pool), ["r4", "d1"]);
        fail(&mut pool, 0, Class::KeyBroke, 6);
        let record = fresh_start(pool.slot(0).unwrap(), 7);
        pool.sync(&[record], false, 7);
        assert_eq!(history(&pool), ["r7", "d6", "r4", "d1"]);
        let slot = pool.slot(0).unwrap();
        assert!(!slot.is_disabled() && slot.disabled.as_ref().unwrap().is_fresh());
        // It begins with the shortest backoff again.
        fail(&mut pool, 0, Class::KeyDead, 8);
        assert_eq!(pool.slot(0).unwrap().down().unwrap().next_probe, 8 + 5 * MINUTE);
        assert_eq!(fresh_start(pool_of(&[10]).slot(0).unwrap(), 9).body, None, "there is nothing to keep");
    }

    #[test]
    fn a_history_keeps_the_last_ten_events_with_short_messages() {
        let mut pool = pool_of(&[10]);
        let long = Verdict { message: "é".repeat(200), ..verdict(Class::KeyDead, None) };
        for round in 0..20 {
            pool.failed(0, "m", &long, 2 * round, &mut Dice::seeded(1));
            pool.probed(0, None, 2 * round + 1);
        }
        let told: Vec<String> = (0..10).map(|i| format!("{}{}", if i % 2 == 0 { 'r' } else { 'd' }, 39 - i)).collect();
        assert_eq!(history(&pool), told);
        let events = &pool.slot(0).unwrap().disabled.as_ref().unwrap().history;
        assert!(events.iter().all(|e| e.message.chars().count() <= 60));
    }

    #[test]
    fn what_was_the_providers_fault_is_no_part_of_a_keys_history() {
        let mut pool = pool_of(&[10; 3]);
        fail(&mut pool, 0, Class::KeyBroke, 1);
        pool.probed(0, None, 2);
        let records: Vec<Record> = (0..3).flat_map(|ticket| fail(&mut pool, ticket, Class::KeyDead, 3)).collect();
        assert!((0..3).all(|ticket| !pool.slot(ticket).unwrap().is_disabled()));
        assert_eq!(history(&pool), ["r2", "d1"]);
        let last = |id: &str| records.iter().rfind(|r| r.kind == Kind::Disabled && r.id == id).cloned();
        assert!(last("k0").unwrap().read::<Disabled>().unwrap().is_fresh());
        assert!(last("k1").unwrap().body.is_none(), "the others have none");
    }
}

//! What a choice of a key asks of the allocator. Unlike its time, this is the same on every machine.

use keypool::{
    pool::{Pool, dice::Dice, select::Choice},
    record::{Kind, Record, key::cooldown_id},
};
use serde_json::json;

const NOW: u64 = 1_000_000;
/// Choices that are measured together.
const CHOICES: u64 = 100;

fn record(kind: Kind, id: String, body: &serde_json::Value) -> Option<Record> {
    Record::new(kind, id, body, 0).ok()
}

/// A pool of one provider, every `cooling`th key of which rests.
fn pool(keys: usize, cooling: usize) -> Pool {
    let mut records = Vec::new();
    for place in 0..keys {
        let key = json!({"provider": "p", "secret": "s", "label": "", "weight": 10, "group": "active",
            "enabled": true, "models": [], "created": 0});
        records.extend(record(Kind::Key, format!("k{place}"), &key));
        if place % cooling == cooling - 1 {
            let rest = json!({"until": NOW + 1_000_000_000, "class": "rate_limited", "message": "", "since": 0});
            records.extend(record(Kind::Cooldown, cooldown_id(&format!("k{place}"), None), &rest));
        }
    }
    let mut pool = Pool::default();
    pool.sync(&records, true, NOW);
    pool
}

/// How often so many choices allocate, once the pool has built what it builds when it is first asked.
fn allocations(keys: usize, cooling: usize, talks: bool) -> u64 {
    let (mut pool, mut dice) = (pool(keys, cooling), Dice::seeded(1));
    let mut choose = |choices: u64| {
        for _ in 0..choices {
            let conversation = talks.then(|| dice.roll());
            let choice = Choice { provider: "p", model: "m", groups: &["active", "standby"], conversation };
            assert!(pool.pick(choice, &[], false, NOW, &mut dice).is_some(), "a key is there");
        }
    };
    choose(CHOICES);
    allocation_counter::measure(|| choose(CHOICES)).count_total
}

#[test]
fn a_choice_allocates_nothing_in_small_pools_and_in_large_ones() {
    for keys in [10, 10_000] {
        for (cooling, talks) in [(usize::MAX, false), (2, false), (usize::MAX, true), (2, true)] {
            assert_eq!(
                allocations(keys, cooling, talks),
                0,
                "{keys} keys, every {cooling}th at rest, talking: {talks}"
            );
        }
    }
}

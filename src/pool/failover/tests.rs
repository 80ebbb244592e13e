use super::*;
use crate::{
    pool::fixtures::{key, pool_of, verdict},
    record::{Kind, key::Key},
};

const LIMITS: Limits =
    Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000, retry_after_timeout: true };

fn want() -> Want {
    Want { targets: vec![Target::new("p", "m", 0)], ..Want::default() }
}

fn give_up(step: Step) -> Exhausted {
    match step {
        Step::GiveUp(exhausted) => exhausted,
        other => panic!("{other:?}"),
    }
}

/// Tries until the walk stops; every attempt fails with `class`. Answers (attempts, waits, the end).
fn fail_all(weights: &[u8], class: Class, wait_ms: Option<u64>) -> (u64, u64, Exhausted) {
    let (mut pool, mut dice, mut now, mut waits) = (pool_of(weights), Dice::seeded(5), 0, 0);
    let mut walk = Failover::new(want(), LIMITS, now);
    loop {
        match walk.next(&mut pool, now, &mut dice) {
            Step::Try(ticket, _) => {
                let failed = walk.failed(&mut pool, ticket, verdict(class, wait_ms), now, &mut dice);
                now += failed.pause_ms;
            }
            Step::Wait(ms) => {
                now += ms;
                waits += 1;
            }
            end => return (walk.attempts(), waits, give_up(end)),
        }
    }
}

#[test]
fn each_key_is_tried_once_and_never_more_than_five() {
    let (attempts, waits, end) = fail_all(&[1; 3], Class::KeyDead, None);
    assert_eq!((attempts, waits, end.status, end.code), (3, 0, 502, "upstream_auth_failed"));
    let (attempts, _, _) = fail_all(&[1; 9], Class::KeyDead, None);
    assert_eq!(attempts, 5);
}

#[test]
fn a_long_rate_limit_is_answered_at_once_with_its_reset() {
    let (attempts, waits, end) = fail_all(&[1; 2], Class::RateLimited, Some(30_000));
    assert_eq!((attempts, waits, end.status), (2, 0, 429));
    assert!((30_000..31_000).contains(&end.wait_ms.unwrap()));
}

#[test]
fn a_short_rate_limit_is_waited_for() {
    let (attempts, waits, _) = fail_all(&[1], Class::RateLimited, Some(2_000));
    assert!(attempts >= 2 && waits >= 1);
}

/// A pool of one key that rests for so many milliseconds.
fn resting(ms: u64) -> Pool {
    let mut pool = pool_of(&[1]);
    pool.failed(0, "m", &verdict(Class::RateLimited, Some(ms)), 0, &mut Dice::seeded(2));
    pool
}

#[test]
fn when_too_many_wait_the_next_one_is_told_so_at_once() {
    let (mut pool, mut dice) = (resting(2_000), Dice::seeded(7));
    let mut walks: Vec<Failover> = (0..600).map(|_| Failover::new(want(), LIMITS, 0)).collect();
    let steps: Vec<Step> = walks.iter_mut().map(|walk| walk.next(&mut pool, 1, &mut dice)).collect();
    let waits = steps.iter().filter(|step| matches!(step, Step::Wait(ms) if *ms >= 1_999)).count();
    assert_eq!(waits, 500);
    let end = give_up(steps.into_iter().next_back().unwrap());
    assert_eq!(end.status, 429);
    assert!(end.wait_ms.is_some_and(|ms| ms <= 2_500));
    // Whoever leaves makes room.
    walks.truncate(499);
    assert!(matches!(Failover::new(want(), LIMITS, 1).next(&mut pool, 1, &mut dice), Step::Wait(_)));
}

#[test]
fn a_newcomer_does_not_go_before_many_who_wait() {
    let (mut pool, mut dice) = (resting(1_000), Dice::seeded(8));
    let mut walks: Vec<Failover> = (0..20).map(|_| Failover::new(want(), LIMITS, 0)).collect();
    for walk in &mut walks {
        assert!(matches!(walk.next(&mut pool, 1, &mut dice), Step::Wait(_)));
    }
    let mut late = Failover::new(want(), LIMITS, 5_000);
    assert!(matches!(late.next(&mut pool, 5_000, &mut dice), Step::Wait(1..=50)));
    assert!(matches!(walks[0].next(&mut pool, 5_001, &mut dice), Step::Try(0, 0)));
    // Who waits is heard, and a few do not make a crowd.
    assert!(matches!(late.next(&mut pool, 5_050, &mut dice), Step::Try(0, 0) | Step::Wait(_)));
    walks.truncate(7);
    drop(late);
    pool.succeeded(0, "m", 5_001, 5_100);
    assert!(matches!(Failover::new(want(), LIMITS, 5_200).next(&mut pool, 5_200, &mut dice), Step::Try(0, 0)));
}

#[test]
fn a_timeout_is_tried_once_more_even_past_the_deadline() {
    let (mut pool, mut dice) = (pool_of(&[1; 5]), Dice::seeded(6));
    let mut walk = Failover::new(want(), LIMITS, 0);
    for now in [0, 40_000] {
        let Step::Try(ticket, _) = walk.next(&mut pool, now, &mut dice) else { panic!() };
        walk.failed(&mut pool, ticket, verdict(Class::Timeout, None), now + 30_000, &mut dice);
    }
    assert_eq!(give_up(walk.next(&mut pool, 80_000, &mut dice)).status, 504);
    assert_eq!(walk.attempts(), 2);
}

#[test]
fn an_empty_pool_says_so() {
    let mut walk = Failover::new(want(), LIMITS, 0);
    let end = give_up(walk.next(&mut Pool::default(), 0, &mut Dice::seeded(1)));
    assert_eq!((end.status, end.code), (503, "no_keys"));
}

/// Two providers with keys each, and the model `m` at both.
fn two_providers(keys: usize) -> Pool {
    let mut pool = Pool::default();
    let record = |provider: &str, n: usize| {
        let key = Key { provider: provider.into(), ..key(1) };
        Record::new(Kind::Key, format!("{provider}{n}"), &key, 0).unwrap()
    };
    let records: Vec<Record> = (0..keys).flat_map(|n| [record("p", n), record("q", n)]).collect();
    pool.sync(&records, true, 0);
    pool
}

/// The targets that are asked while all attempts fail with `class`, and how it ends.
fn asked(pool: &mut Pool, want: Want, class: Class) -> (Vec<usize>, Exhausted) {
    let (mut walk, mut dice, mut now, mut order) = (Failover::new(want, LIMITS, 0), Dice::seeded(3), 0, Vec::new());
    loop {
        match walk.next(pool, now, &mut dice) {
            Step::Try(ticket, at) => {
                order.push(at);
                now += walk.failed(pool, ticket, verdict(class, Some(60_000)), now, &mut dice).pause_ms;
            }
            Step::Wait(ms) => now += ms,
            Step::GiveUp(end) => return (order, end),
        }
    }
}

fn to(places: &[(&str, usize)]) -> Want {
    Want { targets: places.iter().map(|(name, stage)| Target::new(name, "m", *stage)).collect(), ..Want::default() }
}

#[test]
fn a_provider_that_fails_leaves_tries_to_the_next() {
    for (class, expected) in
        [(Class::Transient, vec![0, 0, 1, 1, 0]), (Class::Timeout, vec![0, 1]), (Class::KeyDead, vec![0, 0, 0, 1, 1])]
    {
        let (order, _) = asked(&mut two_providers(9), to(&[("p", 0), ("q", 0)]), class);
        assert_eq!(order, expected, "{class:?}");
    }
}

#[test]
fn the_last_of_many_targets_is_tried_too() {
    let want = to(&[("p", 0), ("q", 1), ("p", 2), ("q", 3)]);
    let (order, _) = asked(&mut two_providers(9), want, Class::RateLimited);
    assert_eq!(order, [0, 0, 1, 2, 3]);
}

#[test]
fn a_fallback_model_needs_its_reason() {
    let on = |exhausted, not_found, refused| Fallback { exhausted, not_found, refused };
    for (class, fallback, expected) in [
        (Class::RateLimited, on(true, false, false), vec![0, 0, 1, 1]),
        (Class::RateLimited, on(false, true, true), vec![0, 0]),
        (Class::KeyLacksModel, on(false, true, false), vec![0, 0, 1, 1]),
        (Class::KeyLacksModel, on(true, false, true), vec![0, 0]),
        (Class::Caller, on(false, false, true), vec![0, 1]),
    ] {
        let want = Want { fallback, ..to(&[("p", 0), ("q", 1)]) };
        let mut walk = Failover::new(want, LIMITS, 0);
        let (mut pool, mut dice, mut order) = (two_providers(2), Dice::seeded(3), Vec::new());
        while let Step::Try(ticket, at) = walk.next(&mut pool, 0, &mut dice) {
            order.push(at);
            if walk.failed(&mut pool, ticket, verdict(class, Some(60_000)), 0, &mut dice).pass {
                break;
            }
        }
        assert_eq!(order, expected, "{class:?} {fallback:?}");
    }
}

#[test]
fn an_overloaded_model_is_waited_for_before_a_fallback_model_is_asked() {
    let mut pool = two_providers(2);
    let (mut walk, mut dice, mut now) = (Failover::new(to(&[("p", 0), ("q", 1)]), LIMITS, 0), Dice::seeded(3), 0);
    let mut steps = Vec::new();
    for _ in 0..9 {
        match walk.next(&mut pool, now, &mut dice) {
            Step::Try(ticket, at) => {
                steps.push(format!("try {at}"));
                walk.failed(&mut pool, ticket, verdict(Class::ModelBusy, None), now, &mut dice);
            }
            Step::Wait(ms) => {
                steps.push("wait".into());
                now += ms;
            }
            Step::GiveUp(_) => break,
        }
    }
    let first_fallback = steps.iter().position(|step| step == "try 1").unwrap();
    assert_eq!(steps[..2], ["try 0", "try 0"]);
    assert!(steps[2..first_fallback].contains(&"wait".to_string()), "{steps:?}");
}

#[test]
fn where_many_wait_a_key_that_fails_now_and_then_serves_some() {
    let (mut pool, mut dice) = (pool_of(&[1; 2]), Dice::seeded(9));
    pool.failed(0, "m", &verdict(Class::RateLimited, Some(9_000)), 0, &mut dice);
    pool.failed(1, "m", &verdict(Class::Transient, None), 0, &mut dice);
    pool.failed(1, "m", &verdict(Class::Transient, None), 1_500, &mut dice);
    let mut walks: Vec<Failover> = (0..8).map(|_| Failover::new(want(), LIMITS, 0)).collect();
    for walk in &mut walks {
        assert!(matches!(walk.next(&mut pool, 1_600, &mut dice), Step::Wait(_)), "a few do not make a crowd");
    }
    let mut asked = |pool: &mut Pool, now| {
        let mut walk = Failover::new(want(), LIMITS, now);
        let step = walk.next(pool, now, &mut dice);
        (walk, step)
    };
    let (mut walk, step) = asked(&mut pool, 1_600);
    assert_eq!(step, Step::Try(1, 0));
    pool.started(1, "m", 1_600);
    assert!(matches!(asked(&mut pool, 1_700).1, Step::Wait(_)), "one at a time");
    pool.ended(1, 1_710);
    let (other, step) = asked(&mut pool, 1_760);
    assert_eq!(step, Step::Try(1, 0));
    assert!(matches!(asked(&mut pool, 1_765).1, Step::Wait(_)), "one in a moment");
    // Who has failed waits for a key that is well, and is told the truth if none comes.
    let mut dice = Dice::seeded(9);
    walk.failed(&mut pool, 1, verdict(Class::Transient, None), 1_770, &mut dice);
    assert!(matches!(walk.next(&mut pool, 1_900, &mut dice), Step::Wait(_)));
    pool.failed(0, "m", &verdict(Class::RateLimited, Some(60_000)), 9_900, &mut dice);
    (0..8).for_each(|n| drop(pool.failed(1, "m", &verdict(Class::Transient, None), 10_000 + n, &mut dice)));
    pool.failed(0, "m", &verdict(Class::RateLimited, Some(10_000)), 69_900, &mut dice);
    assert_eq!(give_up(walk.next(&mut pool, 70_000, &mut dice)).status, 429);
    drop(other);
}

#[test]
fn a_limit_of_a_moment_does_not_hide_that_a_key_fails() {
    let (mut pool, mut dice) = (pool_of(&[1]), Dice::seeded(9));
    (0..3).for_each(|n| drop(pool.failed(0, "m", &verdict(Class::Transient, None), n, &mut dice)));
    pool.failed(0, "m", &verdict(Class::RateLimited, Some(50)), 10, &mut dice);
    let cool = &pool.slot(0).unwrap().cools[0];
    assert_eq!((cool.class, cool.strikes, cool.until), (Class::Transient, 3, 4_002));
}

#[test]
fn where_many_wait_a_key_that_only_fails_is_left_alone() {
    for (failures, serves) in [(1, true), (16, true), (17, false)] {
        let (mut pool, mut dice) = (pool_of(&[1; 2]), Dice::seeded(9));
        pool.failed(0, "m", &verdict(Class::RateLimited, Some(9_000)), 0, &mut dice);
        (0..failures).for_each(|n| drop(pool.failed(1, "m", &verdict(Class::Transient, None), n, &mut dice)));
        let mut walks: Vec<Failover> = (0..9).map(|_| Failover::new(want(), LIMITS, 0)).collect();
        let steps: Vec<Step> = walks.iter_mut().map(|walk| walk.next(&mut pool, 500, &mut dice)).collect();
        assert_eq!(steps.contains(&Step::Try(1, 0)), serves, "{failures}");
    }
}

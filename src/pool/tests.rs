//! What must hold where keys, providers and requests meet.

use super::{
    class::Class,
    dice::Dice,
    failover::{Failover, Limits, Step, Want},
    fixtures::{key, pool_of, verdict},
    health::Attempt,
    select::Choice,
    target::Target,
    verdict::{Outcome, Verdict, judge},
    *,
};
use crate::record::{Kind, Record, key::Key, provider};

const LIMITS: Limits =
    Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000, retry_after_timeout: true };

fn of(model: &str) -> Choice<'_> {
    Choice { provider: "p", model, groups: &["active"], conversation: None }
}

fn walk(now: u64) -> Failover {
    Failover::new(Want { targets: vec![Target::new("p", "m", 0)], ..Want::default() }, LIMITS, now)
}

fn fail(pool: &mut Pool, ticket: Ticket, class: Class, wait_ms: Option<u64>, now: u64) -> Vec<Record> {
    pool.failed(ticket, "m", &verdict(class, wait_ms), now, &mut Dice::seeded(1))
}

/// Of a request that began at `began`.
fn fail_since(pool: &mut Pool, ticket: Ticket, class: Class, began: u64, now: u64) -> Vec<Record> {
    let attempt = Attempt { ticket, model: "m", began, nth: 1 };
    pool.attempt_failed(&attempt, &verdict(class, None), now, &mut Dice::seeded(1))
}

fn may_pick(pool: &mut Pool, model: &str, now: u64) -> bool {
    pool.pick(of(model), &[], false, now, &mut Dice::seeded(2)).is_some()
}

fn pool_with(keys: &[(&str, Key)]) -> Pool {
    let mut pool = Pool::default();
    let records: Vec<Record> = keys.iter().map(|(id, key)| Record::new(Kind::Key, *id, key, 0).unwrap()).collect();
    pool.sync(&records, true, 0);
    pool
}

/// `proxy::call` begins the walk with the time at which the request's head came, before the body was read.
#[test]
fn a_body_that_took_long_to_come_is_served_by_a_healthy_pool() {
    let mut pool = pool_of(&[10; 3]);
    for _ in 0..3 {
        let step = walk(1_000_000).next(&mut pool, 1_031_000, &mut Dice::seeded(1));
        assert!(matches!(step, Step::Try(..)), "{step:?}");
    }
}

/// Five requests under way on one key, all refused by the same bare 429 within a moment.
#[test]
fn requests_refused_together_are_one_strike() {
    let mut pool = pool_of(&[10]);
    (0..5).for_each(|_| pool.started(0, "m", 0));
    (0..5).for_each(|i| drop(fail_since(&mut pool, 0, Class::RateLimited, 0, 100 + i)));
    let until = pool.blocked(of("m"), 200).soonest.unwrap();
    assert!(until <= 5_700, "rests until {until}");
}

#[test]
fn three_forbidden_answers_of_one_moment_do_not_disable() {
    let mut pool = pool_of(&[10]);
    (0..3).for_each(|_| pool.started(0, "m", 0));
    (0..3).for_each(|i| drop(fail_since(&mut pool, 0, Class::Forbidden, 0, 100 + i)));
    assert!(!pool.slot(0).unwrap().is_disabled());
}

/// The cron takes the first ten of `due` and passes over those of a provider that is off, so they come first for ever.
#[test]
fn dead_keys_of_a_provider_that_is_off_do_not_hold_up_the_probes_of_others() {
    let dead = |i: usize| (format!("dead{i}"), Key { provider: "openai".into(), ..key(1) });
    let mut records: Vec<Record> =
        (0..10).map(dead).map(|(id, key)| Record::new(Kind::Key, id, &key, 0).unwrap()).collect();
    let mut off = provider::preset("openai").unwrap().provider(0);
    off.enabled = false;
    let on = provider::preset("groq").unwrap().provider(0);
    records.push(Record::new(Kind::Provider, "openai", &off, 0).unwrap());
    records.push(Record::new(Kind::Provider, "groq", &on, 0).unwrap());
    records.push(Record::new(Kind::Key, "alive", &Key { provider: "groq".into(), ..key(1) }, 0).unwrap());
    let mut pool = Pool::default();
    pool.sync(&records, true, 0);
    for ticket in 0..11 {
        let verdict = Verdict { print: ticket as u64, ..verdict(Class::KeyDead, None) };
        pool.failed(ticket, "m", &verdict, ticket as u64, &mut Dice::seeded(1));
    }
    let probed: Vec<Ticket> = pool.due(3_600_000).into_iter().take(10).collect();
    assert!(probed.contains(&10), "{probed:?}");
}

#[test]
fn a_full_key_is_waited_for_although_another_one_rests_for_long() {
    let mut pool = pool_with(&[("full", Key { concurrency: Some(1), ..key(10) }), ("resting", key(10))]);
    fail(&mut pool, 1, Class::RateLimited, Some(300_000), 0);
    pool.started(0, "m", 0);
    // The first one may be the last resort of these ten seconds.
    let [_, step] = [(); 2].map(|()| walk(100).next(&mut pool, 100, &mut Dice::seeded(1)));
    assert!(matches!(step, Step::Wait(ms) if ms <= 250), "{step:?}");
}

/// The model rests for one or two seconds, one key is well, and another one rests for five minutes.
#[test]
fn a_provider_is_waited_for_although_one_of_its_keys_rests_for_long() {
    let mut pool = pool_of(&[10, 10]);
    fail(&mut pool, 1, Class::RateLimited, Some(300_000), 0);
    (0..2).for_each(|_| drop(fail(&mut pool, 0, Class::ModelBusy, None, 0)));
    let [_, step] = [(); 2].map(|()| walk(100).next(&mut pool, 100, &mut Dice::seeded(1)));
    assert!(matches!(step, Step::Wait(ms) if ms <= 2_000), "{step:?}");
}

/// Row 6: with no other key to try it waits 1 s; that another key rests for long changes nothing about that.
#[test]
fn an_overloaded_model_is_waited_for_although_the_other_key_rests_for_long() {
    let (mut pool, mut dice) = (pool_of(&[10, 10]), Dice::seeded(1));
    fail(&mut pool, 1, Class::RateLimited, Some(300_000), 0);
    let mut walk = walk(100);
    let Step::Try(ticket, _) = walk.next(&mut pool, 100, &mut dice) else { panic!() };
    walk.failed(&mut pool, ticket, verdict(Class::ModelBusy, None), 200, &mut dice);
    let step = walk.next(&mut pool, 200, &mut dice);
    assert!(matches!(step, Step::Wait(ms) if (1_000..1_250).contains(&ms)), "{step:?}");
}

/// A request that makes the upstream answer 500 whatever the key: five attempts of one client are no breakdown.
#[test]
fn one_poisonous_request_does_not_shut_the_provider_for_everyone() {
    let (mut pool, mut dice, mut now) = (pool_of(&[10; 20]), Dice::seeded(1), 10_000);
    (0..20).for_each(|ticket| drop(pool.succeeded(ticket, "m", 0, 1)));
    let mut walk = walk(now);
    while let Step::Try(ticket, _) = walk.next(&mut pool, now, &mut dice) {
        now += 100 + walk.failed(&mut pool, ticket, verdict(Class::Transient, None), now, &mut dice).pause_ms;
    }
    assert!(may_pick(&mut pool, "other", now), "no key of 20 for another model");
}

/// One model of a provider is broken, another works: both are asked twice a second.
#[test]
fn a_broken_model_does_not_keep_the_others_from_their_keys() {
    let (mut pool, mut dice) = (pool_of(&[10; 20]), Dice::seeded(3));
    let mut refused = 0;
    for round in 0..1200_u64 {
        let now = 1_000_000 + round * 500;
        let models = if dice.below(2) == 0 { ["broken", "good"] } else { ["good", "broken"] };
        for model in models {
            let ticket = pool.pick(of(model), &[], false, now, &mut dice);
            match ticket {
                None => refused += u32::from(model == "good"),
                Some(ticket) => {
                    pool.started(ticket, model, now);
                    if model == "good" {
                        pool.succeeded(ticket, model, now, now);
                    } else {
                        pool.failed(ticket, model, &verdict(Class::Transient, None), now, &mut dice);
                    }
                    pool.ended(ticket, now);
                }
            }
        }
    }
    assert!(refused < 60, "{refused} of 1200 calls for the good model had no key");
}

/// Requests that hung before the provider recovered time out one after another while it is well again.
#[test]
fn late_timeouts_of_old_requests_do_not_prolong_the_breaker() {
    let mut pool = pool_of(&[10; 40]);
    (0..40).for_each(|ticket| pool.started(ticket, "m", 0));
    // From 300 s on one a second; new requests would succeed, but the breaker keeps them out.
    let mut served = 0;
    for second in 0..40 {
        let now = 300_000 + second * 1000;
        fail_since(&mut pool, usize::try_from(second).unwrap(), Class::Timeout, 0, now);
        if let Some(ticket) = pool.pick(of("m"), &[], false, now + 500, &mut Dice::seeded(second)) {
            pool.started(ticket, "m", now + 500);
            pool.succeeded(ticket, "m", now + 500, now + 600);
            served += 1;
        }
    }
    assert!(served >= 28, "{served} of 40 seconds had a key");
}

/// A redirect is the answer to a path with a slash too many as well: the caller's doing.
#[test]
fn a_redirected_path_does_not_shut_the_provider_for_everyone() {
    let (mut pool, mut dice, mut now) = (pool_of(&[10; 20]), Dice::seeded(1), 10_000);
    let headers = [("location".to_string(), "https://upstream.example/v1/chat/completions".to_string())];
    let mut walk = walk(now);
    while let Step::Try(ticket, _) = walk.next(&mut pool, now, &mut dice) {
        let verdict = judge(&Outcome::Answer { status: 307, headers: &headers, body: b"" }, now).unwrap();
        let failed = walk.failed(&mut pool, ticket, verdict, now, &mut dice);
        if failed.pass {
            break;
        }
        now += 100 + failed.pause_ms;
    }
    assert!(may_pick(&mut pool, "other", now), "no key of 20 for another model");
}

#[test]
fn a_cap_outlasts_an_incident() {
    let capped = Key { rpm: Some(1), ..key(10) };
    let mut pool = pool_with(&[("capped", capped), ("b", key(10)), ("c", key(10))]);
    let now = 60_000;
    pool.started(0, "m", now);
    let throttled = Verdict { print: 7, ..verdict(Class::RateLimited, None) };
    for ticket in 0..3 {
        pool.failed(ticket, "m", &throttled, now, &mut Dice::seeded(1));
    }
    // The provider's rest of 5 s at most is over; the minute of the cap is not.
    let held = pool.pick(of("m"), &[1, 2], false, now + 6_000, &mut Dice::seeded(1));
    assert_eq!(held, None);
}

/// On KV each load brings all records, old deletions too.
#[test]
fn an_old_reset_does_not_end_a_newer_rest() {
    let records = [Record::new(Kind::Key, "k0", &key(10), 0).unwrap(), Record::deleted(Kind::Disabled, "k0", 0)];
    let mut pool = Pool::default();
    pool.sync(&records, true, 0);
    fail(&mut pool, 0, Class::RateLimited, Some(10_000), 1_000_000);
    pool.sync(&records, true, 1_001_000);
    assert!(!may_pick(&mut pool, "m", 1_002_000));
}

/// The answer to a request that was under way when its key was deleted.
#[test]
fn a_deleted_key_leaves_no_notes_and_comes_back_well() {
    let mut pool = pool_of(&[10]);
    pool.started(0, "m", 0);
    pool.sync(&[Record::deleted(Kind::Key, "k0", 100)], false, 100);
    let notes = fail(&mut pool, 0, Class::KeyDead, None, 200);
    pool.ended(0, 200);
    pool.sync(&[Record::new(Kind::Key, "k0", &key(10), 300).unwrap()], false, 300);
    assert!(notes.is_empty() && may_pick(&mut pool, "m", 400), "{} notes", notes.len());
}

/// Client-made model names: a key's rest for all models is the first to be forgotten, because it is the newest.
#[test]
fn a_rest_for_all_models_outlasts_many_model_names() {
    let (mut pool, mut dice) = (pool_of(&[10]), Dice::seeded(1));
    for i in 0..63 {
        pool.failed(0, &format!("m{i}"), &verdict(Class::KeyLacksModel, None), 0, &mut dice);
    }
    fail(&mut pool, 0, Class::Forbidden, None, 0);
    assert!(!may_pick(&mut pool, "well", 1));
    pool.failed(0, "one-more", &verdict(Class::KeyLacksModel, None), 1, &mut dice);
    assert!(!may_pick(&mut pool, "well", 2));
}

/// A test of a key that came back once, and is dead now.
#[test]
fn a_failed_probe_of_a_key_that_came_back_is_not_lost() {
    let mut pool = pool_of(&[10]);
    fail(&mut pool, 0, Class::KeyDead, None, 0);
    pool.probed(0, None, 1_000_000);
    pool.probed(0, Some(&verdict(Class::KeyDead, None)), 2_000_000);
    assert!(!may_pick(&mut pool, "m", 2_000_001));
}

/// A cap is no failure: when its minute is over, nobody need find out whether it was long enough.
#[test]
fn the_end_of_a_cap_needs_no_trial() {
    let mut pool = pool_with(&[("capped", Key { rpm: Some(60), ..key(10) })]);
    (0..60).for_each(|_| pool.started(0, "m", 60_000));
    assert!(!may_pick(&mut pool, "m", 61_000) && may_pick(&mut pool, "m", 120_000));
    pool.started(0, "m", 120_000);
    assert!(may_pick(&mut pool, "m", 120_001));
}

#[test]
fn one_key_less_moves_only_its_own_conversations_at_any_size() {
    let mut pool = pool_of(&[10; 129]);
    let talk = |pool: &mut Pool, i: u32| {
        let choice = Choice { conversation: Some(hash(&i.to_string())), ..of("m") };
        pool.pick(choice, &[], false, 0, &mut Dice::seeded(9))
    };
    let before: Vec<_> = (0..500).map(|i| talk(&mut pool, i)).collect();
    pool.sync(&[Record::deleted(Kind::Key, "k0", 1)], false, 1);
    let moved = (0..500).filter(|i| talk(&mut pool, *i) != before[*i as usize]).count();
    assert!(moved < 30, "{moved} of 500 moved");
}

/// Only the last of two keys that are refused for our address is freed by a success.
#[test]
fn a_success_ends_the_rest_of_all_keys_of_an_incident() {
    let mut pool = pool_of(&[10; 3]);
    for ticket in 0..2 {
        let address = Verdict { message: "IP not authorized".into(), print: ticket, ..verdict(Class::KeyDead, None) };
        pool.failed(usize::try_from(ticket).unwrap(), "m", &address, 1000, &mut Dice::seeded(1));
    }
    pool.succeeded(2, "m", 1100, 1200);
    assert_eq!(pool.pick(of("m"), &[1, 2], false, 1300, &mut Dice::seeded(1)), Some(0));
}

/// Seats of keys that moved are never taken again, nor given up.
#[test]
fn moves_between_groups_do_not_grow_a_lane() {
    let mut pool = pool_of(&[10, 10]);
    for round in 0..200 {
        let group = if round % 2 == 0 { "standby" } else { "active" };
        let moved = Key { group: group.into(), ..key(10) };
        pool.sync(&[Record::new(Kind::Key, "k0", &moved, round).unwrap()], false, round);
    }
    let seats: usize = pool.sites[0].lanes.iter().map(|lane| lane.members.len()).sum();
    assert!(seats <= 20, "{seats} seats for 2 keys");
}

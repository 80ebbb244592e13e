use super::*;
use crate::pool::{
    Pool,
    fixtures::{pool_of, verdict},
    select::Choice,
};

const CHOICE: Choice = Choice { provider: "p", model: "m", groups: &["active"], conversation: None };

fn fail(pool: &mut Pool, tickets: impl IntoIterator<Item = Ticket>, verdict: impl Fn(Ticket) -> Verdict, now: u64) {
    for ticket in tickets {
        pool.failed(ticket, "m", &verdict(ticket), now, &mut Dice::seeded(1));
    }
}

fn refused(print: u64) -> Verdict {
    Verdict { print, ..verdict(Class::KeyDead, None) }
}

fn throttled(print: u64) -> Verdict {
    Verdict { print, ..verdict(Class::RateLimited, None) }
}

fn disabled(pool: &Pool) -> usize {
    pool.keys().filter(|(_, slot)| slot.is_disabled()).count()
}

fn may_pick(pool: &mut Pool, now: u64) -> bool {
    pool.pick(CHOICE, &[], false, now, &mut Dice::seeded(2)).is_some()
}

#[test]
fn three_keys_refused_with_one_body_are_an_incident() {
    let mut pool = pool_of(&[1; 5]);
    fail(&mut pool, 0..2, |_| refused(7), 1000);
    assert_eq!(disabled(&pool), 2);
    fail(&mut pool, 2..4, |_| refused(7), 1000);
    assert_eq!(disabled(&pool), 0);
    // The fifth may yet be good.
    assert_eq!(pool.pick(CHOICE, &[], false, 1000, &mut Dice::seeded(1)), Some(4));
    assert_eq!(pool.pick(CHOICE, &[4], false, 1000, &mut Dice::seeded(1)), None);
}

#[test]
fn different_bodies_or_a_key_that_works_speak_against_it() {
    let mut pool = pool_of(&[1; 5]);
    fail(&mut pool, 0..4, |ticket| refused(u64::try_from(ticket).unwrap()), 1000);
    assert_eq!(disabled(&pool), 4);
    let mut pool = pool_of(&[1; 5]);
    pool.succeeded(4, "m", 800, 900);
    fail(&mut pool, 0..4, |_| refused(7), 1000);
    assert_eq!(disabled(&pool), 4);
}

#[test]
fn a_refused_address_disables_no_key() {
    let mut pool = pool_of(&[1]);
    let address = Verdict { message: "IP not authorized".into(), ..refused(1) };
    fail(&mut pool, [0], |_| address.clone(), 0);
    assert_eq!(disabled(&pool), 0);
}

#[test]
fn an_incident_ends_with_the_first_success() {
    let mut pool = pool_of(&[1; 3]);
    fail(&mut pool, 0..3, |_| refused(7), 1000);
    assert!(!may_pick(&mut pool, 1000));
    pool.succeeded(0, "m", 11_000, 11_500);
    assert!((0..3).all(|_| may_pick(&mut pool, 11_501)));
    assert!(pool.keys().all(|(_, slot)| slot.cools.is_empty()));
}

#[test]
fn three_bare_429_with_one_body_throttle_the_provider_for_seconds_and_no_key() {
    let mut pool = pool_of(&[1; 5]);
    fail(&mut pool, 0..3, |_| throttled(7), 1000);
    assert!(!may_pick(&mut pool, 2900) && may_pick(&mut pool, 6000));
    assert!(pool.keys().all(|(_, slot)| slot.cools.is_empty()));
    // The next one alone is enough, as long as nothing succeeds.
    pool.started(4, "m", 6000);
    fail(&mut pool, [4], |_| throttled(7), 6100);
    assert!(!may_pick(&mut pool, 10_000) && may_pick(&mut pool, 11_200));
    assert!(pool.slot(4).unwrap().cools.is_empty());
}

#[test]
fn bare_429_beside_successes_are_the_keys_own() {
    let mut pool = pool_of(&[1; 5]);
    pool.succeeded(4, "m", 0, 500);
    fail(&mut pool, 0..3, |_| throttled(7), 1000);
    assert!(may_pick(&mut pool, 1000));
    assert_eq!(pool.keys().filter(|(_, s)| !s.cools.is_empty()).count(), 3);
}

#[test]
fn five_of_ten_failures_over_two_keys_open_the_breaker_for_ten_seconds() {
    let mut pool = pool_of(&[1; 9]);
    fail(&mut pool, [0; 5], |_| verdict(Class::Transient, None), 0);
    assert!(may_pick(&mut pool, 0));
    fail(&mut pool, [1], |_| verdict(Class::Timeout, None), 0);
    assert!(!may_pick(&mut pool, 9_999) && may_pick(&mut pool, 10_000));
    // One goes first.
    pool.started(3, "m", 10_000);
    assert!(!may_pick(&mut pool, 10_001));
    fail(&mut pool, [3], |_| verdict(Class::Transient, None), 10_100);
    assert!(!may_pick(&mut pool, 20_000) && may_pick(&mut pool, 20_100));
    pool.started(3, "m", 20_100);
    pool.succeeded(3, "m", 20_100, 20_200);
    assert!(may_pick(&mut pool, 20_200));
}

#[test]
fn an_overloaded_model_rests_from_the_second_time_on_and_no_key_does() {
    let mut pool = pool_of(&[1; 3]);
    fail(&mut pool, [0], |_| verdict(Class::ModelBusy, None), 1000);
    assert!(may_pick(&mut pool, 1000));
    fail(&mut pool, [1], |_| verdict(Class::ModelBusy, None), 1000);
    assert!(!may_pick(&mut pool, 1900));
    let other = Choice { model: "other", ..CHOICE };
    assert!(pool.pick(other, &[], false, 1900, &mut Dice::seeded(1)).is_some());
    assert!(may_pick(&mut pool, 2500));
    assert!(pool.keys().all(|(_, slot)| slot.cools.is_empty()));
}

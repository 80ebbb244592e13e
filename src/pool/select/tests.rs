use super::*;
use crate::{
    pool::fixtures::{key, pool_of, verdict},
    record::{Kind, Record},
};
use std::collections::VecDeque;

const BOTH: [&str; 2] = ["active", "standby"];

fn choice() -> Choice<'static> {
    Choice { provider: "p", model: "m", groups: &BOTH, conversation: None }
}

fn pick(pool: &mut Pool, tried: &[Ticket], now: u64, dice: &mut Dice) -> Option<Ticket> {
    pool.pick(choice(), tried, false, now, dice)
}

fn talk(pool: &mut Pool, conversation: u64, now: u64) -> Option<Ticket> {
    pool.pick(Choice { conversation: Some(conversation), ..choice() }, &[], false, now, &mut Dice::seeded(9))
}

fn hits(pool: &mut Pool, keys: usize, choices: u32, seed: u64) -> Vec<u32> {
    let mut dice = Dice::seeded(seed);
    let mut hits = vec![0; keys];
    (0..choices).for_each(|_| hits[pick(pool, &[], 0, &mut dice).unwrap()] += 1);
    hits
}

fn fail(pool: &mut Pool, ticket: Ticket, class: Class, wait_ms: Option<u64>, now: u64) {
    pool.failed(ticket, "m", &verdict(class, wait_ms), now, &mut Dice::seeded(1));
}

#[test]
fn weights_5_3_2_are_met_within_two_points_over_10_000_choices() {
    let hits = hits(&mut pool_of(&[5, 3, 2]), 3, 10_000, 1);
    for (hit, share) in hits.iter().zip([5000_u32, 3000, 2000]) {
        assert!(hit.abs_diff(share) <= 200, "{hits:?}");
    }
}

#[test]
fn choices_follow_the_weights_by_chi_square() {
    let weights: [u8; 10] = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89];
    let total: f64 = weights.iter().map(|w| f64::from(*w)).sum();
    for seed in 0..5 {
        let hits = hits(&mut pool_of(&weights), 10, 50_000, seed);
        let chi: f64 = hits
            .iter()
            .zip(weights)
            .map(|(hit, w)| {
                let expected = 50_000.0 * f64::from(w) / total;
                (f64::from(*hit) - expected).powi(2) / expected
            })
            .sum();
        // 9 degrees of freedom, p = 0.001.
        assert!(chi < 27.88, "seed {seed}: {chi}");
    }
}

/// Twenty requests a second, from `first` to `last`, each of 180 ms.
fn serve(pool: &mut Pool, [first, last]: [u64; 2], under_way: &mut VecDeque<Ticket>, dice: &mut Dice) -> Vec<u32> {
    let mut hits = vec![0; pool.slots.len()];
    for now in (first..last).map(|at| at * 50) {
        let ticket = pick(pool, &[], now, dice).unwrap();
        hits[ticket] += 1;
        pool.started(ticket, "m", now);
        under_way.push_back(ticket);
        if under_way.len() == 4 {
            let done = under_way.pop_front().unwrap();
            pool.succeeded(done, "m", now - 150, now + 30);
            pool.ended(done, now + 30);
        }
    }
    hits
}

#[test]
fn a_new_key_gets_its_share_within_its_first_hundred_requests() {
    for seed in 0..20 {
        let (mut pool, mut dice, mut under_way) = (pool_of(&[10; 4]), Dice::seeded(seed), VecDeque::new());
        serve(&mut pool, [0, 1000], &mut under_way, &mut dice);
        pool.sync(&[Record::new(Kind::Key, "new", &key(10), 0).unwrap()], false, 50_000);
        // A hundred for each of five keys; its share is 20 %.
        let share = f64::from(serve(&mut pool, [1000, 1500], &mut under_way, &mut dice)[4]) / 500.0;
        assert!((share - 0.2).abs() <= 0.05, "seed {seed}: {share}");
    }
}

#[test]
fn a_key_with_fewer_requests_in_flight_goes_first() {
    let mut pool = pool_of(&[10, 10]);
    let mut dice = Dice::seeded(2);
    for _ in 0..1000 {
        let ticket = pick(&mut pool, &[], 0, &mut dice).unwrap();
        pool.started(ticket, "m", 0);
    }
    let loads: Vec<u32> = pool.slots.iter().map(|s| s.in_flight).collect();
    assert!(loads[0].abs_diff(loads[1]) < 30, "{loads:?}");
}

#[test]
fn what_was_tried_has_no_weight_or_is_disabled_is_never_picked() {
    let off = crate::record::key::Key { enabled: false, ..key(100) };
    let mut pool = pool_of(&[1, 100, 0]);
    pool.sync(&[Record::new(Kind::Key, "off", &off, 0).unwrap()], false, 0);
    let mut dice = Dice::seeded(3);
    assert!((0..100).all(|_| pick(&mut pool, &[1], 0, &mut dice) == Some(0)));
    assert_eq!(pick(&mut pool, &[0, 1], 0, &mut dice), None);
    assert_eq!(pick(&mut pool, &[0], 0, &mut dice), Some(1));
    let nobody = Choice { provider: "nobody", ..choice() };
    assert_eq!(pool.pick(nobody, &[], false, 0, &mut dice), None);
}

#[test]
fn a_key_serves_only_the_models_of_its_allow_list() {
    let only = crate::record::key::Key { models: vec!["gpt-*".into()], ..key(1) };
    let mut pool = pool_of(&[1]);
    pool.sync(&[Record::new(Kind::Key, "only", &only, 0).unwrap()], false, 0);
    let mut dice = Dice::seeded(4);
    assert!((0..50).all(|_| pick(&mut pool, &[], 0, &mut dice) == Some(0)));
}

#[test]
fn the_one_key_that_does_not_rest_is_found_at_once_and_the_others_come_back() {
    let mut pool = pool_of(&[10; 1000]);
    let mut dice = Dice::seeded(5);
    pick(&mut pool, &[], 0, &mut dice);
    (0..999).for_each(|t| fail(&mut pool, t, Class::RateLimited, Some(20_000), 0));
    assert!((0..50).all(|_| pick(&mut pool, &[], 10, &mut dice) == Some(999)));
    fail(&mut pool, 999, Class::RateLimited, Some(60_000), 10);
    assert_eq!(pick(&mut pool, &[], 10, &mut dice), None);
    assert!(pool.blocked(choice(), 10).soonest.unwrap() <= 20_500);
    // Chosen among all that came back, not always the same.
    let back: std::collections::HashSet<_> =
        (0..50).map(|_| pick(&mut pool, &[], 21_000, &mut dice).unwrap()).collect();
    assert!(back.len() > 30 && !back.contains(&999));
}

#[test]
fn after_a_rest_one_request_goes_first() {
    let mut pool = pool_of(&[10]);
    let mut dice = Dice::seeded(6);
    fail(&mut pool, 0, Class::RateLimited, Some(5000), 0);
    assert_eq!(pick(&mut pool, &[], 6000, &mut dice), Some(0));
    pool.started(0, "m", 6000);
    assert_eq!(pick(&mut pool, &[], 6001, &mut dice), None);
    assert_eq!(pool.blocked(choice(), 6001).soonest, Some(6251));
    pool.succeeded(0, "m", 6000, 6300);
    assert_eq!(pick(&mut pool, &[], 6301, &mut dice), Some(0));
    assert!(pool.slots[0].cools.is_empty());
}

#[test]
fn a_success_that_began_before_the_rest_does_not_end_it() {
    let mut pool = pool_of(&[10]);
    fail(&mut pool, 0, Class::RateLimited, Some(30_000), 1000);
    pool.succeeded(0, "m", 500, 1500);
    assert!(pick(&mut pool, &[], 1600, &mut Dice::seeded(1)).is_none());
}

#[test]
fn a_failure_lowers_a_share_but_not_for_long() {
    let share = |pool: &mut Pool, now| {
        let mut dice = Dice::seeded(8);
        (0..2000).filter(|_| pick(pool, &[], now, &mut dice) == Some(0)).count()
    };
    let mut pool = pool_of(&[10, 10]);
    (0..6).for_each(|_| fail(&mut pool, 0, Class::Transient, None, 0));
    pool.succeeded(0, "m", 21_000, 21_000);
    let soon = share(&mut pool, 21_000);
    assert!((200..700).contains(&soon), "{soon}");
    let later = share(&mut pool, 600_000);
    assert!((900..1100).contains(&later), "{later}");
}

#[test]
fn conversations_stay_with_their_key_and_only_those_of_a_lost_one_move() {
    for keys in [10_usize, 1000] {
        let mut pool = pool_of(&vec![10; keys]);
        let before: Vec<_> = (0..1000).map(|c| talk(&mut pool, hash(c), 0).unwrap()).collect();
        assert!((0..1000).zip(&before).all(|(c, key)| talk(&mut pool, hash(c), 0) == Some(*key)));
        let lost = before[0];
        pool.failed(lost, "m", &verdict(Class::KeyDead, None), 0, &mut Dice::seeded(1));
        let after: Vec<_> = (0..1000).map(|c| talk(&mut pool, hash(c), 0).unwrap()).collect();
        let moved = before.iter().zip(&after).filter(|(b, a)| b != a).count();
        let its_own = before.iter().filter(|t| **t == lost).count();
        assert_eq!(moved, its_own);
        assert!(moved <= 1000 / 10 + 40, "{moved}");
    }
    fn hash(c: u64) -> u64 {
        crate::pool::hash(&c.to_string())
    }
}

#[test]
fn conversations_spread_by_weight() {
    let mut pool = pool_of(&[5, 3, 2]);
    let mut hits = [0_u32; 3];
    (0..10_000_u32).for_each(|c| hits[talk(&mut pool, crate::pool::hash(&c.to_string()), 0).unwrap()] += 1);
    for (hit, share) in hits.iter().zip([5000_u32, 3000, 2000]) {
        assert!(hit.abs_diff(share) <= 200, "{hits:?}");
    }
}

#[test]
fn a_conversation_leaves_a_key_that_is_swamped() {
    let mut pool = pool_of(&[10; 4]);
    let home = talk(&mut pool, 7, 0).unwrap();
    (0..7).for_each(|_| pool.started(home, "m", 0));
    assert_eq!(talk(&mut pool, 7, 0), Some(home));
    (0..20).for_each(|_| pool.started(home, "m", 0));
    assert_ne!(talk(&mut pool, 7, 0), Some(home));
}

#[test]
fn standby_keys_serve_when_no_active_one_is_left_and_other_groups_only_who_asks() {
    let of = |group: &str| crate::record::key::Key { group: group.into(), ..key(10) };
    let mut pool = pool_of(&[10]);
    let records = ["standby", "team"].map(|group| Record::new(Kind::Key, group, &of(group), 0).unwrap());
    pool.sync(&records, false, 0);
    let mut dice = Dice::seeded(10);
    assert!((0..50).all(|_| pick(&mut pool, &[], 0, &mut dice) == Some(0)));
    fail(&mut pool, 0, Class::RateLimited, Some(60_000), 0);
    assert!((0..50).all(|_| pick(&mut pool, &[], 0, &mut dice) == Some(1)));
    let team = Choice { groups: &["team"], ..choice() };
    assert_eq!(pool.pick(team, &[], false, 0, &mut dice), Some(2));
    // Promoted.
    pool.sync(&[Record::new(Kind::Key, "team", &of("active"), 1).unwrap()], false, 1);
    assert_eq!(pool.pick(team, &[], false, 1, &mut dice), None);
    assert_eq!(pick(&mut pool, &[], 1, &mut dice), Some(2));
}

#[test]
fn a_cap_makes_a_key_rest_before_it_is_refused() {
    let capped = crate::record::key::Key { rpm: Some(2), concurrency: Some(1), ..key(10) };
    let mut pool = Pool::default();
    pool.sync(&[Record::new(Kind::Key, "k", &capped, 0).unwrap()], true, 0);
    let mut dice = Dice::seeded(11);
    let now = 1_000_000;
    assert_eq!(pick(&mut pool, &[], now, &mut dice), Some(0));
    pool.started(0, "m", now);
    assert_eq!(pick(&mut pool, &[], now, &mut dice), None);
    pool.ended(0, now);
    assert_eq!(pick(&mut pool, &[], now, &mut dice), Some(0));
    pool.started(0, "m", now);
    pool.ended(0, now);
    pool.succeeded(0, "m", now, now);
    assert_eq!(pick(&mut pool, &[], now + 1, &mut dice), None);
    assert_eq!(pool.last_resort(choice(), now + 1), None);
    assert_eq!(pick(&mut pool, &[], now + 60_000, &mut dice), Some(0));
}

#[test]
fn a_limit_that_is_used_up_rests_the_key_until_its_reset() {
    let mut pool = pool_of(&[10]);
    let mut dice = Dice::seeded(12);
    pool.used_up(0, "m", 3000, 0);
    pool.succeeded(0, "m", 0, 10);
    assert_eq!(pick(&mut pool, &[], 100, &mut dice), None);
    let other = Choice { model: "other", ..choice() };
    assert_eq!(pool.pick(other, &[], false, 100, &mut dice), Some(0));
    assert_eq!(pick(&mut pool, &[], 3000, &mut dice), Some(0));
}

#[test]
fn with_all_keys_blocked_one_is_tried_every_ten_seconds() {
    let mut pool = pool_of(&[10, 10]);
    (0..2).for_each(|t| fail(&mut pool, t, Class::RateLimited, Some(600_000), 0));
    let first = pool.last_resort(choice(), 1000);
    assert!(first.is_some());
    assert_eq!(pool.last_resort(choice(), 10_999), None);
    let second = pool.last_resort(choice(), 11_000);
    assert!(second.is_some() && second != first);
}

#[test]
fn conversations_spread_by_weight_whatever_the_ids() {
    for round in 0..300_u32 {
        let ids = [format!("a{round}"), format!("b{round}"), format!("c{round}")];
        let keys = ids.iter().zip([50, 30, 0]).map(|(id, weight)| Record::new(Kind::Key, id, &key(weight), 0).unwrap());
        let mut pool = Pool::default();
        pool.sync(&keys.collect::<Vec<_>>(), true, 0);
        let first = (0..400_u32).filter(|c| talk(&mut pool, crate::pool::hash(&c.to_string()), 0) == Some(0)).count();
        // 250, and five standard deviations.
        assert!(first.abs_diff(250) < 50, "round {round}: {first} of 400");
    }
}

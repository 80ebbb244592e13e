use super::*;
use crate::{
    pool::fixtures::{key, verdict},
    record::{Kind, Record, balance::Balance, key::Key, provider},
};

const NOW: u64 = 1_700_000_000_000;
const HOUR: u64 = 60 * MINUTE_MS;

fn pool(keys: &[(&str, Key)]) -> Pool {
    let mut pool = Pool::default();
    let made = |name: &str, enabled| {
        let provider = Provider { enabled, balance_url: Some("/b".into()), ..provider::PRESETS[0].provider(0) };
        Record::new(Kind::Provider, name, &provider, 0).unwrap()
    };
    let mut records = vec![made("p", true), made("off", false)];
    records.extend(keys.iter().map(|(id, key)| Record::new(Kind::Key, *id, key, 0).unwrap()));
    pool.sync(&records, true, 0);
    pool
}

fn fail(pool: &mut Pool, id: &str, class: Class, wait_ms: Option<u64>) {
    let (ticket, _) = pool.find(id).unwrap();
    pool.failed(ticket, "m", &verdict(class, wait_ms), NOW, &mut crate::pool::dice::Dice::seeded(1));
}

fn told<'a>(overview: &Overview<'a>) -> Vec<(&'static str, String, Option<&'a str>, u64)> {
    let name_of = |of: &Of| match of {
        Of::Key(slot) => slot.id.to_string(),
        Of::Provider(name) | Of::Client(name, _) => (*name).to_string(),
    };
    overview.next.0.iter().map(|e| (e.name, name_of(&e.of), e.model, e.at - NOW)).collect()
}

fn note(note: &Note) -> (u64, Vec<&str>) {
    (note.count, note.names.iter().map(String::as_str).collect())
}

#[test]
fn keys_are_counted_by_state_and_by_what_keeps_them_from_work() {
    let mut pool = pool(&[
        ("a", key(10)),
        ("b", key(10)),
        ("c", key(10)),
        ("d", key(10)),
        ("e", Key { enabled: false, ..key(10) }),
        ("f", Key { expires: Some(NOW), ..key(10) }),
        ("g", Key { provider: "nobody".into(), ..key(10) }),
    ]);
    fail(&mut pool, "b", Class::KeyBroke, None);
    fail(&mut pool, "c", Class::RateLimited, Some(120_000));
    fail(&mut pool, "d", Class::RateLimited, Some(300_000));
    let overview = pool.overview(NOW);
    assert_eq!(overview.keys, Keys { active: 2, cooling: 2, disabled: 2, off: 1 });
    let expected =
        [(State::Cooling, "rate_limited", 2), (State::Disabled, "expired", 1), (State::Disabled, "key_broke", 1)];
    assert_eq!(overview.reasons, expected);
    let sites: Vec<_> = overview.sites.iter().map(|s| (s.name, s.keys, s.usable, s.meant, s.is_down())).collect();
    let p = Keys { active: 1, cooling: 2, disabled: 2, off: 1 };
    assert_eq!(sites, [("p", p, 1, 4, false), ("off", Keys::default(), 0, 0, false)]);
    // Rests have up to half a second more, by chance.
    let next: Vec<_> = told(&overview).into_iter().map(|(n, of, model, ms)| (n, of, model, ms / 1000)).collect();
    let (c, d) = (("cooldown_end", "c".into(), Some("m"), 120), ("cooldown_end", "d".into(), Some("m"), 300));
    assert_eq!(next, [c, d, ("probe", "b".into(), None, 3600)]);
}

#[test]
fn a_provider_is_down_when_no_key_that_should_serve_can() {
    let down = |keys: &[(&str, Key)], fails: &[(&str, Class, Option<u64>)]| {
        let mut pool = pool(keys);
        for (id, class, wait_ms) in fails {
            fail(&mut pool, id, *class, *wait_ms);
        }
        let overview = pool.overview(NOW);
        let site = &overview.sites[0];
        (site.is_down(), site.is_back_soon)
    };
    let off = Key { enabled: false, ..key(10) };
    let dead = ("a", Class::KeyDead, None);
    assert_eq!(down(&[("a", key(10)), ("b", key(10))], &[dead]), (false, false));
    assert_eq!(down(&[("a", key(10)), ("b", off.clone()), ("c", key(0))], &[dead]), (true, false));
    assert_eq!(down(&[("a", off)], &[]), (false, false), "a person's wish");
    assert_eq!(down(&[("a", key(10))], &[("a", Class::RateLimited, Some(20_000))]), (true, true));
    assert_eq!(down(&[("a", key(10))], &[("a", Class::RateLimited, Some(90_000))]), (true, false));
}

#[test]
fn the_next_events_are_the_soonest_twenty() {
    let keys: Vec<(String, Key)> =
        (0..30).rev().map(|i| (format!("k{i:02}"), Key { expires: Some(NOW + 1 + i), ..key(10) })).collect();
    let keys: Vec<(&str, Key)> = keys.iter().map(|(id, key)| (id.as_str(), key.clone())).collect();
    let pool = pool(&keys);
    let overview = pool.overview(NOW);
    let expected: Vec<_> = (0..20).map(|i| ("key_expires", format!("k{i:02}"), None, 1 + i)).collect();
    assert_eq!(told(&overview), expected);
    assert_eq!(note(&overview.expiring), (30, vec!["…t"; 3]));
}

#[test]
fn what_waits_for_a_person_is_named_by_its_label() {
    let labeled = |label: &str| Key { label: label.into(), ..key(10) };
    let soon = Key { expires: Some(NOW + EXPIRES_SOON_MS - 1), ..labeled("soon") };
    let later = Key { expires: Some(NOW + EXPIRES_SOON_MS), ..labeled("later") };
    let mut pool = pool(&[("a", labeled("dead")), ("b", labeled("empty")), ("c", soon), ("d", later)]);
    let balance = |id: &str, amount| {
        let balance = Balance { amount: Some(amount), asked: 1, ..Balance::default() };
        Record::new(Kind::Balance, id, &balance, 1).unwrap()
    };
    pool.sync(&[balance("b", 0.0), balance("c", 0.01)], false, NOW);
    fail(&mut pool, "a", Class::KeyDead, None);
    for probes in 0..=3 {
        let overview = pool.overview(NOW);
        let expected = if probes < 3 { (0, vec![]) } else { (1, vec!["dead"]) };
        assert_eq!(note(&overview.dead), expected, "after {probes} failed probes");
        assert_eq!((note(&overview.empty), note(&overview.expiring)), ((1, vec!["empty"]), (1, vec!["soon"])));
        let (ticket, _) = pool.find("a").unwrap();
        pool.probed(ticket, Some(&verdict(Class::KeyDead, None)), NOW);
    }
}

#[test]
fn a_cron_is_late_when_what_is_due_waits_longer_than_it_takes_to_probe_it() {
    let ids: Vec<String> = (0..60).map(|i| format!("k{i}")).collect();
    let keys: Vec<(&str, Key)> = ids.iter().map(|id| (id.as_str(), key(10))).collect();
    let late = |count: usize, after_ms: u64| {
        let mut pool = pool(&keys);
        // By verdicts that differ, or they would be the provider's.
        for (id, print) in ids.iter().take(count).zip(0..) {
            let (ticket, _) = pool.find(id).unwrap();
            let verdict = super::super::verdict::Verdict { print, ..verdict(Class::KeyBroke, None) };
            pool.failed(ticket, "m", &verdict, NOW, &mut crate::pool::dice::Dice::seeded(1));
        }
        pool.overview(NOW + HOUR + after_ms).late
    };
    assert_eq!([late(1, 0), late(1, 5 * MINUTE_MS), late(1, 5 * MINUTE_MS + 1)], [0, 0, 1]);
    assert_eq!([late(60, 11 * MINUTE_MS), late(60, 11 * MINUTE_MS + 1)], [0, 60]);
    let mut orphan = pool(&[("a", Key { provider: "nobody".into(), ..key(10) })]);
    fail(&mut orphan, "a", Class::KeyBroke, None);
    assert_eq!(orphan.overview(NOW + 9 * HOUR).late, 0, "nobody can probe it");
}

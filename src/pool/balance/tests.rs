use super::*;
use crate::pool::fixtures::{key, pool_of};
use crate::record::{balance::Balance, key::Key, provider};

const NOW: u64 = 1_700_000_000_000;

fn check(path: &str, status: u16, body: &str, expected: Result<(f64, Option<&str>), &str>) {
    let answer = Answer { status: Some(status), message: "said", body: body.as_bytes() };
    let found = read(&answer, path);
    let found = found.as_ref().map(|(amount, currency)| (*amount, currency.as_deref())).map_err(|(code, _)| *code);
    assert_eq!(found, expected, "{path} of {body}");
}

#[test]
fn a_balance_is_read_where_the_path_leads() {
    let siliconflow = r#"{"code":20000,"data":{"balance":"0.88","chargeBalance":"88.00","totalBalance":"88.88"}}"#;
    check("data.totalBalance", 200, siliconflow, Ok((88.88, None)));
    check("/data/balance", 200, siliconflow, Ok((0.88, None)));
    let deepseek = r#"{"is_available":true,"balance_infos":[{"currency":"CNY","total_balance":"110.00"}]}"#;
    check("balance_infos.0.total_balance", 200, deepseek, Ok((110.0, Some("CNY"))));
    let dotted = r#"{"a.b":[-3.5],"currency":"much too long for a code"}"#;
    check("/a.b/0", 200, dotted, Ok((-3.5, None)));
    check("b", 200, r#"{"b":1,"currency":"USD"}"#, Ok((1.0, Some("USD"))));
}

#[test]
fn nothing_left_is_zero_and_not_unknown() {
    for body in [r#"{"b":0}"#, r#"{"b":"0"}"#, r#"{"b":"0.00"}"#, r#"{"b":-0.0}"#] {
        check("b", 200, body, Ok((0.0, None)));
    }
}

#[test]
fn what_is_no_number_is_no_balance() {
    for body in [r#"{"b":null}"#, r#"{"b":"much"}"#, r#"{"b":""}"#, r#"{"b":1e300}"#, r#"{"b":[1]}"#, "{}", "<html>"] {
        check("b", 200, body, Err("unreadable"));
    }
    check("b", 410, r#"{"b":1}"#, Err("unsupported"));
    check("b", 401, r#"{"b":1}"#, Err("refused"));
    check("b", 302, r#"{"b":1}"#, Err("refused"));
    let nothing = Answer { status: None, message: "", body: b"" };
    assert_eq!(read(&nothing, "b").unwrap_err().0, "unreachable");
}

/// Three keys of a provider that tells balances, and one of a provider that does not.
fn pool() -> Pool {
    let mut pool = pool_of(&[10, 10, 10]);
    let tells =
        Provider { balance_url: Some("/b".into()), balance_path: Some("b".into()), ..provider::PRESETS[0].provider(0) };
    let other = Key { provider: "q".into(), ..key(10) };
    let records = [
        Record::new(Kind::Provider, "p", &tells, 0).unwrap(),
        Record::new(Kind::Provider, "q", &provider::PRESETS[0].provider(0), 0).unwrap(),
        Record::new(Kind::Key, "other", &other, 0).unwrap(),
    ];
    pool.sync(&records, false, NOW);
    pool
}

fn told(pool: &mut Pool, ticket: Ticket, status: u16, now: u64) -> Record {
    pool.balance_answered(ticket, &Answer { status: Some(status), message: "", body: br#"{"b":5}"# }, now).unwrap()
}

#[test]
fn who_was_asked_longest_ago_is_due_first_and_nobody_twice_in_six_hours() {
    let mut pool = pool();
    assert_eq!(pool.balances_due(2, NOW), [0, 1]);
    told(&mut pool, 0, 200, NOW);
    told(&mut pool, 1, 503, NOW + 5);
    assert_eq!(pool.balances_due(9, NOW + 10), [2]);
    told(&mut pool, 2, 410, NOW + 10);
    assert_eq!(pool.balances_due(9, NOW + EVERY_MS), [0]);
    assert_eq!(pool.balances_due(9, NOW + UNSUPPORTED_MS), [0, 1]);
    assert_eq!(pool.balances_due(9, NOW + UNSUPPORTED_MS + 10), [0, 1, 2]);
}

#[test]
fn a_failure_keeps_what_was_told_and_nothing_happens_to_the_key() {
    let mut pool = pool();
    told(&mut pool, 0, 200, NOW);
    let record = told(&mut pool, 0, 401, NOW + 1);
    let balance: Balance = record.read().unwrap();
    assert_eq!((balance.amount, balance.at, balance.asked), (Some(5.0), Some(NOW), NOW + 1));
    assert_eq!((balance.failed.as_deref(), balance.status), (Some("refused"), Some(401)));
    let record = told(&mut pool, 0, 200, NOW + 2);
    let balance: Balance = record.read().unwrap();
    assert_eq!((balance.at, balance.failed, balance.status), (Some(NOW + 2), None, None));
    let slot = pool.slot(0).unwrap();
    assert!(!slot.is_disabled() && slot.cools.is_empty());
}

#[test]
fn of_two_balances_the_one_asked_for_later_holds() {
    let [mut one, mut other] = [pool(), pool()];
    let old = told(&mut one, 0, 200, NOW);
    told(&mut other, 0, 402, NOW + 1);
    other.sync(&[old], false, NOW + 2);
    assert_eq!(other.slot(0).unwrap().balance.as_ref().unwrap().asked, NOW + 1);
}

#[test]
fn a_sum_has_no_dust() {
    assert_eq!(json::text(&Value::from(sum(sum(0.1, 0.2), -0.05))), "0.25");
}

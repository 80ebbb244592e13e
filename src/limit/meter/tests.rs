use super::*;
use crate::limit::meters::{Line, Meters, Need, Rate};
use std::rc::Rc;

const DAY_MS: u64 = 24 * HOUR_MS;
/// The beginning of a day, and of a month of 30 days.
const DAY: u64 = 20_000;
const START: u64 = DAY * DAY_MS;

fn at(ms: u64) -> When {
    let now = START + ms;
    let day = now / DAY_MS;
    When { now, day, month: DAY, day_ends: (day + 1) * DAY_MS, month_ends: (DAY + 30) * DAY_MS }
}

fn limits(these: &[(Limit, u64)], window_s: Option<u64>) -> Limits {
    let mut limits = Limits::default();
    limits.window_s = window_s;
    these.iter().for_each(|(limit, amount)| limits.set(*limit, Some(*amount)));
    limits
}

fn meter(these: &[(Limit, u64)], window_s: Option<u64>) -> Meter {
    Meter { limits: limits(these, window_s), ..Meter::default() }
}

fn ended(meter: &mut Meter, tokens: u64, nanos: u64, when: When) {
    meter.ended(Used { requests: 0, tokens, nanos }, when);
}

#[test]
fn no_more_calls_than_the_limit_go_in_and_the_wait_ends_when_one_does() {
    for (limit, window_s) in [(Limit::Rpm, None), (Limit::Requests, Some(900)), (Limit::Requests, Some(86_400))] {
        let mut meter = meter(&[(limit, 10)], window_s);
        for i in 0..10 {
            assert_eq!(meter.over(at(i * 1000)), None, "{i}");
            meter.admitted(at(i * 1000));
        }
        let over = meter.over(at(10_000)).unwrap();
        assert_eq!(over.limit, limit);
        let last = at(10_000 + over.wait_ms - 1);
        assert!(meter.over(last).is_some() && meter.over(at(10_000 + over.wait_ms)).is_none(), "{over:?}");
        // A tenth of their minute must have left the window.
        assert_eq!(10_000 + over.wait_ms, window_s.unwrap_or(60) * 1000 + 6_000);
    }
}

#[test]
fn a_steady_caller_gets_its_limit() {
    let mut meter = meter(&[(Limit::Rpm, 60)], None);
    let mut served = 0;
    for second in 0..3600 {
        for half in [0, 500] {
            let when = at(second * 1000 + half);
            if meter.over(when).is_none() {
                meter.admitted(when);
                served += 1;
            }
        }
    }
    assert!((3540..=3660).contains(&served), "{served} in an hour of 60 a minute, asked twice as often");
}

#[test]
fn tokens_count_when_they_are_known() {
    let mut meter = meter(&[(Limit::Tpm, 100)], None);
    ended(&mut meter, 99, 0, at(0));
    assert_eq!(meter.over(at(1000)), None);
    ended(&mut meter, 500, 0, at(2000));
    let over = meter.over(at(2000)).unwrap();
    assert_eq!(over.limit, Limit::Tpm);
    assert!(meter.over(at(2000 + over.wait_ms)).is_none() && meter.over(at(2000 + over.wait_ms - 1)).is_some());
}

#[test]
fn budgets_are_full_until_midnight_or_the_months_end() {
    for (limit, amount, days) in
        [(Limit::DayTokens, 100, 1), (Limit::MonthTokens, 100, 30), (Limit::DayMoney, 5, 1), (Limit::MonthMoney, 5, 30)]
    {
        let mut meter = meter(&[(limit, amount)], None);
        ended(&mut meter, 99, 4999, at(0));
        assert_eq!((meter.over(at(1)), meter.budget_share(at(1))), (None, 99));
        ended(&mut meter, 1, 1, at(2));
        assert_eq!(meter.over(at(3)), Some(Over { limit, wait_ms: days * DAY_MS - 3 }));
        assert_eq!(meter.over(at(DAY_MS)).is_none(), days == 1, "the next day");
        assert_eq!(meter.budget_share(at(3)), 100);
    }
}

#[test]
fn of_several_limits_the_one_with_the_longest_wait_is_told() {
    let mut meter = meter(&[(Limit::Rpm, 1), (Limit::DayTokens, 1), (Limit::Tpm, 1)], None);
    meter.admitted(at(0));
    assert_eq!(meter.over(at(0)).unwrap().limit, Limit::Rpm);
    ended(&mut meter, 5, 0, at(0));
    assert_eq!(meter.over(at(0)).unwrap().limit, Limit::DayTokens);
}

#[test]
fn what_is_stored_and_what_is_not_are_added_without_counting_twice() {
    let used = |requests| Used { requests, ..Used::default() };
    let minute = START / MINUTE_MS;
    let mut bucket = Buckets::default();
    let total = |buckets: &Buckets| buckets.0.iter().map(|bucket| bucket.total(Limit::Rpm)).sum::<u64>();
    bucket.add(minute, used(3));
    bucket.learn(minute, &[(minute, used(10))]);
    assert_eq!(total(&bucket), 13, "others' 10 and our 3");
    bucket.0[0].sent = bucket.0[0].own;
    bucket.add(minute, used(2));
    assert_eq!(total(&bucket), 15);
    bucket.learn(minute, &[(minute, used(14))]);
    assert_eq!(total(&bucket), 16, "others' 11 and our 5, of which 3 are stored");
    bucket.learn(minute, &[]);
    assert_eq!(total(&bucket), 5, "a storage that shows it late hides nothing of ours");
    bucket.learn(minute + 1, &[(minute + 1, used(1))]);
    assert_eq!(total(&bucket), 6, "earlier minutes stay as they were");
}

const ONCE: Rate = Rate { age_ms: 10_000, at_once: true };

struct Isolate {
    meters: Meters,
    id: Rc<str>,
    limits: Limits,
}

impl Isolate {
    fn new(limits: Limits) -> Self {
        Self { meters: Meters::default(), id: Rc::from("c"), limits }
    }

    fn asks(&mut self, when: When) -> Need {
        self.meters.asks(&self.id, self.limits, when, ONCE)
    }

    fn reads(&mut self, stored: &[(u64, u64)], when: When) -> Since {
        let plan = self.meters.plan(when, ONCE, 80_000);
        let line = |(at, requests): &(u64, u64)| -> Line {
            (self.id.clone(), *at, Used { requests: *requests, ..Used::default() })
        };
        self.meters.learn(&plan, &stored.iter().map(line).collect::<Vec<_>>(), &[], when);
        self.meters.synced();
        plan.since
    }
}

#[test]
fn a_cold_isolate_reads_first_and_then_now_and_then() {
    let mut isolate = Isolate::new(limits(&[(Limit::Requests, 100)], Some(900)));
    let minute = START / MINUTE_MS;
    assert_eq!(isolate.asks(at(0)), Need::First);
    assert_eq!(isolate.reads(&[(minute - 3, 40), (minute, 59)], at(0)).minute, Some(minute - 15));
    assert_eq!(isolate.asks(at(1)), Need::Nothing);
    assert_eq!(isolate.meters.admit("c", at(1)), None);
    assert!(isolate.meters.admit("c", at(2)).is_some(), "99 of others, and one of ours");
    assert_eq!(isolate.asks(at(9_999)), Need::Nothing);
    assert_eq!(isolate.asks(at(10_000)), Need::Soon { wait_ms: 0, flush: false });
    assert_eq!(isolate.asks(at(10_001)), Need::Nothing, "one at a time");
    assert_eq!(isolate.reads(&[(minute, 20)], at(10_010)).minute, Some(minute - 2), "only what may have changed");
    assert_eq!(isolate.meters.admit("c", at(10_020)), None, "40 and 20 of others, and one of ours");
}

#[test]
fn a_twentieth_of_a_limit_is_told_at_once_but_not_twice_a_second() {
    let mut isolate = Isolate::new(limits(&[(Limit::Requests, 100)], Some(900)));
    isolate.reads(&[], at(0));
    isolate.asks(at(0));
    isolate.reads(&[], at(0));
    for i in 0..5 {
        assert_eq!(isolate.asks(at(100 + i)), Need::Nothing);
        assert_eq!(isolate.meters.admit("c", at(100 + i)), None);
    }
    assert_eq!(isolate.asks(at(200)), Need::Soon { wait_ms: 800, flush: true });
    isolate.meters.sent();
    isolate.reads(&[(START / MINUTE_MS, 5)], at(1000));
    assert_eq!(isolate.asks(at(1001)), Need::Nothing);
}

#[test]
fn what_was_read_while_a_flush_went_on_is_dropped() {
    let mut isolate = Isolate::new(limits(&[(Limit::Rpm, 10)], None));
    isolate.asks(at(0));
    let plan = isolate.meters.plan(at(0), ONCE, 80_000);
    isolate.meters.sent();
    isolate.meters.learn(&plan, &[], &[], at(1));
    assert_eq!(isolate.asks(at(2)), Need::First);
    isolate.meters.failed(at(3).now);
    assert_eq!(isolate.asks(at(4)), Need::Nothing, "a storage that fails is not asked by every call");
    assert_eq!(isolate.asks(at(10_003)), Need::First);
}

#[test]
fn another_window_needs_another_look() {
    let mut isolate = Isolate::new(limits(&[(Limit::Rpm, 10)], None));
    isolate.asks(at(0));
    isolate.reads(&[], at(0));
    isolate.limits = limits(&[(Limit::Rpm, 10), (Limit::MonthTokens, 10)], None);
    assert_eq!(isolate.asks(at(5)), Need::First);
    assert_eq!(isolate.reads(&[], at(5)).day, Some(DAY));
    assert_eq!(isolate.asks(at(6)), Need::Nothing);
}

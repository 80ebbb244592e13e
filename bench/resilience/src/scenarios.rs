//! The scenarios. docs/RESILIENCE.md says what each stands for; the numbers are here.

use super::{
    answer::Dialect::{self, Bare, Headers, RetryAfter, RetryDelay},
    fault::{
        Fault,
        Kind::{self, BareLimit, Broke, Forbidden, Hang, OutOfQuota, Outage, Reset, Revoked, ServerError},
        Whom::{Everyone, Key, Provider},
    },
    load::Load,
    scenario::{Account, Scenario},
};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const FOREVER: u64 = u64::MAX;

pub fn all() -> Vec<Scenario> {
    vec![
        b1(
            "B1a",
            "10 keys of 72 to 18 rpm, paid and free, one revoked, one broke, 2 % 5xx, bursts",
            &[Headers, RetryDelay],
        ),
        b1("B1b", "the same, all free: limits are known only by refusals", &[RetryDelay, RetryAfter, Bare]),
        b2(),
        b3(false),
        b3(true),
        b4(),
        b5("B5a", "out of quota for 8 minutes, as 429 that says nothing", OutOfQuota(Bare, 0)),
        b5("B5b", "out of quota for 8 minutes, as 429 with `retryDelay` 30 s", OutOfQuota(RetryDelay, 30 * SECOND)),
        b5("B5c", "out of quota for 8 minutes, as `insufficient_quota`", Broke),
        b6("B6a", "load at 100 % of paid capacity", Load::Even { per_minute: 360 }),
        b6("B6b", "load at 90 % of paid capacity", Load::Poisson { per_minute: 324 }),
        b7(),
    ]
}

/// One provider, no faults, no limits, an hour.
fn plain(name: &'static str, title: &'static str, keys: usize) -> Scenario {
    Scenario {
        name,
        title,
        providers: vec!["openai"],
        accounts: (0..keys).map(|_| account(None, Bare)).collect(),
        faults: Vec::new(),
        load: Load::Poisson { per_minute: 120 },
        rested: true,
        length: HOUR,
        seed: name.bytes().fold(0, |seed, byte| seed * 256 + u64::from(byte)),
        incidents: Vec::new(),
        down: None,
        single: 0,
    }
}

fn account(rpm: Option<u64>, dialect: Dialect) -> Account {
    Account { provider: 0, weight: 10, rpm, dialect }
}

fn b1(name: &'static str, title: &'static str, dialects: &[Dialect]) -> Scenario {
    let rpms = (0..10_u8).map(|i| 72 - 6 * i);
    let accounts = rpms
        .zip(dialects.iter().cycle())
        .map(|(rpm, dialect)| Account { weight: rpm, ..account(Some(u64::from(rpm)), *dialect) });
    Scenario {
        accounts: accounts.collect(),
        faults: vec![
            // Of 48 and 42 a minute: 360 are left, which is what a burst asks for.
            Fault::spell(Revoked, Key(4), 10 * MINUTE, FOREVER),
            Fault::spell(Broke, Key(5), 20 * MINUTE, FOREVER),
            Fault::noise(ServerError, 200),
        ],
        load: Load::Bursts { per_minute: 120, burst_per_minute: 360, every: 10 * MINUTE, lasts: MINUTE },
        length: 6 * HOUR,
        ..plain(name, title, 10)
    }
}

fn b2() -> Scenario {
    Scenario {
        faults: vec![
            Fault::noise(ServerError, 300),
            Fault::noise(BareLimit, 300),
            Fault::noise(Hang, 100),
            Fault::noise(Reset, 100),
        ],
        length: 8 * HOUR,
        ..plain("B2", "3 % 5xx, 3 % bare 429, 1 % hangs, 1 % resets", 10)
    }
}

/// (what, for how long); one begins every 56 hours, the keys in turn.
const INCIDENTS: [(Kind, u64); 12] = [
    (Revoked, 8 * HOUR),
    (Broke, 6 * HOUR),
    (BareLimit, HOUR),
    (ServerError, 30 * MINUTE),
    (Revoked, DAY),
    (Forbidden, 2 * HOUR),
    (Broke, 12 * HOUR),
    (Hang, 20 * MINUTE),
    (BareLimit, HOUR),
    (Revoked, 2 * DAY),
    (ServerError, 30 * MINUTE),
    (Broke, DAY),
];

fn b3(second: bool) -> Scenario {
    let title = if second {
        "30 days, 12 key incidents, two outages of 5 minutes; a second provider"
    } else {
        "30 days, 12 key incidents, two outages of 5 minutes; one provider"
    };
    let mut scenario = plain(if second { "B3b" } else { "B3a" }, title, 0);
    scenario.accounts = (0..6).map(|_| account(Some(60), RetryAfter)).collect();
    if second {
        scenario.providers.push("openrouter");
        scenario.accounts.extend((0..2).map(|_| Account { provider: 1, ..account(Some(60), RetryAfter) }));
    }
    let spells = INCIDENTS.iter().zip(0_u64..).map(|((kind, lasts), i)| (*kind, DAY + i * 56 * HOUR, *lasts));
    let incidents = spells.clone().map(|(_, from, lasts)| (from, from + lasts)).collect();
    let keys = (0..6).cycle().map(Key);
    scenario.faults = vec![
        Fault::spell(Outage, Provider(0), 9 * DAY + 14 * HOUR, 5 * MINUTE),
        Fault::spell(Outage, Provider(0), 21 * DAY + 2 * HOUR, 5 * MINUTE),
    ];
    scenario.faults.extend(spells.zip(keys).map(|((kind, from, lasts), key)| Fault::spell(kind, key, from, lasts)));
    scenario.faults.extend([Fault::noise(ServerError, 20), Fault::noise(Hang, 2)]);
    Scenario { load: Load::Poisson { per_minute: 20 }, length: 30 * DAY, incidents, ..scenario }
}

fn b4() -> Scenario {
    Scenario {
        faults: [2, 6].map(|key| Fault::spell(Revoked, Key(key), 0, FOREVER)).into(),
        load: Load::Poisson { per_minute: 60 },
        length: 2 * HOUR,
        ..plain("B4", "9 keys, two of them revoked", 9)
    }
}

fn b5(name: &'static str, title: &'static str, kind: Kind) -> Scenario {
    let (from, lasts) = (10 * MINUTE, 8 * MINUTE);
    Scenario {
        faults: vec![Fault::spell(kind, Everyone, from, lasts)],
        length: 30 * MINUTE,
        down: Some((from, from + lasts)),
        ..plain(name, title, 6)
    }
}

fn b6(name: &'static str, title: &'static str, load: Load) -> Scenario {
    let accounts = (0..6).map(|_| account(Some(60), Headers)).collect();
    // What a bucket saved up would be more than 100 %.
    Scenario { accounts, load, rested: false, ..plain(name, title, 6) }
}

fn b7() -> Scenario {
    let accounts = (0..10).map(|_| account(Some(60), RetryAfter)).collect();
    Scenario {
        accounts,
        faults: vec![Fault::noise(ServerError, 100)],
        load: Load::Poisson { per_minute: 540 },
        ..plain("B7", "one key of 60 rpm against ten, load at 90 % of the ten", 10)
    }
}

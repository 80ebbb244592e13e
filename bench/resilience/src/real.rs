//! keypool itself: four isolates with the real pool, joined as src/app.rs, src/proxy and src/cron.rs join it.
//! All that touches the pool's interface is in this file.

use super::{
    answer::Answer,
    policy::{After, Next, Policy},
    run::{EPOCH, ISOLATES},
    scenario::Scenario,
    shared::Shared,
    world::World,
};
use keypool::{
    pool::{
        Pool, Ticket,
        class::Class,
        dice::Dice,
        failover::{Failover, Limits, Step, Want},
        reset,
        target::Target,
        verdict::{self, Verdict},
    },
    record::{Kind, Record, key::Key, provider},
};
use std::{cmp::Reverse, collections::BinaryHeap};

const MODEL: &str = "m";
/// The defaults of `max_attempts`, `failover_deadline_ms`, `wait_budget_ms`, `retry_after_timeout`.
const LIMITS: Limits =
    Limits { max_attempts: 5, deadline_ms: 30_000, wait_budget_ms: 10_000, retry_after_timeout: true };
/// The default of `standby_percent`.
const STANDBY_PERCENT: u64 = 10;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
/// As in src/cron.rs.
const PROBES: usize = 10;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Job {
    /// An isolate reads what changed.
    Refresh(usize),
    /// The platform puts a new isolate in an old one's place.
    Replace(usize),
    Cron,
}

struct Isolate {
    pool: Pool,
    known: u64,
}

pub struct Keypool {
    /// Those that were replaced stay for the requests they still have.
    isolates: Vec<Isolate>,
    serving: [usize; ISOLATES],
    shared: Shared,
    jobs: BinaryHeap<Reverse<(u64, Job)>>,
    /// All providers, the first one first.
    targets: Vec<Target>,
    dice: Dice,
}

pub struct Walk {
    isolate: usize,
    failover: Failover,
    /// When its attempt began.
    began: u64,
}

impl Keypool {
    pub fn new(scenario: &Scenario) -> Self {
        let mut shared = Shared::default();
        shared.note(records(scenario));
        let mut keypool = Self {
            isolates: Vec::new(),
            serving: [0; ISOLATES],
            shared,
            jobs: BinaryHeap::new(),
            targets: scenario.providers.iter().map(|name| Target::new(name, MODEL, 0)).collect(),
            dice: Dice::seeded(scenario.seed ^ 0x3C3C),
        };
        for place in 0..ISOLATES {
            keypool.replace(place, 0);
            keypool.refresh(place, 0);
        }
        keypool.jobs.push(Reverse((MINUTE, Job::Cron)));
        keypool
    }

    fn between(&mut self, from: u64, until: u64) -> u64 {
        from + self.dice.below(until - from)
    }

    fn load(&mut self, isolate: usize, now: u64) {
        let isolate = &mut self.isolates[isolate];
        let (records, revision) = self.shared.load(isolate.known);
        if revision != isolate.known {
            isolate.pool.sync(&records, isolate.known == 0, EPOCH + now);
            isolate.known = revision;
        }
    }

    fn refresh(&mut self, place: usize, now: u64) {
        self.load(self.serving[place], now);
        let next = now + self.between(5000, 10_000);
        self.jobs.push(Reverse((next, Job::Refresh(place))));
    }

    fn replace(&mut self, place: usize, now: u64) {
        self.serving[place] = self.isolates.len();
        self.isolates.push(Isolate { pool: Pool::default(), known: 0 });
        self.load(self.serving[place], now);
        let next = now + self.between(HOUR, 6 * HOUR);
        self.jobs.push(Reverse((next, Job::Replace(place))));
    }

    /// As `probe_due` of src/cron.rs, in any of the isolates.
    fn cron(&mut self, world: &mut World, now: u64) -> u64 {
        let place = usize::try_from(self.dice.below(ISOLATES as u64)).unwrap_or(0);
        let isolate = self.serving[place];
        self.load(isolate, now);
        let due = self.isolates[isolate].pool.due(EPOCH + now);
        let (mut records, mut probes) = (Vec::new(), 0);
        for ticket in due.into_iter().take(PROBES) {
            let answer = world.probe(self.key(isolate, ticket), now);
            let verdict = verdict::judge(&answer.outcome(), EPOCH + now).filter(refuses_the_key);
            records.extend(self.isolates[isolate].pool.probed(ticket, verdict.as_ref(), EPOCH + now));
            probes += 1;
        }
        self.shared.note(records);
        self.jobs.push(Reverse((now + MINUTE, Job::Cron)));
        probes
    }

    /// The place in the scenario's list.
    fn key(&self, isolate: usize, ticket: Ticket) -> usize {
        let slot = self.isolates[isolate].pool.slot(ticket);
        slot.and_then(|s| s.id.strip_prefix('k')?.parse().ok()).expect("the pool picks keys that it was given")
    }

    fn ticket(&self, isolate: usize, key: usize) -> Ticket {
        self.isolates[isolate].pool.find(&key_id(key)).expect("no key is ever deleted").0
    }
}

/// As `upstream::probe` sees it.
fn refuses_the_key(verdict: &Verdict) -> bool {
    !matches!(verdict.class, Class::Caller | Class::RateLimited | Class::DayQuota)
}

/// How long a limit that a success says is used up stays so, as in src/proxy/answer.rs.
fn used_up_for(headers: &[(String, String)], now: u64) -> Option<u64> {
    let remaining =
        |(name, value): &(String, String)| reset::REMAINING.contains(&name.as_str()) && reset::is_zero(value);
    headers.iter().any(remaining).then(|| reset::used_up_ms(headers, EPOCH + now))?
}

/// Padded, so that the records' order is the keys'.
fn key_id(key: usize) -> String {
    format!("k{key:03}")
}

fn records(scenario: &Scenario) -> Vec<Record> {
    let providers = scenario.providers.iter().map(|name| {
        let preset = provider::preset(name).expect("scenarios name presets");
        Record::new(Kind::Provider, *name, &preset.provider(EPOCH), EPOCH)
    });
    let keys = scenario.accounts.iter().enumerate().map(|(at, account)| {
        let provider = scenario.providers[account.provider];
        let key = Key { weight: account.weight, ..Key::new(provider, &format!("sk-{at}"), String::new(), EPOCH) };
        Record::new(Kind::Key, key_id(at), &key, EPOCH)
    });
    providers.chain(keys).map(|record| record.expect("they have a JSON form")).collect()
}

impl Policy for Keypool {
    type Walk = Walk;

    fn begin(&mut self, isolate: usize, conversation: u64, now: u64) -> Walk {
        let want = Want {
            targets: self.targets.clone(),
            conversation: Some(conversation),
            standby_first: conversation % 100 < STANDBY_PERCENT,
            ..Want::default()
        };
        let failover = Failover::new(want, LIMITS, EPOCH + now);
        Walk { isolate: self.serving[isolate], failover, began: now }
    }

    fn next(&mut self, walk: &mut Walk, now: u64) -> Next {
        let pool = &mut self.isolates[walk.isolate].pool;
        match walk.failover.next(pool, EPOCH + now, &mut self.dice) {
            Step::Try(ticket, _) => {
                pool.started(ticket, MODEL, EPOCH + now);
                walk.began = now;
                Next::Try(self.key(walk.isolate, ticket))
            }
            Step::Wait(ms) => Next::Wait(ms),
            Step::GiveUp(end) => Next::GiveUp(format!("{} {}", end.status, end.code)),
        }
    }

    fn failed(&mut self, walk: &mut Walk, key: usize, answer: &Answer, now: u64) -> After {
        let ticket = self.ticket(walk.isolate, key);
        let pool = &mut self.isolates[walk.isolate].pool;
        pool.ended(ticket, EPOCH + now);
        let verdict = verdict::judge(&answer.outcome(), EPOCH + now).expect("it was no success");
        let failed = walk.failover.failed(pool, ticket, verdict, EPOCH + now, &mut self.dice);
        self.shared.note(failed.records);
        if failed.pass { After::Show } else { After::Again(failed.pause_ms) }
    }

    fn succeeded(&mut self, walk: &mut Walk, key: usize, answer: &Answer, now: u64) {
        let ticket = self.ticket(walk.isolate, key);
        let pool = &mut self.isolates[walk.isolate].pool;
        let records = pool.succeeded(ticket, MODEL, EPOCH + walk.began, EPOCH + now);
        if let Some(ms) = used_up_for(answer.headers(), now) {
            pool.used_up(ticket, MODEL, ms, EPOCH + now);
        }
        self.shared.note(records);
    }

    fn ended(&mut self, walk: &Walk, key: usize, now: u64) {
        let ticket = self.ticket(walk.isolate, key);
        self.isolates[walk.isolate].pool.ended(ticket, EPOCH + now);
    }

    fn due(&self) -> Option<u64> {
        self.jobs.peek().map(|Reverse((at, _))| *at)
    }

    fn background(&mut self, world: &mut World, now: u64) -> u64 {
        match self.jobs.pop() {
            Some(Reverse((_, Job::Refresh(place)))) => self.refresh(place, now),
            Some(Reverse((_, Job::Replace(place)))) => self.replace(place, now),
            Some(Reverse((_, Job::Cron))) => return self.cron(world, now),
            None => {}
        }
        0
    }
}

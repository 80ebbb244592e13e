//! The upstreams: what a call with a key gets, and how long it takes.

use super::{
    answer::{self, Answer, Dialect},
    chance::{happens, latency},
    fault::{Fault, Kind},
    limit::{Counted, Limit},
    scenario::{Account, Scenario},
};
use keypool::pool::dice::Dice;

/// The median time to the first byte of a healthy answer, and to the last one from there.
const FIRST_BYTE_MS: u64 = 400;
const BODY_MS: u64 = 2500;
/// The median of a refusal, which needs no model.
const REFUSAL_MS: u64 = 80;
/// The default of `first_byte_timeout_ms`: how long a caller waits for a head.
pub const PATIENCE_MS: u64 = 30_000;

pub struct World {
    accounts: Vec<Account>,
    limits: Vec<Option<Limit>>,
    faults: Vec<Fault>,
    dice: Dice,
}

/// What comes of a call, and when.
pub struct Reply {
    pub answer: Answer,
    /// Until the head, the error, or the caller's patience is over.
    pub after: u64,
    /// From there to the end of the body.
    pub body: u64,
}

impl World {
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            accounts: scenario.accounts.clone(),
            limits: scenario.accounts.iter().map(|account| account.limit(scenario.rested)).collect(),
            faults: scenario.faults.clone(),
            dice: Dice::seeded(scenario.seed ^ 0xA5A5),
        }
    }

    /// A completion with that key. `at` is in milliseconds after the start.
    pub fn call(&mut self, key: usize, at: u64) -> Reply {
        if let Some(kind) = self.fault(key, at) {
            return self.faulty(kind, key);
        }
        let account = &self.accounts[key];
        let told = match self.limits[key].as_mut().map(|limit| (limit.rpm(), limit.count(at))) {
            Some((rpm, Counted::Refused { free_in, full_in })) => {
                let answer = answer::limited(account.dialect, rpm, free_in, full_in);
                return self.after(answer, REFUSAL_MS);
            }
            Some((rpm, Counted::Taken { remaining, full_in })) if account.dialect == Dialect::Headers => {
                Some((rpm, remaining, full_in))
            }
            _ => None,
        };
        let body = latency(BODY_MS, &mut self.dice);
        Reply { body, ..self.after(answer::success(told), FIRST_BYTE_MS) }
    }

    /// `GET models` with that key: no limit counts it, and a broke account may still ask.
    pub fn probe(&mut self, key: usize, at: u64) -> Answer {
        match self.fault(key, at) {
            Some(kind @ (Kind::Revoked | Kind::Outage | Kind::ServerError | Kind::Hang | Kind::Reset)) => {
                self.faulty(kind, key).answer
            }
            Some(Kind::BareLimit | Kind::Broke | Kind::Forbidden | Kind::OutOfQuota(..)) | None => answer::models(),
        }
    }

    /// What strikes this call, the first in the scenario's order.
    fn fault(&mut self, key: usize, at: u64) -> Option<Kind> {
        let (faults, dice, provider) = (&self.faults, &mut self.dice, self.accounts[key].provider);
        faults.iter().find(|f| f.is_on(at, key, provider) && happens(f.per_10k, dice)).map(|f| f.kind)
    }

    fn faulty(&mut self, kind: Kind, key: usize) -> Reply {
        match kind {
            Kind::Hang => Reply { answer: Answer::NoHead, after: PATIENCE_MS, body: 0 },
            Kind::ServerError => self.server_error(FIRST_BYTE_MS),
            Kind::Reset => self.after(Answer::Unreachable, FIRST_BYTE_MS),
            Kind::Outage if happens(3000, &mut self.dice) => self.after(Answer::Unreachable, REFUSAL_MS),
            Kind::Outage => self.server_error(REFUSAL_MS),
            Kind::BareLimit => self.after(answer::bare_limit(), REFUSAL_MS),
            Kind::Revoked => self.after(answer::revoked(key), REFUSAL_MS),
            Kind::Broke => self.after(answer::broke(), REFUSAL_MS),
            Kind::Forbidden => self.after(answer::forbidden(), REFUSAL_MS),
            Kind::OutOfQuota(dialect, reset) => self.after(answer::limited(dialect, 60, reset, reset), REFUSAL_MS),
        }
    }

    fn server_error(&mut self, median: u64) -> Reply {
        let which = self.dice.roll();
        self.after(answer::server_error(which), median)
    }

    fn after(&mut self, answer: Answer, median: u64) -> Reply {
        Reply { answer, after: latency(median, &mut self.dice), body: 0 }
    }
}

//! A scenario: the accounts, what strikes them, and who asks for how long.

use super::{answer::Dialect, fault::Fault, limit::Limit, load::Load};

/// One upstream key.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its place in the scenario's providers.
    pub provider: usize,
    pub weight: u8,
    /// `None`: no limit that this scenario reaches.
    pub rpm: Option<u64>,
    /// How it tells that it is at its limit; `Headers` are a bucket, the others a window.
    pub dialect: Dialect,
}

impl Account {
    pub fn limit(&self, rested: bool) -> Option<Limit> {
        let paid = self.dialect == Dialect::Headers;
        self.rpm.map(|rpm| if paid { Limit::bucket(rpm, rested) } else { Limit::window(rpm) })
    }
}

#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: &'static str,
    pub title: &'static str,
    /// Presets of keypool; the first one is asked, the others are what it falls back to.
    pub providers: Vec<&'static str>,
    pub accounts: Vec<Account>,
    /// In the order in which they are looked at.
    pub faults: Vec<Fault>,
    pub load: Load,
    /// Buckets are full at the beginning; else they are empty.
    pub rested: bool,
    /// Milliseconds in which requests come.
    pub length: u64,
    pub seed: u64,
    /// When single keys are struck and nothing else is: (from, until).
    pub incidents: Vec<(u64, u64)>,
    /// When nothing works: (from, until).
    pub down: Option<(u64, u64)>,
    /// The key of the pool that has only one.
    pub single: usize,
}

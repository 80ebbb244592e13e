//! What is counted of one pool in one scenario.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Tally {
    pub requests: u64,
    /// Of each success, from the request to the first byte; sorted by `close`.
    pub latencies: Vec<u64>,
    /// Upstream calls for requests; probes apart.
    pub calls: u64,
    pub probes: u64,
    /// Failed upstream calls by class.
    pub wasted: BTreeMap<&'static str, u64>,
    /// What clients got instead of an answer.
    pub errors: BTreeMap<String, u64>,
    /// When the requests came that failed.
    pub failed_at: Vec<u64>,
    /// The first success after the time in which nothing works.
    pub back_at: Option<u64>,
    /// Requests that waited for a key, and for how long together.
    pub waits: u64,
    pub waited_ms: u64,
    /// While nothing works: calls and requests.
    pub down_calls: u64,
    pub down_requests: u64,
}

impl Tally {
    pub fn close(&mut self) {
        self.latencies.sort_unstable();
        self.failed_at.sort_unstable();
    }

    pub fn ok(&self) -> u64 {
        self.latencies.len() as u64
    }

    pub fn failed(&self) -> u64 {
        self.failed_at.len() as u64
    }

    pub fn wasted_calls(&self) -> u64 {
        self.wasted.values().sum()
    }

    /// The latency that so many percent of the successes do not exceed.
    pub fn percentile(&self, percent: usize) -> u64 {
        let place = (self.latencies.len() * percent).div_ceil(100).saturating_sub(1);
        self.latencies.get(place).copied().unwrap_or(0)
    }

    pub fn failed_within(&self, from: u64, until: u64) -> usize {
        self.failed_at.iter().filter(|at| (from..until).contains(at)).count()
    }
}

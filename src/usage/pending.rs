//! An isolate's counts that are not written down yet.

use super::{
    metric::{self, Metric, SLOTS},
    row::{Place, Row, Series, Table},
    sums::Sums,
    tail::Tokens,
};
use std::rc::Rc;

/// So many kinds of rows are enough for one entry of the journal; of more, the models are not told apart any more, as
/// a client may make names up.
pub const MOST: usize = 2000;

const MINUTE_MS: u64 = 60_000;
const SLOT_MS: u64 = 10_000;

/// When something was counted.
#[derive(Debug, Clone, Copy)]
pub struct Time {
    /// Unix milliseconds.
    pub now: u64,
    /// Days since 1970 by the time zone that is set.
    pub day: u64,
}

/// How a client request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Ok,
    /// With a status that is no success.
    Refused(u16),
    Broken,
    Gone,
}

/// A client request that is over.
pub struct Call<'a> {
    pub end: End,
    pub ms: u64,
    pub first_byte_ms: Option<u64>,
    /// `None` when nothing was used that tokens could tell.
    pub tokens: Option<&'a Tokens>,
    /// In billionths of a dollar; `None` when there is no price.
    pub cost: Option<u64>,
}

#[derive(Default)]
pub struct Pending {
    table: Table,
    /// What was sent to the storage, under its id, until it is known to have arrived.
    sent: Option<(String, Vec<Row>)>,
}

impl Pending {
    /// A try at an upstream; `failed` is the class of its failure.
    pub fn attempt(&mut self, series: &Series, failed: Option<&str>, ms: u64, time: Time) {
        let sums = self.at(series, time);
        sums.count(Metric::Attempts, 1);
        sums.count(Metric::LastUsed, time.now);
        match failed {
            None => {
                sums.count(Metric::AttemptsOk, 1);
                sums.count(Metric::AttemptMs, ms);
            }
            Some(class) => sums.count_at(metric::class(class), 1),
        }
    }

    pub fn call(&mut self, series: &Series, call: &Call, time: Time) {
        let sums = self.at(series, time);
        let slot = usize::try_from(time.now / SLOT_MS).unwrap_or(0) % SLOTS;
        sums.count(Metric::Requests, 1);
        sums.count_at(Metric::RequestSlot as usize + slot, 1);
        sums.count(end(call.end), 1);
        sums.count(Metric::Ms, call.ms);
        sums.time(Metric::Latency, call.ms);
        if let Some(ms) = call.first_byte_ms {
            sums.count(Metric::FirstByteMs, ms);
            sums.time(Metric::FirstByte, ms);
        }
        if let Some(tokens) = call.tokens {
            count_tokens(sums, tokens, slot);
            if matches!(call.end, End::Broken | End::Gone) {
                sums.count(Metric::Partial, 1);
            }
            match call.cost {
                Some(cost) => sums.count(Metric::Cost, cost),
                None => sums.count(Metric::Unpriced, 1),
            }
        }
    }

    /// A client key with limits was let in.
    pub fn admitted(&mut self, client: &Rc<str>, time: Time) {
        let mut series = Series::default();
        let [.., of] = &mut series.0;
        *of = client.clone();
        self.at(&series, time).count(Metric::Admitted, 1);
    }

    /// Something was sent, and nobody knows yet whether it arrived.
    pub const fn is_sending(&self) -> bool {
        self.sent.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty() && self.sent.is_none()
    }

    /// It should not wait much longer.
    pub fn is_large(&self) -> bool {
        self.table.len() >= MOST / 2
    }

    /// What to write next, and under which id: first again what may not have arrived, under its old one. `id` is for
    /// what is new.
    pub fn send(&mut self, id: impl FnOnce() -> String) -> Option<(String, Vec<Row>)> {
        if self.sent.is_none() && !self.table.is_empty() {
            self.sent = Some((id(), self.table.take()));
        }
        self.sent.clone()
    }

    /// It is in storage.
    pub fn arrived(&mut self, id: &str) {
        self.sent.take_if(|(sent, _)| sent == id);
    }

    fn at(&mut self, series: &Series, time: Time) -> &mut Sums {
        let mut place = Place { at: time.now / MINUTE_MS, day: time.day, series: series.clone() };
        if self.table.len() >= MOST && !self.table.holds(&place) {
            let [provider, key, _, client] = series.0.clone();
            place.series = Series([provider, key, Rc::from("*"), client]);
        }
        self.table.at(place)
    }
}

impl End {
    /// For the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "complete",
            Self::Refused(_) => "refused",
            Self::Broken => "broken",
            Self::Gone => "client_gone",
        }
    }
}

const fn end(end: End) -> Metric {
    match end {
        End::Ok => Metric::Ok,
        End::Refused(429) => Metric::Limited,
        End::Refused(500..) => Metric::Failed,
        End::Refused(_) => Metric::Caller,
        End::Broken => Metric::Broken,
        End::Gone => Metric::Gone,
    }
}

fn count_tokens(sums: &mut Sums, tokens: &Tokens, slot: usize) {
    sums.count(Metric::In, tokens.prompt);
    sums.count(Metric::Out, tokens.completion);
    sums.count(Metric::Cached, tokens.cached);
    sums.count(Metric::Reasoning, tokens.reasoning);
    sums.count_at(Metric::TokenSlot as usize + slot, tokens.prompt + tokens.completion);
    if tokens.estimated {
        sums.count(Metric::Estimated, 1);
        sums.count(Metric::EstimatedIn, tokens.prompt);
        sums.count(Metric::EstimatedOut, tokens.completion);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Time = Time { now: 1_700_000_012_345, day: 19_675 };

    fn series(model: &str) -> Series {
        Series(["p", "k", model, "c"].map(Rc::from))
    }

    fn call(end: End, tokens: Option<&Tokens>) -> Call<'_> {
        Call { end, ms: 900, first_byte_ms: Some(100), tokens, cost: Some(7) }
    }

    #[test]
    fn requests_and_attempts_are_counted_apart() {
        let mut pending = Pending::default();
        let tokens = Tokens { prompt: 5, completion: 7, cached: 2, reasoning: 3, estimated: true };
        pending.attempt(&series("m"), Some("key_dead"), 40, TIME);
        pending.attempt(&series("m"), None, 60, TIME);
        pending.call(&series("m"), &call(End::Ok, Some(&tokens)), TIME);
        let (_, rows) = pending.send(|| "1".into()).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].place.at, rows[0].place.day), (28_333_333, 19_675));
        let expected = [
            (Metric::Attempts, 2),
            (Metric::AttemptsOk, 1),
            (Metric::AttemptMs, 60),
            (Metric::LastUsed, TIME.now),
            (Metric::Requests, 1),
            (Metric::Ok, 1),
            (Metric::Ms, 900),
            (Metric::FirstByteMs, 100),
            (Metric::In, 5),
            (Metric::Out, 7),
            (Metric::Cached, 2),
            (Metric::Reasoning, 3),
            (Metric::Estimated, 1),
            (Metric::EstimatedIn, 5),
            (Metric::EstimatedOut, 7),
            (Metric::Cost, 7),
            (Metric::Unpriced, 0),
            (Metric::Partial, 0),
        ];
        for (metric, amount) in expected {
            assert_eq!(rows[0].of(metric), amount, "{metric:?}");
        }
        // 32 seconds after the minute began.
        let slot = |first: Metric| rows[0].sums.at(first as usize + 3);
        assert_eq!((slot(Metric::RequestSlot), slot(Metric::TokenSlot)), (1, 12));
        assert_eq!(rows[0].sums.at(metric::class("key_dead")), 1);
    }

    #[test]
    fn every_end_is_counted_as_one_thing() {
        let ends = [
            (End::Ok, Metric::Ok),
            (End::Refused(400), Metric::Caller),
            (End::Refused(429), Metric::Limited),
            (End::Refused(503), Metric::Failed),
            (End::Broken, Metric::Broken),
            (End::Gone, Metric::Gone),
        ];
        for (end, metric) in ends {
            let mut pending = Pending::default();
            pending.call(&series("m"), &call(end, None), TIME);
            let (_, rows) = pending.send(|| "1".into()).unwrap();
            let told = ends.map(|(_, metric)| rows[0].of(metric));
            assert_eq!((rows[0].of(metric), told.iter().sum::<u64>()), (1, 1), "{end:?}");
        }
    }

    #[test]
    fn what_may_not_have_arrived_is_sent_again_under_its_id() {
        let mut pending = Pending::default();
        pending.attempt(&series("m"), None, 1, TIME);
        let first = pending.send(|| "1".into());
        pending.attempt(&series("m"), None, 1, TIME);
        assert_eq!(pending.send(|| "2".into()), first);
        pending.arrived("another");
        assert_eq!(pending.send(|| "2".into()), first);
        pending.arrived("1");
        let (id, rows) = pending.send(|| "2".into()).unwrap();
        assert_eq!((id.as_str(), rows[0].of(Metric::Attempts)), ("2", 1));
        pending.arrived("2");
        assert!(pending.is_empty());
    }

    #[test]
    fn made_up_models_do_not_grow_without_end() {
        let mut pending = Pending::default();
        (0..MOST + 500).for_each(|i| pending.attempt(&series(&format!("m{i}")), None, 1, TIME));
        pending.attempt(&series("m0"), None, 1, TIME);
        let (_, rows) = pending.send(|| "1".into()).unwrap();
        assert_eq!(rows.len(), MOST + 1);
        assert_eq!(rows.iter().map(|r| r.of(Metric::Attempts)).sum::<u64>(), MOST as u64 + 501);
    }
}

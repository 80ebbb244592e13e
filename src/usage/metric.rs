//! What is counted: a closed list. A name is stored; it never changes, names are only added.

/// How many metrics there are.
pub const COUNT: usize = NAMES.len();

/// Sorted, so that a stored name is found quickly; `Metric` gives their places.
#[rustfmt::skip]
pub const NAMES: [&str; 84] = [
    "$", "a", "am", "ao", "c4", "c5", "c9", "cb", "cg", "ei", "eo", "es", "f0", "f1", "f2", "f3", "f4", "f5", "f6",
    "f7", "f8", "f9", "fa", "fb", "fc", "fd", "fe", "ff", "fm", "l0", "l1", "l2", "l3", "l4", "l5", "l6", "l7", "l8",
    "l9", "la", "lb", "lc", "ld", "le", "lf", "ms", "n", "np", "o", "pt", "s0", "s1", "s2", "s3", "s4", "s5", "t0",
    "t1", "t2", "t3", "t4", "t5", "tc", "ti", "to", "tr", "u", "v", "xbroken_stream", "xcaller", "xclient_gone",
    "xday_quota", "xempty", "xforbidden", "xip_throttle", "xkey_broke", "xkey_dead", "xkey_lacks_model", "xmanual",
    "xmodel_busy", "xrate_limited", "xtimeout", "xtransient", "xunknown",
];

/// A client request and an upstream attempt are counted apart; whatever is not said to be of attempts is of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Money, in billionths of a dollar.
    Cost = 0,
    Attempts = 1,
    /// How long the attempts that went well took, in milliseconds.
    AttemptMs = 2,
    AttemptsOk = 3,
    /// Refused as the caller's mistake: a status of 4xx but 429.
    Caller = 4,
    /// Ended with a status of 5xx.
    Failed = 5,
    /// Refused with 429.
    Limited = 6,
    /// The answer broke off after it began.
    Broken = 7,
    /// The client left before the end.
    Gone = 8,
    /// Of the tokens, what was estimated.
    EstimatedIn = 9,
    EstimatedOut = 10,
    /// Requests whose tokens were estimated.
    Estimated = 11,
    /// The first of 16 buckets, see `BOUNDS_MS`: time to the first byte.
    FirstByte = 12,
    FirstByteMs = 28,
    /// The first of 16 buckets: time to the end.
    Latency = 29,
    Ms = 45,
    Requests = 46,
    /// Used tokens that have no price.
    Unpriced = 47,
    Ok = 48,
    /// Of a request that was cut short, tokens were counted.
    Partial = 49,
    /// The first of six: requests by the 10 seconds of the minute in which they ended.
    RequestSlot = 50,
    /// The first of six: tokens, alike.
    TokenSlot = 56,
    Cached = 62,
    In = 63,
    Out = 64,
    Reasoning = 65,
    /// Unix milliseconds. The greatest holds; all others are sums.
    LastUsed = 66,
    /// Calls of client keys with limits that were let in, counted then and by nothing but the client key.
    Admitted = 67,
    /// The first of the failed attempts' classes.
    Class = 68,
}

/// How many seconds' slots a minute has.
pub const SLOTS: usize = 6;

/// The upper ends of a histogram's buckets, in milliseconds; the last bucket has none.
pub const BOUNDS_MS: [u64; 15] =
    [25, 50, 100, 200, 400, 800, 1500, 3000, 5000, 8000, 12_000, 20_000, 40_000, 90_000, 180_000];

/// How many buckets a histogram has.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// The bucket that a duration falls into.
pub fn bucket(ms: u64) -> usize {
    BOUNDS_MS.partition_point(|bound| *bound < ms)
}

/// The place of a stored name.
pub fn place(name: &str) -> Option<usize> {
    NAMES.binary_search(&name).ok()
}

/// The place of a failure's class by its name.
pub fn class(name: &str) -> usize {
    let classes = NAMES.iter().enumerate().skip(Metric::Class as usize);
    let known = classes.into_iter().find(|(_, metric)| metric.strip_prefix('x') == Some(name));
    known.map_or(UNKNOWN, |(place, _)| place)
}

/// A class that this list does not know.
const UNKNOWN: usize = COUNT - 1;

/// The failed attempts' classes by name, with their places.
pub fn classes() -> impl Iterator<Item = (usize, &'static str)> {
    NAMES.iter().enumerate().filter_map(|(place, metric)| Some((place, metric.strip_prefix('x')?)))
}

/// Only minutes hold it.
pub const fn is_slot(place: usize) -> bool {
    place >= Metric::RequestSlot as usize && place < Metric::TokenSlot as usize + SLOTS
}

#[cfg(test)]
mod tests {
    use super::{Metric::*, *};

    #[test]
    fn every_metric_stands_at_the_place_of_its_name() {
        assert!(NAMES.is_sorted());
        let named = [
            (Cost, "$"),
            (Attempts, "a"),
            (AttemptMs, "am"),
            (AttemptsOk, "ao"),
            (Caller, "c4"),
            (Failed, "c5"),
            (Limited, "c9"),
            (Broken, "cb"),
            (Gone, "cg"),
            (EstimatedIn, "ei"),
            (EstimatedOut, "eo"),
            (Estimated, "es"),
            (FirstByte, "f0"),
            (FirstByteMs, "fm"),
            (Latency, "l0"),
            (Ms, "ms"),
            (Requests, "n"),
            (Unpriced, "np"),
            (Ok, "o"),
            (Partial, "pt"),
            (RequestSlot, "s0"),
            (TokenSlot, "t0"),
            (Cached, "tc"),
            (In, "ti"),
            (Out, "to"),
            (Reasoning, "tr"),
            (LastUsed, "u"),
            (Admitted, "v"),
            (Class, "xbroken_stream"),
        ];
        for (metric, name) in named {
            assert_eq!(place(name), Some(metric as usize), "{name}");
        }
        assert_eq!(NAMES[UNKNOWN], "xunknown");
        assert_eq!(class("key_dead"), place("xkey_dead").unwrap());
        assert_eq!(class("never heard of"), UNKNOWN);
    }

    #[test]
    fn a_duration_falls_into_the_bucket_whose_end_it_does_not_pass() {
        assert_eq!([0, 25, 26, 180_000, 180_001].map(bucket), [0, 0, 1, 14, 15]);
        assert_eq!(place("ff"), Some(FirstByte as usize + BUCKETS - 1));
        assert_eq!(place("lf"), Some(Latency as usize + BUCKETS - 1));
    }

    #[test]
    fn slots_are_two_letters_by_which_sql_knows_them() {
        let slots = NAMES.iter().enumerate().filter(|(place, _)| is_slot(*place));
        assert!(slots.clone().all(|(_, name)| name.len() == 2 && name.ends_with(|c: char| c.is_ascii_digit())));
        assert_eq!(slots.count(), 2 * SLOTS);
    }
}

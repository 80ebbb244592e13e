//! What was counted of something: one number a metric. Sums only ever add up, so it does not matter in which order
//! isolates write them down.

use super::metric::{self, BUCKETS, Metric};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums(Box<[u64; metric::COUNT]>);

impl Default for Sums {
    fn default() -> Self {
        Self(Box::new([0; metric::COUNT]))
    }
}

impl Sums {
    pub fn of(&self, metric: Metric) -> u64 {
        self.at(metric as usize)
    }

    /// By the metric's place in the list.
    pub fn at(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or(0)
    }

    pub fn count(&mut self, metric: Metric, amount: u64) {
        self.count_at(metric as usize, amount);
    }

    /// By the metric's place in the list.
    pub fn count_at(&mut self, place: usize, amount: u64) {
        if let Some(sum) = self.0.get_mut(place) {
            *sum = if place == Metric::LastUsed as usize { (*sum).max(amount) } else { sum.saturating_add(amount) };
        }
    }

    /// A duration of the histogram that begins at `first`.
    pub fn time(&mut self, first: Metric, ms: u64) {
        self.count_at(first as usize + metric::bucket(ms), 1);
    }

    pub fn add(&mut self, other: &Self) {
        other.all().for_each(|(place, amount)| self.count_at(place, amount));
    }

    /// All but the slots of 10 seconds.
    pub fn add_lasting(&mut self, other: &Self) {
        let lasting = other.all().filter(|(place, _)| !metric::is_slot(*place));
        lasting.for_each(|(place, amount)| self.count_at(place, amount));
    }

    /// Those that are not 0, by place.
    pub fn all(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().copied().enumerate().filter(|(_, amount)| *amount > 0)
    }

    /// There is more in it than that a client key with limits was let in: something that is of a provider, too.
    pub fn is_told(&self) -> bool {
        self.all().any(|(place, _)| place != Metric::Admitted as usize)
    }

    /// Where the fraction `part` of a histogram's durations, in per mille, is not exceeded: an estimate in
    /// milliseconds, even within a bucket; `None` when nothing was timed.
    pub fn quantile(&self, first: Metric, per_mille: u64) -> Option<u64> {
        let bucket = |index: usize| self.at(first as usize + index);
        let total: u64 = (0..BUCKETS).map(bucket).sum();
        // The duration that as many are below of.
        let mut rank = (total * per_mille).div_ceil(1000).max(1);
        for index in 0..BUCKETS {
            let held = bucket(index);
            if rank <= held {
                let low = index.checked_sub(1).and_then(|i| metric::BOUNDS_MS.get(i)).copied().unwrap_or(0);
                let high = metric::BOUNDS_MS.get(index).copied().unwrap_or(low);
                return Some(low + (high - low) * rank / held);
            }
            rank -= held;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_add_up_but_the_last_use_is_the_latest() {
        let mut one = Sums::default();
        one.count(Metric::Ok, 1);
        one.count(Metric::LastUsed, 20);
        let mut other = Sums::default();
        other.count(Metric::Ok, 2);
        other.count(Metric::LastUsed, 10);
        one.add(&other);
        other.count(Metric::RequestSlot, 1);
        one.add_lasting(&other);
        assert_eq!((one.of(Metric::Ok), one.of(Metric::LastUsed), one.of(Metric::RequestSlot)), (5, 20, 0));
    }

    #[test]
    fn a_quantile_lies_in_the_bucket_where_so_many_are_reached() {
        let mut sums = Sums::default();
        assert_eq!(sums.quantile(Metric::Latency, 500), None);
        (0..90).for_each(|_| sums.time(Metric::Latency, 30));
        (0..10).for_each(|_| sums.time(Metric::Latency, 600));
        let [half, most, all] = [500, 950, 1000].map(|p| sums.quantile(Metric::Latency, p).unwrap());
        assert!((25..=50).contains(&half) && (400..800).contains(&most) && all == 800, "{half} {most} {all}");
    }
}

//! Slows down guessing of the admin password: after ten wrong ones an address waits, and after very many everybody does.
//! Counted in this isolate, and in the storage for all of them, by fixed windows of time of which the last two hold.

const WINDOW_MS: u64 = 15 * 60_000;
const FREE_TRIES: u64 = 10;
/// After so many wrong tries of all addresses, one is all that each of them has. So a flood keeps nobody out who types
/// the right password at once, and a botnet with an address for each try gets no further than to the next limit.
const MANY: u64 = 100;
/// After so many, everybody waits.
const TOO_MANY: u64 = 1000;
/// As a rate limiter counts by the minute and does not say how long to wait.
pub const LIMITER_MS: u64 = 60_000;

/// Wrong tries in one window: of an address, and of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wrong {
    pub here: u64,
    pub all: u64,
}

/// In this window, and in the one before it.
pub type Seen = [Wrong; 2];

/// The number of the window.
pub const fn window(now: u64) -> u64 {
    now / WINDOW_MS
}

#[derive(Default)]
pub struct Throttle {
    /// Window, address, wrong tries. No more than `TOO_MANY` in a window.
    wrong: Vec<(u64, String, u64)>,
    /// What the storage does not know of yet.
    unsaved: Vec<(String, u64)>,
    /// It must know of the last one: a limit was reached.
    is_due: bool,
    /// Refused tries since the window of all addresses began, which was when, and those of which the audit log does not
    /// tell yet.
    refused: u64,
    since: u64,
    untold: u64,
}

impl Throttle {
    /// How long `address` must wait before its next try, with what the storage has `stored` of it; `None` = it may try now.
    pub fn wait_ms(&self, address: &str, stored: Seen, now: u64) -> Option<u64> {
        let [current, before] = stored;
        let [current, before] = [(0, current), (1, before)].map(|(ago, stored)| {
            let own = self.seen(address, window(now).wrapping_sub(ago));
            Wrong { here: own.here.max(stored.here), all: own.all.max(stored.all) }
        });
        let ends = WINDOW_MS - now % WINDOW_MS;
        let both = Wrong { here: current.here + before.here, all: current.all + before.all };
        is_full(both).then(|| if is_full(current) { ends + WINDOW_MS } else { ends })
    }

    fn seen(&self, address: &str, window: u64) -> Wrong {
        let mut seen = Wrong::default();
        for (_, from, count) in self.wrong.iter().filter(|(at, ..)| *at == window) {
            seen.all += count;
            seen.here += if from == address { *count } else { 0 };
        }
        seen
    }

    pub fn wrong(&mut self, address: &str, now: u64) {
        let window = window(now);
        self.wrong.retain(|(at, ..)| *at + 1 >= window);
        match self.wrong.iter_mut().find(|(at, known, _)| *at == window && known == address) {
            Some((.., count)) => *count += 1,
            None => self.wrong.push((window, address.into(), 1)),
        }
        match self.unsaved.iter_mut().find(|(known, _)| known == address) {
            Some((_, count)) => *count += 1,
            None => self.unsaved.push((address.into(), 1)),
        }
        let Wrong { here, all } = self.seen(address, window);
        self.is_due |= here == FREE_TRIES || all == MANY || all == TOO_MANY;
    }

    /// What the storage is to add. Where writes are dear that is a few tries at a time, and the more the more there are.
    pub fn to_store(&mut self, is_dear: bool, now: u64) -> Option<Vec<(String, u64)>> {
        let unsaved: u64 = self.unsaved.iter().map(|(_, count)| count).sum();
        let enough = (self.seen("", window(now)).all / 2).max(FREE_TRIES / 2);
        let is_due = unsaved > 0 && (!is_dear || std::mem::take(&mut self.is_due) || unsaved >= enough);
        is_due.then(|| std::mem::take(&mut self.unsaved))
    }

    /// They could not be stored: the next ones go with them.
    pub fn not_stored(&mut self, mut tries: Vec<(String, u64)>) {
        self.unsaved.append(&mut tries);
    }

    /// A try was refused. Answers how many the audit log is to be told of now: after the first, the tenth, the hundredth
    /// in a window and so on, so that a flood is a few entries.
    pub fn to_tell(&mut self, now: u64) -> Option<u64> {
        if self.since + WINDOW_MS <= now {
            (self.refused, self.since) = (0, now);
        }
        self.refused += 1;
        self.untold += 1;
        let mut step = self.refused;
        while step.is_multiple_of(10) {
            step /= 10;
        }
        (step == 1).then(|| self.rest()).flatten()
    }

    /// How many the audit log was not told of; it is now.
    pub fn rest(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.untold)).filter(|count| *count > 0)
    }

    /// It could not be written.
    pub const fn not_told(&mut self, count: u64) {
        self.untold += count;
    }

    pub fn right(&mut self, address: &str) {
        self.wrong.retain(|(_, known, _)| known != address);
        self.unsaved.retain(|(known, _)| known != address);
    }
}

const fn is_full(wrong: Wrong) -> bool {
    wrong.here >= FREE_TRIES || (wrong.all >= MANY && wrong.here > 0) || wrong.all >= TOO_MANY
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Seen = [Wrong { here: 0, all: 0 }; 2];

    fn after(tries: u64, from: impl Fn(u64) -> String, now: u64) -> Throttle {
        let mut throttle = Throttle::default();
        (0..tries).for_each(|n| throttle.wrong(&from(n), now));
        throttle
    }

    #[test]
    fn ten_wrong_passwords_make_an_address_wait_and_no_other() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            assert_eq!(throttle.wait_ms("1.2.3.4", NONE, 0), None);
            throttle.wrong("1.2.3.4", 0);
        }
        assert_eq!(throttle.wait_ms("1.2.3.4", NONE, 1000), Some(2 * WINDOW_MS - 1000));
        assert_eq!(throttle.wait_ms("5.6.7.8", NONE, 1000), None);
        assert_eq!(throttle.wait_ms("1.2.3.4", NONE, WINDOW_MS + 1), Some(WINDOW_MS - 1));
        assert_eq!(throttle.wait_ms("1.2.3.4", NONE, 2 * WINDOW_MS), None);
    }

    #[test]
    fn the_end_of_a_window_gives_no_tries_back() {
        let mut throttle = after(6, |_| "a".into(), WINDOW_MS - 1);
        (0..4).for_each(|_| throttle.wrong("a", WINDOW_MS));
        assert_eq!(throttle.wait_ms("a", NONE, WINDOW_MS), Some(WINDOW_MS));
        assert_eq!(throttle.wait_ms("a", NONE, 2 * WINDOW_MS), None);
    }

    #[test]
    fn what_other_isolates_have_seen_counts() {
        let throttle = after(3, |_| "a".into(), 0);
        let stored = |here, all| [Wrong { here, all }, Wrong::default()];
        assert_eq!(throttle.wait_ms("a", stored(9, 9), 0), None);
        assert_eq!(throttle.wait_ms("a", stored(10, 10), 0), Some(2 * WINDOW_MS));
        assert_eq!(
            Throttle::default().wait_ms("a", [Wrong::default(), Wrong { here: 10, all: 10 }], 0),
            Some(WINDOW_MS)
        );
    }

    #[test]
    fn a_flood_from_many_addresses_leaves_one_try_to_each_and_then_none() {
        let from = |n: u64| n.to_string();
        assert_eq!(after(99, from, 0).wait_ms("5", NONE, 0), None);
        let throttle = after(100, from, 0);
        assert!(throttle.wait_ms("5", NONE, 0).is_some());
        assert_eq!(throttle.wait_ms("of an admin", NONE, 0), None);
        assert!(after(1000, from, 0).wait_ms("of an admin", NONE, 0).is_some());
    }

    #[test]
    fn each_try_is_stored_once_and_a_flood_in_few_writes_where_they_are_dear() {
        let mut throttle = Throttle::default();
        let mut told = [Vec::new(), Vec::new()];
        for _ in 0..1000 {
            throttle.wrong("a", 0);
            told[0].extend(throttle.to_store(true, 0));
        }
        let sum = |told: &[Vec<(String, u64)>]| told.iter().flatten().map(|(_, count)| count).sum::<u64>();
        assert!(told[0].len() < 15 && sum(&told[0]) == 1000, "{:?}", told[0]);
        throttle = Throttle::default();
        for n in 0..20 {
            throttle.wrong(&(n % 2).to_string(), 0);
            told[1].extend(throttle.to_store(false, 0));
        }
        assert_eq!((told[1].len(), sum(&told[1])), (20, 20));
        assert_eq!(throttle.to_store(false, 0), None);
    }

    #[test]
    fn a_flood_of_wrong_passwords_is_told_of_in_a_few_sums() {
        let mut throttle = Throttle::default();
        let told: Vec<u64> = (0..1234).filter_map(|_| throttle.to_tell(WINDOW_MS)).collect();
        assert_eq!(told, [1, 9, 90, 900]);
        assert_eq!((throttle.rest(), throttle.rest()), (Some(234), None));
        assert_eq!(throttle.to_tell(WINDOW_MS), None);
        assert_eq!(throttle.to_tell(2 * WINDOW_MS), Some(2));
        throttle.not_told(2);
        assert_eq!(throttle.rest(), Some(2));
    }

    #[test]
    fn the_right_password_clears_the_count() {
        let mut throttle = after(9, |_| "a".into(), 0);
        throttle.right("a");
        throttle.wrong("a", 0);
        assert_eq!(throttle.wait_ms("a", NONE, 0), None);
    }
}

//! Slows down guessing of the admin password: after ten wrong ones an address waits. Counted in each isolate.

const FREE_TRIES: u32 = 10;
const WINDOW_MS: u64 = 15 * 60_000;
/// More addresses than this are not told apart; they share one count.
const ADDRESSES: usize = 1000;

#[derive(Default)]
pub struct Throttle {
    /// Address, wrong tries, and when the first of them was, in Unix milliseconds.
    wrong: Vec<(String, u32, u64)>,
    /// Refused tries since the window of all addresses began, which was when, and those of which the audit log does not
    /// tell yet.
    refused: u64,
    since: u64,
    untold: u64,
}

impl Throttle {
    /// How long `address` must wait before its next try; `None` = it may try now.
    pub fn wait_ms(&self, address: &str, now: u64) -> Option<u64> {
        let of = |name: &str| self.wrong.iter().find(|(known, ..)| known == name);
        let (_, count, since) = of(address).or_else(|| of(""))?;
        let ends = since + WINDOW_MS;
        (*count >= FREE_TRIES && now < ends).then(|| ends - now)
    }

    pub fn wrong(&mut self, address: &str, now: u64) {
        self.wrong.retain(|(_, _, since)| *since + WINDOW_MS > now);
        let name = if self.wrong.len() < ADDRESSES { address } else { "" };
        match self.wrong.iter_mut().find(|(known, ..)| known == name) {
            Some((_, count, _)) => *count += 1,
            None => self.wrong.push((name.into(), 1, now)),
        }
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
        self.wrong.retain(|(known, ..)| known != address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_passwords_make_an_address_wait_and_no_other() {
        let mut throttle = Throttle::default();
        for _ in 0..10 {
            assert_eq!(throttle.wait_ms("1.2.3.4", 0), None);
            throttle.wrong("1.2.3.4", 0);
        }
        assert_eq!(throttle.wait_ms("1.2.3.4", 1000), Some(WINDOW_MS - 1000));
        assert_eq!(throttle.wait_ms("5.6.7.8", 1000), None);
        assert_eq!(throttle.wait_ms("1.2.3.4", WINDOW_MS), None);
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
        let mut throttle = Throttle::default();
        (0..9).for_each(|_| throttle.wrong("a", 0));
        throttle.right("a");
        throttle.wrong("a", 0);
        assert_eq!(throttle.wait_ms("a", 0), None);
    }
}

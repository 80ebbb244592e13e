//! Slows down guessing of the admin password: after ten wrong ones an address waits. Counted in each isolate.

const FREE_TRIES: u32 = 10;
const WINDOW_MS: u64 = 15 * 60_000;
/// More addresses than this are not told apart; they share one count.
const ADDRESSES: usize = 1000;

#[derive(Default)]
pub struct Throttle {
    /// Address, wrong tries, and when the first of them was, in Unix milliseconds.
    wrong: Vec<(String, u32, u64)>,
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
    fn the_right_password_clears_the_count() {
        let mut throttle = Throttle::default();
        (0..9).for_each(|_| throttle.wrong("a", 0));
        throttle.right("a");
        throttle.wrong("a", 0);
        assert_eq!(throttle.wait_ms("a", 0), None);
    }
}

//! Seeded chance without floating point: the same on every machine.

use keypool::pool::dice::Dice;

/// -ln(1/2 + i/64) in millionths, for i = 0 to 32.
const MINUS_LN: [u64; 33] = [
    693_147, 662_376, 632_523, 603_535, 575_364, 547_965, 521_297, 495_321, 470_004, 445_311, 421_213, 397_683,
    374_693, 352_221, 330_242, 308_735, 287_682, 267_063, 246_860, 227_057, 207_639, 188_591, 169_899, 151_550,
    133_531, 115_832, 98_440, 81_346, 64_539, 48_009, 31_749, 15_748, 0,
];
const LN_2: u64 = 693_147;

/// A log-normal distribution with sigma 0.5, cut at both ends: (share in ten thousandths, thousandths of the median).
const SPREAD: [(u64, u64); 10] = [
    (0, 300),
    (1000, 527),
    (2500, 714),
    (5000, 1000),
    (7500, 1401),
    (9000, 1898),
    (9500, 2276),
    (9900, 3200),
    (9990, 4690),
    (10_000, 8000),
];

/// True in so many of ten thousand cases.
pub fn happens(per_10k: u64, dice: &mut Dice) -> bool {
    // A sure thing needs no dice, so that it does not shift the luck of what follows.
    per_10k > 0 && (per_10k >= 10_000 || dice.below(10_000) < per_10k)
}

/// From an exponential distribution with this mean: the gaps of a Poisson process.
pub fn exponential(mean: u64, dice: &mut Dice) -> u64 {
    let roll = dice.roll() | 1;
    let halvings = u64::from(roll.leading_zeros());
    let scaled = roll << halvings;
    // The five bits below the leading one choose the interval, the next ten the point in it.
    let (place, part) = ((scaled >> 58) & 31, (scaled >> 48) & 1023);
    let at = |place: u64| usize::try_from(place).map_or(0, |p| MINUS_LN[p]);
    let (from, to) = (at(place), at(place + 1));
    let millionths = halvings * LN_2 + from - (from - to) * part / 1024;
    mean * millionths / 1_000_000
}

/// A latency with this median.
pub fn latency(median: u64, dice: &mut Dice) -> u64 {
    let share = dice.below(10_000);
    let pair = SPREAD.windows(2).find(|pair| share < pair[1].0).unwrap_or(&SPREAD[8..]);
    let ((low, from), (high, to)) = (pair[0], pair[1]);
    median * (from + (to - from) * (share - low) / (high - low)) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_have_their_mean_and_latencies_their_median() {
        let mut dice = Dice::seeded(1);
        let sum: u64 = (0..100_000).map(|_| exponential(1000, &mut dice)).sum();
        assert!((990..1010).contains(&(sum / 100_000)), "{sum}");
        let slow = (0..100_000).filter(|_| latency(400, &mut dice) > 400).count();
        assert!((49_000..51_000).contains(&slow), "{slow}");
    }
}

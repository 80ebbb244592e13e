//! A whole number of small units as a number with decimals.

/// `amount` of units of which 10^`digits` make one, as in `0.025`: exact, with all of its `digits` decimals.
pub fn decimal(amount: u64, digits: u32) -> String {
    let one = 10_u64.pow(digits);
    format!("{}.{:0width$}", amount / one, amount % one, width = digits as usize)
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn all_decimals_are_there() {
        for (amount, digits, expected) in [
            (0, 3, "0.000"),
            (25, 3, "0.025"),
            (180_000, 3, "180.000"),
            (1_234_567, 6, "1.234567"),
            (u64::MAX, 9, "18446744073.709551615"),
        ] {
            assert_eq!(decimal(amount, digits), expected);
        }
    }
}

//! Numbers as people read them, made from whole numbers only.

/// `part` of `whole` in percent with three decimals, cut and not rounded: 100 % is said only of all.
pub fn percent(part: u64, whole: u64) -> String {
    if part == whole {
        return "100 %".into();
    }
    let thousandths = part * 100_000 / whole.max(1);
    format!("{}.{:03} %", thousandths / 1000, thousandths % 1000)
}

/// `part` / `whole` with three decimals, rounded.
pub fn ratio(part: u64, whole: u64) -> String {
    let thousandths = (part * 2000 + whole) / (whole * 2).max(1);
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}

pub fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1000, ms % 1000 / 100)
}

/// 52019 as 52,019.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_all_is_never_called_100_percent() {
        assert_eq!(percent(999_999_999, 1_000_000_000), "99.999 %");
        assert_eq!(percent(7, 7), "100 %");
        assert_eq!((ratio(1030, 1000), ratio(2, 3)), ("1.030".into(), "0.667".into()));
        assert_eq!((grouped(999), grouped(1_052_019)), ("999".into(), "1,052,019".into()));
    }
}

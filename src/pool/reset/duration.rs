//! Lengths of time as providers write them: `6m0s`, `120ms`, `1h2m3.5s`, `30 seconds`, `5.289`.
//! All arithmetic is checked integer arithmetic: a silly number is absent, never a panic or an overflow.

/// A decimal number of units of `unit_ms` milliseconds each, in milliseconds rounded up.
/// Signs, exponents, `NaN` and what does not fit are `None`.
pub fn decimal(text: &str, unit_ms: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let fraction = fraction.get(..9).unwrap_or(fraction);
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let part_ms = part.checked_mul(unit_ms)?.div_ceil(scale);
    whole.checked_mul(unit_ms)?.checked_add(part_ms)
}

/// A duration at the start of `text` (after blanks) in milliseconds, and what follows it.
/// Every number needs a unit; the first number without one ends the duration.
pub fn written(text: &str) -> Option<(u64, &str)> {
    let (mut total, mut rest) = one(text)?;
    while let Some((ms, after)) = one(rest) {
        total = total.checked_add(ms)?;
        rest = after;
    }
    Some((total, rest))
}

fn one(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start();
    let (number, rest) = split_where(text, |c| !c.is_ascii_digit() && c != '.');
    let (unit, after) = split_where(rest.trim_start(), |c| !c.is_ascii_alphabetic() && c != 'µ');
    if unit.eq_ignore_ascii_case("us") || unit == "µs" || unit.eq_ignore_ascii_case("ns") {
        return Some((decimal(number, 1)?.div_ceil(1000), after));
    }
    Some((decimal(number, unit_ms(unit)?)?, after))
}

fn split_where(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at_checked(text.find(ends).unwrap_or(text.len())).unwrap_or((text, ""))
}

fn unit_ms(unit: &str) -> Option<u64> {
    match unit.to_ascii_lowercase().as_str() {
        "ms" | "millisecond" | "milliseconds" => Some(1),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(1000),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60 * 1000),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(60 * 60 * 1000),
        "d" | "day" | "days" => Some(24 * 60 * 60 * 1000),
        _ => None,
    }
}

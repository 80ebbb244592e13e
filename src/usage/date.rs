//! Days since 1970 as dates, and back.

/// From March, so that a leap day ends the year: days before each month of 30.6 days on average.
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
const fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1
}

/// Of 1970-01-01.
const EPOCH: u64 = days_of(1970, 1, 1);

/// `YYYY-MM-DD`.
pub fn text(day: u64) -> String {
    let [year, month, date] = parts(day);
    format!("{year:04}-{month:02}-{date:02}")
}

/// The first day of a day's month, and that of the next month.
pub fn month(day: u64) -> [u64; 2] {
    let [year, month, date] = parts(day);
    let next = if month < 12 { days_of(year, month + 1, 1) } else { days_of(year + 1, 1, 1) };
    [day + 1 - date, next - EPOCH]
}

/// Year, month and date.
fn parts(day: u64) -> [u64; 3] {
    let day = day.saturating_add(EPOCH);
    // The years are as long as all of 400 on average; the guess is too high by one at most.
    let guess = day.saturating_mul(400) / 146_097 + 1;
    let year = if days_of(guess, 3, 1) > day { guess - 1 } else { guess };
    let rest = day - days_of(year, 3, 1);
    let month = (5 * rest + 2) / 153;
    let date = rest - (153 * month + 2) / 5 + 1;
    if month < 10 { [year, month + 3, date] } else { [year + 1, month - 9, date] }
}

/// `None` when there is no such day, or it lies before 1970.
pub fn parse(date: &str) -> Option<u64> {
    let part = |from: usize, to: usize| date.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    if year < 1970 || month == 0 || month > 12 || day == 0 {
        return None;
    }
    // What was no date comes back as another one.
    let found = days_of(year, month, day) - EPOCH;
    (text(found) == date).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_date_and_back() {
        for (day, date) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (364, "1970-12-31"),
            (365, "1971-01-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (20_777, "2026-11-20"),
            (47_540, "2100-02-28"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!((text(day).as_str(), parse(date)), (date, Some(day)));
        }
    }

    #[test]
    fn every_day_of_200_years_follows_the_one_before() {
        let mut known = String::new();
        for day in 0..73_000 {
            let date = text(day);
            assert!(date > known, "{known} {date}");
            assert_eq!(parse(&date), Some(day));
            known = date;
        }
    }

    #[test]
    fn a_month_goes_from_its_first_day_to_that_of_the_next() {
        for (date, first, next) in [
            ("2026-11-01", "2026-11-01", "2026-12-01"),
            ("2026-12-31", "2026-12-01", "2027-01-01"),
            ("2028-02-29", "2028-02-01", "2028-03-01"),
            ("2026-02-28", "2026-02-01", "2026-03-01"),
        ] {
            assert_eq!(month(parse(date).unwrap()).map(text), [first, next], "{date}");
        }
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for date in ["", "2026", "2026-11", "2026-11-31", "2026-02-29", "2026-13-01", "2026-00-10", "2026-11-00"] {
            assert_eq!(parse(date), None, "{date}");
        }
        for date in ["1969-12-31", "2026-1-1", "+026-11-20", "2026-11-20-1", "2026-11-2x", "20261-11-20"] {
            assert_eq!(parse(date), None, "{date}");
        }
    }
}

//! Instants as upstreams write them (RFC 9110 and RFC 3339), and where a provider's day ends.
//! Unix milliseconds throughout; years 1970 to 9999.
const DAY_MS: u64 = 24 * HOUR_MS;
const HOUR_MS: u64 = 60 * 60 * 1000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// RFC 9110, 5.6.7: IMF-fixdate and the two obsolete forms. A two-digit year more than 50 years ahead is in the past.
pub fn http_date(text: &str, now_ms: u64) -> Option<u64> {
    let words: Vec<&str> = text.split([' ', ',', '-']).filter(|w| !w.is_empty()).collect();
    let (year, month, day, time) = match words.as_slice() {
        [_, day, month, year, time, "GMT" | "UTC"] => (*year, *month, *day, *time),
        [_, month, day, time, year] => (*year, *month, *day, *time),
        _ => return None,
    };
    let month = u64::try_from(MONTHS.iter().position(|m| m.eq_ignore_ascii_case(month))?).ok()? + 1;
    let at = |year| instant(year, month, day.parse().ok()?, time);
    let number: u64 = year.parse().ok()?;
    if year.len() != 2 {
        return at(number);
    }
    let fifty_years = DAY_MS * 365 * 50;
    at(2000 + number).filter(|ms| *ms <= now_ms.saturating_add(fifty_years)).or_else(|| at(1900 + number))
}

/// RFC 3339 with any offset; fractions below a millisecond are dropped.
pub fn rfc3339(text: &str) -> Option<u64> {
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let mut parts = date.split('-').map(|p| p.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let zone_at = clock.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = clock.split_at_checked(zone_at)?;
    let (time, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let ms = super::decimal(&format!("0.{}", fraction.get(..3).unwrap_or(fraction)), 1000)?;
    let local = instant(year, month, day, time)?.checked_add(ms)?;
    match (zone.get(..1)?, zone.get(1..)?) {
        ("+", offset) => local.checked_sub(clock_ms(offset)?),
        ("-", offset) => local.checked_add(clock_ms(offset)?),
        (_, "") => Some(local),
        _ => None,
    }
}

/// When the provider's day of `now_ms` ends: midnight in Los Angeles for Google
/// (ai.google.dev/gemini-api/docs/rate-limits), else 00:00 UTC.
pub fn day_end_ms(google: bool, now_ms: u64) -> u64 {
    let behind = if google { los_angeles_behind_ms(now_ms) } else { 0 };
    let local = now_ms.saturating_sub(behind);
    let midnight = (local / DAY_MS).saturating_add(1).saturating_mul(DAY_MS);
    let guess = midnight.saturating_add(behind);
    // The clocks may change between now and that midnight.
    let behind = if google { los_angeles_behind_ms(guess) } else { 0 };
    midnight.saturating_add(behind)
}

/// How far Los Angeles is behind UTC. Daylight saving time lasts from 2:00 on the second Sunday of March to 2:00 on
/// the first Sunday of November (15 U.S.C. 260a); in UTC that is 10:00 and 9:00.
fn los_angeles_behind_ms(at_ms: u64) -> u64 {
    let year = year_of(at_ms);
    let starts = sunday(year, 3, 8).map(|day| day + 10 * HOUR_MS);
    let ends = sunday(year, 11, 1).map(|day| day + 9 * HOUR_MS);
    match (starts, ends) {
        (Some(starts), Some(ends)) if (starts..ends).contains(&at_ms) => 7 * HOUR_MS,
        _ => 8 * HOUR_MS,
    }
}

/// Midnight UTC of the first Sunday on or after a date. 1970-01-01 was a Thursday.
fn sunday(year: u64, month: u64, day: u64) -> Option<u64> {
    let days = days(year, month, day)?;
    Some((days + (10 - days % 7) % 7) * DAY_MS)
}

fn year_of(at_ms: u64) -> u64 {
    let guess = 1970 + at_ms / DAY_MS / 366;
    let starts = |year| days(year, 1, 1).is_some_and(|d| d * DAY_MS <= at_ms);
    (guess..guess.saturating_add(32)).take_while(|y| starts(*y)).last().unwrap_or(guess)
}

fn instant(year: u64, month: u64, day: u64, time: &str) -> Option<u64> {
    Some(days(year, month, day)? * DAY_MS + clock_ms(time)?)
}

/// `hh:mm` or `hh:mm:ss`, a leap second included.
fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.split(':').map(|p| p.parse::<u64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    let sane = hours < 24 && minutes < 60 && seconds <= 60 && parts.next().is_none();
    sane.then_some(((hours * 60 + minutes) * 60 + seconds) * 1000)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; counting from March puts the leap day last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    let from_march_of_year_0 = year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1;
    from_march_of_year_0.checked_sub(719_468)
}

fn days_in(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

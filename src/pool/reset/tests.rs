//! Which source wins, every written form, and a fuzz of all of them.
use super::{MAX_WAIT_MS, day_end_ms, used_up_ms, wait_ms};

/// 2026-11-20T13:00:00Z, a Friday.
const NOW: u64 = 1_795_179_600_000;

fn wait(headers: &[(&str, &str)], body: &str) -> Option<u64> {
    let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    wait_ms(&headers, body.as_bytes(), NOW)
}

fn check_header(name: &str, cases: &[(&str, Option<u64>)]) {
    for (text, expected) in cases {
        assert_eq!(wait(&[(name, text)], ""), *expected, "{name}: {text}");
    }
}

fn check_body(cases: &[(&str, Option<u64>)]) {
    for (text, expected) in cases {
        assert_eq!(wait(&[], text), *expected, "{text}");
    }
}

#[test]
fn retry_after_is_milliseconds_seconds_or_a_date() {
    check_header("retry-after-ms", &[("1500", Some(1500)), ("0.2", Some(1)), ("-1", None), ("", None)]);
    check_header(
        "retry-after",
        &[
            ("30", Some(30_000)),
            ("0", Some(0)),
            ("2.5", Some(2500)),
            (" 7 ", Some(7000)),
            ("NaN", None),
            ("inf", None),
            ("1e3", None),
            ("-5", None),
            ("+5", None),
            ("2678400", Some(MAX_WAIT_MS)),
            ("2678401", None),
            ("99999999999999999999999", None),
            ("Fri, 20 Nov 2026 13:01:00 GMT", Some(60_000)),
            ("Friday, 20-Nov-26 13:01:00 GMT", Some(60_000)),
            ("Fri Nov 20 13:01:00 2026", Some(60_000)),
            ("Fri, 20 Nov 2026 12:59:59 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Fri, 31 Nov 2026 13:01:00 GMT", None),
            ("Fri, 20 Nov 2027 13:01:00 GMT", None),
            ("soon", None),
        ],
    );
}

#[test]
fn anthropic_says_when_the_exhausted_limit_is_full_again() {
    let limits = [
        ("anthropic-ratelimit-requests-remaining", "49"),
        ("anthropic-ratelimit-requests-reset", "2026-11-20T14:00:00Z"),
        ("anthropic-ratelimit-input-tokens-remaining", "0"),
        ("anthropic-ratelimit-input-tokens-reset", "2026-11-20T13:00:20.5Z"),
        ("anthropic-ratelimit-tokens-remaining", "0"),
        ("anthropic-ratelimit-tokens-reset", "2026-11-20T15:00:30+02:00"),
    ];
    assert_eq!(wait(&limits, ""), Some(30_000));
    assert_eq!(wait(&limits[..2], ""), None);
}

#[test]
fn openai_durations_count_only_where_nothing_remains() {
    for (text, expected) in [
        ("6m0s", Some(360_000)),
        ("1m20s", Some(80_000)),
        ("120ms", Some(120)),
        ("1h2m3.5s", Some(3_723_500)),
        ("7.66s", Some(7660)),
        ("350µs", Some(1)),
        ("12", Some(12_000)),
        ("1795179660", Some(60_000)),
        ("1m20x", None),
        ("forty", None),
        ("9999999h", None),
    ] {
        let headers = [("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", text)];
        assert_eq!(wait(&headers, ""), expected, "{text}");
    }
    assert_eq!(wait(&[("x-ratelimit-remaining-tokens", "9"), ("x-ratelimit-reset-tokens", "6m0s")], ""), None);
    assert_eq!(wait(&[("x-ratelimit-reset-tokens", "6m0s")], ""), None);
}

#[test]
fn a_bare_reset_is_seconds_or_an_instant_by_its_size() {
    check_header(
        "x-ratelimit-reset",
        &[
            ("60", Some(60_000)),
            ("1795179660", Some(60_000)),
            ("1795179660000", Some(60_000)),
            ("1795179600.25", Some(250)),
            ("1795179599", None),
            ("999999999", None),
            ("18446744073709551615", None),
        ],
    );
}

#[test]
fn bodies_say_it_in_fields_and_in_words() {
    check_body(&[
        // googleapis/googleapis google/rpc/error_details.proto, RetryInfo
        (
            r#"[{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}]"#,
            Some(37_000),
        ),
        (r#"{"error":{"message":"{\n \"retryDelay\": \"20.04466179s\"}"}}"#, Some(20_045)),
        (r#"{"error":{"details":[{"metadata":{"quotaResetDelay":"1h2m3.5s"}}]}}"#, Some(3_723_500)),
        (r#"{"error":{"message":"slow","retry_after":12.5}}"#, Some(12_500)),
        (r#"{"error":{"retry_after":"later","message":"Please try again in 2s"}}"#, Some(2000)),
        (r#"{"error":{"retry_after_hint":5}}"#, None),
        ("Rate limit reached. Please try again in 5.289s. Need more?", Some(5289)),
        ("please try again in 120ms", Some(120)),
        ("Please try again in 6m0s.", Some(360_000)),
        ("Please try again in 9m38.016s. Need more tokens?", Some(578_016)),
        ("Please retry in 37.8s.", Some(37_800)),
        ("Please retry after 7 seconds.", Some(7000)),
        ("Rate limit is exceeded. Try again in 30 seconds.", Some(30_000)),
        ("Try again in 1 minute 20 seconds", Some(80_000)),
        ("try again in a while, or retry in 3s", Some(3000)),
        ("try again in 5 attempts", None),
        ("try again in 32 days", None),
        ("try again in 99999999999999999999h", None),
        ("try again in", None),
    ]);
}

#[test]
fn the_first_believable_source_wins() {
    let body = r#"{"retryDelay":"4s"}"#;
    assert_eq!(wait(&[("retry-after", "2"), ("retry-after-ms", "1500")], body), Some(1500));
    assert_eq!(wait(&[("retry-after", "2"), ("x-ratelimit-reset", "9")], body), Some(2000));
    assert_eq!(wait(&[("retry-after", "-2"), ("x-ratelimit-reset", "9")], body), Some(9000));
    assert_eq!(wait(&[("retry-after", "1735689600000")], body), Some(4000));
    assert_eq!(wait(&[], &format!("{}try again in 5s", "x".repeat(9000))), None);
}

#[test]
fn a_day_ends_at_the_providers_own_midnight() {
    let at = |text| super::dates::rfc3339(text).unwrap();
    for (now, utc, google) in [
        ("2026-11-20T13:00:00Z", "2026-11-21T00:00:00Z", "2026-11-21T08:00:00Z"),
        ("2026-07-01T06:59:59Z", "2026-07-02T00:00:00Z", "2026-07-01T07:00:00Z"),
        ("2026-07-01T07:00:00Z", "2026-07-02T00:00:00Z", "2026-07-02T07:00:00Z"),
        // Daylight saving time begins on 2026-03-08 and ends on 2026-11-01.
        ("2026-03-08T09:00:00Z", "2026-03-09T00:00:00Z", "2026-03-09T07:00:00Z"),
        ("2026-11-01T08:00:00Z", "2026-11-02T00:00:00Z", "2026-11-02T08:00:00Z"),
        ("2028-02-29T23:00:00Z", "2028-03-01T00:00:00Z", "2028-03-01T08:00:00Z"),
    ] {
        assert_eq!(day_end_ms(false, at(now)), at(utc), "{now}");
        assert_eq!(day_end_ms(true, at(now)), at(google), "{now} in Los Angeles");
    }
    for extreme in [0, 1, u64::MAX - 1, u64::MAX] {
        assert!(day_end_ms(true, extreme) >= extreme.min(1) && day_end_ms(false, extreme) > 0);
    }
}

/// Sebastiano Vigna's splitmix64: a few lines, and the same numbers on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 33).unwrap() % sides
    }
}

const NAMES: [&str; 9] = [
    "retry-after-ms",
    "retry-after",
    "anthropic-ratelimit-tokens-reset",
    "anthropic-ratelimit-tokens-remaining",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-",
    "anthropic-ratelimit--reset",
    "x-ratelimit-reset",
];
const VALID: [&str; 12] = [
    "0",
    "30",
    "1.5",
    "1795179660000",
    "Fri, 20 Nov 2026 13:01:00 GMT",
    "Friday, 20-Nov-26 13:01:00 GMT",
    "Fri Nov 20 13:01:00 2026",
    "2026-11-20T13:00:20.5Z",
    "2026-11-20T15:00:30+02:00",
    "1h2m3.5s",
    r#"{"error":{"retryDelay":"37s","retry_after":12.5}}"#,
    "Please try again in 6m0s.",
];

fn mutated(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = VALID[dice.roll(VALID.len())].as_bytes().to_vec();
    for _ in 0..dice.roll(6) {
        let at = dice.roll(bytes.len().max(1));
        match dice.roll(4) {
            0 if !bytes.is_empty() => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
            1 => bytes.insert(at.min(bytes.len()), b"0123456789.-+:eZ"[dice.roll(16)]),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            _ => bytes.extend_from_within(at.min(bytes.len())..),
        }
    }
    bytes
}

#[test]
fn no_input_panics_or_waits_beyond_a_month() {
    let mut dice = Dice(7);
    for round in 0..200_000_u64 {
        let noise: Vec<u8> = (0..dice.roll(40)).map(|_| u8::try_from(dice.roll(256)).unwrap()).collect();
        let headers: Vec<_> = (0..3)
            .map(|_| {
                (NAMES[dice.roll(NAMES.len())].to_owned(), String::from_utf8_lossy(&mutated(&mut dice)).into_owned())
            })
            .collect();
        let body = if dice.roll(2) == 0 { noise } else { mutated(&mut dice) };
        let now = [0, NOW, round << 40, u64::MAX][dice.roll(4)];
        assert!(wait_ms(&headers, &body, now).is_none_or(|ms| ms <= MAX_WAIT_MS), "{headers:?} {body:?} {now}");
        assert!(used_up_ms(&headers, now).is_none_or(|ms| ms <= MAX_WAIT_MS), "{headers:?} {now}");
        assert!(day_end_ms(round % 2 == 0, now) > 0);
    }
}

#[test]
fn a_limit_that_is_used_up_lets_the_next_request_through_after_its_part_of_the_reset() {
    let check = |headers: &[(&str, &str)], expected| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| ((*n).to_string(), (*v).to_string())).collect();
        assert_eq!(used_up_ms(&headers, NOW), expected, "{headers:?}");
    };
    let requests = |limit| {
        [
            ("x-ratelimit-limit-requests", limit),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m0s"),
        ]
    };
    check(&requests("60"), Some(1000));
    check(&requests("0"), Some(60_000));
    check(&requests("many"), Some(60_000));
    check(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12")], Some(12_000));
    check(&[("x-ratelimit-remaining-requests", "0")], None);
}

use super::*;

fn is_zone(text: &str) -> bool {
    ["UTC", "Asia/Shanghai"].contains(&text)
}

#[test]
fn nothing_set_gives_the_defaults_of_the_storage() {
    let d1 = read(|_| None, false, is_zone).unwrap();
    let kv = read(|_| None, true, is_zone).unwrap();
    assert_eq!((d1.max_attempts, d1.flush_interval_ms, d1.snapshot_age_ms), (5, 20_000, 10_000));
    assert_eq!((kv.flush_interval_ms, kv.snapshot_age_ms), (300_000, 60_000));
    assert!(!d1.allow_private_upstreams);
    assert_eq!((d1.log_level, d1.time_zone.as_str()), (Level::Info, "UTC"));
}

#[test]
fn a_stored_setting_wins_over_a_var() {
    let lookup = |name: &str| match name {
        "max_attempts" => Some("3".to_string()),
        "KEYPOOL_MAX_ATTEMPTS" => Some("4".to_string()),
        "log_level" => Some("debug".to_string()),
        "KEYPOOL_LOG_LEVEL" => Some("error".to_string()),
        "KEYPOOL_TIME_ZONE" => Some(" Asia/Shanghai ".to_string()),
        _ => None,
    };
    let config = read(lookup, false, is_zone).unwrap();
    assert_eq!((config.max_attempts, config.log_level), (3, Level::Debug));
    assert_eq!(config.time_zone, "Asia/Shanghai");
}

#[test]
fn all_problems_are_reported_at_once() {
    let lookup = |name: &str| match name {
        "KEYPOOL_MAX_ATTEMPTS" => Some("0".to_string()),
        "KEYPOOL_WAIT_BUDGET_MS" => Some("soon".to_string()),
        "KEYPOOL_LOG_LEVEL" => Some("loud".to_string()),
        "time_zone" => Some("Mars/Olympus".to_string()),
        _ => None,
    };
    assert_eq!(read(lookup, false, is_zone).unwrap_err().len(), 4);
}

#[test]
fn what_a_setting_may_be_is_said() {
    assert_eq!(check("log_level", " warn ", is_zone), Ok(()));
    for (name, text, words) in [
        ("log_level", "loud", "is one of debug, info, warn, error"),
        ("max_attempts", "21", "from 1 to 20"),
        ("time_zone", "", "the name of a time zone"),
        ("colour", "red", "is not a setting"),
    ] {
        assert!(check(name, text, is_zone).unwrap_err().contains(words), "{name}");
    }
}

#[test]
fn every_default_is_a_value() {
    for setting in &SETTINGS {
        assert_eq!(setting.check(&setting.default(), is_zone), Ok(()), "{}", setting.name);
    }
}

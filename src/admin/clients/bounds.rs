//! What a client key is bound to, as a person sets it.

use super::super::{fields::Fields, input};
use crate::{
    app::with_cache,
    error::{Error, Result},
    limit::ip,
    record::{
        client::{Client, Limit},
        pace::Pace,
    },
};

/// The shortest and the longest time in which requests are counted, in seconds: counts are by minute, and kept for
/// days.
const WINDOWS: [u64; 2] = [60, 86_400];
const LONGEST_CACHE_S: u32 = 30 * 86_400;
const MOST_NAMES: usize = 100;

/// Takes over what `fields` say.
///
/// # Errors
/// Names the first value that cannot be.
pub fn read(fields: &mut Fields, client: &mut Client, now: u64) -> Result<()> {
    client.expires = input::expires(fields, now)?.unwrap_or(client.expires);
    if let Some(globs) = fields.texts("models") {
        client.models = input::models(globs)?;
    }
    if let Some(names) = names(fields, "providers")? {
        if let Some(name) = with_cache(|c| names.iter().find(|name| c.pool.provider(name).is_none()).cloned()) {
            return wrong("providers", format!("a list of names of providers; there is no provider {name}"));
        }
        client.providers = names;
    }
    if let Some(ips) = names(fields, "ips")? {
        if let Some(text) = ips.iter().find(|text| !ip::is_range(text)) {
            return wrong("ips", format!("a list of addresses and CIDR ranges, as 10.0.0.0/8; {text} is neither"));
        }
        client.ips = ips;
    }
    limits(fields, client)?;
    if let Some(name) = fields.text("pace") {
        let Some(pace) = Pace::parse(&name) else { return wrong("pace", "off, batch or character".into()) };
        client.pace = pace;
    }
    if let Some(seconds) = fields.number_or_null("cache_s") {
        let fits = |s: &u32| (1..=LONGEST_CACHE_S).contains(s);
        client.cache_s = seconds.and_then(|s| u32::try_from(s).ok()).filter(fits);
        if client.cache_s.map(u64::from) != seconds {
            return wrong("cache_s", format!("a whole number from 1 to {LONGEST_CACHE_S}, or null for no cache"));
        }
    }
    Ok(())
}

fn limits(fields: &mut Fields, client: &mut Client) -> Result<()> {
    for limit in Limit::ALL {
        let Some(amount) = fields.number_or_null(limit.name()) else { continue };
        if amount.is_some_and(|n| n == 0 || n > input::MOST) {
            return wrong(limit.name(), "a whole number from 1, or null for no limit".into());
        }
        client.limits.set(limit, amount);
    }
    if let Some(seconds) = fields.number_or_null("window_s") {
        let [least, most] = WINDOWS;
        if seconds.is_some_and(|s| !(least..=most).contains(&s)) {
            return wrong("window_s", format!("a whole number from {least} to {most}, or null"));
        }
        client.limits.window_s = seconds;
    }
    if client.limits.of(Limit::Requests).is_some() != client.limits.window_s.is_some() {
        return wrong("window_s", "the time for requests, in seconds: there are both or neither".into());
    }
    Ok(())
}

fn names(fields: &mut Fields, name: &'static str) -> Result<Option<Vec<String>>> {
    let Some(texts) = fields.texts(name) else { return Ok(None) };
    if texts.len() > MOST_NAMES {
        return wrong(name, format!("a list of at most {MOST_NAMES}"));
    }
    Ok(Some(texts.iter().map(|text| text.trim().to_string()).collect()))
}

fn wrong<T>(name: &'static str, what: String) -> Result<T> {
    Err(Error::invalid(format!("{name} is {what}."), Some(name)))
}

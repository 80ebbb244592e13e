//! When a throttled key may be used again: what an upstream's headers and error body say about it.
//! Nothing from outside is trusted: what is negative, not a number or beyond 31 days counts as absent.
mod dates;
mod duration;
#[cfg(test)]
mod tests;

use crate::find;
pub use dates::day_end_ms;
use duration::{decimal, written};

/// The longest wait that is believed.
pub const MAX_WAIT_MS: u64 = 31 * 24 * 60 * 60 * 1000;
/// How much of an error body is looked at.
const SCANNED: usize = 8 * 1024;

/// The headers of a success that tell how much of a limit is left.
pub const REMAINING: [&str; 5] = [
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-remaining",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-tokens-remaining",
];

/// How long to wait from `now_ms` on, in milliseconds, at most [`MAX_WAIT_MS`]; `None` when nothing says so.
/// Header names must be lower-case. The first source that holds a believable value wins.
pub fn wait_ms(headers: &[(String, String)], body: &[u8], now_ms: u64) -> Option<u64> {
    let named = |name| value(headers, name);
    let exhausted = |prefix, infix, suffix| latest_exhausted(headers, prefix, infix, suffix, now_ms);
    believable(named("retry-after-ms").and_then(|v| decimal(v, 1)))
        .or_else(|| believable(named("retry-after").and_then(|v| retry_after(v, now_ms))))
        .or_else(|| exhausted("anthropic-ratelimit-", "", "-reset"))
        .or_else(|| exhausted("x-ratelimit-", "reset-", ""))
        .or_else(|| believable(named("x-ratelimit-reset").and_then(|v| plain_reset(v, now_ms))))
        .or_else(|| in_body(body))
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim())
}

fn believable(wait: Option<u64>) -> Option<u64> {
    wait.filter(|ms| *ms <= MAX_WAIT_MS)
}

/// RFC 9110, 10.2.3: seconds (providers also send decimals) or an HTTP date.
fn retry_after(text: &str, now_ms: u64) -> Option<u64> {
    decimal(text, 1000).or_else(|| dates::http_date(text, now_ms)?.checked_sub(now_ms))
}

/// Of the limits whose remainder is 0, the wait that satisfies all. The header of a limit's reset is
/// `{prefix}{infix}{limit}{suffix}`; Anthropic's `*-reset` is RFC 3339, OpenAI's `reset-*` a duration.
fn latest_exhausted(headers: &[(String, String)], prefix: &str, infix: &str, suffix: &str, now_ms: u64) -> Option<u64> {
    exhausted(headers, [prefix, infix, suffix], now_ms).map(|(_, ms)| ms).max()
}

/// Each limit whose remainder is 0, and when it is reset.
fn exhausted<'a>(
    headers: &'a [(String, String)],
    [prefix, infix, suffix]: [&'a str; 3],
    now_ms: u64,
) -> impl Iterator<Item = (&'a str, u64)> {
    headers.iter().filter_map(move |(name, text)| {
        let limit = name.strip_prefix(prefix)?.strip_prefix(infix)?.strip_suffix(suffix)?;
        let remaining =
            if infix.is_empty() { format!("{prefix}{limit}-remaining") } else { format!("{prefix}remaining-{limit}") };
        let ms = is_zero(value(headers, &remaining)?).then(|| reset_of_limit(text.trim(), now_ms))??;
        (ms <= MAX_WAIT_MS).then_some((limit, ms))
    })
}

/// For how long to rest after a success that says that nothing is left. OpenAI, Groq and Anthropic document buckets
/// that fill evenly and are whole again at the reset: the next request passes after one part of that time.
pub fn used_up_ms(headers: &[(String, String)], now_ms: u64) -> Option<u64> {
    let forms = [["x-ratelimit-", "reset-", ""], ["anthropic-ratelimit-", "", "-reset"]];
    let waits = forms.into_iter().flat_map(|form @ [prefix, infix, _]| {
        exhausted(headers, form, now_ms).map(move |(limit, ms)| {
            let most =
                if infix.is_empty() { format!("{prefix}{limit}-limit") } else { format!("{prefix}limit-{limit}") };
            let parts = value(headers, &most).and_then(|n| n.parse::<u64>().ok()).unwrap_or(1);
            // Where it is a window after all, a little patience spares a refusal.
            ms.div_ceil(parts.max(1)).max(1000)
        })
    });
    waits.max().or_else(|| wait_ms(headers, &[], now_ms))
}

/// Whether nothing is left.
pub fn is_zero(remaining: &str) -> bool {
    remaining.starts_with('-') || decimal(remaining, 1000) == Some(0)
}

fn reset_of_limit(text: &str, now_ms: u64) -> Option<u64> {
    let date = || dates::rfc3339(text)?.checked_sub(now_ms);
    whole_duration(text).or_else(|| plain_reset(text, now_ms)).or_else(date)
}

fn whole_duration(text: &str) -> Option<u64> {
    let (ms, rest) = written(text)?;
    rest.trim().is_empty().then_some(ms)
}

/// A bare number: below 1e9 seconds to wait, above 1e12 Unix milliseconds, between them Unix seconds.
fn plain_reset(text: &str, now_ms: u64) -> Option<u64> {
    let ms = decimal(text, 1000)?;
    match ms / 1000 {
        0..1_000_000_000 => Some(ms),
        1_000_000_000..=1_000_000_000_000 => ms.checked_sub(now_ms),
        _ => decimal(text, 1)?.checked_sub(now_ms),
    }
}

fn in_body(body: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(body.get(..SCANNED).unwrap_or(body)).to_ascii_lowercase();
    let field = |name| first_after(&text, name, field_value);
    let phrase = |words| first_after(&text, words, |rest| Some(written(rest)?.0));
    field("retrydelay")
        .or_else(|| field("quotaresetdelay"))
        .or_else(|| field("retry_after"))
        .or_else(|| phrase("try again in"))
        .or_else(|| phrase("retry in"))
        .or_else(|| phrase("retry after"))
}

/// The first believable value behind any occurrence of `words`. Searching the text instead of parsing it also finds
/// what is in a truncated body or in JSON inside a JSON string.
fn first_after(text: &str, words: &str, read: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let mut rest = text;
    while let Some((_, behind)) = find::around(rest, words) {
        if let Some(ms) = read(behind).filter(|ms| *ms <= MAX_WAIT_MS) {
            return Some(ms);
        }
        rest = behind;
    }
    None
}

fn field_value(rest: &str) -> Option<u64> {
    let (name_end, value) = rest.split_once(':')?;
    if !name_end.chars().all(|c| matches!(c, '"' | '\\' | ' ')) {
        return None;
    }
    let value = value.trim_start_matches(|c: char| matches!(c, '"' | '\\') || c.is_ascii_whitespace());
    let number = value.split(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    written(value).map(|(ms, _)| ms).or_else(|| decimal(number, 1000))
}

//! Understands what people paste: one key per line or many, `key|weight|label`, `.env` files, JSON. Whatever is not
//! taken is reported with its line and reason, so that nothing is lost without a word.
mod json;
mod line;
mod provider;
#[cfg(test)]
mod tests;
mod written;

use super::redact::mask;
use crate::find;
pub use provider::guess_provider;
use std::collections::HashSet;
pub use written::line;

const SHORTEST: usize = 8;
const LONGEST: usize = 4096;
const HIGHEST_WEIGHT: u8 = 100;
/// Labels are cut here, in characters.
const LABEL: usize = 200;

#[derive(Debug, Default)]
pub struct Pasted {
    /// In the order of the text; no secret twice.
    pub entries: Vec<Entry>,
    pub refused: Vec<Refused>,
}

/// A key that was understood; `None` is what the text does not say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1.
    pub line: u32,
    /// 8 to 4096 visible ASCII characters.
    pub secret: String,
    /// Said by the JSON or by an `.env` variable's name; see [`guess_provider`] for what the key itself tells.
    pub provider: Option<String>,
    /// 0 to 100.
    pub weight: Option<u8>,
    /// Not empty, at most 200 characters.
    pub label: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub line: u32,
    pub reason: Refusal,
    /// Masked.
    pub shown: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    TooShort,
    TooLong,
    BadCharacters,
    BadWeight,
    BadJson,
    Placeholder,
    NotAKey,
    Duplicate,
    // Of what other pools export.
    NoKey,
    Unsupported,
    BadAddress,
}

impl Refusal {
    /// For programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::BadCharacters => "bad_characters",
            Self::BadWeight => "bad_weight",
            Self::BadJson => "bad_json",
            Self::Placeholder => "looks_like_placeholder",
            Self::NotAKey => "not_a_key",
            Self::Duplicate => "duplicate",
            Self::NoKey => "no_key",
            Self::Unsupported => "unsupported",
            Self::BadAddress => "bad_address",
        }
    }

    /// For people, in English.
    pub const fn message(self) -> &'static str {
        match self {
            Self::TooShort => "A key has at least 8 characters.",
            Self::TooLong => "A key has at most 4096 characters.",
            Self::BadCharacters => "A key has only visible ASCII characters, no blanks inside.",
            Self::BadWeight => "A weight is a whole number from 0 to 100.",
            Self::BadJson => "This is not valid JSON, or it holds no key.",
            Self::Placeholder => "This looks like a placeholder or a masked key.",
            Self::NotAKey => "This looks like a setting or an address, not a key.",
            Self::Duplicate => "This key stands further up already.",
            Self::NoKey => "There is no key in it: lists often leave keys out, exports of the table do not.",
            Self::Unsupported => "It is of a service that does not speak OpenAI's language.",
            Self::BadAddress => "Its address is missing, or cannot be a provider's.",
        }
    }
}

/// What one place in the text says, before it is checked.
#[derive(Debug, Default)]
struct Claim {
    line: u32,
    secret: String,
    provider: Option<String>,
    weight: Option<String>,
    label: Option<String>,
    /// Already known to be no key.
    refusal: Option<Refusal>,
}

/// Takes any text; an empty one gives nothing and refuses nothing.
pub fn parse(text: &str) -> Pasted {
    let text = find::replaced(text.trim_start_matches('\u{feff}'), "\r\n", "\n");
    let claims = json::claims(&text).unwrap_or_else(|| line::claims(&text));
    let mut pasted = Pasted::default();
    let mut seen = HashSet::new();
    for claim in claims {
        match admit(&claim, &mut seen) {
            Ok(entry) => pasted.entries.push(entry),
            Err(reason) => {
                let shown = mask(&claim.secret);
                pasted.refused.push(Refused { line: claim.line, reason, shown });
            }
        }
    }
    pasted
}

fn admit(claim: &Claim, seen: &mut HashSet<String>) -> Result<Entry, Refusal> {
    claim.refusal.map_or(Ok(()), Err)?;
    check(&claim.secret)?;
    let weight = claim.weight.as_deref().map(weight).transpose()?;
    if !seen.insert(claim.secret.clone()) {
        return Err(Refusal::Duplicate);
    }
    let (secret, provider) = (claim.secret.clone(), claim.provider.clone());
    Ok(Entry { line: claim.line, secret, provider, weight, label: claim.label.as_deref().and_then(label) })
}

/// Whether it may be a key.
pub fn check(secret: &str) -> Result<(), Refusal> {
    match secret.len() {
        _ if is_placeholder(secret) => Err(Refusal::Placeholder),
        0..SHORTEST => Err(Refusal::TooShort),
        _ if !secret.bytes().all(|b| b.is_ascii_graphic()) => Err(Refusal::BadCharacters),
        SHORTEST..=LONGEST => Ok(()),
        _ => Err(Refusal::TooLong),
    }
}

/// `your-api-key`, `sk-xxxxxxxx`, `sk-...`, `sk-abc***xyz`.
fn is_placeholder(secret: &str) -> bool {
    let lower = secret.to_ascii_lowercase();
    let hints = ["your-", "your_", "yourkey", "yourapi", "changeme", "change-me", "replace", "placeholder", "insert"];
    let crossed_out = lower.rsplit(['-', '_']).next().is_some_and(|b| b.len() >= 4 && b.bytes().all(|c| c == b'x'));
    crossed_out || ["...", "…", "***", "•••"].iter().chain(&hints).any(|hint| find::has(&lower, hint))
}

fn weight(text: &str) -> Result<u8, Refusal> {
    text.parse().ok().filter(|weight| *weight <= HIGHEST_WEIGHT).ok_or(Refusal::BadWeight)
}

fn label(text: &str) -> Option<String> {
    let label: String = text.chars().filter(|c| !c.is_control()).take(LABEL).collect();
    let label = label.trim();
    (!label.is_empty()).then(|| label.to_owned())
}

//! Pastes read line by line: bare keys, `key|weight|label` and variables of an `.env` file.
use super::{Claim, Refusal, json, provider};
use crate::find;

/// Our own secrets, which stand in the same `.env` file.
const OURS: [&str; 3] = ["PROXY_API_KEY", "JWT_SECRET", "ENCRYPTION_KEY"];

pub fn claims(text: &str) -> Vec<Claim> {
    let numbered = text.split(['\n', '\r']).zip(1..);
    numbered.flat_map(|(line, number)| of_line(line.trim(), number)).collect()
}

fn of_line(line: &str, number: u32) -> Vec<Claim> {
    let line = without_comment(line);
    if line.starts_with(['{', '[']) && line.len() > 1 {
        return json_line(line, number);
    }
    match variable(line) {
        Some((name, value)) => of_variable(name, value, number),
        None => fields(line, number),
    }
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    find::around(line, " #").or_else(|| find::around(line, "\t#")).map_or(line, |(before, _)| before).trim_end()
}

/// JSON Lines, or the first line of JSON that is broken.
fn json_line(line: &str, number: u32) -> Vec<Claim> {
    let line = line.trim_end_matches(',');
    let Some(mut claims) = json::claims(line) else {
        let refusal = Some(Refusal::BadJson);
        return vec![Claim { line: number, secret: line.to_owned(), refusal, ..Claim::default() }];
    };
    claims.iter_mut().for_each(|claim| claim.line = number);
    claims
}

/// `NAME=value`, `export NAME=value` or `NAME: value`, if the name looks like a variable's: a key may hold `=` too.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=').or_else(|| find::around(line, ": "))?;
    let name = name.trim();
    let bare = name.strip_prefix("export ").or_else(|| name.strip_prefix("set ")).unwrap_or(name);
    let bare = bare.trim().trim_matches(is_wrapping);
    let wordy = bare.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && bare.contains('_');
    let constant = bare.len() >= 3 && !bare.bytes().any(|b| b.is_ascii_lowercase());
    let is_name = wordy && (constant || bare.len() < name.len() || is_for_secrets(bare));
    is_name.then_some((bare, value.trim().trim_end_matches(',')))
}

fn is_for_secrets(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["KEY", "TOKEN", "SECRET"].iter().any(|word| find::has(&name, word)) && !OURS.contains(&name.as_str())
}

fn of_variable(name: &str, value: &str, number: u32) -> Vec<Claim> {
    let value = value.trim_matches(is_wrapping).trim();
    if !is_for_secrets(name) && provider::guess_provider(value).is_none() {
        let refusal = Some(Refusal::NotAKey);
        return vec![Claim { line: number, secret: value.to_owned(), refusal, ..Claim::default() }];
    }
    let mut claims = fields(value, number);
    for claim in &mut claims {
        claim.provider = provider::of_variable(name).map(str::to_owned);
    }
    claims
}

/// Keys between commas, semicolons and blanks; a piece with `|` is `key|weight|label`, and its label may hold commas
/// and blanks itself.
fn fields(line: &str, number: u32) -> Vec<Claim> {
    let mut claims: Vec<Claim> = Vec::new();
    for piece in line.split([',', ';', '，', '；', '、']) {
        let labeled = claims.last_mut().and_then(|claim| claim.label.as_mut());
        match labeled {
            _ if piece.contains('|') => claims.push(record(piece, number)),
            Some(label) if provider::guess_provider(bare(piece)).is_none() => {
                label.push(',');
                label.push_str(piece);
            }
            _ => claims.extend(piece.split_whitespace().filter_map(|word| key(word, number))),
        }
    }
    claims
}

fn record(piece: &str, number: u32) -> Claim {
    let mut parts = piece.splitn(3, '|').map(str::trim);
    let secret = parts.next().and_then(|first| first.split_whitespace().last()).map(bare).unwrap_or_default();
    let weight = parts.next().filter(|weight| !weight.is_empty()).map(str::to_owned);
    let label = parts.next().map(|label| label.trim_matches(is_wrapping).to_owned());
    Claim { line: number, secret: secret.to_owned(), weight, label, ..Claim::default() }
}

/// `None` for what only surrounds keys: `Bearer`, `x-api-key:`, `1.`, `-`.
fn key(word: &str, number: u32) -> Option<Claim> {
    let secret = bare(word);
    let is_name = secret.ends_with(':') && !secret.bytes().any(|b| b.is_ascii_digit());
    let is_bullet = secret.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_punctuation()) && secret.len() < 5;
    if is_name || is_bullet || secret.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let refusal = find::around(secret, "://").map(|_| Refusal::NotAKey);
    Some(Claim { line: number, secret: secret.to_owned(), refusal, ..Claim::default() })
}

fn bare(word: &str) -> &str {
    word.trim().trim_matches(is_wrapping)
}

/// Quotes of all kinds, brackets and invisible marks around a key.
fn is_wrapping(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '«' | '»' | '「' | '」' | '<' | '>' | '(' | ')')
        || matches!(c, '[' | ']' | '{' | '}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

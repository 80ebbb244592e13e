//! Secrets as people may see them: a key shortened to what tells it from its neighbors, and an upstream's message
//! as one line without anything that looks like a key.
#[cfg(test)]
mod tests;

use crate::find;

/// The longest line that is kept, in characters.
const LINE: usize = 200;
const CUT: &str = "…";
const REDACTED: &str = "[redacted]";
/// A run this long may be a key even without a known beginning.
const LONG_RUN: usize = 20;
/// How the keys of well-known services begin.
const BEGINNINGS: [&str; 16] = [
    "sk-", "sk_", "pk-", "rk-", "aiza", "gsk_", "xai-", "nvapi-", "csk-", "bce-v3/", "hf_", "ghp_", "akia", "eyj",
    "kp-", "fw_",
];

/// `sk-…abcd`: the beginning up to its dash or underscore and the last four characters, but never more than a third
/// of the secret, never hiding fewer than 8 characters; a tiny secret is only `…`.
pub fn mask(secret: &str) -> String {
    let characters: Vec<char> = secret.chars().collect();
    let shown = (characters.len() / 3).min(characters.len().saturating_sub(8));
    let ending = shown.min(4);
    let beginning = characters.iter().take(8).position(|c| matches!(c, '-' | '_')).map_or(0, |dash| dash + 1);
    let beginning = if beginning <= shown - ending { beginning } else { 0 };
    let head: String = characters.iter().take(beginning).collect();
    let tail: String = characters.iter().skip(characters.len() - ending).collect();
    format!("{head}{CUT}{tail}")
}

/// One line of at most 200 characters: blanks collapsed, control and direction marks dropped, and `secrets` as well
/// as what looks like a key, a token or an account's id replaced by `[redacted]`.
pub fn redact_line(text: &str, secrets: &[&str]) -> String {
    let text = without(text, secrets);
    let line = text.split_whitespace().map(|word| word.replace(is_invisible, ""));
    let line = line.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    shortened(&without_tokens(&line))
}

/// The text as it is, but for `secrets` and what looks like a key, a token or an account's id.
pub fn redact_text(text: &str, secrets: &[&str]) -> String {
    without_tokens(&without(text, secrets))
}

/// Less these secrets, and nothing else.
pub fn without(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        text = find::replaced(&text, secret, REDACTED);
    }
    text
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn shortened(line: &str) -> String {
    if line.chars().count() <= LINE {
        return line.to_owned();
    }
    line.chars().take(LINE - 1).chain(CUT.chars()).collect()
}

fn without_tokens(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut introduced = false;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let inside = is_in_token(first);
        let end = rest.find(|c| is_in_token(c) != inside).unwrap_or(rest.len());
        let (piece, next) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if inside {
            out.push_str(if is_secret(piece, introduced) { REDACTED } else { piece });
            introduced = ["bearer", "provided"].iter().any(|word| piece.eq_ignore_ascii_case(word));
        } else {
            out.push_str(piece);
        }
        rest = next;
    }
    out
}

fn is_in_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '/' | '=' | '*' | '~')
}

/// `introduced`: the word before says that a key follows, as in "Incorrect API key provided: ...".
fn is_secret(token: &str, introduced: bool) -> bool {
    let start = token.get(..8).unwrap_or(token).to_ascii_lowercase();
    let known = token.len() >= 10 && BEGINNINGS.iter().any(|b| start.starts_with(b));
    let presented = introduced && (token.len() >= LONG_RUN || token.bytes().any(|b| b.is_ascii_digit()));
    known || presented || find::has(token, "**") || is_random(token)
}

/// Random text changes between letters and digits, and between cases, far more often than words, dates and the names
/// of models do; a change from a capital to a small letter begins a word and does not count.
fn is_random(token: &str) -> bool {
    if token.len() < LONG_RUN {
        return false;
    }
    let changes = token.as_bytes().windows(2).filter(|pair| matches!(pair, [a, b] if is_change(*a, *b))).count();
    let digits = token.bytes().any(|b| b.is_ascii_digit());
    changes * 4 >= token.len() || (digits && changes * 6 >= token.len()) || (digits && longest_word(token) >= 32)
}

fn is_change(a: u8, b: u8) -> bool {
    let alphanumeric = a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric();
    alphanumeric && (a.is_ascii_digit() != b.is_ascii_digit() || (a.is_ascii_lowercase() && b.is_ascii_uppercase()))
}

fn longest_word(token: &str) -> usize {
    token.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or(0)
}

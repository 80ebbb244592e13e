//! Rust source as far as the tests need to read it: what is code, and which modules of the crate it names.

use std::collections::BTreeSet;

/// `text` with every comment, string and character replaced by a blank.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = not_code(rest);
        out.push(if skipped == 0 { first } else { ' ' });
        rest = rest.get(skipped.max(first.len_utf8())..).unwrap_or_default();
    }
    out
}

/// The length in bytes of the comment or literal at the beginning of `rest`; 0 when there is none.
fn not_code(rest: &str) -> usize {
    let up_to = |end: &str, from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        tail.find(end).map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return up_to("*/", 2);
    }
    if let Some(raw) = rest.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let is_raw = raw.trim_start_matches('#').starts_with('"');
        return if is_raw { up_to(&format!("\"{}", "#".repeat(hashes)), hashes + 2) } else { 0 };
    }
    match rest.chars().next() {
        Some('"') => quoted(rest),
        // A lifetime has no second quote right behind its first letter.
        Some('\'') if rest.starts_with("'\\") => up_to("'", 3),
        Some('\'') => rest.char_indices().nth(2).filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        _ => 0,
    }
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The words of code: names and keywords.
pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_word(c)).filter(|word| !word.is_empty())
}

/// What the code names right below the crate's root, by `crate::`.
pub fn by_crate(code: &str) -> BTreeSet<String> {
    let found = code.match_indices("crate::").filter(|(at, _)| !ends_in_word(code.get(..*at)));
    found.flat_map(|(at, crate_)| names(code.get(at + crate_.len()..).unwrap_or_default())).collect()
}

/// What the code names `depth` modules up, by a chain of `super::`.
pub fn by_super(code: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("super::") {
        let before = code.get(..at).unwrap_or_default();
        if before.ends_with("super::") || ends_in_word(Some(before)) {
            continue;
        }
        let chain = code.get(at..).unwrap_or_default();
        let rest = chain.trim_start_matches("super::");
        if (chain.len() - rest.len()) / "super::".len() == depth {
            found.extend(names(rest));
        }
    }
    found
}

fn ends_in_word(text: Option<&str>) -> bool {
    text.is_some_and(|t| t.ends_with(is_word))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first names of the path, or of the paths in braces, at the beginning of `rest`.
fn names(rest: &str) -> BTreeSet<String> {
    let first_word = |path: &str| words(path).next().unwrap_or_default().to_string();
    let Some(group) = rest.trim_start().strip_prefix('{') else {
        let word: String = rest.chars().take_while(|c| is_word(*c)).collect();
        return BTreeSet::from([word]).into_iter().filter(|word| !word.is_empty()).collect();
    };
    let (mut names, mut path, mut open) = (BTreeSet::new(), String::new(), 1_u32);
    for c in group.chars() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        match c {
            _ if open == 0 => break,
            ',' if open == 1 => {
                names.insert(first_word(&path));
                path.clear();
            }
            _ => path.push(c),
        }
    }
    names.insert(first_word(&path));
    names.into_iter().filter(|name| !name.is_empty() && name != "self").collect()
}

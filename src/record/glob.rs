//! Globs of model names: `*` stands for any run of characters, everything else for itself. Case matters not.

pub fn matches(glob: &str, name: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = strip_prefix(name, first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return ends_with(rest, part);
        }
        match find(rest, part) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

fn ends_with(text: &str, end: &str) -> bool {
    text.len().checked_sub(end.len()).and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// What follows the first place where `part` stands.
fn find<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    text.char_indices().find_map(|(at, _)| strip_prefix(text.get(at..)?, part)).or(part.is_empty().then_some(text))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_run() {
        for (glob, name) in [
            ("gpt-4o", "gpt-4o"),
            ("GPT-*", "gpt-4o"),
            ("*", ""),
            ("*", "x"),
            ("*-mini", "gpt-4o-mini"),
            ("a*b*c", "a--b--b--c"),
            ("a**c", "abc"),
            ("*模型*", "通用模型v1"),
        ] {
            assert!(matches(glob, name), "{glob} {name}");
        }
        for (glob, name) in
            [("gpt-4o", "gpt-4o-mini"), ("", "x"), ("a*b", "ab-"), ("a*bc*bc", "abc"), ("*-mini", "mini")]
        {
            assert!(!matches(glob, name), "{glob} {name}");
        }
    }
}

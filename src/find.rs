//! Words in text. The standard library's search for a `&str` brings a message that prints any character, and with it
//! Unicode's tables: 6 of the upload's 190 KiB. See docs/adr/0010.

/// Where `words`, which are not empty, stand first.
#[inline(never)]
pub fn find(text: &str, words: &str) -> Option<usize> {
    let first = words.chars().next()?;
    text.match_indices(first).map(|(at, _)| at).find(|at| text.get(*at..).is_some_and(|here| here.starts_with(words)))
}

pub fn has(text: &str, words: &str) -> bool {
    find(text, words).is_some()
}

/// What stands before and behind the first `words`.
pub fn around<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let (before, here) = text.split_at_checked(find(text, words)?)?;
    Some((before, here.strip_prefix(words)?))
}

/// The text with `other` wherever it had `words`.
pub fn replaced(text: &str, words: &str, other: &str) -> String {
    let (mut done, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = around(rest, words) {
        done.push_str(before);
        done.push_str(other);
        rest = behind;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The standard library is the judge.
    #[test]
    fn words_are_found_where_the_standard_library_finds_them() {
        let texts =
            ["", "a", "ab", "aab", "abab", "aaa", "abcabd", "é", "aé…é…", "\r\n\r\r\n", "x** ** ***", "日本日本語"];
        let words =
            ["a", "ab", "aa", "aab", "abd", "b", "é", "é…", "…", "\r\n", "**", "日本語", "語", "longer than all"];
        for text in texts {
            for word in words {
                assert_eq!(find(text, word), text.find(word), "{word:?} in {text:?}");
                assert_eq!(has(text, word), text.contains(word), "{word:?} in {text:?}");
                assert_eq!(around(text, word), text.split_once(word), "{word:?} in {text:?}");
                assert_eq!(replaced(text, word, "-"), text.replace(word, "-"), "{word:?} in {text:?}");
            }
        }
    }
}

//! Bytes and words looked for in text, eight bytes at a time ("SIMD within a register"): most of a body is text that means
//! nothing to us. The standard library's search for a `&str` brings a message that prints any character, and with it
//! Unicode's tables: 6 of the upload's 190 KiB. See docs/adr/0010.

const LOWS: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Offset of the first byte that is `a` or `b`.
pub fn either(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    let (wide_a, wide_b) = (LOWS * u64::from(a), LOWS * u64::from(b));
    first(bytes, |word| zero_bytes(word ^ wide_a) | zero_bytes(word ^ wide_b), |byte| byte == a || byte == b)
}

/// Offset of the first such byte, found without a call: for a loop that finds one every few bytes.
#[inline(always)]
pub fn seek(bytes: &[u8], byte: u8) -> Option<usize> {
    let wide = LOWS * u64::from(byte);
    first(bytes, |word| zero_bytes(word ^ wide), |other| other == byte)
}

/// `hits` sets the high bit of the lowest byte that is meant.
#[inline(always)]
fn first(bytes: &[u8], hits: impl Fn(u64) -> u64, is_meant: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let hits = hits(u64::from_le_bytes(*word));
        if hits != 0 {
            return Some(index * 8 + usize::try_from(hits.trailing_zeros() / 8).ok()?);
        }
    }
    rest.iter().position(|byte| is_meant(*byte)).map(|at| words.len() * 8 + at)
}

/// The high bit of the lowest byte that is zero is set; higher ones may be wrong (Mycroft's test).
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOWS) & !word & HIGHS
}

/// Where `words`, which are not empty, stand first.
#[inline(never)]
pub fn find(text: &str, words: &str) -> Option<usize> {
    let (first, last) = (*words.as_bytes().first()?, *words.as_bytes().last()?);
    let (wide_first, wide_last) = (LOWS * u64::from(first), LOWS * u64::from(last));
    let is_here = |at: usize| text.as_bytes().get(at..).is_some_and(|here| here.starts_with(words.as_bytes()));
    let (starts, _) = text.as_bytes().as_chunks::<8>();
    let ends = text.as_bytes().get(words.len() - 1..)?;
    let (ends, _) = ends.as_chunks::<8>();
    let mut at = 0;
    // Few places have both the first byte and, as far behind it as it must be, the last.
    for (start, end) in starts.iter().zip(ends) {
        let (start, end) = (u64::from_le_bytes(*start) ^ wide_first, u64::from_le_bytes(*end) ^ wide_last);
        if zero_bytes(start | end) != 0
            && let Some(found) = (at..at + 8).find(|at| is_here(*at))
        {
            return Some(found);
        }
        at += 8;
    }
    (at..text.len()).find(|at| is_here(*at))
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

    #[test]
    fn the_first_hit_is_found_wherever_it_is() {
        for length in 0..40 {
            for at in 0..length {
                for filler in [0, 1, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xff] {
                    let mut bytes = vec![filler; length];
                    assert_eq!(either(&bytes, b'"', b'\\'), None);
                    bytes[at] = b'\\';
                    *bytes.last_mut().unwrap() = b'"';
                    assert_eq!(either(&bytes, b'"', b'\\'), Some(at), "{length} {at} {filler}");
                    let quote = if at + 1 == length { at } else { length - 1 };
                    assert_eq!(seek(&bytes, b'"'), Some(quote), "{length} {at} {filler}");
                }
            }
        }
    }

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
                for before in 0..20 {
                    let moved = format!("{}{text}{}", "a".repeat(before), "b".repeat(before / 2));
                    assert_eq!(find(&moved, word), moved.find(word), "{word:?} in {moved:?}");
                }
            }
        }
    }
}

//! Looks for bytes eight at a time ("SIMD within a register"): most of a body is text that means nothing to us.

const LOWS: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Offset of the first byte that is `a` or `b`.
pub fn find_either(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    seek(bytes, a, b)
}

/// The same, without a call: for a loop that finds one every few bytes.
#[inline(always)]
pub fn seek(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    let (wide_a, wide_b) = (LOWS * u64::from(a), LOWS * u64::from(b));
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = zero_bytes(word ^ wide_a) | zero_bytes(word ^ wide_b);
        if hits != 0 {
            return Some(index * 8 + usize::try_from(hits.trailing_zeros() / 8).ok()?);
        }
    }
    rest.iter().position(|byte| *byte == a || *byte == b).map(|at| words.len() * 8 + at)
}

/// The high bit of the lowest byte that is zero is set; higher ones may be wrong (Mycroft's test).
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(LOWS) & !word & HIGHS
}

#[cfg(test)]
mod tests {
    use super::find_either;

    #[test]
    fn the_first_hit_is_found_wherever_it_is() {
        for length in 0..40 {
            for at in 0..length {
                for filler in [0, 1, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa2, 0xff] {
                    let mut bytes = vec![filler; length];
                    assert_eq!(find_either(&bytes, b'"', b'\\'), None);
                    bytes[at] = b'\\';
                    *bytes.last_mut().unwrap() = b'"';
                    assert_eq!(find_either(&bytes, b'"', b'\\'), Some(at), "{length} {at} {filler}");
                }
            }
        }
    }
}

//! A hash of texts that pass by in windows, the same wherever they are cut. It spreads well and guards nothing.

/// Of one text; what is longer differs by its length alone. A multiple of eight.
const HASHED: usize = 16 * 1024;
/// 2^64 divided by the golden ratio, as in Fibonacci hashing.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Debug, Default)]
pub struct Hash {
    state: u64,
    /// The bytes behind the last whole word of the text, and zeros.
    word: u64,
    /// Of the text so far.
    length: usize,
}

impl Hash {
    /// The next bytes of the text.
    pub fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        let mut rest = bytes.get(..HASHED.saturating_sub(self.length)).unwrap_or(bytes);
        while let Some((byte, behind)) = rest.split_first() {
            rest = match rest.split_first_chunk() {
                Some((word, behind)) if self.length.is_multiple_of(8) => {
                    self.mix(u64::from_le_bytes(*word));
                    self.length += 8;
                    behind
                }
                _ => {
                    self.push_byte(*byte);
                    behind
                }
            };
        }
        self.length = end;
    }

    /// Ends the text, and gives the hash of it and all before it.
    pub fn end(&mut self) -> u64 {
        self.end_word();
        self.mix(u64::try_from(self.length).unwrap_or_default());
        self.length = 0;
        self.state
    }

    fn push_byte(&mut self, byte: u8) {
        self.word = (self.word >> 8) | (u64::from(byte) << 56);
        self.length += 1;
        if self.length.is_multiple_of(8) {
            self.end_word();
        }
    }

    fn end_word(&mut self) {
        self.mix(self.word);
        self.word = 0;
    }

    fn mix(&mut self, word: u64) {
        let product = (self.state ^ word).wrapping_mul(FACTOR);
        self.state = product ^ (product >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::{HASHED, Hash};

    fn hash(parts: &[&[u8]]) -> u64 {
        let mut hash = Hash::default();
        parts.iter().for_each(|part| hash.push(part));
        hash.end()
    }

    #[test]
    fn it_does_not_matter_where_the_text_is_cut() {
        let text: Vec<u8> = (0..=255).cycle().take(HASHED + 99).collect();
        for length in (0..40).chain(HASHED - 9..HASHED + 9) {
            let text = &text[..length];
            let whole = hash(&[text]);
            for at in (0..length.min(20)).chain(length.saturating_sub(20)..length) {
                let (one, two) = text.split_at(at);
                assert_eq!(hash(&[one, two]), whole, "{length} {at}");
                assert_eq!(hash(&[one, b"", &two[..1], &two[1..]]), whole, "{length} {at}");
            }
        }
    }

    #[test]
    fn other_texts_have_other_hashes() {
        let mut hashes: Vec<u64> = (0..100).map(|length| hash(&[&vec![0; length]])).collect();
        for at in 0..100 {
            for bit in 0..8 {
                let mut text = vec![0; 100];
                text[at] = 1 << bit;
                hashes.push(hash(&[&text]));
            }
        }
        hashes.extend([hash(&[&vec![0; HASHED + 1]]), hash(&[&vec![0; HASHED + 2]])]);
        let all = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), all);
    }

    #[test]
    fn texts_in_a_row_are_told_apart() {
        let of = |texts: &[&[u8]]| {
            let mut hash = Hash::default();
            texts.iter().fold(0, |_, text| {
                hash.push(text);
                hash.end()
            })
        };
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"abc"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"c", b"ab"]));
    }
}

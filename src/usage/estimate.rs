//! How many tokens a text has, about: by the kinds of its characters and the lengths of its words, without a
//! tokenizer's tables. The weights follow o200k, OpenAI's vocabulary since GPT-4o; docs/TOKENS.md says how well.
mod weights;

use weights::{ACCENT, Class, EXTRA_UPPER, LONG_BARE, LONG_WORD, WORD_LENGTH};

/// Weights are told in this part of a token.
const ONE: u64 = 64;

/// Takes a text in pieces that may be cut anywhere.
#[derive(Debug, Default)]
pub struct Estimate {
    /// Of all runs that are over, in parts of a token.
    sum: u64,
    /// The character being put together, and how many bytes of it are missing.
    code: u32,
    missing: u8,
    run: Run,
}

/// Characters of one kind in a row; letters of one word.
#[derive(Debug, Default, Clone, Copy)]
struct Run {
    class: Class,
    /// What stood before it.
    before: Class,
    length: u64,
    /// Of a word: its leading capitals.
    upper: u64,
    accents: u64,
    /// Chinese characters are dearer among kana.
    kana: bool,
}

impl Estimate {
    pub fn push(&mut self, utf8: &[u8]) {
        for byte in utf8 {
            match (*byte, self.missing) {
                (0..0x80, _) => {
                    self.missing = 0;
                    self.next(Class::of_ascii(*byte));
                }
                (0x80..0xc0, 0) => {}
                (0x80..0xc0, missing) => {
                    self.code = (self.code << 6) | u32::from(byte & 0x3f);
                    self.missing = missing - 1;
                    if self.missing == 0 {
                        self.next(Class::of(self.code));
                    }
                }
                (0xc0.., _) => {
                    self.missing = if *byte < 0xe0 { 1 } else { 2 + u8::from(*byte >= 0xf0) };
                    self.code = u32::from(byte & (0x3f >> self.missing));
                }
            }
        }
    }

    /// Ends a text; what follows is another one.
    pub fn pause(&mut self) {
        self.end(Class::Nothing);
        self.run = Run::default();
        self.missing = 0;
    }

    /// Of all texts that have ended.
    pub const fn tokens(&self) -> u64 {
        (self.sum + ONE / 2) / ONE
    }

    fn next(&mut self, class: Class) {
        let run = &mut self.run;
        let joins = match class {
            // A capital behind small letters begins a word, as in `camelCase`.
            Class::Upper => run.class == Class::Word && run.length == run.upper,
            Class::Small | Class::Accented => run.class == Class::Word,
            Class::Hiragana | Class::Katakana | Class::Han => run.class == Class::Han,
            _ => run.class == class,
        };
        let stands_for = match class {
            Class::Upper | Class::Small | Class::Accented => Class::Word,
            Class::Hiragana | Class::Katakana => Class::Han,
            class => class,
        };
        if !joins {
            self.end(stands_for);
            self.run = Run { class: stands_for, before: self.run.class, ..Run::default() };
        }
        let run = &mut self.run;
        match class {
            Class::Hiragana | Class::Katakana => {
                run.kana = true;
                self.sum += class.weight();
                return;
            }
            Class::Upper => run.upper += 1,
            Class::Accented => run.accents += 1,
            _ => {}
        }
        run.length += 1;
    }

    /// Adds the run that is over; `next` is what follows.
    fn end(&mut self, next: Class) {
        let Run { class, before, length, upper, accents, kana } = self.run;
        let spaced = before == Class::Space;
        self.sum += match class {
            Class::Nothing => 0,
            Class::Word if upper == length => 59 + EXTRA_UPPER * length.saturating_sub(2),
            Class::Word => {
                let (word, long) = if spaced { (61, LONG_WORD) } else { (66, LONG_BARE) };
                let mixed = if upper > 1 { 51 } else { 0 };
                word + long * length.saturating_sub(WORD_LENGTH) + mixed + ACCENT * accents
            }
            Class::Digit => 81 * length.div_ceil(3),
            Class::Line => 38,
            Class::Space => match (length, next) {
                // It belongs to the word that follows, or to the line's end.
                (_, Class::Line) => 0,
                (1, Class::Digit | Class::Nothing) => 29,
                (1, _) => 0,
                _ => 45,
            },
            // A single sign often belongs to the word that follows.
            Class::Sign if length == 1 && next == Class::Word => {
                if spaced {
                    82
                } else {
                    33
                }
            }
            Class::Sign => match length {
                1 => 48,
                2 => 56,
                3 => 65,
                more => 100 + 7 * (more - 4),
            },
            Class::Han if kana => 58 * length,
            each => each.weight() * length,
        };
    }
}

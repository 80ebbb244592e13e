//! Kinds of characters, and what one of each weighs in 64ths of a token.

pub const WORD_LENGTH: u64 = 7;
/// For each letter of a word beyond `WORD_LENGTH`, behind a space and elsewhere.
pub const LONG_WORD: u64 = 18;
pub const LONG_BARE: u64 = 5;
/// For each capital of an all-capital word beyond the second.
pub const EXTRA_UPPER: u64 = 7;
/// For each letter such as é, beside its word.
pub const ACCENT: u64 = 27;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The beginning or the end.
    #[default]
    Nothing,
    /// Only runs are: letters of the three kinds below.
    Word,
    Small,
    Upper,
    /// A Latin letter outside of ASCII.
    Accented,
    Digit,
    Line,
    Space,
    /// ASCII punctuation.
    Sign,
    /// Punctuation outside of ASCII, Chinese and Japanese included.
    Mark,
    Greek,
    Cyrillic,
    /// Hebrew and Arabic.
    RightToLeft,
    /// India's and its neighbors' scripts, Thai among them.
    Indic,
    Hangul,
    Hiragana,
    Katakana,
    Han,
    /// Emoji and whatever else there is.
    Other,
}

impl Class {
    pub const fn of_ascii(byte: u8) -> Self {
        match byte {
            b'a'..=b'z' => Self::Small,
            b'A'..=b'Z' => Self::Upper,
            b'0'..=b'9' => Self::Digit,
            b'\r' | b'\n' => Self::Line,
            b' ' | b'\t' | 0x0b | 0x0c => Self::Space,
            _ => Self::Sign,
        }
    }

    /// By Unicode's blocks.
    pub const fn of(code: u32) -> Self {
        match code {
            0xaa | 0xb5 | 0xba | 0xc0..0x250 | 0x1e00..0x1f00 => Self::Accented,
            0x370..0x400 => Self::Greek,
            0x400..0x530 => Self::Cyrillic,
            0x590..0x900 => Self::RightToLeft,
            0x900..0x1100 => Self::Indic,
            0x1100..0x1200 | 0xac00..0xd7b0 => Self::Hangul,
            0x3040..0x30a0 => Self::Hiragana,
            0x30a0..0x3100 => Self::Katakana,
            0x3400..0xa000 | 0xf900..0xfb00 => Self::Han,
            0x80..0xc0 | 0x2000..0x3040 | 0xff00..0xff66 => Self::Mark,
            _ => Self::Other,
        }
    }

    /// Of a character that always weighs the same.
    pub const fn weight(self) -> u64 {
        match self {
            Self::Mark => 66,
            Self::Greek => 26,
            Self::Cyrillic => 18,
            Self::RightToLeft | Self::Indic => 27,
            Self::Hangul => 52,
            Self::Hiragana => 40,
            Self::Katakana => 38,
            Self::Han => 48,
            Self::Other => 102,
            Self::Nothing | Self::Word | Self::Small | Self::Upper | Self::Accented => 0,
            Self::Digit | Self::Line | Self::Space | Self::Sign => 0,
        }
    }
}

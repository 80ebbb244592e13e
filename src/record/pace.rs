//! Whether a stream comes as it is or evenly, in small pieces.

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// As it is.
    #[default]
    Off,
    /// A few letters or words at a time.
    Batch,
    /// A letter at a time, as a reader counts them.
    Character,
}

impl Pace {
    pub const NAMES: [&str; 3] = ["off", "batch", "character"];

    pub const fn name(self) -> &'static str {
        let [off, batch, character] = Self::NAMES;
        match self {
            Self::Off => off,
            Self::Batch => batch,
            Self::Character => character,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Batch, Self::Character].into_iter().find(|pace| pace.name() == text)
    }
}

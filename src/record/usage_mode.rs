//! What is done so that a stream tells what it used.

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsageMode {
    /// Nothing.
    #[default]
    AsIs,
    /// `stream_options.include_usage` is asked for; the client sees the chunk that comes of it.
    Ask,
    /// The same, and the chunk is taken out again.
    AskAndHide,
}

impl UsageMode {
    const ALL: [Self; 3] = [Self::AsIs, Self::Ask, Self::AskAndHide];

    pub const fn name(self) -> &'static str {
        match self {
            Self::AsIs => "as-is",
            Self::Ask => "ask",
            Self::AskAndHide => "ask-and-hide",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == text)
    }
}

//! The fields of a JSON body that mean something to us.
use super::kept::Kept;

/// Depth among the fields of a message; the root's are at 1.
pub const MESSAGE: usize = 3;

/// Those that tell the conversation stand first, the best at the top.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    PromptCacheKey,
    /// Or `input`, as the Responses API calls them.
    Messages,
    User,
    Model,
    Stream,
    StreamOptions,
    /// A message's `role`.
    Speaker,
    #[default]
    Other,
}

impl Field {
    pub fn of(key: &Kept) -> Self {
        if key.bytes().contains(&b'\\') {
            Self::named(key.decoded().unwrap_or_default().as_bytes())
        } else {
            Self::named(key.bytes())
        }
    }

    fn named(name: &[u8]) -> Self {
        match name {
            b"prompt_cache_key" => Self::PromptCacheKey,
            b"messages" | b"input" => Self::Messages,
            b"user" => Self::User,
            b"model" => Self::Model,
            b"stream" => Self::Stream,
            b"stream_options" => Self::StreamOptions,
            b"role" => Self::Speaker,
            _ => Self::Other,
        }
    }

    /// The depth at which the field's value is looked at if it is a string; 0 for none.
    pub fn read_at(self) -> usize {
        match self {
            Self::PromptCacheKey | Self::User | Self::Model => 1,
            Self::Speaker => MESSAGE,
            Self::Messages | Self::Stream | Self::StreamOptions | Self::Other => 0,
        }
    }
}

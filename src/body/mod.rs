//! What must be known of a request's body, found without parsing or copying it: the bytes stay with the runtime and
//! pass by in windows.
mod ask;
pub mod edit;
mod field;
mod hash;
mod kept;
pub mod multipart;
mod opening;
pub mod rules;
pub mod scan;
mod spots;
mod tagged;
#[cfg(test)]
mod tests;

use crate::record::write::{self, Json};
use spots::Spot;
use std::ops::Range;

/// The longest value that is kept, in bytes as they stand in the body.
const VALUE: usize = 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The last one, if it is a string of at most 1024 bytes.
    pub model: Option<Model>,
    /// The last one, if it is a boolean.
    pub stream: Option<bool>,
    /// Where the last value of `stream_options` stands; empty for a string.
    pub stream_options: Option<Range<usize>>,
    /// The same for all requests of a conversation: a hash of `prompt_cache_key`, else of the messages up to the user's
    /// first (in `messages` or `input`), else of `user`. `None` for forms and where there is nothing of the kind.
    pub conversation: Option<u64>,
    /// Offset of the root's `{`; `None` for forms and for what is no JSON object.
    pub root: Option<usize>,
    /// Where the strings end that look like ids with a tag, see `record::tag`: the offsets of their closing quotes.
    pub tagged: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Decoded.
    pub value: String,
    /// Where it stands in the body, without quotes.
    pub range: Range<usize>,
}

/// Replace the bytes `at` of the body by `with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    pub at: Range<usize>,
    pub with: Vec<u8>,
}

/// A scanner for the body's kind.
#[derive(Debug)]
pub enum Scanner {
    Json(scan::Json),
    Form(multipart::Form),
}

impl Scanner {
    /// By the content type; whatever is not a form may be JSON, and the first byte will tell.
    pub fn of(content_type: &str) -> Self {
        multipart::boundary(content_type)
            .map_or_else(|| Self::Json(scan::Json::default()), |boundary| Self::Form(multipart::Form::new(&boundary)))
    }

    /// The next bytes of the body; windows may be cut anywhere.
    pub fn feed(&mut self, window: &[u8]) {
        match self {
            Self::Json(json) => json.feed(window),
            Self::Form(form) => form.feed(window),
        }
    }

    /// Nothing more can be found.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Json(json) => json.is_done(),
            Self::Form(form) => form.is_done(),
        }
    }

    /// What has been found so far.
    pub fn seen(&self) -> &Seen {
        match self {
            Self::Json(json) => json.seen(),
            Self::Form(form) => form.seen(),
        }
    }

    /// Where the fields of a JSON body's root stand; `None` for forms and for what is no complete JSON object.
    pub fn fields(&self) -> Option<&[Spot]> {
        match self {
            Self::Json(json) => json.fields(),
            Self::Form(_) => None,
        }
    }

    /// How to put another model's name in the place of the one at `range`: escaped in JSON, as it is in a form (less
    /// line breaks, which would end the value).
    pub fn splice(&self, range: Range<usize>, model: &str) -> Patch {
        let with = match self {
            Self::Json(_) => {
                let quoted = write::text(&model.json());
                quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().as_bytes().to_vec()
            }
            Self::Form(_) => model.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect(),
        };
        Patch { at: range, with }
    }
}

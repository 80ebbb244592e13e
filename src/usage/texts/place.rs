//! What the fields of a body mean, in the shapes of OpenAI (chat, completions, Responses, embeddings) and Anthropic.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Request,
    /// A JSON answer.
    Answer,
    /// The events of a stream.
    Events,
}

/// What a value is, be it a string, a list or an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing in it counts.
    Nothing,
    Root,
    /// A list of messages, or a text instead.
    Messages,
    /// A message or a part of one; strings count.
    Text,
    Tools,
    Tool,
    /// Names are those of a tool's parameters.
    Properties,
    Property,
    /// The list of what a parameter may be.
    Choice,
    /// All of it counts.
    Json,
    Picture,
    /// Of a picture.
    Detail,
    Usage,
}

impl Place {
    /// Its strings are texts.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Messages | Self::Text | Self::Choice | Self::Json)
    }

    /// What an object in such a list is.
    pub const fn item(self) -> Self {
        match self {
            Self::Messages => Self::Text,
            Self::Tools => Self::Tool,
            place => place,
        }
    }

    /// Tokens around it. A message has three more than its text, and tools as OpenAI's cookbook counts them ("How to
    /// count tokens with tiktoken"): 12 for all, 7 and a colon for each, 3 for having parameters.
    pub const fn opening(self, object: bool) -> u64 {
        match self {
            Self::Messages if object => 3,
            Self::Tools if object => 8,
            Self::Tools => 12,
            Self::Properties => 3,
            _ => 0,
        }
    }

    /// The place of a field in an object that stands here.
    pub fn field(self, name: &[u8], shape: Shape) -> Self {
        let here = |row: &&Row| row.0 == self && row.1.is_none_or(|of| of == shape);
        let named = |row: &&Row| row.2.split(' ').any(|known| known.as_bytes() == name);
        FIELDS.iter().filter(here).find(named).map_or(self.other(), |row| row.3)
    }

    /// The place of the fields that have no row.
    const fn other(self) -> Self {
        match self {
            Self::Tools | Self::Tool => Self::Tool,
            Self::Properties | Self::Property => Self::Property,
            Self::Json => Self::Json,
            Self::Nothing | Self::Root | Self::Messages | Self::Text => Self::Nothing,
            Self::Choice | Self::Picture | Self::Detail | Self::Usage => Self::Nothing,
        }
    }
}

/// Where the object stands, in which bodies (`None`: in all), the fields' names, and what they are.
type Row = (Place, Option<Shape>, &'static str, Place);

/// A table instead of patterns: those are code, and four times as large.
const FIELDS: [Row; 19] = [
    (Place::Root, Some(Shape::Request), "messages input prompt", Place::Messages),
    (Place::Root, Some(Shape::Request), "system instructions suffix", Place::Text),
    (Place::Root, Some(Shape::Request), "tools functions", Place::Tools),
    // Where a schema for the answer stands.
    (Place::Root, Some(Shape::Request), "response_format text", Place::Tool),
    (Place::Root, Some(Shape::Answer), "choices output content", Place::Text),
    (Place::Root, Some(Shape::Answer), "usage usageMetadata", Place::Usage),
    // Other events repeat what the deltas have said.
    (Place::Root, Some(Shape::Events), "choices delta content_block", Place::Text),
    (
        Place::Text,
        None,
        "content text name arguments output thinking reasoning_content reasoning refusal partial_json message delta \
         function function_call tool_calls summary",
        Place::Text,
    ),
    (Place::Text, Some(Shape::Request), "role", Place::Text),
    (Place::Text, None, "input", Place::Json),
    (Place::Text, None, "image_url source", Place::Picture),
    (Place::Text, None, "detail", Place::Detail),
    (Place::Picture, None, "detail", Place::Detail),
    (Place::Tool, None, "name description", Place::Text),
    (Place::Tool, None, "properties $defs", Place::Properties),
    (Place::Property, None, "type description", Place::Text),
    (Place::Property, None, "enum", Place::Choice),
    (Place::Property, None, "properties", Place::Properties),
    (Place::Property, None, "required", Place::Nothing),
];

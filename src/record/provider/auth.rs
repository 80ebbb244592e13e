//! How a provider is called: where the key goes, and how a call is put into an address.

/// What carries the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    Bearer,
    XApiKey,
    ApiKey,
    /// The query, as `key=`.
    Query,
}

impl Auth {
    pub const ALL: [Self; 4] = [Self::Bearer, Self::XApiKey, Self::ApiKey, Self::Query];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::Query => "query",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth| auth.name() == text)
    }

    /// `None` when it is no header.
    pub const fn header(self) -> Option<&'static str> {
        match self {
            Self::Bearer => Some("authorization"),
            Self::XApiKey => Some("x-api-key"),
            Self::ApiKey => Some("api-key"),
            Self::Query => None,
        }
    }
}

/// How a call is put into an address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// What follows `/v1/` behind the base URL.
    #[default]
    OpenAi,
    /// Azure's older one: calls about a model below its deployment, each with an `api-version`.
    Azure,
}

impl Layout {
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::OpenAi, Self::Azure].into_iter().find(|layout| layout.name() == text)
    }
}

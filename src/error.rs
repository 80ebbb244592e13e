//! Everything that can go wrong, sorted by whose fault it is, and the one shape in which callers see it:
//! OpenAI's error object.

use crate::{find, json};
use serde_json::{Map, Value};
use std::ops::Deref;

pub type Result<T> = std::result::Result<T, Error>;

/// One pointer. An error is handed on in hundreds of places, and each would copy all of it: a fortieth of the upload.
#[derive(Debug, Clone, PartialEq)]
pub struct Error(Box<Fault>);

#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    // The caller's.
    /// No valid session on an admin call.
    LoginRequired,
    WrongPassword,
    /// The client key is missing, unknown or switched off.
    ClientKey,
    ClientExpired,
    /// The request cannot be understood; `param` names the field at fault.
    Invalid {
        code: &'static str,
        message: String,
        param: Option<&'static str>,
    },
    NotFound {
        code: &'static str,
        message: String,
    },
    /// `allow` is the value of the Allow header.
    Method {
        allow: &'static str,
    },
    Conflict {
        code: &'static str,
        message: String,
    },
    /// The caller may not ask for that.
    Forbidden {
        code: &'static str,
        message: String,
    },
    /// A browser on another site tried to use the admin's cookie.
    CrossSite,
    /// The client key has used up a limit of its own, which `limit` names for programs.
    Limited {
        limit: &'static str,
        code: &'static str,
        message: String,
        wait_ms: u64,
    },
    /// Too many wrong logins.
    Throttled {
        wait_ms: u64,
    },
    // The upstream's.
    /// No attempt succeeded; what the client sees is decided by `pool::exhausted`.
    Exhausted {
        status: u16,
        code: &'static str,
        message: String,
        wait_ms: Option<u64>,
    },
    // Ours, or our operator's.
    NoStorage,
    NoPassword,
    /// What is stored is encrypted, or should be, and the secret for it is not there or another one.
    Encryption {
        code: &'static str,
        message: String,
    },
    /// The settings cannot be read; the text names each problem.
    Config(String),
    Storage(String),
    Internal(String),
}

impl From<Fault> for Error {
    #[inline(never)]
    fn from(fault: Fault) -> Self {
        Self(Box::new(fault))
    }
}

impl Deref for Error {
    type Target = Fault;

    fn deref(&self) -> &Fault {
        &self.0
    }
}

impl Error {
    pub fn invalid(message: impl Into<String>, param: Option<&'static str>) -> Self {
        Self::wrong("invalid_request", message, param)
    }

    /// `invalid` for the few cases that programs tell apart.
    pub fn wrong(code: &'static str, message: impl Into<String>, param: Option<&'static str>) -> Self {
        Fault::Invalid { code, message: message.into(), param }.into()
    }

    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Fault::NotFound { code, message: message.into() }.into()
    }

    pub fn forbidden(code: &'static str, message: String) -> Self {
        Fault::Forbidden { code, message }.into()
    }

    pub fn storage(cause: impl Into<String>) -> Self {
        Fault::Storage(cause.into()).into()
    }

    pub fn internal(cause: impl Into<String>) -> Self {
        Fault::Internal(cause.into()).into()
    }

    /// Whether the storage failed with such words.
    pub fn is_of_storage(&self, words: &str) -> bool {
        matches!(&**self, Fault::Storage(cause) if find::has(cause, words))
    }
}

impl Fault {
    pub const fn status(&self) -> u16 {
        match self {
            Self::Invalid { .. } => 400,
            Self::LoginRequired | Self::WrongPassword | Self::ClientKey | Self::ClientExpired => 401,
            Self::Forbidden { .. } | Self::CrossSite => 403,
            Self::NotFound { .. } => 404,
            Self::Method { .. } => 405,
            Self::Conflict { .. } => 409,
            Self::Throttled { .. } | Self::Limited { .. } => 429,
            Self::Exhausted { status, .. } => *status,
            Self::NoStorage | Self::Encryption { .. } | Self::Config(_) | Self::Internal(_) => 500,
            Self::NoPassword | Self::Storage(_) => 503,
        }
    }

    pub const fn code(&self) -> &'static str {
        match self {
            Self::LoginRequired => "login_required",
            Self::WrongPassword => "wrong_password",
            Self::ClientKey | Self::ClientExpired => "invalid_api_key",
            Self::Method { .. } => "method_not_allowed",
            Self::CrossSite => "cross_site",
            Self::Throttled { .. } => "too_many_logins",
            Self::Invalid { code, .. }
            | Self::NotFound { code, .. }
            | Self::Conflict { code, .. }
            | Self::Forbidden { code, .. }
            | Self::Limited { code, .. }
            | Self::Encryption { code, .. }
            | Self::Exhausted { code, .. } => code,
            Self::NoStorage => "no_storage",
            Self::NoPassword => "admin_password_missing",
            Self::Config(_) => "bad_settings",
            Self::Storage(_) => "storage_failed",
            Self::Internal(_) => "internal_error",
        }
    }

    /// OpenAI's `error.type` for the fault.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::LoginRequired | Self::WrongPassword | Self::ClientKey | Self::ClientExpired => "authentication_error",
            Self::Forbidden { .. } | Self::CrossSite => "permission_error",
            Self::Invalid { .. } | Self::NotFound { .. } | Self::Method { .. } | Self::Conflict { .. } => {
                "invalid_request_error"
            }
            // As OpenAI has it: a budget is no rate.
            Self::Limited { code: "insufficient_quota", .. } => "insufficient_quota",
            Self::Throttled { .. } | Self::Limited { .. } => "rate_limit_error",
            Self::Exhausted { status: 429, .. } => "rate_limit_error",
            Self::Exhausted { .. } => "upstream_error",
            Self::NoStorage
            | Self::NoPassword
            | Self::Encryption { .. }
            | Self::Config(_)
            | Self::Storage(_)
            | Self::Internal(_) => "keypool_error",
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::LoginRequired => "Log in first: POST /admin/api/login with the admin password.".into(),
            Self::WrongPassword => "The password is wrong.".into(),
            Self::ClientKey => "The client key is missing, unknown or switched off. Make one on the admin page and \
                                send it as `Authorization: Bearer kp-...`."
                .into(),
            Self::ClientExpired => "The client key has expired. Ask for a new one.".into(),
            Self::Method { allow } => format!("This path answers {allow} only."),
            Self::CrossSite => "The admin API takes changes from its own page only.".into(),
            Self::Throttled { wait_ms } => {
                format!("Too many wrong passwords. Try again in {} s.", wait_ms.div_ceil(1000))
            }
            Self::Invalid { message, .. }
            | Self::NotFound { message, .. }
            | Self::Conflict { message, .. }
            | Self::Forbidden { message, .. }
            | Self::Limited { message, .. }
            | Self::Encryption { message, .. }
            | Self::Exhausted { message, .. } => message.clone(),
            Self::NoStorage => "No storage is bound. Bind a D1 database as `DB` or a KV namespace as `API_TOKENS` in \
                                wrangler.toml and deploy again."
                .into(),
            Self::NoPassword => "The secret ADMIN_PASSWORD is not set. Set it with `npx wrangler secret put \
                                 ADMIN_PASSWORD`, or in .dev.vars for local work."
                .into(),
            Self::Config(problems) => format!("The settings cannot be read: {problems}"),
            Self::Storage(cause) => format!("The storage failed, nothing was changed: {cause}"),
            Self::Internal(cause) => format!("keypool failed: {cause}"),
        }
    }

    /// For how long the caller should wait before it tries again.
    pub const fn wait_ms(&self) -> Option<u64> {
        match self {
            Self::Throttled { wait_ms } | Self::Limited { wait_ms, .. } => Some(*wait_ms),
            Self::Exhausted { wait_ms, .. } => *wait_ms,
            Self::Storage(_) => Some(1000),
            _ => None,
        }
    }

    /// The body that callers see.
    pub fn to_json(&self) -> String {
        let param = match self {
            Self::Invalid { param, .. } => *param,
            _ => None,
        };
        let text = |text: &str| Value::String(text.into());
        let param = param.map_or(Value::Null, text);
        let fields = [
            ("message", text(&self.message())),
            ("type", text(self.kind())),
            ("param", param),
            ("code", text(self.code())),
        ];
        let mut error = Map::new();
        for (name, value) in fields {
            error.insert(name.into(), value);
        }
        format!("{{\"error\":{}}}", json::text(&Value::Object(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_looks_as_openai_clients_expect() {
        let error = Error::invalid("weight is 0 to 100", Some("weight"));
        let body: Value = serde_json::from_str(&error.to_json()).unwrap();
        let expected = json!({"error": {"message": "weight is 0 to 100", "type": "invalid_request_error",
            "param": "weight", "code": "invalid_request"}});
        assert_eq!(body, expected);
        assert_eq!(error.status(), 400);
    }
}

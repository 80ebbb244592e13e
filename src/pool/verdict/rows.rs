//! The failure table as data: the first row that matches wins, by code, then by words, then by status alone.
//! Words in a 400 count only where a message begins: the rest may be the client's own text, echoed.
use super::{Class, signals::Signals};

struct Row {
    /// Empty: any.
    statuses: &'static [u16],
    /// Whole values of code-like JSON fields.
    codes: &'static [&'static str],
    /// How a message begins.
    openings: &'static [&'static str],
    /// Anywhere in a message, outside quotes.
    phrases: &'static [&'static str],
    class: Class,
}

const ANY: Row = Row { statuses: &[], codes: &[], openings: &[], phrases: &[], class: Class::Caller };

/// All needles are lower-case.
const ROWS: [Row; 10] = [
    // 10, the part that arrives as a 401: Qianfan answers so for a model that is not there or not allowed.
    Row { statuses: &[401], codes: &["invalid_model", "model_not_found"], class: Class::KeyLacksModel, ..ANY },
    // 1
    Row {
        statuses: &[400, 403],
        codes: &[
            "api_key_invalid",
            "invalid_api_key",
            "invalidapikey",
            "consumer_suspended",
            "account_deactivated",
            "authentication_error",
        ],
        openings: &[
            "api key not valid",
            "api key not found",
            "api key expired",
            "incorrect api key provided",
            "invalid api key",
            "invalid api-key",
            "your api key was reported as leaked",
        ],
        class: Class::KeyDead,
        ..ANY
    },
    Row {
        statuses: &[403],
        phrases: &[
            "api key not valid",
            "api key not found",
            "api key expired",
            "reported as leaked",
            "account_deactivated",
        ],
        class: Class::KeyDead,
        ..ANY
    },
    // 3
    Row {
        statuses: &[429],
        codes: &["quota_of_a_day"],
        phrases: &["per day", "per-day", "per_day", "(rpd)", "(tpd)", "rpd limit", "tpd limit"],
        class: Class::DayQuota,
        ..ANY
    },
    // 4 and 5, where Google's quota detail tells them from row 2
    Row { statuses: &[429], codes: &["quota_failure"], class: Class::RateLimited, ..ANY },
    // 2
    Row {
        statuses: &[400, 402, 403, 429],
        codes: &[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "billing_not_active",
            "credit_balance_exhausted",
            "enforced_spend_limit_reached",
            "arrearage",
        ],
        openings: &["your credit balance is too low", "insufficient balance", "insufficient credits"],
        class: Class::KeyBroke,
        ..ANY
    },
    Row {
        statuses: &[402, 403, 429],
        phrases: &[
            "insufficient balance",
            "balance is insufficient",
            "credit balance is too low",
            "used all available credits",
            "exceeded your current quota, please check your plan",
            "billing_hard_limit_reached",
            "余额不足",
        ],
        class: Class::KeyBroke,
        ..ANY
    },
    // 6
    Row {
        statuses: &[429, 500, 503],
        codes: &["model_capacity_exhausted", "server_is_overloaded", "slow_down", "overloaded_error"],
        phrases: &["overloaded", "at capacity", "capacity exceeded", "no healthy upstream", "rate-limited upstream"],
        class: Class::ModelBusy,
        ..ANY
    },
    // 10
    Row {
        statuses: &[403, 404],
        codes: &["model_not_found", "deploymentnotfound", "model_permission_blocked_org", "model.accessdenied"],
        phrases: &[
            "does not exist or you do not have access",
            "does not have access to it",
            "access to model",
            "access to the model",
            "access to this model",
            "model not enabled",
            "model is not enabled",
            "model disabled",
            "not found for account",
            "free tier of the model has been exhausted",
        ],
        class: Class::KeyLacksModel,
        ..ANY
    },
    // 11
    Row {
        statuses: &[401, 403],
        codes: &["unsupported_country_region_territory", "content_policy_violation", "content_filter"],
        phrases: &[
            "moderation",
            "flagged",
            "guardrail",
            "content policy",
            "region, or territory not supported",
            "region is not supported",
            "location is not supported",
            "not available in your region",
            "no_parameter_permission",
        ],
        class: Class::Caller,
        ..ANY
    },
];

/// The class of an answer that is not a success. 200 stands for "unknown": an error inside a success.
pub fn class_of(status: u16, signals: &Signals) -> Class {
    let first = |matches: fn(&Row, &Signals) -> bool| {
        ROWS.iter().find(|row| row.is_for(status) && matches(row, signals)).map(|row| row.class)
    };
    first(|row, signals| row.codes.iter().any(|code| signals.has_code(code)))
        .or_else(|| first(|row, signals| row.has_words_of(signals)))
        .unwrap_or_else(|| by_status(status, signals.markup))
}

impl Row {
    fn is_for(&self, status: u16) -> bool {
        status == 200 || self.statuses.is_empty() || self.statuses.contains(&status)
    }

    fn has_words_of(&self, signals: &Signals) -> bool {
        self.openings.iter().any(|words| signals.opens_with(words))
            || self.phrases.iter().any(|words| signals.says(words))
    }
}

fn by_status(status: u16, markup: bool) -> Class {
    match status {
        401 => Class::KeyDead,
        402 => Class::KeyBroke,
        429 => Class::RateLimited,
        498 | 529 => Class::ModelBusy,
        // A page of markup is a proxy's or a firewall's, not the provider's word on the key.
        403 if markup => Class::Transient,
        403 => Class::Forbidden,
        408 | 409 | 425 => Class::Transient,
        400..500 => Class::Caller,
        _ => Class::Transient,
    }
}

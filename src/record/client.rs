//! A client key: what our users' programs present to us.

use super::{
    glob,
    key::{ACTIVE_GROUP, STANDBY_GROUP},
    pace::Pace,
    read::{Reader, Stored},
    usage_mode::UsageMode,
    write::{self, Json, object},
};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub label: String,
    /// HMAC-SHA-256 of the whole client key under the stored pepper, in hex.
    pub hash: String,
    /// What a person may see of it.
    pub masked: String,
    pub enabled: bool,
    pub rights: Vec<Right>,
    /// Where its calls go that ask for no group, and nowhere else; `None` = to active and standby keys.
    pub group: Option<String>,
    /// The groups of keys it may ask for; `*` = any.
    pub groups: Vec<String>,
    /// How much of its calls the request log keeps; `None` = as the setting says.
    pub log: Option<Log>,
    /// `None` = the provider's.
    pub usage_mode: Option<UsageMode>,
    /// Unix milliseconds. It is good for nothing from then on.
    pub expires: Option<u64>,
    /// Globs of the models it may ask for. Of this list and the next two, an empty one is no bound.
    pub models: Vec<String>,
    /// The providers that may serve it.
    pub providers: Vec<String>,
    /// The addresses and CIDR ranges from which it may come.
    pub ips: Vec<String>,
    pub limits: Limits,
    pub pace: Pace,
    /// For how many seconds its answers are cached; `None` = not, unless a call asks for it.
    pub cache_s: Option<u32>,
    /// Unix milliseconds.
    pub created: u64,
}

/// How much a client key may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// By `Limit`.
    amounts: [Option<u64>; 7],
    /// The time in which `Limit::Requests` may be made, in seconds.
    pub window_s: Option<u64>,
}

/// What a client key can have a limit of. Money is in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Requests a minute.
    Rpm,
    /// Tokens a minute.
    Tpm,
    /// Requests in a time of one's own.
    Requests,
    DayTokens,
    MonthTokens,
    DayMoney,
    MonthMoney,
}

impl Limit {
    pub const ALL: [Self; 7] =
        [Self::Rpm, Self::Tpm, Self::Requests, Self::DayTokens, Self::MonthTokens, Self::DayMoney, Self::MonthMoney];

    /// Stored, and the admin API's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rpm => "rpm",
            Self::Tpm => "tpm",
            Self::Requests => "requests",
            Self::DayTokens => "day_tokens",
            Self::MonthTokens => "month_tokens",
            Self::DayMoney => "day_micros",
            Self::MonthMoney => "month_micros",
        }
    }
}

impl Limits {
    pub fn of(&self, limit: Limit) -> Option<u64> {
        self.amounts.get(limit as usize).copied().flatten()
    }

    pub fn set(&mut self, limit: Limit, amount: Option<u64>) {
        if let Some(place) = self.amounts.get_mut(limit as usize) {
            *place = amount;
        }
    }

    /// Those that there are.
    pub fn all(&self) -> impl Iterator<Item = (Limit, u64)> {
        Limit::ALL.into_iter().filter_map(|limit| Some((limit, self.of(limit)?)))
    }

    pub fn is_none(&self) -> bool {
        self.amounts.iter().all(Option::is_none)
    }
}

/// How much the request log keeps of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    Off,
    /// All but the bodies.
    Meta,
    Bodies,
}

impl Log {
    pub const NAMES: [&str; 3] = ["off", "meta", "bodies"];

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Meta, Self::Bodies].into_iter().find(|log| log.name() == text)
    }

    pub const fn name(self) -> &'static str {
        let [off, meta, bodies] = Self::NAMES;
        match self {
            Self::Off => off,
            Self::Meta => meta,
            Self::Bodies => bodies,
        }
    }
}

/// What a client key may do besides calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Its answers tell how many attempts were made, and with which key.
    SeeAttempts,
    /// It may choose the key.
    ForceKey,
    /// It may choose how its streams are paced.
    Paced,
    /// It may have answers cached, and ask for cached ones.
    Cache,
}

impl Right {
    pub const ALL: [Self; 4] = [Self::SeeAttempts, Self::ForceKey, Self::Paced, Self::Cache];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SeeAttempts => "see_attempts",
            Self::ForceKey => "force_key",
            Self::Paced => "paced",
            Self::Cache => "cache",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == text)
    }
}

impl Client {
    /// With those rights and groups, and nothing else that is of a client key.
    pub fn new(rights: &[Right], groups: &[String]) -> Self {
        Self {
            label: String::new(),
            hash: String::new(),
            masked: String::new(),
            enabled: true,
            rights: rights.into(),
            group: None,
            groups: groups.into(),
            log: None,
            usage_mode: None,
            expires: None,
            models: Vec::new(),
            providers: Vec::new(),
            ips: Vec::new(),
            limits: Limits::default(),
            pace: Pace::Off,
            cache_s: None,
            created: 0,
        }
    }

    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }

    /// Keys of these groups may serve it.
    pub fn may_use(&self, group: &str) -> bool {
        self.group.is_none() && [ACTIVE_GROUP, STANDBY_GROUP].contains(&group) || self.may_ask_for(group)
    }

    /// Whether its list of models has that name.
    pub fn may_name(&self, name: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|glob| glob::matches(glob, name))
    }

    pub fn may_ask_for(&self, group: &str) -> bool {
        self.group.iter().chain(&self.groups).any(|g| g == group || g == "*")
    }
}

/// What most client keys do not have is not stored of them.
impl Json for Client {
    fn json(&self) -> Value {
        let mut client = object! { "label": self.label, "hash": self.hash, "masked": self.masked, "enabled": self.enabled, "rights": self.rights, "groups": self.groups, "log": self.log.map(Log::name), "usage_mode": self.usage_mode.map(UsageMode::name), "created": self.created };
        let Some(fields) = client.as_object_mut() else { return client };
        for (name, list) in [("models", &self.models), ("providers", &self.providers), ("ips", &self.ips)] {
            if !list.is_empty() {
                write::field(fields, name, list);
            }
        }
        let more =
            [("expires", self.expires), ("window_s", self.limits.window_s), ("cache_s", self.cache_s.map(u64::from))];
        let limits = self.limits.all().map(|(limit, amount)| (limit.name(), amount));
        for (name, number) in more.into_iter().filter_map(|(name, number)| Some((name, number?))).chain(limits) {
            write::field(fields, name, &number);
        }
        if let Some(group) = &self.group {
            write::field(fields, "group", group);
        }
        if self.pace != Pace::Off {
            write::field(fields, "pace", self.pace.name());
        }
        client
    }
}

impl Json for Right {
    fn json(&self) -> Value {
        self.name().json()
    }
}

impl Stored for Client {
    fn read(from: &Reader) -> Option<Self> {
        let mut limits = Limits { window_s: from.number("window_s"), ..Limits::default() };
        for limit in Limit::ALL {
            limits.set(limit, from.number(limit.name()));
        }
        let texts = |name| from.texts(name).unwrap_or_default();
        Some(Self {
            label: from.text("label")?,
            hash: from.text("hash")?,
            masked: from.text("masked")?,
            enabled: from.flag("enabled")?,
            rights: from
                .texts("rights")
                .map_or(vec![Right::SeeAttempts], |names| names.iter().filter_map(|name| Right::parse(name)).collect()),
            group: from.text("group"),
            groups: texts("groups"),
            log: from.text("log").and_then(|log| Log::parse(&log)),
            usage_mode: from.text("usage_mode").and_then(|name| UsageMode::parse(&name)),
            expires: from.number("expires"),
            models: texts("models"),
            providers: texts("providers"),
            ips: texts("ips"),
            limits,
            pace: from.text("pace").and_then(|name| Pace::parse(&name)).unwrap_or_default(),
            cache_s: from.small("cache_s"),
            created: from.number("created")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_key_of_an_older_keypool_has_no_limits() {
        let old = object! {"label": "l", "hash": "h", "masked": "m", "enabled": true, "created": 7_u64};
        let client = Client::read(&Reader(&old)).unwrap();
        let expected = Client {
            label: "l".into(),
            hash: "h".into(),
            masked: "m".into(),
            created: 7,
            ..Client::new(&[Right::SeeAttempts], &[])
        };
        assert_eq!(client, expected);
        assert!(client.limits.is_none());
    }

    #[test]
    fn what_it_does_not_have_is_not_stored() {
        let text = write::text(&Client::new(&[], &[]).json());
        for name in ["models", "ips", "rpm", "group\"", "pace", "window_s", "expires", "cache_s"] {
            assert!(!text.contains(name), "{text}");
        }
    }
}

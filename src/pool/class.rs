//! What went wrong with an attempt: the classes of the failure table, a closed set.

/// Whose fault a failure is and so what gets punished; each variant is a row (or a few) of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The upstream does not know the key any more.
    KeyDead,
    /// The key's account has no money left.
    KeyBroke,
    /// The key's quota for this model is used up until the provider's day ends.
    DayQuota,
    /// Too fast for this key and model.
    RateLimited,
    /// The model has no capacity, whoever asks.
    ModelBusy,
    /// The provider throttles our address, not a key.
    IpThrottle,
    /// It may work on the next try.
    Transient,
    /// No response head in time.
    Timeout,
    /// The key may not use this model.
    KeyLacksModel,
    /// The upstream refuses the key for a reason it does not explain.
    Forbidden,
    /// The client's own mistake; nothing is punished.
    Caller,
    /// A success without a body where one must be.
    Empty,
    /// The stream ended early, after the first byte went out.
    BrokenStream,
    /// The client left.
    ClientGone,
    /// A person switched the key off; no machine wakes it.
    Manual,
}

impl Class {
    const ALL: [Self; 15] = [
        Self::KeyDead,
        Self::KeyBroke,
        Self::DayQuota,
        Self::RateLimited,
        Self::ModelBusy,
        Self::IpThrottle,
        Self::Transient,
        Self::Timeout,
        Self::KeyLacksModel,
        Self::Forbidden,
        Self::Caller,
        Self::Empty,
        Self::BrokenStream,
        Self::ClientGone,
        Self::Manual,
    ];

    /// Such a key comes back by a probe, not by time.
    pub const fn needs_probe(self) -> bool {
        matches!(self, Self::KeyDead | Self::KeyBroke)
    }

    /// Reads `name` back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The name used in storage, the API and logs; equal to the serialized form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KeyDead => "key_dead",
            Self::KeyBroke => "key_broke",
            Self::DayQuota => "day_quota",
            Self::RateLimited => "rate_limited",
            Self::ModelBusy => "model_busy",
            Self::IpThrottle => "ip_throttle",
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::KeyLacksModel => "key_lacks_model",
            Self::Forbidden => "forbidden",
            Self::Caller => "caller",
            Self::Empty => "empty",
            Self::BrokenStream => "broken_stream",
            Self::ClientGone => "client_gone",
            Self::Manual => "manual",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn a_name_leads_back_to_its_class() {
        let all = [
            Class::KeyDead,
            Class::KeyBroke,
            Class::DayQuota,
            Class::RateLimited,
            Class::ModelBusy,
            Class::IpThrottle,
            Class::Transient,
            Class::Timeout,
            Class::KeyLacksModel,
            Class::Forbidden,
            Class::Caller,
            Class::Empty,
            Class::BrokenStream,
            Class::ClientGone,
            Class::Manual,
        ];
        for class in all {
            // The variant's own name, in small letters.
            let plain = class.name().replace('_', "");
            assert_eq!(plain, format!("{class:?}").to_lowercase());
            assert_eq!(Class::parse(class.name()).unwrap(), class);
        }
    }
}

//! What goes wrong in the world: when, for whom, how often, and how it looks.

use super::answer::Dialect;

#[derive(Debug, Clone, Copy)]
pub enum Whom {
    Everyone,
    Provider(usize),
    Key(usize),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// 500, 502, 503 or 504.
    ServerError,
    /// A 429 that says nothing, whatever the key's own limit is.
    BareLimit,
    /// No head until the caller's patience ends.
    Hang,
    Reset,
    Revoked,
    /// `insufficient_quota`; the account still lists its models.
    Broke,
    Forbidden,
    /// Server errors and refused connections; nothing works, `GET models` neither.
    Outage,
    /// 429 in this dialect, with a reset this far away where the dialect tells one.
    OutOfQuota(Dialect, u64),
}

/// From `from` until `until` (milliseconds after the start), in `per_10k` of ten thousand calls.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    pub whom: Whom,
    pub from: u64,
    pub until: u64,
    pub per_10k: u64,
}

impl Fault {
    /// Always there, in a part of the calls.
    pub const fn noise(kind: Kind, per_10k: u64) -> Self {
        Self { kind, whom: Whom::Everyone, from: 0, until: u64::MAX, per_10k }
    }

    /// Every call of these fails so from `from` on, for `lasts`.
    pub const fn spell(kind: Kind, whom: Whom, from: u64, lasts: u64) -> Self {
        Self { kind, whom, from, until: from.saturating_add(lasts), per_10k: 10_000 }
    }

    pub const fn is_on(&self, at: u64, key: usize, provider: usize) -> bool {
        self.from <= at
            && at < self.until
            && match self.whom {
                Whom::Everyone => true,
                Whom::Provider(p) => p == provider,
                Whom::Key(k) => k == key,
            }
    }
}

//! Wrong passwords in KV: a value for each window, with a line for each address. Two isolates that write at once undo each
//! other's, and another place sees it a minute later: it slows a guesser down, and no more.

use super::{
    super::{
        Logins,
        bindings::{number, options, settled},
    },
    Kv, texted,
};
use crate::{
    auth::throttle::{Seen, Wrong},
    error::Result,
};

/// In seconds; longer than two windows.
const KEPT: u64 = 3600;

impl Kv {
    pub async fn logins(&self, ask: &Logins<'_>, window: u64) -> Result<Seen> {
        let names = [window, window - 1].map(|window| format!("logins/{window}"));
        let held = self.values(&names).await?;
        let mut seen = Seen::default();
        for (name, wrong) in names.iter().zip(&mut seen) {
            let held = held.iter().find(|(known, _)| known == name).map(|(_, text)| texted(text)).unwrap_or_default();
            let mut tries: Vec<(&str, u64)> = lines(&held).collect();
            match ask {
                Logins::Of(address) => {
                    let of = |address: Option<&str>| {
                        tries
                            .iter()
                            .filter(|(known, _)| address.is_none_or(|a| a == *known))
                            .map(|(_, count)| count)
                            .sum()
                    };
                    *wrong = Wrong { here: of(Some(address)), all: of(None) };
                    continue;
                }
                Logins::Add(more) => {
                    for (address, count) in *more {
                        match tries.iter_mut().find(|(known, _)| known == address) {
                            Some((_, sum)) => *sum += count,
                            None => tries.push((address, *count)),
                        }
                    }
                    self.put_tries(name, &tries).await?;
                    break;
                }
                Logins::Forget(address) if tries.iter().any(|(known, _)| known == address) => {
                    tries.retain(|(known, _)| known != address);
                    self.put_tries(name, &tries).await?;
                }
                Logins::Forget(_) => (),
            }
        }
        Ok(seen)
    }

    async fn put_tries(&self, name: &str, tries: &[(&str, u64)]) -> Result<()> {
        let text: String = tries.iter().map(|(address, count)| format!("{address} {count}\n")).collect();
        settled(self.0.put(name, &text, &options(&[("expirationTtl", number(KEPT))]))).await.map(|_| ())
    }
}

/// What cannot be read says nothing.
fn lines(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (address, count) = line.rsplit_once(' ')?;
        Some((address, count.parse().ok()?))
    })
}

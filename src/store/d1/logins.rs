//! Wrong passwords in D1: rows of `meta`, named `login <window> <address>`. They are rare, and cleared away by the next.

use super::{super::Logins, D1, whole};
use crate::{
    auth::throttle::{Seen, Wrong},
    error::Result,
    record::write::{self, Json},
};
use serde_json::Value;

/// A space is the least of what is printed, so `!` is behind all of them.
const OF: &str = "select sum(iif(substr(name, 15) = ?2, value, 0)) || ' ' || sum(value) || ' ' || substr(name, 7, 7) as value \
    from meta where name >= 'login ' || ?1 and name < 'login!' group by substr(name, 7, 7)";
const ADD: &str = "insert into meta (name, value) select 'login ' || ?2 || ' ' || (value ->> 0), value ->> 1 from json_each(?1) \
    where true on conflict (name) do update set value = value + excluded.value";
const OLD: &str = "delete from meta where name >= 'login ' and name < 'login ' || ?1";
const FORGET: &str = "delete from meta where name >= 'login ' and name < 'login!' and substr(name, 15) = ?1";

impl D1 {
    pub async fn logins(&self, ask: &Logins<'_>, window: u64) -> Result<Seen> {
        let (now, before) = (number_of(window), number_of(window - 1));
        let mut seen = Seen::default();
        let batch = match ask {
            Logins::Of(address) => {
                let found = self.batch(vec![(OF, vec![before.into(), (*address).into()])]).await?;
                for line in found.into_iter().flatten() {
                    let mut words = line.split(' ');
                    let mut next = || words.next().unwrap_or_default();
                    let wrong = Wrong { here: whole(next()), all: whole(next()) };
                    let [current, last] = &mut seen;
                    *(if next() == now { current } else { last }) = wrong;
                }
                return Ok(seen);
            }
            Logins::Add(tries) => {
                let tries = write::list(
                    &mut tries.iter().map(|(address, count)| Value::Array(vec![address.json(), count.json()])),
                );
                vec![(ADD, vec![tries.into(), now.into()]), (OLD, vec![before.into()])]
            }
            Logins::Forget(address) => vec![(FORGET, vec![(*address).into()])],
        };
        self.batch(batch).await.map(|_| seen)
    }
}

/// As long as all others until the year 2255, so that they are in order.
fn number_of(window: u64) -> String {
    format!("{window:07}")
}

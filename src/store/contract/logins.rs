//! What every store promises of wrong passwords.

use super::{super::Logins, Kept, START, Store, hold, said};
use crate::auth::throttle::{Wrong, window};

pub async fn wrong_passwords_are_counted_by_window_and_address(store: &Store) -> Kept {
    let now = window(START);
    let of = async |address: &str, window: u64| store.logins(&Logins::Of(address), window).await.map_err(said);
    let add = async |tries: &[(&str, u64)], window: u64| {
        let tries: Vec<(String, u64)> = tries.iter().map(|(address, count)| ((*address).into(), *count)).collect();
        store.logins(&Logins::Add(&tries), window).await.map_err(said)
    };
    let none = Wrong::default();
    let wrong = |here, all| Wrong { here, all };
    hold(of("a", now).await? == [none, none], "an address begins without a wrong password")?;
    add(&[("192.0.2.1", 2), ("2001:db8::/64", 1)], now - 1).await?;
    add(&[("192.0.2.1", 3)], now).await?;
    add(&[("192.0.2.1", 1), ("", 1)], now).await?;
    hold(of("192.0.2.1", now).await? == [wrong(4, 5), wrong(2, 3)], "wrong passwords are added up by address")?;
    hold(of("2001:db8::/64", now).await? == [wrong(0, 5), wrong(1, 3)], "another address's are its own")?;
    hold(of("192.0.2.1", now + 1).await? == [none, wrong(4, 5)], "a window passes on")?;
    hold(of("192.0.2.1", now + 2).await? == [none, none], "a window is over after the next one")?;
    store.logins(&Logins::Forget("192.0.2.1"), now).await.map_err(said)?;
    hold(of("192.0.2.1", now).await? == [wrong(0, 1), wrong(0, 1)], "what is forgotten is that address's alone")
}

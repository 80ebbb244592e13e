//! What keypool itself answers below `/v1/`: about the pool, as far as the caller may use it, and about nobody's account.

use super::Asked;
use crate::{
    app::{Cache, Caller, with_cache},
    error::{Fault, Result},
    js, json,
    pool::{balance, slot::State, target},
    record::{key::Key, write::object},
};
use serde_json::Value;
use worker::web_sys::Response;

/// `None` when the call is for an upstream.
///
/// # Errors
/// When it is not a GET.
pub fn answer(caller: &Caller, asked: &Asked, method: &str, now: u64) -> Result<Option<Response>> {
    let value = with_cache(|c| match (asked.rest, asked.pin) {
        ("providers", None) => Some(providers(c, caller, now)),
        // A provider's own answer would be about one key's owner.
        ("user/info", pin) if pin.is_none_or(|name| c.pool.provider(name).is_some()) => {
            Some(account(c, caller, pin, now))
        }
        _ => None,
    });
    match value {
        Some(_) if method != "GET" => Err(Fault::Method { allow: "GET" }.into()),
        Some(value) => js::json_response(200, &json::text(&value)).map(Some),
        None => Ok(None),
    }
}

fn providers(cache: &Cache, caller: &Caller, now: u64) -> Value {
    let default = target::default(&cache.pool, cache.setting("default_provider"), &|_| true);
    let mut all = Vec::new();
    for (name, provider) in cache.pool.providers().filter(|(name, _)| caller.may_call("", name, "").is_ok()) {
        let usable = |key: &Key| key.provider == name && caller.may_use(&key.group);
        let [active, cooling, disabled] = cache.pool.count(&usable, now);
        all.push(
            object! {"id": name, "object": "provider", "enabled": provider.enabled, "default": default == Some(name),
            "keys": object! {"active": active, "cooling": cooling, "disabled": disabled}},
        );
    }
    object! {"object": "list", "data": all}
}

/// In the shape of SiliconFlow's answer, which clients know.
fn account(cache: &Cache, caller: &Caller, pin: Option<&str>, now: u64) -> Value {
    // By currency: how much, of how many keys.
    let mut left: Vec<(Option<&str>, f64, u64)> = Vec::new();
    for (_, slot) in cache.pool.keys() {
        let provider = slot.key.provider.as_str();
        let mine = caller.may_use(&slot.key.group)
            && caller.may_call("", provider, "").is_ok()
            && pin.is_none_or(|name| slot.key.provider == name);
        let Some(balance) = slot.balance.as_ref().filter(|_| mine && slot.state(now) != State::Disabled) else {
            continue;
        };
        let (Some(amount), currency) = (balance.amount, balance.currency.as_deref()) else { continue };
        match left.iter_mut().find(|(known, ..)| *known == currency) {
            Some((_, sum, keys)) => (*sum, *keys) = (balance::sum(*sum, amount), *keys + 1),
            None => left.push((currency, amount, 1)),
        }
    }
    let (mut balances, mut total, mut most) = (Vec::new(), None, 0);
    for (currency, amount, keys) in left {
        let amount = Value::from(amount);
        // There is place for one amount: that of most keys.
        if keys > most {
            (total, most) = (Some(json::text(&amount)), keys);
        }
        balances.push(object! {"currency": currency, "amount": amount, "keys": keys});
    }
    object! {"code": 20_000_u64, "message": "OK", "status": true, "data": object! {
        "id": caller.id, "name": "keypool", "image": "", "email": "", "isAdmin": false, "status": "normal",
        "introduction": "", "role": "", "balance": total, "chargeBalance": total, "totalBalance": total,
        "balances": balances,
    }}
}

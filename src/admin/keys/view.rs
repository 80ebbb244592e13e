//! A key as the admin sees it; its secret never leaves by this way.

use crate::{
    pool::{
        Pool, redact,
        slot::{Slot, State},
    },
    record::{balance::Balance, write::object},
    usage::{metric::Metric, sums::Sums},
};
use serde_json::Value;

pub fn view(pool: &Pool, slot: &Slot, sums: &Sums, now: u64) -> Value {
    let key = &slot.key;
    let state = slot.state(now);
    let served = pool.provider(&key.provider).is_some_and(|p| p.enabled);
    let tells = pool.provider(&key.provider).is_some_and(|p| p.balance_url.is_some());
    let cooldowns: Vec<Value> = slot
        .cools
        .iter()
        .filter(|c| c.until > now && state != State::Disabled)
        .map(|c| object! {"model": c.model.as_deref(), "until": c.until})
        .collect();
    let of = |metric| sums.of(metric);
    let last_used = Some(of(Metric::LastUsed)).filter(|at| *at > 0);
    object! {
        "id": &*slot.id,
        "label": key.label,
        "key_masked": redact::mask(&key.secret),
        "provider": key.provider,
        "weight": key.weight,
        "group": key.group,
        "enabled": key.enabled,
        "models": key.models,
        "rpm": key.rpm,
        "tpm": key.tpm,
        "concurrency": key.concurrency,
        "expires": key.expires,
        "state": state.name(),
        "usable": state == State::Active && key.weight > 0 && served,
        "reason": reason(slot, now),
        "past": past(slot),
        "cooldowns": cooldowns,
        "created": key.created,
        "counters": object! {"attempts": of(Metric::Attempts), "ok": of(Metric::AttemptsOk),
            "failed": of(Metric::Attempts) - of(Metric::AttemptsOk),
            "prompt_tokens": of(Metric::In), "completion_tokens": of(Metric::Out)},
        "last_used": last_used,
        "balance": tells.then(|| balance(slot.balance.as_deref().unwrap_or(&Balance::default()))),
    }
}

/// An amount of null was never told, which is not 0.
fn balance(balance: &Balance) -> Value {
    let failed = balance.failed.as_ref().map(|code| {
        object! {"code": code, "status": balance.status, "message": balance.message, "at": balance.asked}
    });
    object! {"amount": balance.amount.map(Value::from), "currency": balance.currency, "at": balance.at, "failed": failed}
}

/// A key's figures, ever and today.
pub fn stats(slot: &Slot, ever: &Sums, today: &Sums, now: u64) -> Value {
    let state = slot.state(now);
    let latency = |sums: &Sums| sums.of(Metric::AttemptMs).checked_div(sums.of(Metric::AttemptsOk));
    object! {
        "id": &*slot.id,
        "label": slot.key.label,
        "key_masked": redact::mask(&slot.key.secret),
        "provider": slot.key.provider,
        "state": state.name(),
        "weight": slot.key.weight,
        "reason": reason(slot, now),
        "last_used": Some(ever.of(Metric::LastUsed)).filter(|at| *at > 0),
        "attempts": ever.of(Metric::Attempts),
        "errors": ever.of(Metric::Attempts) - ever.of(Metric::AttemptsOk),
        "average_latency_ms": latency(ever),
        "today": object! {
            "attempts": today.of(Metric::Attempts),
            "errors": today.of(Metric::Attempts) - today.of(Metric::AttemptsOk),
            "average_latency_ms": latency(today),
            "requests": today.of(Metric::Requests),
            "prompt_tokens": today.of(Metric::In),
            "completion_tokens": today.of(Metric::Out),
            "cost_micros": today.of(Metric::Cost) / 1000,
        },
    }
}

/// The class of what keeps the key from work, if anything does.
pub fn reason_class(slot: &Slot, now: u64) -> Option<String> {
    reason(slot, now).and_then(|r| Some(r.get("class")?.as_str()?.to_string()))
}

fn reason(slot: &Slot, now: u64) -> Option<Value> {
    if !slot.key.is_on(now) {
        let (class, since) = if slot.key.enabled { ("expired", slot.key.expires) } else { ("manual", None) };
        return Some(
            object! {"class": class, "status": Value::Null, "message": "", "since": since, "next_probe": Value::Null},
        );
    }
    if let Some(disabled) = slot.down() {
        return Some(object! {"class": disabled.class, "status": disabled.status, "message": disabled.message,
        "since": disabled.since, "next_probe": disabled.next_probe});
    }
    let cool = slot.cools.iter().filter(|c| c.until > now).max_by_key(|c| c.until)?;
    Some(object! {"class": cool.class.name(), "status": cool.status, "message": &*cool.message,
    "since": cool.since, "next_probe": Value::Null})
}

/// What a machine had disabled it for before it came back.
fn past(slot: &Slot) -> Option<Value> {
    let past = slot.disabled.as_ref().filter(|d| d.restored.is_some() && !d.is_fresh())?;
    Some(object! {"class": past.class, "status": past.status, "message": past.message, "since": past.since,
    "restored": past.restored})
}

/// When machines disabled it, and when it came back; newest first.
pub fn history(slot: &Slot) -> Value {
    let mut events = Vec::new();
    for event in slot.disabled.iter().flat_map(|disabled| &disabled.history) {
        let name = if event.class.is_some() { "disabled" } else { "restored" };
        events.push(object! {"at": event.at, "event": name, "class": event.class, "status": event.status, "message": event.message});
    }
    Value::Array(events)
}

//! Balances: whose turn it is to be asked for, and what an answer says. Nothing here disables a key or lets it rest.

use super::{Pool, Ticket, slot::Slot};
use crate::{
    json,
    record::{Kind, Record, provider::Provider, read},
    sort::sort,
};
use serde_json::Value;

const HOUR_MS: u64 = 3_600_000;
/// A key's balance is asked for this often, in milliseconds.
const EVERY_MS: u64 = 6 * HOUR_MS;
/// The same where the provider has said that it no longer tells.
const UNSUPPORTED_MS: u64 = 7 * 24 * HOUR_MS;
/// The provider took the service away (RFC 9110, 15.5.11); SiliconFlow's does so since 2026.
const GONE: u16 = 410;

/// What a provider answered, as far as it counts here.
pub struct Answer<'a> {
    /// `None` when none came.
    pub status: Option<u16>,
    /// Of a refusal, in one redacted line.
    pub message: &'a str,
    pub body: &'a [u8],
}

impl Pool {
    /// What is left on the key's account, as far as it is known; what its provider told once and does not any more is not.
    pub fn balance(&self, slot: &Slot) -> Option<f64> {
        self.provider(&slot.key.provider)?.balance_url.as_ref()?;
        slot.balance.as_ref()?.amount
    }

    /// Those of the keys whose balance is due, `most` of them at most: who waited longest comes first.
    pub fn balances_due(&self, most: usize, now: u64) -> Vec<Ticket> {
        let tells = |p: &Provider| p.enabled && p.balance_url.is_some();
        let mut due = Vec::new();
        for (ticket, slot) in self.keys().filter(|(_, s)| s.key.is_on(now)) {
            let unsupported = slot.balance.as_ref().is_some_and(|b| b.status == Some(GONE));
            let pause = if unsupported { UNSUPPORTED_MS } else { EVERY_MS };
            if self.asked(ticket).is_none_or(|asked| asked + pause <= now)
                && self.provider(&slot.key.provider).is_some_and(tells)
            {
                due.push(ticket);
            }
        }
        sort(&mut due, &|a, b| self.asked(a).cmp(&self.asked(b)));
        due.truncate(most);
        due
    }

    fn asked(&self, ticket: Ticket) -> Option<u64> {
        self.slot(ticket)?.balance.as_ref().map(|balance| balance.asked)
    }

    /// Notes what a provider answered when it was asked for the key's balance; answers what must be stored. A failure
    /// leaves the last balance as it was told.
    pub fn balance_answered(&mut self, ticket: Ticket, answer: &Answer, now: u64) -> Option<Record> {
        let name = &self.slots.get(ticket).filter(|s| !s.gone)?.key.provider;
        let (path, currency) = self.provider(name).map(|p| (p.balance_path.clone(), p.balance_currency()))?;
        let slot = self.slots.get_mut(ticket)?;
        let mut balance = slot.balance.take().unwrap_or_default();
        (balance.asked, balance.failed, balance.status) = (now, None, None);
        balance.message.clear();
        match read(answer, &path.unwrap_or_default()) {
            Ok((amount, own)) => {
                (balance.amount, balance.at) = (Some(amount), Some(now));
                balance.currency = own.or_else(|| currency.map(str::to_string));
            }
            Err((code, message)) => {
                (balance.failed, balance.status, balance.message) = (Some(code.into()), answer.status, message);
            }
        }
        let record = Record::new(Kind::Balance, &*slot.id, &*balance, now).ok();
        slot.balance = Some(balance);
        record
    }
}

/// The amount and the currency that stands beside it, or a failure's code and message.
fn read(answer: &Answer, path: &str) -> Result<(f64, Option<String>), (&'static str, String)> {
    let code = match answer.status {
        Some(200..300) => "unreadable",
        Some(GONE) => "unsupported",
        Some(_) => "refused",
        None => "unreachable",
    };
    if code != "unreadable" {
        return Err((code, answer.message.into()));
    }
    let body = std::str::from_utf8(answer.body).ok().and_then(|text| json::read(text).ok()).unwrap_or_default();
    let pointer = pointer(path);
    let Some(amount) = read::at(&body, &pointer).and_then(amount) else {
        return Err((code, format!("There is no number at {path} of the answer.")));
    };
    let beside = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    let currency = read::at(&body, beside).and_then(|beside| beside.get("currency")?.as_str().filter(|c| is_code(c)));
    Ok((amount, currency.map(str::to_string)))
}

/// `data.totalBalance` as the JSON pointer (RFC 6901) that it stands for; a pointer as it is.
fn pointer(path: &str) -> String {
    if path.starts_with('/') { path.into() } else { format!("/{}", path.replace('.', "/")) }
}

/// A number, or a text that is one: money is often sent that way.
pub fn amount(value: &Value) -> Option<f64> {
    let number = match value {
        Value::String(text) => json::read(text.trim()).ok()?.as_f64()?,
        value => value.as_f64()?,
    };
    (number.abs() < 1e15).then_some(number)
}

/// As in ISO 4217, or a name of the provider's own for its credits.
fn is_code(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Their sum. The last digits of many fractions are cut, so that no 0.30000000000000004 comes out.
pub fn sum(amounts: f64, more: f64) -> f64 {
    ((amounts + more) * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests;

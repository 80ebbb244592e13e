//! What a backup's record must be before it is taken: a file may come from anywhere, and what it says is stored. The checks
//! are those of the calls that make such a record.

use crate::{
    admin::{fields::Fields, input, providers, rules},
    config,
    error::Error,
    js,
    limit::ip,
    record::{
        Kind,
        alias::Alias,
        client::Client,
        key::Key,
        price::Price,
        provider::{self, Provider},
        read::{Reader, Stored},
        write::{Json, object},
    },
};
use serde_json::Value;

/// Its body as this keypool writes it.
///
/// # Errors
/// What is wrong with it.
pub fn record(kind: Kind, id: &str, body: &Value, private: bool) -> Result<Value, String> {
    match kind {
        Kind::Provider => {
            let provider: Provider = read(body)?;
            held(provider::is_name(id), "its name cannot be one")?;
            provider::base_url(&provider.base_url, private)?;
            if let Some(url) = &provider.balance_url {
                provider::balance_url(url)?;
            }
            let headers = body.get("headers").cloned().unwrap_or_else(|| object! {});
            let headers = Fields::of(headers).and_then(|headers| providers::apply_headers(&headers, &mut Vec::new()));
            headers.map_err(said)?;
            Ok(provider.json())
        }
        Kind::Key => {
            let key: Key = read(body)?;
            let is_secret = (1..=4096).contains(&key.secret.len()) && key.secret.bytes().all(|b| b.is_ascii_graphic());
            held(is_secret && provider::is_name(&key.provider), "it has no secret or no provider")?;
            input::label(&key.label).and_then(|_| input::group(&key.group)).map_err(said)?;
            Ok(key.json())
        }
        Kind::Client => {
            let client: Client = read(body)?;
            let is_hash = client.hash.len() == 64 && client.hash.bytes().all(|b| b.is_ascii_hexdigit());
            held(is_hash && is_id(id), "it has no digest")?;
            held(client.ips.iter().all(|text| ip::is_range(text)), "its addresses cannot be read")?;
            input::label(&client.label).map_err(said)?;
            Ok(client.json())
        }
        Kind::Alias => {
            input::label(id).map_err(said)?;
            Ok(read::<Alias>(body)?.json())
        }
        Kind::Price => {
            let price: Price = read(body)?;
            held(price.id() == id, "it stands under another name")?;
            Ok(price.json())
        }
        Kind::Rule => rule(id, body),
        Kind::Setting => {
            let text: String = read(body)?;
            if id != "default_provider" {
                config::check(id, &text, js::is_zone)?;
            }
            Ok(text.json())
        }
        Kind::Imported => held(is_id(id), "its id cannot be one").map(|()| true.json()),
        Kind::Secret => {
            let text: String = read(body)?;
            held((16..=200).contains(&text.len()), "it is too short or too long")?;
            Ok(text.json())
        }
        Kind::Disabled | Kind::Cooldown | Kind::Balance | Kind::Models | Kind::Revoked => {
            Err("such records are not in a backup".into())
        }
    }
}

/// One of people's own, or the switch of a shipped one.
fn rule(id: &str, body: &Value) -> Result<Value, String> {
    let Value::Object(fields) = body else { return Err("it is no object".into()) };
    held(is_id(id), "its id cannot be one")?;
    if fields.len() == 1 {
        let enabled = Reader(body).flag("enabled").ok_or("it cannot be read")?;
        return Ok(object! {"enabled": enabled});
    }
    let mut fields = fields.clone();
    let created = fields.remove("created").and_then(|at| at.as_u64()).ok_or("it cannot be read")?;
    let rule = Fields::of(fields.into()).and_then(|mut fields| rules::check(&mut fields, created)).map_err(said)?;
    Ok(rule.json())
}

fn read<T: Stored>(body: &Value) -> Result<T, String> {
    T::read(&Reader(body)).ok_or_else(|| "it cannot be read".into())
}

fn is_id(id: &str) -> bool {
    (1..=200).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

fn held(holds: bool, problem: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(problem.into()) }
}

fn said(error: Error) -> String {
    error.message()
}

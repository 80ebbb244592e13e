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

/// Of the numbers in any record, those that would do harm beyond what the API takes.
const BOUNDS: [(&str, u64, u64); 12] = [
    ("weight", 0, 100),
    ("priority", 0, 1000),
    ("rpm", 1, u64::MAX),
    ("tpm", 1, u64::MAX),
    ("concurrency", 1, u64::MAX),
    ("requests", 1, u64::MAX),
    ("window_s", 60, 86_400),
    ("cache_s", 1, 30 * 86_400),
    ("first_byte_timeout_ms", 100, 3_600_000),
    ("answer_timeout_ms", 100, 3_600_000),
    ("idle_timeout_ms", 100, 3_600_000),
    ("overall_timeout_ms", 100, 3_600_000),
];

/// Its body as this keypool writes it.
///
/// # Errors
/// What is wrong with it.
pub fn record(kind: Kind, id: &str, body: &Value, private: bool) -> Result<Value, String> {
    let clean: fn(&Value) -> Option<Value> = match kind {
        Kind::Provider => cleaned::<Provider>,
        Kind::Key => cleaned::<Key>,
        Kind::Client => cleaned::<Client>,
        Kind::Alias => cleaned::<Alias>,
        Kind::Price => cleaned::<Price>,
        Kind::Setting | Kind::Secret => cleaned::<String>,
        Kind::Rule => return rule(id, body),
        Kind::Imported => return held(is_id(id), "its id cannot be one").map(|()| true.json()),
        Kind::Disabled | Kind::Cooldown | Kind::Balance | Kind::Models | Kind::Revoked => {
            return Err("such records are not in a backup".into());
        }
    };
    let body = clean(body).ok_or("it cannot be read")?;
    let from = Reader(&body);
    let text = |name| from.text(name).unwrap_or_default();
    for (name, least, most) in BOUNDS {
        let fits = from.number(name).is_none_or(|n: u64| (least..=most).contains(&n));
        held(fits, &[name, " is beyond what it may be"].concat())?;
    }
    match kind {
        Kind::Provider => {
            held(provider::is_name(id), "its name cannot be one")?;
            provider::base_url(&text("base_url"), private)?;
            if let Some(url) = from.text("balance_url") {
                provider::balance_url(&url)?;
            }
            let headers = from.field("headers").map(|headers| headers.0.clone()).unwrap_or_default();
            let headers = Fields::of(headers).and_then(|headers| providers::apply_headers(&headers, &mut Vec::new()));
            headers.map_err(said)?;
        }
        Kind::Key => {
            let secret = text("secret");
            let is_secret = (1..=4096).contains(&secret.len()) && secret.bytes().all(|b| b.is_ascii_graphic());
            held(is_secret && provider::is_name(&text("provider")), "it has no secret or no provider")?;
            input::label(&text("label")).and_then(|_| input::group(&text("group"))).map_err(said)?;
        }
        Kind::Client => {
            let hash = text("hash");
            held(is_id(id) && hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "it has no digest")?;
            let ips = from.texts("ips").unwrap_or_default();
            held(ips.iter().all(|text| ip::is_range(text)), "its addresses cannot be read")?;
            input::label(&text("label")).map_err(said)?;
        }
        Kind::Alias => drop(input::label(id).map_err(said)?),
        Kind::Price => {
            let name = [&*text("provider"), " ", &text("model")].concat();
            held(name == id, "it stands under another name")?;
        }
        Kind::Setting if id != "default_provider" => {
            config::check(id, body.as_str().unwrap_or_default(), js::is_zone)?;
        }
        Kind::Secret => {
            let length = body.as_str().unwrap_or_default().len();
            held((16..=200).contains(&length), "it is too short or too long")?;
        }
        _ => {}
    }
    Ok(body)
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

#[inline(never)]
fn cleaned<T: Stored + Json>(body: &Value) -> Option<Value> {
    T::read(&Reader(body)).map(|value| value.json())
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

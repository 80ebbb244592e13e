//! Providers: where calls go, and the presets.

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::{Cache, with_cache},
    config::check,
    error::{Error, Fault, Result},
    js,
    pool::target,
    record::{
        Kind, Record,
        key::cooldown_id,
        provider::{self, Auth, PRESETS, Provider},
        usage_mode::UsageMode,
        write::object,
    },
};
use serde_json::Value;

const DEFAULT: &str = "default_provider";

#[expect(clippy::option_option, reason = "absent, null (back to the setting) and a number mean three things")]
struct Wish {
    name: Option<String>,
    preset: Option<String>,
    base_url: Option<String>,
    auth: Option<String>,
    enabled: Option<bool>,
    affinity: Option<bool>,
    usage_mode: Option<UsageMode>,
    default: Option<bool>,
    first_byte_timeout_ms: Option<Option<u64>>,
    answer_timeout_ms: Option<Option<u64>>,
    idle_timeout_ms: Option<Option<u64>>,
    overall_timeout_ms: Option<Option<u64>>,
    /// Empty = none.
    balance_url: Option<String>,
    balance_path: Option<String>,
}

pub fn list(asked: &Asked) -> Result<Outcome> {
    let presets: Vec<Value> =
        PRESETS.iter().map(|p| object! {"name": p.name, "label": p.label, "base_url": p.base_url}).collect();
    let (providers, default) = with_cache(|c| {
        let views: Vec<Value> = c.pool.providers().map(|(name, p)| view_in(c, name, p, asked.now)).collect();
        (views, target::default(&c.pool, c.setting(DEFAULT)).map(str::to_string))
    });
    answer(200, object! {"providers": providers, "presets": presets, "default_provider": default})
}

pub fn show(name: &str) -> Result<Outcome> {
    store(Vec::new(), Say::Provider(200, name.into(), Box::new(find(name)?)))
}

pub fn add(asked: &Asked) -> Result<Outcome> {
    let wish = Wish::read(input::body(asked)?)?;
    let name = wish.name.clone().or_else(|| wish.preset.clone()).unwrap_or_default();
    if !provider::is_name(&name) {
        let message = "A name is 1 to 40 lower-case letters, digits and dashes, and none of keypool's own paths.";
        return Err(Error::invalid(message, Some("name")));
    }
    if with_cache(|c| c.pool.provider(&name).is_some()) {
        let message = format!("There is a provider {name} already.");
        return Err(Fault::Conflict { code: "provider_exists", message }.into());
    }
    let preset = match wish.preset.as_deref() {
        Some(preset) => Some(provider::preset(preset).ok_or_else(|| {
            Error::wrong("preset_not_found", format!("There is no preset {preset}."), Some("preset"))
        })?),
        None => provider::preset(&name).filter(|_| wish.base_url.is_none()),
    };
    let mut provider = match preset {
        Some(preset) => preset.provider(asked.now),
        None => Provider {
            affinity: true,
            usage_mode: UsageMode::AsIs,
            preset: None,
            base_url: String::new(),
            auth: Auth::Bearer,
            enabled: true,
            first_byte_timeout_ms: None,
            answer_timeout_ms: None,
            idle_timeout_ms: None,
            overall_timeout_ms: None,
            balance_url: None,
            balance_path: None,
            created: asked.now,
        },
    };
    wish.apply(&mut provider, asked)?;
    if provider.base_url.is_empty() {
        return Err(Error::invalid("Give a base_url or a preset.", Some("base_url")));
    }
    store(records(&name, &provider, wish.default, asked.now)?, Say::Provider(201, name, Box::new(provider)))
}

pub fn change(asked: &Asked, name: &str) -> Result<Outcome> {
    let wish = Wish::read(input::body(asked)?)?;
    let mut provider = find(name)?;
    if wish.name.as_deref().is_some_and(|n| n != name) || wish.preset.is_some() {
        let message = "A provider keeps its name and preset: keys and clients refer to them.";
        return Err(Error::invalid(message, Some("name")));
    }
    wish.apply(&mut provider, asked)?;
    store(records(name, &provider, wish.default, asked.now)?, Say::Provider(200, name.into(), Box::new(provider)))
}

pub fn delete(asked: &Asked, name: &str) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let with_keys = query.text("with_keys").as_deref() == Some("true");
    query.end()?;
    find(name)?;
    let (records, keys) = with_cache(|c| {
        let mut records = vec![Record::deleted(Kind::Provider, name, asked.now)];
        let mut keys = 0;
        for (_, slot) in c.pool.keys().filter(|(_, s)| s.key.provider == name) {
            keys += 1;
            records.push(Record::deleted(Kind::Key, &*slot.id, asked.now));
            records.push(Record::deleted(Kind::Disabled, &*slot.id, asked.now));
            if slot.balance.is_some() {
                records.push(Record::deleted(Kind::Balance, &*slot.id, asked.now));
            }
            for cool in &slot.cools {
                let id = cooldown_id(&slot.id, cool.model.as_deref());
                records.push(Record::deleted(Kind::Cooldown, id, asked.now));
            }
        }
        if c.setting(DEFAULT).is_some_and(|d| d == name) {
            records.push(Record::deleted(Kind::Setting, DEFAULT, asked.now));
        }
        (records, keys)
    });
    if keys > 0 && !with_keys {
        let message = format!("Provider {name} has {keys} keys. Delete them first, or with it: ?with_keys=true.");
        return Err(Fault::Conflict { code: "provider_has_keys", message }.into());
    }
    store(records, Say::Nothing)
}

impl Wish {
    fn read(mut fields: Fields) -> Result<Self> {
        let wish = Self {
            name: fields.text("name"),
            preset: fields.text("preset"),
            base_url: fields.text("base_url"),
            auth: fields.text("auth"),
            enabled: fields.flag("enabled"),
            affinity: fields.flag("affinity"),
            usage_mode: input::usage_mode(&mut fields)?.flatten(),
            default: fields.flag("default"),
            first_byte_timeout_ms: fields.number_or_null("first_byte_timeout_ms"),
            answer_timeout_ms: fields.number_or_null("answer_timeout_ms"),
            idle_timeout_ms: fields.number_or_null("idle_timeout_ms"),
            overall_timeout_ms: fields.number_or_null("overall_timeout_ms"),
            balance_url: fields.text("balance_url"),
            balance_path: fields.text("balance_path"),
        };
        fields.end().map(|()| wish)
    }

    fn apply(&self, provider: &mut Provider, asked: &Asked) -> Result<()> {
        if let Some(url) = &self.base_url {
            let private = asked.app.config()?.allow_private_upstreams;
            provider.base_url = provider::base_url(url, private)
                .map_err(|problem| Error::invalid(format!("{problem}."), Some("base_url")))?;
        }
        if let Some(auth) = &self.auth {
            provider.auth = Auth::parse(auth)
                .ok_or_else(|| Error::invalid("auth is bearer, x-api-key or api-key.", Some("auth")))?;
        }
        if let Some(url) = &self.balance_url {
            let url = Some(url.trim()).filter(|url| !url.is_empty()).map(provider::balance_url).transpose();
            provider.balance_url = url.map_err(|problem| Error::invalid(format!("{problem}."), Some("balance_url")))?;
        }
        if let Some(path) = &self.balance_path {
            provider.balance_path = Some(input::label(path)?).filter(|path| !path.is_empty());
        }
        if provider.balance_url.is_some() && provider.balance_path.is_none() {
            let message = "balance_path says where in the answer the balance stands, such as data.balance.";
            return Err(Error::invalid(message, Some("balance_path")));
        }
        provider.enabled = self.enabled.unwrap_or(provider.enabled);
        provider.affinity = self.affinity.unwrap_or(provider.affinity);
        provider.usage_mode = self.usage_mode.unwrap_or(provider.usage_mode);
        let timeouts = [
            ("first_byte_timeout_ms", self.first_byte_timeout_ms, &mut provider.first_byte_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms, &mut provider.answer_timeout_ms),
            ("idle_timeout_ms", self.idle_timeout_ms, &mut provider.idle_timeout_ms),
            ("overall_timeout_ms", self.overall_timeout_ms, &mut provider.overall_timeout_ms),
        ];
        for (name, value, place) in timeouts {
            let Some(value) = value else { continue };
            if let Some(ms) = value {
                check(name, &ms.to_string(), js::is_zone)
                    .map_err(|problem| Error::invalid(format!("{problem}."), Some(name)))?;
            }
            *place = value;
        }
        Ok(())
    }
}

/// What is stored of a provider that was added or changed.
fn records(name: &str, provider: &Provider, default: Option<bool>, now: u64) -> Result<Vec<Record>> {
    let mut records = vec![Record::new(Kind::Provider, name, provider, now)?];
    match default {
        Some(true) => records.push(Record::new(Kind::Setting, DEFAULT, &name, now)?),
        Some(false) if with_cache(|c| c.setting(DEFAULT).is_some_and(|d| d == name)) => {
            records.push(Record::deleted(Kind::Setting, DEFAULT, now));
        }
        Some(false) | None => {}
    }
    Ok(records)
}

fn find(name: &str) -> Result<Provider> {
    with_cache(|c| c.pool.provider(name).cloned())
        .ok_or_else(|| Error::not_found("provider_not_found", format!("There is no provider {name}.")))
}

pub fn view(name: &str, provider: &Provider, now: u64) -> Value {
    with_cache(|c| view_in(c, name, provider, now))
}

fn view_in(cache: &Cache, name: &str, provider: &Provider, now: u64) -> Value {
    let [active, cooling, disabled] = cache.pool.count(&|key| key.provider == name, now);
    let rests = cache.pool.rests(name).iter().filter(|c| c.until > now);
    let cooldowns: Vec<Value> = rests
        .map(|c| object! {"model": c.model.as_deref(), "until": c.until, "class": c.class.name(), "message": &*c.message})
        .collect();
    object! {
        "name": name,
        "preset": provider.preset,
        "base_url": provider.base_url,
        "auth": provider.auth.name(),
        "enabled": provider.enabled,
        "affinity": provider.affinity,
        "usage_mode": provider.usage_mode.name(),
        "default": target::default(&cache.pool, cache.setting(DEFAULT)) == Some(name),
        "first_byte_timeout_ms": provider.first_byte_timeout_ms,
        "answer_timeout_ms": provider.answer_timeout_ms,
        "idle_timeout_ms": provider.idle_timeout_ms,
        "overall_timeout_ms": provider.overall_timeout_ms,
        "balance_url": provider.balance_url,
        "balance_path": provider.balance_path,
        "cooldowns": cooldowns,
        "keys": object! {"active": active, "cooling": cooling, "disabled": disabled},
        "created": provider.created,
    }
}

//! Providers: where calls go, and the presets.

mod headers;

use super::{
    Asked,
    audit::{Deed, When},
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
        provider::{self, Auth, Layout, PRESETS, Preset, Provider},
        usage_mode::UsageMode,
        write::object,
    },
};
use serde_json::Value;

pub use headers::apply as apply_headers;

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
    layout: Option<String>,
    api_version: Option<Option<String>>,
    headers: Option<Fields>,
    priority: Option<u64>,
    weight: Option<u64>,
    models: Option<Vec<String>>,
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
    let presets: Vec<Value> = PRESETS.iter().map(preset_view).collect();
    let (providers, default) = with_cache(|c| {
        let views: Vec<Value> = c.pool.providers().map(|(name, p)| view_in(c, name, p, asked.now)).collect();
        (views, target::default(&c.pool, c.setting(DEFAULT), &|_| true).map(str::to_string))
    });
    answer(200, object! {"providers": providers, "presets": presets, "default_provider": default})
}

pub fn show(name: &str) -> Result<Outcome> {
    store(Vec::new(), Say::Provider(200, name.into(), Box::new(find(name)?)))
}

fn preset_view(preset: &Preset) -> Value {
    object! {"name": preset.name, "label": preset.label, "base_url": preset.base_url, "layout": preset.layout.name()}
}

/// Asks the provider for its list now.
pub fn read_models(name: &str) -> Result<Outcome> {
    find(name)?;
    store(Vec::new(), Say::Models(name.into()))
}

/// `read` is `None` when there is no key to ask with.
pub fn models_read(name: &str, read: Option<Record>) -> Result<Outcome> {
    let message = || format!("Provider {name} is off, or has no key to ask with.");
    let record = read.ok_or_else(|| Fault::Conflict { code: "no_key_to_ask", message: message() })?;
    let outcome = store(vec![record], Say::Provider(200, name.into(), Box::new(find(name)?)))?;
    let of = || vec![name.to_string()];
    Ok(outcome.told(Deed { count: 1, ids: of(), names: of(), ..Deed::new("provider", "models", When::Changed) }))
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
        None => Provider::new(asked.now),
    };
    wish.apply(&mut provider, asked)?;
    if provider.base_url.is_empty() || provider.base_url.contains('{') {
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
        if c.pool.models(name).is_some() {
            records.push(Record::deleted(Kind::Models, name, asked.now));
        }
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
            layout: fields.text("layout"),
            api_version: fields.text_or_null("api_version"),
            headers: fields.object("headers"),
            priority: fields.number("priority"),
            weight: fields.number("weight"),
            models: fields.texts("models"),
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
                .ok_or_else(|| Error::invalid("auth is bearer, x-api-key, api-key or query.", Some("auth")))?;
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
        self.apply_place(provider)?;
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

impl Wish {
    /// How it is called, and in which order.
    fn apply_place(&self, provider: &mut Provider) -> Result<()> {
        if let Some(layout) = &self.layout {
            provider.layout =
                Layout::parse(layout).ok_or_else(|| Error::invalid("layout is openai or azure.", Some("layout")))?;
        }
        if let Some(version) = &self.api_version {
            let fits = |v: &String| {
                !v.is_empty() && v.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
            };
            if version.as_ref().is_some_and(|v| !fits(v)) {
                return Err(Error::invalid("api_version is one like 2024-10-21.", Some("api_version")));
            }
            provider.api_version.clone_from(version);
        }
        if provider.layout == Layout::Azure && provider.api_version.is_none() {
            return Err(Error::invalid("The layout azure needs an api_version.", Some("api_version")));
        }
        if let Some(priority) = self.priority {
            provider.priority = u32::try_from(priority)
                .ok()
                .filter(|priority| *priority <= 1000)
                .ok_or_else(|| Error::invalid("priority is a whole number from 0 to 1000.", Some("priority")))?;
        }
        provider.weight = self.weight.map(input::weight).transpose()?.unwrap_or(provider.weight);
        if let Some(models) = &self.models {
            provider.models = input::models(models.clone())?;
        }
        match &self.headers {
            Some(headers) => headers::apply(headers, &mut provider.headers),
            None => Ok(()),
        }
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
        "layout": provider.layout.name(),
        "api_version": provider.api_version,
        "headers": headers::view(&provider.headers),
        "priority": provider.priority,
        "weight": provider.weight,
        "models": provider.models,
        "fetched": cache.pool.models(name).map(|m| object! {"at": m.at, "count": m.list.len(), "error": m.error}),
        "default": target::default(&cache.pool, cache.setting(DEFAULT), &|_| true) == Some(name),
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

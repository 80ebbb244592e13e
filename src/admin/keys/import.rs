//! Keys from another pool's export: each goes to the provider at the address that it had there, which is made if there is none.

use super::plan::{Plan, check, provider_of};
use crate::{
    admin::{Asked, audit::Deed, input, outcome::Outcome},
    app::{Cache, with_cache},
    error::{Error, Result},
    pool::{
        foreign::{self, Entry, From, Place},
        paste::Refusal,
    },
    record::{
        key::{ACTIVE_GROUP, DEFAULT_WEIGHT, Key},
        provider::{self, Provider},
        write::object,
    },
};

/// Of a provider's name, so that there is place for a number behind.
const NAME: usize = 36;
const LABEL: usize = 200;

pub fn import(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let (data, from, chosen) = (fields.any("data").unwrap_or_default(), fields.text("from"), fields.text("provider"));
    let dry_run = fields.flag("dry_run").unwrap_or(false);
    fields.end()?;
    let named = from.as_deref().map(|name| From::ALL.into_iter().find(|from| from.name() == name));
    if named == Some(None) {
        return Err(Error::invalid("from is gpt-load, one-api or one-balance.", Some("from")));
    }
    let (from, found) = foreign::read(&data, named.flatten()).ok_or_else(|| {
        let message = "Nothing in it is as gpt-load, one-api, new-api or one-balance write it. If it is of one of them, say \
                       which by `from`.";
        Error::wrong("import_unknown", message, Some("data"))
    })?;
    let private = asked.app.config()?.allow_private_upstreams;
    let plan = with_cache(|c| {
        check(c, chosen.as_deref(), found.entries.len())?;
        let mut plan = Plan::new(&found.refused);
        for entry in found.entries {
            take(&mut plan, entry, chosen.as_deref(), c, asked, private);
        }
        Ok::<_, Error>(plan)
    })?;
    let deed = Deed { fields: vec![from.name().into()], ..plan.deed("import", "run") };
    let made: Vec<&String> = plan.providers.iter().map(|(name, _)| name).collect();
    let answer = object! {"from": from.name(), "providers": made};
    Ok(plan.answer(answer, dry_run, asked.now)?.told(deed))
}

fn take(plan: &mut Plan, entry: Entry, chosen: Option<&str>, cache: &Cache, asked: &Asked, private: bool) {
    let now = asked.now;
    let provider = match &entry.at {
        Place::Unknown => {
            let Some(name) = provider_of(cache, chosen, None, &entry.secret) else {
                return plan.without_provider(entry.line, &entry.secret);
            };
            let preset = provider::preset(&name).map(|preset| preset.provider(now));
            (name, preset)
        }
        Place::Preset(name) => {
            let preset = provider::preset(name).map(|preset| preset.provider(now));
            let url = preset.as_ref().map(|preset| preset.base_url.clone()).unwrap_or_default();
            (at(&url, cache, plan).unwrap_or_else(|| (*name).into()), preset)
        }
        Place::Address(url) | Place::Azure(url, _) => {
            let Ok(url) = provider::base_url(url, private) else {
                return plan.refuse_for(entry.line, Refusal::BadAddress, &entry.secret);
            };
            let mut made = match &entry.at {
                Place::Azure(_, version) => azure(version.as_deref(), now),
                _ => Provider::new(now),
            };
            made.base_url.clone_from(&url);
            (at(&url, cache, plan).unwrap_or_else(|| name(&url, cache, plan)), Some(made))
        }
    };
    let (name, mut made) = provider;
    let label: String = entry.label.chars().filter(|c| !c.is_control()).take(LABEL).collect();
    let group = entry.group.and_then(|group| input::group(&group.to_ascii_lowercase()).ok());
    let key = Key {
        weight: entry.weight.unwrap_or(DEFAULT_WEIGHT),
        enabled: entry.enabled,
        models: input::models(entry.models).unwrap_or_default(),
        group: group.unwrap_or_else(|| ACTIVE_GROUP.into()),
        ..Key::new(&name, &entry.secret, label.trim().into(), now)
    };
    plan.take(entry.line, key, cache, &asked.pepper, &mut || made.take());
    // One that is here already keeps its place.
    if let Some((_, made)) = plan.providers.iter_mut().find(|(known, _)| *known == name) {
        made.priority = made.priority.max(entry.priority);
    }
}

fn azure(version: Option<&str>, now: u64) -> Provider {
    let mut azure = provider::preset("azure").map_or_else(|| Provider::new(now), |preset| preset.provider(now));
    let fits = |version: &&str| version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
    if let Some(version) = version.filter(fits) {
        azure.api_version = Some(version.into());
    }
    azure
}

/// The provider that has that base URL.
fn at(url: &str, cache: &Cache, plan: &Plan) -> Option<String> {
    let known = cache.pool.providers().find(|(_, provider)| provider.base_url == url).map(|(name, _)| name);
    let made = || plan.providers.iter().find(|(_, provider)| provider.base_url == url).map(|(name, _)| name.as_str());
    known.or_else(made).map(str::to_string)
}

/// After the host, with a number behind if there is one of that name.
fn name(url: &str, cache: &Cache, plan: &Plan) -> String {
    let host = url.split('/').nth(2).unwrap_or_default().to_ascii_lowercase();
    let host = host.strip_prefix("api.").or_else(|| host.strip_prefix("www.")).unwrap_or(&host);
    let mut base: String = host.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(NAME).collect();
    if !provider::is_name(&base) {
        base = ["at-", &base].concat().chars().take(NAME).collect();
    }
    let is_free =
        |name: &str| cache.pool.provider(name).is_none() && plan.providers.iter().all(|(known, _)| known != name);
    let mut name = base.clone();
    for number in 2_u32.. {
        if is_free(&name) {
            break;
        }
        name = [&*base, "-", &number.to_string()].concat();
    }
    name
}

//! Models: what their names stand for, and who has which.

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::{Cache, with_cache},
    error::{Error, Result},
    pool::target::Fallback,
    record::{Kind, Record, alias::Alias, write::object},
};
use serde_json::Value;

/// More than anybody keeps in mind; each call looks through them.
const MOST: usize = 500;
const MOST_FALLBACKS: usize = 8;

pub fn list(asked: &Asked) -> Result<Outcome> {
    Fields::query(&asked.query).end()?;
    let (aliases, models) = with_cache(|c| {
        let aliases: Vec<Value> = c.pool.aliases().iter().map(|(name, alias)| view(name, alias)).collect();
        (aliases, offered(c))
    });
    answer(200, object! {"aliases": aliases, "models": models})
}

pub fn put(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let name = glob(&fields.required("name"))?;
    let target = fields.text("target").map(|text| place("target", &text)).transpose()?;
    let fallbacks = fields.texts("fallbacks").unwrap_or_default();
    let economy = fields.text("economy").map(|text| place("economy", &text)).transpose()?;
    let fallback_on = fields.texts("fallback_on");
    fields.end()?;
    if fallbacks.len() > MOST_FALLBACKS {
        return Err(Error::invalid(format!("At most {MOST_FALLBACKS} fallbacks."), Some("fallbacks")));
    }
    let fallbacks: Result<Vec<String>> = fallbacks.iter().map(|text| place("fallbacks", text)).collect();
    let fallback_on = fallback_on.unwrap_or_else(|| ["exhausted", "not_found"].map(String::from).into());
    if let Some(wrong) = fallback_on.iter().find(|name| !Fallback::NAMES.contains(&name.as_str())) {
        let message = format!("{wrong} is no reason; there are {}.", Fallback::NAMES.join(", "));
        return Err(Error::invalid(message, Some("fallback_on")));
    }
    let alias = Alias { target, fallbacks: fallbacks?, economy, fallback_on };
    if alias.target.is_none() && alias.fallbacks.is_empty() && alias.economy.is_none() {
        return Err(Error::invalid("Give a target, fallbacks or an economy model.", Some("target")));
    }
    if with_cache(|c| c.pool.aliases().len() >= MOST && c.pool.aliases().iter().all(|(known, _)| *known != name)) {
        return Err(Error::invalid(format!("There are {MOST} aliases already; that is the most."), None));
    }
    let said = view(&name, &alias);
    store(vec![Record::new(Kind::Alias, name, &alias, asked.now)?], Say::Json(200, said))
}

pub fn delete(asked: &Asked) -> Result<Outcome> {
    let mut query = Fields::query(&asked.query);
    let name = query.required("name");
    query.end()?;
    if with_cache(|c| c.pool.aliases().iter().all(|(known, _)| *known != name)) {
        return Err(Error::not_found("alias_not_found", format!("There is no alias {name}.")));
    }
    store(vec![Record::deleted(Kind::Alias, name, asked.now)], Say::Nothing)
}

fn view(name: &str, alias: &Alias) -> Value {
    object! {"name": name, "target": alias.target, "fallbacks": alias.fallbacks, "economy": alias.economy,
    "fallback_on": alias.fallback_on}
}

/// Each model once, with the providers that have it.
fn offered(cache: &Cache) -> Vec<Value> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, provider) in cache.pool.providers().filter(|(_, p)| p.enabled) {
        let listed = cache.pool.models(name).map_or(&[][..], |models| &models.list).iter().map(|m| m.id.as_str());
        let typed = provider.models.iter().filter(|id| !id.contains('*')).map(String::as_str);
        for id in listed.chain(typed).filter(|id| cache.pool.offers(name, id)) {
            match found.binary_search_by(|(known, _)| (*known).cmp(id)) {
                Ok(place) => {
                    if let Some((_, providers)) = found.get_mut(place).filter(|(_, p)| !p.contains(&name)) {
                        providers.push(name);
                    }
                }
                Err(place) => found.insert(place, (id, vec![name])),
            }
        }
    }
    found.iter().map(|(id, providers)| object! {"id": *id, "providers": providers}).collect()
}

/// A name that clients ask for, or a glob of such.
fn glob(text: &str) -> Result<String> {
    let text = input::label(text)?;
    if text.is_empty() || text == "*" || text.contains(' ') {
        let message = "name is a model's name; * stands for any run of characters, but not for all names.";
        return Err(Error::invalid(message, Some("name")));
    }
    Ok(text)
}

/// `model`, `provider/model`, or `provider/*`.
fn place(field: &'static str, text: &str) -> Result<String> {
    let text = input::label(text)?;
    let star_only = text.split_once('/').is_some_and(|(_, model)| model == "*");
    if text.is_empty() || text.contains(' ') || text.contains('*') && !star_only {
        let message = format!("{field}: say model, provider/model, or provider/* for the same name there.");
        return Err(Error::invalid(message, Some(field)));
    }
    Ok(text)
}

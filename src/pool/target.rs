//! Which provider a call is for, and what the model is called there.

use super::Pool;
use crate::{
    error::{Error, Result},
    record::key::{ACTIVE_GROUP, STANDBY_GROUP},
};

#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    pub provider: String,
    /// The upstream's name of the model; empty when the call names none.
    pub model: String,
    /// The group that `model@group` asks for.
    pub group: Option<String>,
    /// The model's name in the body must be changed to `model`.
    pub renamed: bool,
}

/// In this order: the provider pinned by the path, the provider in `provider/model`, the default one, the only one.
///
/// # Errors
/// When no such provider is configured.
pub fn choose(pool: &Pool, default: Option<&str>, pin: Option<&str>, model: &str) -> Result<Target> {
    let target = |provider: &str, model: &str, renamed| {
        let (model, group) = split_group(pool, model);
        let renamed = renamed || group.is_some();
        Ok(Target { provider: provider.into(), model: model.into(), group, renamed })
    };
    if let Some(name) = pin {
        return if is_on(pool, name) { target(name, model, false) } else { Err(unknown(name)) };
    }
    if let Some((name, rest)) = model.split_once('/')
        && is_on(pool, name)
    {
        return target(name, rest, true);
    }
    match self::default(pool, default) {
        Some(name) => target(name, model, false),
        None => Err(Error::not_found(
            "provider_not_found",
            "keypool has no default provider. Add keys or choose a default on the admin page, or call \
             provider/model.",
        )),
    }
}

/// The provider that plain model names go to: the one that was `chosen`, or else the one that was made first.
pub fn default<'a>(pool: &'a Pool, chosen: Option<&'a str>) -> Option<&'a str> {
    let first = || pool.providers().filter(|(_, p)| p.enabled).min_by_key(|(_, p)| p.created).map(|(name, _)| name);
    chosen.filter(|name| is_on(pool, name)).or_else(first)
}

/// `model@group`; models have names with an @ too, so what follows it must be a group that there is.
fn split_group<'a>(pool: &Pool, model: &'a str) -> (&'a str, Option<String>) {
    let named = model.rsplit_once('@').and_then(|(model, name)| {
        let group = group_named(name);
        let known = group != name || [ACTIVE_GROUP, STANDBY_GROUP].contains(&group) || pool.has_group(group);
        known.then(|| (model, Some(group.to_string())))
    });
    named.unwrap_or((model, None))
}

/// A group by its name, or by what an experiment calls it.
pub fn group_named(name: &str) -> &str {
    match name {
        "treatment" => STANDBY_GROUP,
        "control" => ACTIVE_GROUP,
        name => name,
    }
}

fn is_on(pool: &Pool, name: &str) -> bool {
    pool.provider(name).is_some_and(|p| p.enabled)
}

fn unknown(name: &str) -> Error {
    Error::not_found("provider_not_found", format!("There is no provider {name}, or it is switched off."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, Record, provider};

    fn pool() -> Pool {
        let mut pool = Pool::default();
        let record = |name: &str, at| {
            let preset = provider::preset(name).unwrap().provider(at);
            Record::new(Kind::Provider, name, &preset, at).unwrap()
        };
        pool.sync(&[record("openrouter", 2), record("openai", 1)], true, 0);
        pool
    }

    fn check(default: Option<&str>, pin: Option<&str>, model: &str) -> (String, String, bool) {
        let target = choose(&pool(), default, pin, model).unwrap();
        (target.provider, target.model, target.renamed)
    }

    #[test]
    fn a_provider_in_front_of_the_model_is_taken_off() {
        assert_eq!(check(None, None, "openrouter/openai/gpt-4o"), ("openrouter".into(), "openai/gpt-4o".into(), true));
        assert_eq!(check(None, None, "meta/llama"), ("openai".into(), "meta/llama".into(), false));
    }

    #[test]
    fn a_pinned_provider_leaves_the_model_alone() {
        let expected = ("openrouter".into(), "openai/gpt-4o".into(), false);
        assert_eq!(check(None, Some("openrouter"), "openai/gpt-4o"), expected);
        assert_eq!(choose(&pool(), None, Some("nobody"), "x").unwrap_err().status(), 404);
    }

    #[test]
    fn plain_names_go_to_the_default_or_else_the_first_provider() {
        assert_eq!(check(Some("openrouter"), None, "x").0, "openrouter");
        assert_eq!(check(Some("gone"), None, "x").0, "openai");
        assert_eq!(choose(&Pool::default(), None, None, "x").unwrap_err().code(), "provider_not_found");
    }
}

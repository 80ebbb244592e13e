//! What a call asks for: which providers and models, which group of keys, which key.

use super::intake::Intake;
use crate::{
    app::{Caller, with_cache, with_dice},
    config::Config,
    error::{Error, Result},
    js::call::Head,
    pool::{
        self, Pool,
        failover::Want,
        routing::{self, Way},
        target::{self, Target},
    },
    record::{client::Right, key::Key},
};

/// What the path asks for.
pub struct Asked<'a> {
    pub pin: Option<&'a str>,
    /// What follows `/v1/`.
    pub rest: &'a str,
    pub query: &'a str,
    pub head: &'a Head,
}

/// What we look at of a request's headers, beside those that are passed on.
pub static LOOKED_AT: [&str; 18] = [
    "authorization",
    "x-api-key",
    "api-key",
    "content-type",
    "content-length",
    "content-encoding",
    "origin",
    "access-control-request-method",
    "access-control-request-headers",
    "cf-connecting-ip",
    "x-session-id",
    "x-gray-group",
    "x-keypool-key",
    "x-keypool-pace",
    "x-keypool-cache",
    "openai-beta",
    "anthropic-version",
    "anthropic-beta",
];

/// `owner` is the provider where the things lie that the call is about.
///
/// # Errors
/// What there is not, or what the caller may not ask for.
pub fn want(
    asked: &Asked,
    owner: Option<&str>,
    caller: &Caller,
    intake: &Intake,
    config: &Config,
    economy: bool,
) -> Result<Want> {
    let session = asked.head.get("x-session-id").map(pool::hash).or(intake.conversation());
    // Two clients' conversations are two, even when they begin alike.
    let who = pool::hash(&caller.id);
    let conversation = session.map(|session| session ^ who);
    let model = intake.model().unwrap_or_default();
    let Way { targets, group, fallback } = with_dice(|c, dice| {
        let default = owner.or_else(|| c.setting("default_provider"));
        let may = |pool: &Pool, name: &str| caller.may_use_at(pool, name);
        let asked = routing::Asked { pin: asked.pin, model, default, economy, may: &may };
        routing::way(&c.pool, &asked, conversation, dice)
    })?;
    let targets = match owner {
        Some(owner) => vec![of(owner, &targets, model)],
        None => targets,
    };
    let targets = allowed(caller, model, targets)?;
    let by_header = asked.head.get("x-gray-group").map(|name| target::group_named(name.trim()).to_string());
    let group = by_header.or(group).or_else(|| caller.group.clone());
    if let Some(group) = group.as_deref().filter(|group| !caller.may_ask_for(group)) {
        return Err(Error::forbidden("group_not_allowed", format!("This client key may not ask for group {group}.")));
    }
    let forced = asked.head.get("x-keypool-key").map(|id| force(caller, id.trim(), &targets)).transpose()?;
    let (forced, targets) = match forced {
        Some((ticket, target)) => (Some(ticket), vec![target]),
        None => (None, targets),
    };
    Ok(Want {
        targets,
        fallback,
        group,
        conversation,
        standby_first: conversation.unwrap_or(who) % 100 < config.standby_percent,
        forced,
        sticky: None,
    })
}

/// Those of the targets that the caller may use.
fn allowed(caller: &Caller, model: &str, mut targets: Vec<Target>) -> Result<Vec<Target>> {
    let check = |target: &Target| caller.may_call(model, &target.provider, &target.model);
    let refused = targets.first().map_or(Ok(()), check);
    targets.retain(|target| check(target).is_ok());
    if targets.is_empty() { refused.map(|()| targets) } else { Ok(targets) }
}

/// What the model is called where the things lie.
fn of(owner: &str, targets: &[Target], model: &str) -> Target {
    targets.iter().find(|target| target.provider == owner).cloned().unwrap_or_else(|| Target::new(owner, model, 0))
}

/// The key of that id, and the one of the targets that it is for.
fn force(caller: &Caller, id: &str, targets: &[Target]) -> Result<(pool::Ticket, Target)> {
    if !caller.may(Right::ForceKey) {
        return Err(Error::forbidden("force_not_allowed", "This client key may not choose the upstream key.".into()));
    }
    let of = |key: &Key| targets.iter().find(|t| t.provider == key.provider && caller.may_use(&key.group)).cloned();
    with_cache(|c| c.pool.find(id).and_then(|(ticket, slot)| Some((ticket, of(&slot.key)?)))).ok_or_else(|| {
        let provider = targets.first().map_or("", |target| target.provider.as_str());
        Error::not_found("key_not_found", format!("Provider {provider} has no key {id}."))
    })
}

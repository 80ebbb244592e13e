//! What a call asks for: which provider and model, which group of keys, which key.

use super::intake::Intake;
use crate::{
    app::{Caller, with_cache},
    config::Config,
    error::{Error, Result},
    js,
    pool::{
        self,
        failover::Want,
        target::{self, Target},
    },
    record::{client::Right, key::Key, provider::Provider},
};
use worker::web_sys::Headers;

/// What the path asks for.
pub struct Asked<'a> {
    pub pin: Option<&'a str>,
    /// What follows `/v1/`.
    pub rest: &'a str,
    pub query: &'a str,
}

/// `owner` is the provider where the things lie that the call is about.
///
/// # Errors
/// What there is not, or what the caller may not ask for.
pub fn target(asked: &Asked, intake: Option<&Intake>, owner: Option<&str>) -> Result<(Target, Provider)> {
    let model = intake.and_then(Intake::model).unwrap_or_default();
    with_cache(|c| {
        let default = owner.or_else(|| c.setting("default_provider"));
        let mut target = target::choose(&c.pool, default, asked.pin, model)?;
        if let Some(owner) = owner.filter(|owner| *owner != target.provider) {
            target = Target { provider: owner.into(), model: model.into(), group: None, renamed: false };
        }
        let provider = c.pool.provider(&target.provider).cloned();
        provider.map(|p| (target, p)).ok_or_else(|| Error::internal("a provider vanished"))
    })
}

/// # Errors
/// As `target`.
pub fn want(caller: &Caller, headers: &Headers, intake: &Intake, target: &mut Target, config: &Config) -> Result<Want> {
    let by_header = js::header(headers, "x-gray-group").map(|name| target::group_named(name.trim()).to_string());
    let group = by_header.or(target.group.take());
    if let Some(group) = group.as_deref().filter(|group| !caller.may_ask_for(group)) {
        return Err(Error::forbidden("group_not_allowed", format!("This client key may not ask for group {group}.")));
    }
    let forced = js::header(headers, "x-keypool-key").map(|id| force(caller, id.trim(), target)).transpose()?;
    let session = js::header(headers, "x-session-id").map(|id| pool::hash(&id)).or(intake.conversation());
    // Two clients' conversations are two, even when they begin alike.
    let who = pool::hash(&caller.id);
    let conversation = session.map(|session| session ^ who);
    Ok(Want {
        targets: vec![(target.provider.clone(), target.model.clone())],
        group,
        conversation,
        standby_first: conversation.unwrap_or(who) % 100 < config.standby_percent,
        forced,
        sticky: None,
    })
}

fn force(caller: &Caller, id: &str, target: &Target) -> Result<pool::Ticket> {
    if !caller.may(Right::ForceKey) {
        return Err(Error::forbidden("force_not_allowed", "This client key may not choose the upstream key.".into()));
    }
    let fits = |key: &Key| key.provider == target.provider && caller.may_use(&key.group);
    with_cache(|c| c.pool.find(id).filter(|(_, slot)| fits(&slot.key)).map(|(ticket, _)| ticket))
        .ok_or_else(|| Error::not_found("key_not_found", format!("Provider {} has no key {id}.", target.provider)))
}

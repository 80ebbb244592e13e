//! Calls about something that lies in one key's account, and answers whose ids will lead back to it.

use super::{Asked, intake, intake::Intake};
use crate::{
    app::{App, Caller, with_cache},
    auth,
    body::Patch,
    error::{Error, Fault, Result},
    pool::{self, Ticket, failover::Want},
    record::tag,
    sticky::{self, Kept, Marker, Tag},
};
use std::rc::Rc;
use worker::js_sys::Uint8Array;

/// In front of an id in a string, `"fileid://` at the most.
const BEFORE: usize = 16;

/// What the ids in a call say, and the call without their tags.
#[derive(Default)]
pub struct Held {
    /// The key, and its provider.
    pub by: Option<(Ticket, String)>,
    rest: Option<String>,
    query: Option<String>,
    pub patches: Vec<Patch>,
}

impl Held {
    pub fn asked<'a>(&'a self, asked: &Asked<'a>) -> Asked<'a> {
        let rest = self.rest.as_deref().unwrap_or(asked.rest);
        Asked { pin: asked.pin, rest, query: self.query.as_deref().unwrap_or(asked.query), head: asked.head }
    }
}

/// # Errors
/// When the ids are of two keys, or of one that is gone, switched off, or not for this caller.
pub async fn held(app: &App, caller: &Caller, asked: &Asked<'_>, intake: Option<&Intake>, now: u64) -> Result<Held> {
    // Its own first; a tag of another keypool's holds where its backup was restored.
    let peppers = with_cache(|c| c.peppers().into_iter().map(str::to_string).collect::<Vec<_>>());
    let signs = || peppers.iter().map(|pepper| move |message: &str| auth::keyed_digest(pepper, message));
    let (mut held, mut keys) = (Held::default(), Vec::new());
    for (text, out) in [(asked.rest, &mut held.rest), (asked.query, &mut held.query)] {
        if let Some((text, named)) = signs().find_map(|sign| sticky::taken_out(text, &sign)) {
            *out = Some(text);
            keys.extend(named);
        }
    }
    for end in intake.map(Intake::tagged).unwrap_or_default() {
        let named = intake.and_then(|i| {
            let before = i.before(*end, tag::LONGEST + BEFORE);
            signs().find_map(|sign| sticky::last(&before, &sign))
        });
        if let Some(key) = named {
            held.patches.push(Patch { at: end - tag::LENGTH..*end, with: Vec::new() });
            keys.push(key);
        }
    }
    let Some(key) = keys.first() else { return Ok(held) };
    if keys.iter().any(|other| other != key) {
        let message = "The ids in this call lead to two keys of the pool, and no key can use what lies in another \
                       one's account. Make both with one key: a client key's files go to one key as long as it is \
                       well, and so do all calls with one X-Session-Id.";
        return Err(Error::wrong("ids_of_two_keys", message, None));
    }
    held.by = Some(owner(app, caller, asked, key, now).await?);
    Ok(held)
}

async fn owner(app: &App, caller: &Caller, asked: &Asked<'_>, id: &str, now: u64) -> Result<(Ticket, String)> {
    let known = || with_cache(|c| c.pool.find(id).is_some());
    if !known() {
        // Another isolate may have got the key a moment ago.
        app.load(now).await?;
    }
    let conflict = |code, message: &str| -> Error { Fault::Conflict { code, message: message.into() }.into() };
    with_cache(|c| {
        let Some((ticket, slot)) = c.pool.find(id) else {
            let message = "The key in whose account this lies is no longer in the pool.";
            return Err(Error::not_found("key_gone", message));
        };
        let provider = slot.key.provider.clone();
        if !caller.may_use(&slot.key.group) {
            let message = "This client key may not use the key in whose account this lies.".to_string();
            return Err(Error::forbidden("group_not_allowed", message));
        }
        if asked.pin.is_some_and(|pin| pin != provider) {
            let message = format!("The id in this call is of provider {provider}, and the path names another one.");
            return Err(Error::wrong("id_of_another_provider", message, None));
        }
        if !slot.key.is_on(now) {
            return Err(conflict("key_disabled", "The key in whose account this lies is switched off, or expired."));
        }
        if c.pool.provider(&provider).is_none_or(|p| !p.enabled) {
            return Err(conflict("provider_disabled", "The provider where this lies is switched off."));
        }
        Ok((ticket, provider))
    })
}

/// Says which key, or else which keys before others.
///
/// # Errors
/// When the caller names another key.
pub fn choose(want: &mut Want, held: &Held, caller: &Caller, method: &str, rest: &str) -> Result<()> {
    want.sticky = held.by.as_ref().map(|(ticket, _)| *ticket);
    if want.sticky.is_some() && want.forced.is_some_and(|forced| want.sticky != Some(forced)) {
        let message = "X-Keypool-Key names another key than the one in whose account this lies.";
        return Err(Error::wrong("ids_of_two_keys", message, None));
    }
    // Files that will be used together must lie together, and nothing tells which ones will.
    if method == "POST" && sticky::kept(rest) == Some(Kept::Objects) && want.conversation.is_none() {
        want.conversation = Some(pool::hash(&caller.id));
    }
    Ok(())
}

/// Tags for the ids of what lies in that key's account; `None` when there is no other key at its provider.
pub fn tags(ticket: Ticket) -> Option<Tag> {
    with_cache(|c| {
        let slot = c.pool.slot(ticket)?;
        let (key, pepper) = (slot.id.clone(), c.pepper.clone()?);
        (c.pool.members(&slot.key.provider) > 1).then(|| {
            let sign = move |message: &str| auth::keyed_digest(&pepper, message);
            Rc::new(move |id: &str| sticky::tag(id, &key, &sign)) as Tag
        })
    })
}

/// For an answer on its way.
pub fn marker(kept: Option<Kept>, ticket: Ticket, events: bool) -> Option<Marker> {
    Some(Marker::new(kept?, events, tags(ticket)?))
}

/// A whole answer with its tags.
pub fn marked(answer: &Uint8Array, mut marker: Marker) -> Uint8Array {
    let (mut patches, mut at) = (Vec::new(), 0);
    intake::in_windows(answer, &mut |window| {
        let tags = marker.feed(window).into_iter();
        patches.extend(tags.map(|(place, tag)| Patch { at: at + place..at + place, with: tag.into_bytes() }));
        at += window.len();
        true
    });
    intake::patched(answer, &patches)
}

//! `GET /v1/files` and other lists of what an account holds, over the accounts of all keys of a provider.

use super::{Asked, InUse, Said, answer, journal::Journal, rewrite, sticky as ids};
use crate::{
    app::{App, Caller, with_cache, with_dice},
    config::Config,
    error::{Fault, Result},
    js,
    pool::{
        Ticket,
        class::Class,
        slot::State,
        target::{self, Target},
        verdict::Verdict,
    },
    record::{Record, key::Key, provider::Provider},
    runtime,
    sort::sort,
    sticky::{self, Merge, Page},
    stream::Ending,
    upstream::{self, Probe},
};
use std::rc::Rc;
use worker::web_sys::{Request, Response};

/// So many failures of the provider itself, and no other key is asked; a timeout is as many.
const FAULTS: u64 = 2;

/// One list, on its way from key to key.
struct Lister<'a> {
    app: &'a Rc<App>,
    request: &'a Request,
    config: &'a Config,
    name: &'a str,
    provider: Provider,
    rest: &'a str,
    /// Without what is ours to say.
    query: String,
    journal: &'a mut Journal,
    /// No key is asked any more then.
    ends: u64,
    /// What is to be stored; all at once, as each is a call of the storage.
    records: Vec<Record>,
}

enum Got {
    Page(Page),
    /// With what the provider said.
    Failed(Option<Said>, Verdict),
    Gone,
}

/// `None` when it is a call like any other: it is no list, or there is one key.
///
/// # Errors
/// As the client shall see them.
pub async fn answer(
    app: &Rc<App>,
    request: &Request,
    asked: &Asked<'_>,
    (caller, config): (&Caller, &Config),
    journal: &mut Journal,
) -> Result<Option<Response>> {
    let alone = parameter(asked.query, "before").is_some() || asked.head.get("x-keypool-key").is_some();
    if asked.head.method != "GET" || !sticky::is_list(asked.rest) || alone {
        return Ok(None);
    }
    let now = runtime::now();
    let held = ids::held(app, caller, asked, None, now).await?;
    let asked = held.asked(asked);
    let provider = with_cache(|c| {
        let owner = held.by.as_ref().map(|(_, name)| name.as_str());
        let name = owner.or(asked.pin).or_else(|| {
            target::default(&c.pool, c.setting("default_provider"), &|name| caller.may_use_at(&c.pool, name))
        })?;
        Some((name.to_string(), c.pool.provider(name).filter(|p| p.enabled)?.clone()))
    });
    let Some((name, provider)) = provider else { return Ok(None) };
    let group = asked.head.get("x-gray-group").map(|name| target::group_named(name.trim()).to_string());
    let may = |key: &Key| caller.may_use(&key.group) && group.as_ref().is_none_or(|group| *group == key.group);
    let keys = keys(&name, &may, held.by.as_ref().map(|(ticket, _)| *ticket));
    let after = parameter(asked.query, "after");
    // An id without a tag belongs to whichever key the pool would choose.
    if with_cache(|c| c.pool.members(&name)) < 2 || keys.is_empty() || held.by.is_none() && after.is_some() {
        return Ok(None);
    }
    caller.may_call("", &name, "")?;
    journal.is_for(&Target::new(&name, "", 0));
    let limit = parameter(asked.query, "limit").and_then(|n| n.parse().ok());
    let ascending = parameter(asked.query, "order") == Some("asc");
    let query = asked.query.split('&').filter(|part| !part.starts_with("after=") && !part.starts_with("limit="));
    let query = query.collect::<Vec<_>>().join("&");
    let merge = Merge::new(asked.rest, limit, ascending, after.map(str::to_string));
    let lister = Lister {
        app,
        request,
        config,
        name: &name,
        provider,
        rest: asked.rest,
        query,
        journal,
        ends: now + config.failover_deadline_ms,
        records: Vec::new(),
    };
    lister.run(&keys, merge).await.map(Some)
}

/// Those that the caller may use and that are not disabled, in the order of their ids; from `first` on, if there is one.
fn keys(provider: &str, may: &dyn Fn(&Key) -> bool, first: Option<Ticket>) -> Vec<Ticket> {
    let now = runtime::now();
    with_cache(|c| {
        let from = first.and_then(|ticket| c.pool.slot(ticket)).map(|slot| slot.id.clone());
        let mut keys = Vec::new();
        for (ticket, slot) in c.pool.keys().filter(|(_, slot)| slot.key.provider == provider) {
            // One that rests for all models rests from lists too.
            let usable = may(&slot.key) && slot.state(now) != State::Disabled && slot.cool_for("", now).is_none();
            let behind = from.as_ref().is_none_or(|from| slot.id > *from);
            if usable && behind || first == Some(ticket) {
                keys.push(ticket);
            }
        }
        let id = |ticket| c.pool.slot(ticket).map(|slot| &slot.id);
        sort(&mut keys, &|a, b| id(a).cmp(&id(b)));
        keys
    })
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|part| part.split_once('='));
    pairs.find(|(known, value)| *known == name && !value.is_empty()).map(|(_, value)| value)
}

impl Lister<'_> {
    async fn run(mut self, keys: &[Ticket], mut merge: Merge) -> Result<Response> {
        let (mut left, mut said, mut last) = (keys.iter().peekable(), None, None);
        let (mut named, mut faults) = (merge.begins_behind(), 0);
        while let Some(ticket) = left.peek().filter(|_| merge.goes_on() && runtime::now() < self.ends) {
            let ticket = **ticket;
            let Some(tags) = ids::tags(ticket) else { break };
            match self.ask(ticket, &mut merge).await? {
                Got::Page(page) => {
                    last = Some(ticket);
                    if merge.take(page, &tags) {
                        left.next();
                    }
                }
                Got::Failed(words, verdict) => {
                    // What one key may not, others may; what the provider cannot, no other key betters.
                    faults += match verdict.class {
                        Class::Timeout => FAULTS,
                        Class::Transient | Class::ModelBusy | Class::IpThrottle => 1,
                        _ => 0,
                    };
                    let everywhere = verdict.class == Class::Caller;
                    let ends = named || faults >= FAULTS || everywhere && !merge.has_answers();
                    // A client that reads that its key is dead believes it.
                    said = if verdict.class == Class::KeyDead { said } else { words.or(said) };
                    left.next();
                    merge.skip();
                    if ends {
                        break;
                    }
                }
                Got::Gone => {
                    self.journal.left(self.app);
                    return js::text_response(499, &js::headers_of(&[])?, None);
                }
            }
            named = false;
        }
        self.app.note(std::mem::take(&mut self.records), runtime::now());
        if last.is_none() {
            return self.refuse(said);
        }
        let body = merge.answer(left.peek().is_some());
        let answer = js::json_response(200, &body)?;
        answer::finish(&answer.headers(), self.journal)?;
        self.journal.answered(200, runtime::now());
        self.journal.clone().ended(self.app, 200, Ending::Complete, None);
        Ok(answer)
    }

    /// No key answered.
    fn refuse(&self, said: Option<Said>) -> Result<Response> {
        let Some(said) = said else {
            self.journal.refused(self.app, 502);
            let message = "No key of the provider could be asked for its list.".into();
            let end = Fault::Exhausted { status: 502, code: "upstream_failed", message, wait_ms: None };
            return Ok(js::error_response(&end.into(), self.journal.request_id()));
        };
        self.journal.refused(self.app, said.status);
        said.response(self.journal)
    }

    async fn ask(&mut self, ticket: Ticket, merge: &mut Merge) -> Result<Got> {
        let url = upstream::url(&self.provider, self.rest, &self.query_for(merge), "");
        let headers = upstream::passed_headers(&self.request.headers(), &self.provider)?;
        rewrite::headers(&headers, &rewrite::rules(self.name, &self.provider, ""))?;
        let secret = with_cache(|c| c.pool.slot(ticket).map(|s| s.key.secret.clone())).unwrap_or_default();
        let ms = self.provider.answer_timeout_ms.unwrap_or(self.config.answer_timeout_ms);
        let ms = ms.min(self.ends.saturating_sub(runtime::now()));
        self.journal.part(runtime::now());
        self.journal.begins(ticket, runtime::now());
        let in_use = InUse::new(ticket, "");
        let probe =
            upstream::get(&self.provider, &secret, &url, headers, Some(self.request), upstream::LOOK, ms).await?;
        drop(in_use);
        let now = runtime::now();
        if js::is_aborted(self.request) {
            return Ok(Got::Gone);
        }
        if let Some(page) = page(&probe) {
            let began = self.journal.attempt_began();
            self.records.extend(with_cache(|c| c.pool.succeeded(ticket, "", began, now)));
            return Ok(Got::Page(page));
        }
        let said = match (probe.status, &probe.headers) {
            (Some(status), Some(headers)) => {
                let body = probe.whole.clone().map(|body| upstream::answered_body(&self.provider, &secret, body));
                Some(Said::new(status, upstream::answered_headers(headers, &self.provider)?, body))
            }
            _ => None,
        };
        let verdict = probe.verdict.unwrap_or_else(|| Verdict::pass(probe.status.unwrap_or_default()));
        self.journal.failed(&verdict, now);
        // That a key may not list, or that lists fail, says nothing about its calls.
        if matches!(verdict.class, Class::KeyDead | Class::KeyBroke | Class::RateLimited) {
            self.records.extend(with_dice(|c, dice| c.pool.failed(ticket, "", &verdict, now, dice)));
        }
        Ok(Got::Failed(said, verdict))
    }

    fn query_for(&self, merge: &mut Merge) -> String {
        let (limit, after) = merge.wanted();
        let limit = limit.map(|limit| limit.to_string());
        let mut query = self.query.clone();
        for (name, value) in [("limit=", limit.as_deref()), ("after=", after)] {
            if let Some(value) = value {
                query = [query.as_str(), if query.is_empty() { "" } else { "&" }, name, value].concat();
            }
        }
        query
    }
}

/// What a key answered, if it is a list.
fn page(probe: &Probe) -> Option<Page> {
    let body = probe.whole.as_ref()?;
    probe.status.filter(|status| (200..300).contains(status))?;
    Page::read(&String::from_utf8(body.to_vec()).ok()?)
}

//! A call, from the client's request to the upstream's answer: who asks, what for, which key, and again with another
//! key until the first byte is out.

mod about;
mod admit;
mod answer;
mod asked;
mod cached;
mod cors;
mod intake;
mod journal;
mod lists;
mod models;
mod paced;
mod rewrite;
mod sticky;
mod token_count;
mod trace;
mod used;
mod walk;

use crate::{
    app::{App, Caller},
    config::Config,
    error::Result,
    pool::failover::{Failover, Limits},
    record::write,
    runtime, sticky as ids,
};
use answer::Said;
use journal::{Journal, Tried};
use std::rc::Rc;
use trace::Trace;
use walk::{Attempt, InUse, Ready, Walk};
use worker::web_sys::{Request, Response};

pub use asked::{Asked, LOOKED_AT};

/// So much of a budget is used, and the economy model answers where there is one.
const ECONOMY_PERCENT: u64 = 90;

/// # Errors
/// As the client shall see them.
pub async fn call(app: &Rc<App>, request: Request, asked: Asked<'_>, request_id: &str) -> Result<Response> {
    let now = runtime::now();
    app.refresh(now).await?;
    let config = app.config()?;
    if let Some(answer) = cors::preflight(asked.head, &config)? {
        return Ok(answer);
    }
    let head = asked.head;
    let answer = match admit::known(app, head, request_id, now) {
        Ok((caller, credential)) => {
            let journal = Journal::new(request_id, &caller, now);
            admitted(app, request, asked, config.clone(), (&caller, &credential), journal).await
        }
        Err(error) => Err(error),
    };
    if head.get("origin").is_none() {
        return answer;
    }
    let answer = answer.unwrap_or_else(|error| runtime::refuse(&error, request_id));
    cors::allow(&answer.headers(), head, &config)?;
    Ok(answer)
}

/// A call by the admin, whose session's token is `token`. The answer, an error too, tells of each attempt.
///
/// # Errors
/// When there is no answer that could tell anything.
pub async fn play(
    app: &Rc<App>,
    request: Request,
    asked: Asked<'_>,
    token: String,
    request_id: &str,
) -> Result<Response> {
    let (caller, tried) = (Caller::admin(), Tried::default());
    let mut journal = Journal::new(request_id, &caller, runtime::now());
    journal.tried = Some(tried.clone());
    let answer = admitted(app, request, asked, app.config()?, (&caller, &token), journal).await;
    let answer = answer.unwrap_or_else(|error| runtime::refuse(&error, request_id));
    answer.headers().set("x-keypool-trace", &write::list(&mut tried.take().into_iter()))?;
    Ok(answer)
}

async fn admitted(
    app: &Rc<App>,
    request: Request,
    asked: Asked<'_>,
    config: Rc<Config>,
    (caller, credential): (&Caller, &str),
    mut journal: Journal,
) -> Result<Response> {
    let now = runtime::now();
    if let Some(answer) = about::answer(caller, &asked, &asked.head.method, now)? {
        return Ok(answer);
    }
    if asked.pin.is_none()
        && let Some(answer) = models::answer(app, caller, asked.rest, &asked.head.method, now).await?
    {
        return Ok(answer);
    }
    if asked.pin.is_none() && asked.rest == "token-count" {
        return token_count::answer(&asked.head.method, intake::read(&request, asked.head).await?);
    }
    let log = caller.log.unwrap_or(config.request_log);
    journal.trace = Trace::new(log, &asked.head.method, asked.rest, credential).map(Rc::new);
    // Before the body is read.
    let listed = match app.admit(caller, now).await {
        Ok(()) => lists::answer(app, &request, &asked, (caller, &config), &mut journal).await,
        Err(error) => Err(error),
    };
    match listed {
        Ok(None) => {}
        Ok(Some(answer)) => return Ok(answer),
        Err(error) => {
            journal.refused(app, error.status());
            return Err(error);
        }
    }
    match prepare(app, request, asked, caller, config, &mut journal).await {
        Ok((walk, failover)) => walk.run(failover).await,
        Err(error) => {
            journal.refused(app, error.status());
            Err(error)
        }
    }
}

async fn prepare(
    app: &Rc<App>,
    request: Request,
    asked: Asked<'_>,
    caller: &Caller,
    config: Rc<Config>,
    journal: &mut Journal,
) -> Result<(Walk, Failover)> {
    let head = asked.head;
    let intake = intake::read(&request, head).await?;
    admit::model(caller, &head.method, asked.rest, intake.model())?;
    let held = sticky::held(app, caller, &asked, Some(&intake), runtime::now()).await?;
    let asked = held.asked(&asked);
    let owner = held.by.as_ref().map(|(_, provider)| provider.as_str());
    let economy = app.budget_share(caller, runtime::now()) >= ECONOMY_PERCENT;
    let mut want = asked::want(&asked, owner, caller, &intake, &config, economy)?;
    sticky::choose(&mut want, &held, caller, &head.method, asked.rest)?;
    let targets = want.targets.clone();
    if let Some(target) = targets.first() {
        journal.is_for(target);
    }
    let cached = cached::wanted(caller, &asked, &intake)?;
    let pace = paced::of(caller, head, asked.rest)?;
    if let Some(trace) = &journal.trace {
        trace.sent(&request.headers(), intake.bytes());
    }
    let limits = Limits {
        max_attempts: if intake.is_stream() { 1 } else { config.max_attempts },
        deadline_ms: config.failover_deadline_ms,
        wait_budget_ms: config.wait_budget_ms,
        retry_after_timeout: config.retry_after_timeout > 0,
    };
    // The body may have taken its time.
    let failover = Failover::new(want, limits, runtime::now());
    let method = head.method.clone();
    let walk = Walk {
        app: app.clone(),
        config,
        rest: asked.rest.into(),
        query: asked.query.into(),
        usage_mode: caller.usage_mode,
        streamed: intake.streamed(),
        billed: used::is_billed(&method, asked.rest),
        kept: ids::kept(asked.rest),
        untagged: held.patches.clone(),
        pace,
        cached,
        request,
        method,
        intake,
        targets,
        now: None,
        journal: journal.clone(),
    };
    Ok((walk, failover))
}

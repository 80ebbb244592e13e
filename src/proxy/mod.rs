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

use crate::{
    app::{App, Caller, with_cache, with_dice},
    body::{Patch, edit::Wish},
    config::Config,
    error::{Error, Result},
    js,
    pool::{
        Ticket,
        failover::{Failover, Limits, Step},
        target::Target,
        verdict::{self, Outcome, Verdict},
    },
    record::{pace::Pace, provider::Provider, usage_mode::UsageMode},
    runtime,
    sticky::{self as ids, Kept},
    stream::How,
    upstream::{self, Call, Reply},
};
use answer::Said;
use cached::Wanted;
use intake::Intake;
use journal::Journal;
use std::rc::Rc;
use trace::Trace;
use used::Prompt;
use worker::web_sys::{Request, Response};

pub use asked::Asked;

/// So much of a budget is used, and the economy model answers where there is one.
const ECONOMY_PERCENT: u64 = 90;

/// How an attempt went.
enum Attempt {
    /// The answer is on its way; only the client's leaving or the upstream's breaking can end it now.
    Answered(Response),
    Failed(Verdict, Option<Said>),
    /// The client left while we waited.
    Gone,
}

/// All that the attempts of one call share.
struct Walk {
    app: Rc<App>,
    config: Rc<Config>,
    request: Request,
    method: String,
    /// What follows `/v1/`.
    rest: String,
    query: String,
    intake: Intake,
    /// `None` = as the provider says.
    usage_mode: Option<UsageMode>,
    streamed: bool,
    /// It costs tokens, so they are estimated if need be.
    billed: bool,
    /// What the call is about lies in a key's account, so the ids in the answer are tagged.
    kept: Option<Kept>,
    /// They take the tags out of the body.
    untagged: Vec<Patch>,
    pace: Pace,
    cached: Option<Wanted>,
    targets: Vec<Target>,
    /// The one that is asked now, and its number.
    now: Option<(usize, Rc<Ready>)>,
    journal: Journal,
}

/// A call made ready for one target.
struct Ready {
    provider: Provider,
    model: String,
    call: Call,
    how: How,
}

/// A key in use; it is given back when this is dropped.
struct InUse(Ticket);

impl InUse {
    fn new(ticket: Ticket, model: &str) -> Self {
        let now = runtime::now();
        with_cache(|c| c.pool.started(ticket, model, now));
        Self(ticket)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let now = runtime::now();
        with_cache(|c| c.pool.ended(self.0, now));
    }
}

/// # Errors
/// As the client shall see them.
pub async fn call(app: &Rc<App>, request: Request, asked: Asked<'_>, request_id: &str) -> Result<Response> {
    let now = runtime::now();
    app.refresh(now).await?;
    let config = app.config()?;
    if let Some(answer) = cors::preflight(&request, &config)? {
        return Ok(answer);
    }
    let headers = request.headers();
    let answer = admitted(app, request, asked, config.clone(), request_id, now).await;
    if js::header(&headers, "origin").is_none() {
        return answer;
    }
    let answer = answer.unwrap_or_else(|error| runtime::refuse(&error, request_id));
    cors::allow(&answer.headers(), &headers, &config)?;
    Ok(answer)
}

async fn admitted(
    app: &Rc<App>,
    request: Request,
    asked: Asked<'_>,
    config: Rc<Config>,
    request_id: &str,
    now: u64,
) -> Result<Response> {
    let headers = request.headers();
    let (caller, credential) = admit::known(app, &headers, request_id, now)?;
    if let Some(answer) = about::answer(&caller, &asked, &request.method(), now)? {
        return Ok(answer);
    }
    if asked.pin.is_none()
        && let Some(answer) = models::answer(app, &caller, asked.rest, &request.method(), now).await?
    {
        return Ok(answer);
    }
    if asked.pin.is_none() && asked.rest == "token-count" {
        return token_count::answer(&request.method(), intake::read(&request).await?);
    }
    let mut journal = Journal::new(request_id, &caller, now);
    let log = caller.log.unwrap_or(config.request_log);
    journal.trace = Trace::new(log, &request, asked.rest, &credential).map(Rc::new);
    // Before the body is read.
    let listed = match app.admit(&caller, now).await {
        Ok(()) => lists::answer(app, &request, &asked, (&caller, &config), &mut journal).await,
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
    match prepare(app, request, asked, &caller, config, &mut journal).await {
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
    let headers = request.headers();
    let intake = intake::read(&request).await?;
    admit::model(caller, &request.method(), asked.rest, intake.model())?;
    let held = sticky::held(app, caller, &asked, Some(&intake), runtime::now()).await?;
    let asked = held.asked(&asked);
    let owner = held.by.as_ref().map(|(_, provider)| provider.as_str());
    let economy = app.budget_share(caller, runtime::now()) >= ECONOMY_PERCENT;
    let mut want = asked::want(&asked, owner, caller, &headers, &intake, &config, economy)?;
    sticky::choose(&mut want, &held, caller, &request.method(), asked.rest)?;
    let targets = want.targets.clone();
    if let Some(target) = targets.first() {
        journal.is_for(target);
    }
    let cached = cached::wanted(caller, &asked, &request, &intake)?;
    let pace = paced::of(caller, &headers, asked.rest)?;
    if let Some(trace) = &journal.trace {
        trace.sent(&headers, intake.bytes());
    }
    let limits = Limits {
        max_attempts: if intake.is_stream() { 1 } else { config.max_attempts },
        deadline_ms: config.failover_deadline_ms,
        wait_budget_ms: config.wait_budget_ms,
        retry_after_timeout: config.retry_after_timeout > 0,
    };
    // The body may have taken its time.
    let failover = Failover::new(want, limits, runtime::now());
    let method = request.method();
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

impl Walk {
    async fn run(mut self, failover: Failover) -> Result<Response> {
        let answer = self.answer(failover).await;
        if let Err(error) = &answer {
            self.journal.refused(&self.app, error.status());
        }
        answer
    }

    async fn answer(&mut self, mut failover: Failover) -> Result<Response> {
        if let Some(answer) = cached::answer(self).await? {
            return Ok(answer);
        }
        let mut last: Option<Said> = None;
        loop {
            let now = runtime::now();
            let (ticket, at) = match with_dice(|c, dice| failover.next(&mut c.pool, now, dice)) {
                Step::Try(ticket, at) => (ticket, at),
                Step::Wait(ms) => {
                    runtime::sleep(ms).await;
                    if js::is_aborted(&self.request) {
                        return self.left();
                    }
                    continue;
                }
                Step::GiveUp(end) => {
                    let answer = last.filter(|_| end.verbatim).map(|said| said.response(&self.journal));
                    self.journal.refused(&self.app, end.status);
                    if let Some(answer) = answer {
                        return answer;
                    }
                    let answer = js::error_response(&end.into(), self.journal.request_id());
                    self.journal.show(&answer.headers())?;
                    return Ok(answer);
                }
            };
            let (verdict, said) = match self.attempt(ticket, at).await? {
                Attempt::Answered(response) => return Ok(response),
                Attempt::Failed(verdict, said) => (verdict, said),
                Attempt::Gone => return self.left(),
            };
            let now = runtime::now();
            self.journal.failed(&verdict, now);
            let failed = with_dice(|c, dice| failover.failed(&mut c.pool, ticket, verdict, now, dice));
            self.app.note(failed.records, now);
            if let Some(said) = said {
                if failed.pass {
                    let answer = said.response(&self.journal);
                    self.journal.refused(&self.app, said.status);
                    return answer;
                }
                last = Some(said);
            }
            if failed.pause_ms > 0 {
                runtime::sleep(failed.pause_ms).await;
            }
        }
    }

    /// Nobody reads this answer; 499 is what servers log for that.
    fn left(&mut self) -> Result<Response> {
        self.journal.left(&self.app);
        js::text_response(499, &js::headers_of(&[])?, None)
    }

    async fn attempt(&mut self, ticket: Ticket, at: usize) -> Result<Attempt> {
        let ready = self.ready(at)?;
        let in_use = InUse::new(ticket, &ready.model);
        let url = upstream::with_key(&ready.call, ready.provider.auth, &self.secret(ticket))?;
        self.journal.begins(ticket, runtime::now());
        let reply = upstream::send(&ready.call, &url, Some(&self.request), self.head_timeout_ms(&ready)).await?;
        let (response, abort) = match reply {
            Reply::Head(response, abort) => (response, abort),
            Reply::Unreachable | Reply::NoHead if js::is_aborted(&self.request) => return Ok(Attempt::Gone),
            Reply::Unreachable => return Ok(self.judged(&Outcome::Unreachable)),
            Reply::NoHead => return Ok(self.judged(&Outcome::NoHead)),
        };
        if (200..300).contains(&response.status()) {
            answer::good(self, &ready, ticket, in_use, response, abort).await
        } else {
            answer::bad(self, &ready, ticket, &response, &abort).await
        }
    }

    /// The call as it goes to the target of that number.
    fn ready(&mut self, at: usize) -> Result<Rc<Ready>> {
        if let Some((_, ready)) = self.now.as_ref().filter(|(now, _)| *now == at) {
            return Ok(ready.clone());
        }
        let target = self.targets.get(at).ok_or_else(|| Error::internal("there is no such target"))?;
        let provider = with_cache(|c| c.pool.provider(&target.provider).cloned());
        let provider = provider.ok_or_else(|| Error::internal("a provider vanished"))?;
        self.journal.is_for(target);
        let mode = self.usage_mode.unwrap_or(provider.usage_mode);
        let asks = mode != UsageMode::AsIs && used::is_chat(&self.rest);
        let model =
            Some(target.model.as_str()).filter(|model| self.intake.model().is_some_and(|named| named != *model));
        let mut rules = rewrite::rules(&target.provider, &provider, &target.model);
        // What is known to be refused is known of chats.
        rules.retain(|ready| ready.source.is_none() || used::is_chat(&self.rest));
        let wish = Wish { model, asks, rules: &rules };
        let (body, asked) = self.intake.body_for(&wish, &self.untagged);
        let hides = mode == UsageMode::AskAndHide && asked;
        let headers = upstream::passed_headers(&self.request.headers(), &provider)?;
        rewrite::headers(&headers, &rules)?;
        let url = upstream::url(&provider, &self.rest, &self.query, &target.model);
        let call = Call { method: self.method.clone(), url, headers, body };
        let how = How { pace: self.pace, hides };
        let ready = Rc::new(Ready { provider, model: target.model.clone(), call, how });
        self.now = Some((at, ready.clone()));
        Ok(ready)
    }

    fn prompt(&self, ready: &Ready) -> Option<Prompt> {
        Prompt::of(&ready.call.body).filter(|_| self.billed)
    }

    fn secret(&self, ticket: Ticket) -> String {
        with_cache(|c| c.pool.slot(ticket).map(|s| s.key.secret.clone())).unwrap_or_default()
    }

    /// A failure without an answer that could be shown.
    fn judged(&self, outcome: &Outcome) -> Attempt {
        match verdict::judge(outcome, runtime::now()) {
            Some(verdict) => Attempt::Failed(verdict, None),
            None => Attempt::Gone,
        }
    }

    /// An answer that is not streamed begins when it is complete.
    fn head_timeout_ms(&self, ready: &Ready) -> u64 {
        match (self.streamed, ready.provider.first_byte_timeout_ms) {
            (true, Some(ms)) => ms,
            (true, None) => self.config.first_byte_timeout_ms,
            (false, _) => self.answer_timeout_ms(ready),
        }
    }

    fn answer_timeout_ms(&self, ready: &Ready) -> u64 {
        ready.provider.answer_timeout_ms.unwrap_or(self.config.answer_timeout_ms)
    }
}

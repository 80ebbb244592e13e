//! A call, from the client's request to the upstream's answer: who asks, what for, which key, and again with another
//! key until the first byte is out.

mod about;
mod answer;
mod asked;
mod cached;
mod intake;
mod journal;
mod paced;
mod token_count;
mod trace;
mod used;

use crate::{
    app::{App, Caller, with_cache, with_dice},
    auth,
    config::{Config, Level},
    error::{Fault, Result},
    js,
    pool::{
        Ticket,
        failover::{Failover, Limits, Step},
        verdict::{self, Outcome, Verdict},
    },
    record::{provider::Provider, usage_mode::UsageMode, write::object},
    runtime,
    stream::How,
    upstream::{self, Body, Call, Reply},
};
use answer::Said;
use cached::Wanted;
use journal::Journal;
use std::rc::Rc;
use trace::Trace;
use used::Prompt;
use worker::web_sys::{Request, Response};

pub use asked::Asked;

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
    provider: Provider,
    call: Call,
    model: String,
    streamed: bool,
    /// It costs tokens, so they are estimated if need be.
    billed: bool,
    how: How,
    cached: Option<Wanted>,
    journal: Journal,
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
    let headers = request.headers();
    let credential = auth::credential(|name| js::header(&headers, name));
    let Some(caller) = credential.as_deref().and_then(|key| app.caller(key, now)) else {
        runtime::log(Level::Info, "call", || object! {"request": request_id, "status": 401_u16});
        return Err(Fault::ClientKey.into());
    };
    if let Some(answer) = about::answer(&caller, &asked, &request.method(), now)? {
        return Ok(answer);
    }
    if asked.pin.is_none() && asked.rest == "token-count" {
        return token_count::answer(&request.method(), intake::read(&request).await?);
    }
    let mut journal = Journal::new(request_id, &caller, now);
    let (log, credential) = (caller.log.unwrap_or(config.request_log), credential.unwrap_or_default());
    journal.trace = Trace::new(log, &request, asked.rest, &credential).map(Rc::new);
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
    let (mut target, provider) = asked::target(&asked, &intake)?;
    journal.is_for(&target);
    let want = asked::want(caller, &headers, &intake, &mut target, &config)?;
    let cached = cached::wanted(caller, &asked, &request, &intake)?;
    let streamed = intake.streamed();
    let mode = caller.usage_mode.unwrap_or(provider.usage_mode);
    let asks = mode != UsageMode::AsIs && used::is_chat(asked.rest);
    let patch = if asks { intake.ask_for_usage() } else { None };
    let hides = mode == UsageMode::AskAndHide && patch.is_some();
    let how = How { pace: paced::of(caller, &headers, asked.rest)?, hides };
    let call = Call {
        method: request.method(),
        url: upstream::url(&provider, asked.rest, asked.query),
        headers: upstream::passed_headers(&headers)?,
        body: intake.body(target.renamed.then_some(target.model.as_str()), patch),
    };
    if let Some(trace) = &journal.trace {
        trace.sent(&headers, &call.body);
    }
    let billed = used::is_billed(&call.method, asked.rest);
    let limits = Limits {
        max_attempts: if matches!(call.body, Body::Stream(_)) { 1 } else { config.max_attempts },
        deadline_ms: config.failover_deadline_ms,
        wait_budget_ms: config.wait_budget_ms,
        retry_after_timeout: config.retry_after_timeout > 0,
    };
    // The body may have taken its time.
    let failover = Failover::new(want, limits, runtime::now());
    let (app, journal) = (app.clone(), journal.clone());
    let model = target.model;
    Ok((Walk { app, config, request, provider, call, model, streamed, billed, how, cached, journal }, failover))
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
            let ticket = match with_dice(|c, dice| failover.next(&mut c.pool, now, dice)) {
                Step::Try(ticket, _) => ticket,
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
            let (verdict, said) = match self.attempt(ticket).await? {
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

    async fn attempt(&mut self, ticket: Ticket) -> Result<Attempt> {
        let in_use = InUse::new(ticket, &self.model);
        upstream::set_key(&self.call.headers, self.provider.auth, &self.secret(ticket))?;
        self.journal.begins(ticket, runtime::now());
        let reply = upstream::send(&self.call, Some(&self.request), self.head_timeout_ms()).await?;
        let (response, abort) = match reply {
            Reply::Head(response, abort) => (response, abort),
            Reply::Unreachable | Reply::NoHead if js::is_aborted(&self.request) => return Ok(Attempt::Gone),
            Reply::Unreachable => return Ok(self.judged(&Outcome::Unreachable)),
            Reply::NoHead => return Ok(self.judged(&Outcome::NoHead)),
        };
        if (200..300).contains(&response.status()) {
            answer::good(self, ticket, in_use, response, abort).await
        } else {
            answer::bad(self, ticket, &response, &abort).await
        }
    }

    fn prompt(&self) -> Option<Prompt> {
        Prompt::of(&self.call.body).filter(|_| self.billed)
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
    fn head_timeout_ms(&self) -> u64 {
        match (self.streamed, self.provider.first_byte_timeout_ms) {
            (true, Some(ms)) => ms,
            (true, None) => self.config.first_byte_timeout_ms,
            (false, _) => self.answer_timeout_ms(),
        }
    }

    fn answer_timeout_ms(&self) -> u64 {
        self.provider.answer_timeout_ms.unwrap_or(self.config.answer_timeout_ms)
    }
}

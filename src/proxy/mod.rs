//! A call, from the client's request to the upstream's answer: who asks, what for, which key, and again with another
//! key until the first byte is out.

mod answer;
mod intake;
mod journal;

use crate::{
    app::{App, with_cache, with_dice},
    auth,
    config::Config,
    error::{Error, Result},
    js,
    pool::{
        Ticket,
        failover::{Failover, Limits, Step},
        target,
        verdict::{self, Outcome, Verdict},
    },
    record::provider::Provider,
    runtime,
    upstream::{self, Body, Call, Reply},
};
use answer::Said;
use journal::Journal;
use std::rc::Rc;
use worker::web_sys::{Request, Response};

/// What the path asks for.
pub struct Asked<'a> {
    pub pin: Option<&'a str>,
    /// What follows `/v1/`.
    pub rest: &'a str,
    pub query: &'a str,
}

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
    journal: Journal,
}

/// A key in use; it is given back when this is dropped.
struct InUse(Ticket);

impl InUse {
    fn new(ticket: Ticket) -> Self {
        with_cache(|c| c.pool.started(ticket));
        Self(ticket)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        with_cache(|c| c.pool.ended(self.0));
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
    let client = credential.and_then(|key| app.client(&key)).ok_or(Error::ClientKey)?;
    let intake = intake::read(&request).await?;
    let named = intake.model().unwrap_or_default();
    let (target, provider) = with_cache(|c| {
        let default = c.setting("default_provider");
        let target = target::choose(&c.pool, default, asked.pin, named)?;
        let provider = c.pool.provider(&target.provider).cloned();
        provider.map(|p| (target, p)).ok_or_else(|| Error::Internal("a provider vanished".into()))
    })?;
    let streamed = intake.streamed();
    let call = Call {
        method: request.method(),
        url: upstream::url(&provider, asked.rest, asked.query),
        headers: upstream::passed_headers(&headers)?,
        body: intake.body(target.renamed.then_some(target.model.as_str())),
    };
    let limits = Limits {
        max_attempts: if matches!(call.body, Body::Stream(_)) { 1 } else { config.max_attempts },
        deadline_ms: config.failover_deadline_ms,
        wait_budget_ms: config.wait_budget_ms,
    };
    let failover = Failover::new(&target.provider, &target.model, limits, now);
    let journal = Journal::new(request_id, client, &target, now);
    let app = app.clone();
    Walk { app, config, request, provider, call, model: target.model, streamed, journal }.run(failover).await
}

impl Walk {
    async fn run(mut self, mut failover: Failover) -> Result<Response> {
        let mut last: Option<Said> = None;
        loop {
            let now = runtime::now();
            let ticket = match with_dice(|c, dice| failover.next(&mut c.pool, now, dice)) {
                Step::Try(ticket) => ticket,
                Step::Wait(ms) => {
                    runtime::sleep(ms).await;
                    continue;
                }
                Step::GiveUp(end) => {
                    self.journal.refused(&self.app, end.status, failover.attempts());
                    return match last.filter(|_| end.verbatim) {
                        Some(said) => said.response(failover.attempts(), &self.journal),
                        None => Err(end.after(failover.attempts())),
                    };
                }
            };
            let (verdict, said) = match self.attempt(ticket, failover.attempts()).await? {
                Attempt::Answered(response) => return Ok(response),
                Attempt::Failed(verdict, said) => (verdict, said),
                Attempt::Gone => return Err(Error::Internal("the client left".into())),
            };
            let now = runtime::now();
            self.journal.failed(ticket, &verdict, now);
            let failed = with_dice(|c, dice| failover.failed(&mut c.pool, ticket, verdict, now, dice));
            self.app.note(failed.records, now);
            if let Some(said) = said {
                if failed.pass {
                    self.journal.refused(&self.app, said.status, failover.attempts());
                    return said.response(failover.attempts(), &self.journal);
                }
                last = Some(said);
            }
            if failed.pause_ms > 0 {
                runtime::sleep(failed.pause_ms).await;
            }
        }
    }

    async fn attempt(&mut self, ticket: Ticket, number: u64) -> Result<Attempt> {
        let in_use = InUse::new(ticket);
        upstream::set_key(&self.call.headers, self.provider.auth, &self.secret(ticket))?;
        self.journal.begins(runtime::now());
        let reply = upstream::send(&self.call, Some(&self.request), self.head_timeout_ms()).await?;
        let (response, abort) = match reply {
            Reply::Head(response, abort) => (response, abort),
            Reply::Unreachable | Reply::NoHead if js::is_aborted(&self.request) => return Ok(Attempt::Gone),
            Reply::Unreachable => return Ok(self.judged(&Outcome::Unreachable)),
            Reply::NoHead => return Ok(self.judged(&Outcome::NoHead)),
        };
        if (200..300).contains(&response.status()) {
            answer::good(self, ticket, in_use, number, response, abort).await
        } else {
            answer::bad(self, ticket, &response, &abort).await
        }
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

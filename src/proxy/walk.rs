//! The attempts of one call, one key after the other, until the first byte is out.

use super::{
    answer::{self, Said},
    cached::{self, Wanted},
    intake::Intake,
    journal::Journal,
    rewrite,
    used::{self, Prompt},
};
use crate::{
    app::{App, with_cache, with_dice},
    body::{Patch, edit::Wish},
    config::Config,
    error::{Error, Result},
    js,
    pool::{
        Ticket,
        failover::{Failover, Step},
        target::Target,
        verdict::{self, Outcome, Verdict},
    },
    record::{pace::Pace, provider::Provider, usage_mode::UsageMode},
    runtime,
    sticky::Kept,
    stream::How,
    upstream::{self, Begun, Call},
};
use std::rc::Rc;
use worker::web_sys::{Request, Response};

/// How an attempt went.
pub enum Attempt {
    /// The answer is on its way; only the client's leaving or the upstream's breaking can end it now.
    Answered(Response),
    Failed(Verdict, Option<Said>),
    /// The client left while we waited.
    Gone,
}

/// All that the attempts of one call share.
pub struct Walk {
    pub app: Rc<App>,
    pub config: Rc<Config>,
    pub request: Request,
    pub method: String,
    /// What follows `/v1/`.
    pub rest: String,
    pub query: String,
    pub intake: Intake,
    /// `None` = as the provider says.
    pub usage_mode: Option<UsageMode>,
    pub streamed: bool,
    /// It costs tokens, so they are estimated if need be.
    pub billed: bool,
    /// What the call is about lies in a key's account, so the ids in the answer are tagged.
    pub kept: Option<Kept>,
    /// They take the tags out of the body.
    pub untagged: Vec<Patch>,
    pub pace: Pace,
    pub cached: Option<Wanted>,
    pub targets: Vec<Target>,
    /// The one that is asked now, and its number.
    pub now: Option<(usize, Rc<Ready>)>,
    pub journal: Journal,
}

/// A call made ready for one target.
pub struct Ready {
    pub provider: Provider,
    pub model: String,
    pub call: Call,
    pub how: How,
}

/// A key in use; it is given back when this is dropped.
pub struct InUse(pub Ticket);

impl InUse {
    pub fn new(ticket: Ticket, model: &str) -> Self {
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

impl Walk {
    pub async fn run(mut self, failover: Failover) -> Result<Response> {
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
        // What is streamed begins before it is whole.
        let limits = (self.head_timeout_ms(&ready), if self.streamed { 0 } else { upstream::WHOLE });
        let begun = upstream::send(&ready.call, &url, Some(&self.request), limits).await?;
        let (response, abort, read) = match begun {
            Begun::Head(response, abort, read) => (response, abort, read),
            Begun::Unreachable | Begun::Late if js::is_aborted(&self.request) => return Ok(Attempt::Gone),
            Begun::Unreachable => return Ok(self.judged(&Outcome::Unreachable)),
            Begun::Late => return Ok(self.judged(&Outcome::NoHead)),
        };
        if (200..300).contains(&response.status()) {
            answer::good(self, &ready, ticket, in_use, response, (abort, read)).await
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

    pub fn prompt(&self, ready: &Ready) -> Option<Prompt> {
        Prompt::of(&ready.call.body).filter(|_| self.billed)
    }

    pub fn secret(&self, ticket: Ticket) -> String {
        with_cache(|c| c.pool.slot(ticket).map(|s| s.key.secret.clone())).unwrap_or_default()
    }

    /// A failure without an answer that could be shown.
    pub fn judged(&self, outcome: &Outcome) -> Attempt {
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

    pub fn answer_timeout_ms(&self, ready: &Ready) -> u64 {
        ready.provider.answer_timeout_ms.unwrap_or(self.config.answer_timeout_ms)
    }
}

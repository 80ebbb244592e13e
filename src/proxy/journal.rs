//! What is noted of a call: its attempts, its end, one log line, and the counts on their way to storage.

use crate::{
    app::{App, Caller, with_cache, with_dice},
    config::Level,
    error::Result,
    pool::{Ticket, class::Class, health::Attempt, target::Target, verdict::Verdict},
    record::{client::Right, write::object},
    runtime,
    stream::Ending,
    usage::tail::Tokens,
};
use serde_json::Value;
use std::rc::Rc;
use worker::web_sys::Headers;

#[derive(Clone)]
pub struct Journal {
    request_id: Rc<str>,
    client: Rc<str>,
    provider: Rc<str>,
    model: Rc<str>,
    /// The client may know of the attempts.
    shown: bool,
    began: u64,
    /// The running attempt: its key, and since when.
    attempt: Option<(Ticket, Rc<str>, u64)>,
    last_key: Option<Rc<str>>,
    /// Those that are over.
    attempts: Vec<Value>,
}

impl Journal {
    pub fn new(request_id: &str, caller: &Caller, target: &Target, now: u64) -> Self {
        Self {
            request_id: request_id.into(),
            client: caller.id.as_str().into(),
            provider: target.provider.as_str().into(),
            model: target.model.as_str().into(),
            shown: caller.may(Right::SeeAttempts),
            began: now,
            attempt: None,
            last_key: None,
            attempts: Vec::new(),
        }
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub fn attempt_began(&self) -> u64 {
        self.attempt.as_ref().map_or(self.began, |(_, _, began)| *began)
    }

    pub fn begins(&mut self, ticket: Ticket, now: u64) {
        let key = with_cache(|c| c.pool.slot(ticket).map(|s| s.id.clone()));
        self.last_key.clone_from(&key);
        self.attempt = key.map(|key| (ticket, key, now));
    }

    /// Tells a client that may know how many attempts there were, and who served the last one.
    ///
    /// # Errors
    /// When the headers cannot be changed.
    pub fn show(&self, headers: &Headers) -> Result<()> {
        if self.shown {
            let running = usize::from(self.attempt.is_some());
            headers.set("x-keypool-attempts", &(self.attempts.len() + running).to_string())?;
            headers.set("x-keypool-provider", &self.provider)?;
            if let Some(key) = &self.last_key {
                headers.set("x-keypool-key", key)?;
            }
        }
        Ok(())
    }

    pub fn failed(&mut self, verdict: &Verdict, now: u64) {
        // A caller's mistake is not the key's failure.
        self.attempt_ends(verdict.class.name(), verdict.status, verdict.class == Class::Caller, now);
    }

    fn attempt_ends(&mut self, class: &str, status: Option<u16>, ok: bool, now: u64) -> Option<Rc<str>> {
        let (_, key, began) = self.attempt.take()?;
        with_cache(|c| c.pending.attempt(&key, ok, now));
        self.attempts.push(object! {"key": &*key, "class": class, "status": status, "ms": now.saturating_sub(began)});
        Some(key)
    }

    /// No key answered, or the upstream's refusal is the answer.
    pub fn refused(&self, app: &Rc<App>, status: u16) {
        let now = runtime::now();
        app.flush_soon(now);
        let level = if status >= 500 { Level::Warn } else { Level::Info };
        self.log(level, status, now, object! {});
    }

    /// The client left before an answer began.
    pub fn left(&mut self, app: &Rc<App>) {
        self.attempt_ends(Class::ClientGone.name(), None, true, runtime::now());
        self.refused(app, 499);
    }

    /// The stream broke after the first byte: the key rests, and the attempt counts as failed.
    pub fn broke(&self, app: &Rc<App>, ticket: Ticket) {
        let now = runtime::now();
        let verdict = Verdict {
            class: Class::BrokenStream,
            status: None,
            message: "The stream broke off.".into(),
            wait_ms: None,
            print: 0,
        };
        let attempt = Attempt { ticket, model: &self.model, began: self.attempt_began(), nth: 1 };
        let records = with_dice(|c, dice| c.pool.attempt_failed(&attempt, &verdict, now, dice));
        app.note(records, now);
    }

    /// The answer's last byte is out, or its way is cut.
    pub fn ended(mut self, app: &Rc<App>, status: u16, ending: Ending, tokens: Option<&Tokens>) {
        let now = runtime::now();
        let (level, class, ending) = match ending {
            Ending::Complete => (Level::Info, "ok", "complete"),
            Ending::Broken => (Level::Warn, Class::BrokenStream.name(), "broken"),
            Ending::ClientGone => (Level::Info, Class::ClientGone.name(), "client_gone"),
        };
        let ticket = self.attempt.as_ref().map(|(ticket, _, _)| *ticket);
        let key = self.attempt_ends(class, Some(status), level == Level::Info, now);
        if let (Some(ticket), Some(key), Some(tokens)) = (ticket, key, tokens) {
            with_cache(|c| {
                c.pending.tokens(&key, tokens, now);
                c.pool.used(ticket, 0, tokens.prompt + tokens.completion, now);
            });
        }
        app.flush_soon(now);
        let tokens = tokens.map(|t| object! {"prompt": t.prompt, "completion": t.completion});
        self.log(level, status, now, object! {"ending": ending, "tokens": tokens});
    }

    fn log(&self, level: Level, status: u16, now: u64, more: Value) {
        runtime::log(level, "call", || {
            object! {"request": &*self.request_id, "client": &*self.client, "provider": &*self.provider,
            "model": &*self.model, "status": status, "attempts": self.attempts,
            "ms": now.saturating_sub(self.began), "end": more}
        });
    }
}

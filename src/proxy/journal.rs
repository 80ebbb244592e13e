//! What is noted of a call: its attempts, its end, one log line, and the counts on their way to storage.

use crate::{
    app::{App, with_cache, with_dice},
    config::Level,
    pool::{Ticket, class::Class, target::Target, verdict::Verdict},
    runtime,
    stream::Ending,
    usage::tail::Tokens,
};
use serde_json::{Value, json};
use std::rc::Rc;

#[derive(Clone)]
pub struct Journal {
    request_id: Rc<str>,
    client: Rc<str>,
    provider: Rc<str>,
    model: Rc<str>,
    began: u64,
    attempt_began: u64,
    /// One entry an attempt that failed.
    failures: Vec<Value>,
}

impl Journal {
    pub fn new(request_id: &str, client: String, target: &Target, now: u64) -> Self {
        Self {
            request_id: request_id.into(),
            client: client.into(),
            provider: target.provider.as_str().into(),
            model: target.model.as_str().into(),
            began: now,
            attempt_began: now,
            failures: Vec::new(),
        }
    }

    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    pub const fn begins(&mut self, now: u64) {
        self.attempt_began = now;
    }

    pub fn failed(&mut self, ticket: Ticket, verdict: &Verdict, now: u64) {
        let key = with_cache(|c| {
            let key = c.pool.slot(ticket)?.id.clone();
            // A caller's mistake is not the key's failure.
            c.pending.attempt(&key, verdict.class == Class::Caller, now);
            Some(key)
        });
        self.failures.push(json!({"key": key.as_deref(), "class": verdict.class.name(), "status": verdict.status,
            "ms": now.saturating_sub(self.attempt_began)}));
    }

    /// No key answered, or the upstream's refusal is the answer.
    pub fn refused(&self, app: &Rc<App>, status: u16, attempts: u64) {
        let now = runtime::now();
        app.flush_soon(now);
        let level = if status >= 500 { Level::Warn } else { Level::Info };
        self.log(level, status, attempts, None, now, json!({}));
    }

    /// The stream broke after the first byte: the key rests, and the attempt counts as failed.
    pub fn broke(&self, app: &Rc<App>, ticket: Ticket, model: &str) {
        let now = runtime::now();
        let verdict = Verdict {
            class: Class::BrokenStream,
            status: None,
            message: "The stream broke off.".into(),
            wait_ms: None,
            print: 0,
        };
        let records = with_dice(|c, dice| c.pool.failed(ticket, model, &verdict, now, dice));
        app.note(records, now);
    }

    /// The answer's last byte is out, or its way is cut.
    pub fn ended(&self, app: &Rc<App>, ticket: Ticket, status: u16, ending: Ending, tokens: Option<&Tokens>) {
        let now = runtime::now();
        let key = with_cache(|c| {
            let key = c.pool.slot(ticket)?.id.clone();
            c.pending.attempt(&key, ending != Ending::Broken, now);
            if let Some(tokens) = tokens {
                c.pending.tokens(&key, tokens, now);
            }
            Some(key)
        });
        app.flush_soon(now);
        let (level, ending) = match ending {
            Ending::Complete => (Level::Info, "complete"),
            Ending::Broken => (Level::Warn, "broken"),
            Ending::ClientGone => (Level::Info, "client_gone"),
        };
        let tokens = tokens.map(|t| json!({"prompt": t.prompt, "completion": t.completion}));
        let attempts = self.failures.len() as u64 + 1;
        self.log(level, status, attempts, key.as_deref(), now, json!({"ending": ending, "tokens": tokens}));
    }

    fn log(&self, level: Level, status: u16, attempts: u64, key: Option<&str>, now: u64, more: Value) {
        runtime::log(level, "call", || {
            json!({"request": &*self.request_id, "client": &*self.client, "provider": &*self.provider,
                "model": &*self.model, "key": key, "status": status, "attempts": attempts,
                "failures": self.failures, "ms": now.saturating_sub(self.began), "end": more})
        });
    }
}

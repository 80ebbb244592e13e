//! What is noted of a call: its attempts, its end, one log line, and the counts on their way to storage.

use super::trace::Trace;
use crate::{
    app::{App, Caller, with_cache, with_dice},
    config::Level,
    error::Result,
    json,
    pool::{Ticket, class::Class, health::Attempt, target::Target, verdict::Verdict},
    record::{
        client::Right,
        write::{Line, object},
    },
    runtime,
    stream::Ending,
    usage::{
        pending::{Call, End},
        price,
        row::Series,
        tail::Tokens,
    },
};
use serde_json::Value;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};
use worker::web_sys::Headers;

/// Attempts in their order, for an answer's header.
pub type Tried = Rc<RefCell<Vec<Value>>>;

/// Of a model's name so many letters stand in that header.
const NAME: usize = 100;

/// Until a call's target is known its provider and model are empty.
#[derive(Clone)]
pub struct Journal {
    request_id: Rc<str>,
    client: Rc<str>,
    provider: Rc<str>,
    model: Rc<str>,
    /// The client may know of the attempts.
    shown: bool,
    began: u64,
    first_byte: Cell<Option<u64>>,
    /// Whoever holds a copy: a call is counted once.
    counted: Rc<Cell<bool>>,
    /// The running attempt: its key, and since when.
    attempt: Option<(Ticket, Rc<str>, u64)>,
    last_key: Option<Rc<str>>,
    /// Those that are over, as JSON.
    attempts: Vec<String>,
    /// What the cache of answers had, if it was asked: `hit` or `miss`.
    pub cache: Option<&'static str>,
    /// For the request log.
    pub trace: Option<Rc<Trace>>,
    /// For the playground; the answer begins when the last attempt does well.
    pub tried: Option<Tried>,
    /// The running attempt stands there already.
    told: Cell<bool>,
}

impl Journal {
    pub fn new(request_id: &str, caller: &Caller, now: u64) -> Self {
        Self {
            request_id: request_id.into(),
            client: caller.id.clone(),
            provider: "".into(),
            model: "".into(),
            shown: caller.may(Right::SeeAttempts),
            began: now,
            first_byte: Cell::new(None),
            counted: Rc::default(),
            attempt: None,
            last_key: None,
            attempts: Vec::new(),
            cache: None,
            trace: None,
            tried: None,
            told: Cell::new(false),
        }
    }

    pub fn is_for(&mut self, target: &Target) {
        self.provider = target.provider.as_str().into();
        self.model = target.model.as_str().into();
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

    /// The client's answer begins.
    pub fn answered(&self, status: u16, now: u64) {
        self.first_byte.set(Some(now.saturating_sub(self.began)));
        self.tell(None, Some(status), now);
        self.told.set(true);
    }

    fn tell(&self, class: Option<&str>, status: Option<u16>, now: u64) {
        let (Some(tried), Some((_, key, began))) = (&self.tried, &self.attempt) else { return };
        let model: String = shown(&self.model).chars().take(NAME).collect();
        let ms = now.saturating_sub(*began);
        tried.borrow_mut().push(
            object! {"key": key, "provider": self.provider, "model": model, "status": status, "class": class, "ms": ms},
        );
    }

    /// Tells a client that may know how many attempts there were, and who served the last one.
    ///
    /// # Errors
    /// When the headers cannot be changed.
    pub fn show(&self, headers: &Headers) -> Result<()> {
        if let Some(cache) = self.cache {
            headers.set("x-keypool-cache", cache)?;
        }
        if self.shown {
            let running = usize::from(self.attempt.is_some());
            headers.set("x-keypool-attempts", &(self.attempts.len() + running).to_string())?;
            headers.set("x-keypool-provider", &self.provider)?;
            if !self.model.is_empty() {
                headers.set("x-keypool-model", &shown(&self.model))?;
            }
            if let Some(key) = &self.last_key {
                headers.set("x-keypool-key", key)?;
            }
        }
        Ok(())
    }

    /// One of several calls that make one answer went well, if there was one.
    pub fn part(&mut self, now: u64) {
        self.attempt_ends("ok", Some(200), true, now);
    }

    pub fn failed(&mut self, verdict: &Verdict, now: u64) {
        // A caller's mistake is not the key's failure.
        self.attempt_ends(verdict.class.name(), verdict.status, verdict.class == Class::Caller, now);
    }

    fn attempt_ends(&mut self, class: &str, status: Option<u16>, ok: bool, now: u64) {
        if !self.told.replace(false) {
            self.tell(Some(class).filter(|class| *class != "ok"), status, now);
        }
        let Some((_, key, began)) = self.attempt.take() else { return };
        let ms = now.saturating_sub(began);
        let series = self.series(&key);
        with_cache(|c| {
            let time = c.time(now);
            c.pending.attempt(&series, (!ok).then_some(class), ms, time);
        });
        let mut line = Line::with_room(256);
        line.text("key", Some(&key)).text("provider", Some(&self.provider)).text("model", Some(&self.model));
        line.text("class", Some(class)).number("status", status.map(u64::from)).number("ms", Some(ms));
        line.number("at_ms", Some(began.saturating_sub(self.began)));
        self.attempts.push(line.end());
    }

    fn series(&self, key: &Rc<str>) -> Series {
        Series([self.provider.clone(), key.clone(), self.model.clone(), self.client.clone()])
    }

    /// No key answered, or the upstream's refusal is the answer, or it never came to an attempt.
    pub fn refused(&self, app: &Rc<App>, status: u16) {
        let level = if status >= 500 { Level::Warn } else { Level::Info };
        self.over(app, level, status, End::Refused(status), None);
    }

    /// The answer was in the cache: nobody was asked, and nothing used.
    pub fn replayed(&self, app: &Rc<App>) {
        self.answered(200, runtime::now());
        self.over(app, Level::Info, 200, End::Ok, None);
    }

    /// The client left before an answer began.
    pub fn left(&mut self, app: &Rc<App>) {
        self.attempt_ends(Class::ClientGone.name(), None, true, runtime::now());
        self.over(app, Level::Info, 499, End::Gone, None);
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
        let (level, class, end) = match ending {
            Ending::Complete => (Level::Info, "ok", End::Ok),
            Ending::Broken => (Level::Warn, Class::BrokenStream.name(), End::Broken),
            Ending::ClientGone => (Level::Info, Class::ClientGone.name(), End::Gone),
        };
        if let (Some((ticket, _, _)), Some(tokens)) = (&self.attempt, tokens) {
            with_cache(|c| c.pool.used(*ticket, 0, tokens.prompt + tokens.completion, now));
        }
        self.attempt_ends(class, Some(status), level == Level::Info, now);
        self.over(app, level, status, end, tokens);
    }

    /// Counted and logged, once.
    fn over(&self, app: &Rc<App>, level: Level, status: u16, end: End, tokens: Option<&Tokens>) {
        if self.counted.replace(true) {
            return;
        }
        let now = runtime::now();
        let ms = now.saturating_sub(self.began);
        let first_byte_ms = self.first_byte.get();
        let series = self.series(&self.last_key.clone().unwrap_or_else(|| "".into()));
        let (is_limited, cost) = with_cache(|c| {
            let rates = tokens.and_then(|_| c.price(&self.provider, &self.model));
            let cost = tokens.zip(rates).map(|(tokens, rates)| price::cost(tokens, &rates));
            let time = c.time(now);
            c.pending.call(&series, &Call { end, ms, first_byte_ms, tokens, cost }, time);
            let is_limited =
                tokens.is_some_and(|t| c.meter(&self.client, t.prompt + t.completion, cost.unwrap_or(0), now));
            (is_limited, cost)
        });
        app.flush_soon(now);
        if is_limited {
            app.meter_ended(&self.client, now);
        }
        let line = || {
            let mut line = Line::with_room(768);
            line.text("request", Some(&self.request_id)).text("client", Some(&self.client));
            line.text("provider", Some(&self.provider)).text("model", Some(&self.model));
            line.text("key", self.last_key.as_deref()).number("status", Some(status.into()));
            line.json("attempts", &["[", &self.attempts.join(","), "]"].concat()).text("ending", Some(end.name()));
            line.number("ms", Some(ms)).number("first_byte_ms", first_byte_ms);
            line.json("tokens", tokens.map(said).as_deref().unwrap_or("null")).number("cost_nanos", cost);
            if let Some(cache) = self.cache {
                line.text("cache", Some(cache));
            }
            line
        };
        if let Some(trace) = &self.trace {
            let (entry, content) = trace.entry(json::read(&line().end()).unwrap_or_default(), self.began);
            with_cache(|c| c.requests.add(&entry, &content));
        }
        runtime::log_line(level, "call", line);
    }
}

fn said(tokens: &Tokens) -> String {
    let mut line = Line::with_room(128);
    line.number("prompt", Some(tokens.prompt)).number("completion", Some(tokens.completion));
    line.number("cached", Some(tokens.cached)).number("reasoning", Some(tokens.reasoning));
    line.flag("estimated", tokens.estimated);
    line.end()
}

/// As a header can hold it: a model's name may be any text.
fn shown(model: &str) -> String {
    model.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

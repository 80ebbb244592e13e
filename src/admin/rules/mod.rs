//! Rules that rewrite what goes to providers: people's own, and the shipped ones, which may be switched off.

mod check;
mod test;

use super::{
    Asked,
    fields::Fields,
    input,
    outcome::{Outcome, Say, answer, store},
};
use crate::{
    app::with_cache,
    body::rules::{self, Ready, Rules},
    error::{Error, Fault, Result},
    record::{Kind, Record, rule::Rule, write::object},
    runtime,
};
use serde_json::Value;
use std::rc::Rc;

pub use check::rule as check;
pub use test::test;

pub fn list() -> Result<Outcome> {
    let mut views = Vec::new();
    with_cache(|c| {
        for ready in c.rules.own().iter().chain(c.rules.shipped()) {
            views.push(view(ready, c.rules.is_on(ready)));
        }
    });
    answer(200, object! {"rules": views})
}

pub fn add(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let rule = check(&mut fields, asked.now)?;
    if with_cache(|c| c.rules.own().len() >= rules::MOST) {
        return Err(Error::invalid(format!("There are {} rules already; that is the most.", rules::MOST), None));
    }
    let id: String = runtime::random_id()?.chars().take(12).collect();
    stored(201, id, rule, asked.now)
}

pub fn change(asked: &Asked, id: &str) -> Result<Outcome> {
    let fields = input::body(asked)?;
    let ready = find(id)?;
    if ready.source.is_some() {
        return switch(asked, fields, &ready);
    }
    let rule = check(&mut over(&ready.rule, fields)?, ready.rule.created)?;
    stored(200, id.into(), rule, asked.now)
}

pub fn delete(asked: &Asked, id: &str) -> Result<Outcome> {
    if find(id)?.source.is_some() {
        let message = "A shipped rule stays on the list; switch it off with PATCH {\"enabled\": false}.".into();
        return Err(Fault::Conflict { code: "shipped_rule", message }.into());
    }
    store(vec![Record::deleted(Kind::Rule, id, asked.now)], Say::Nothing)
}

fn stored(status: u16, id: String, rule: Rule, now: u64) -> Result<Outcome> {
    let record = Record::new(Kind::Rule, &*id, &rule, now)?;
    let on = rule.enabled;
    store(vec![record], Say::Json(status, view(&Ready { id, source: None, rule }, on)))
}

fn switch(asked: &Asked, mut fields: Fields, ready: &Ready) -> Result<Outcome> {
    let enabled = fields.flag("enabled");
    fields.end()?;
    let Some(enabled) = enabled else { return Err(Error::invalid("enabled is missing.", Some("enabled"))) };
    let record = Record::new(Kind::Rule, &*ready.id, &object! {"enabled": enabled}, asked.now)?;
    store(vec![record], Say::Json(200, view(ready, enabled)))
}

/// The rule with what was sent in the place of its own. Another action takes nothing over from the one before.
fn over(rule: &Rule, sent: Fields) -> Result<Fields> {
    let (action, sent) = (&rule.action, sent.into_map());
    let mut all = object! {"enabled": rule.enabled, "provider": rule.provider, "model": rule.model,
    "action": action.name(), "name": rule.name, "about": rule.about};
    if let Some(fields) = all.as_object_mut() {
        if sent.get("action").is_none_or(|name| name.as_str() == Some(action.name())) {
            fields.insert("value".into(), action.value());
            fields.insert("to".into(), action.to().into());
        }
        fields.extend(sent);
    }
    Fields::of(all)
}

fn find(id: &str) -> Result<Rc<Ready>> {
    with_cache(|c| Rules::find(&c.rules, id).cloned())
        .ok_or_else(|| Error::not_found("rule_not_found", format!("There is no rule {id}.")))
}

fn view(ready: &Ready, enabled: bool) -> Value {
    let Ready { id, source, rule } = ready;
    object! {"id": id, "shipped": source.is_some(), "enabled": enabled, "provider": rule.provider, "model": rule.model,
    "action": rule.action.name(), "name": rule.name, "value": rule.action.value(), "to": rule.action.to(),
    "about": rule.about, "source": *source}
}

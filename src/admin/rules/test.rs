//! What the rules would make of a body and its headers, by the very code that calls go through.

use super::{Asked, Fields, Outcome, answer, check, input};
use crate::{
    app::with_cache,
    body::{
        Patch, Scanner,
        edit::{self, Wish},
        rules::{Ready, Rules},
    },
    error::{Error, Result},
    record::{
        rule::Action,
        write::{self, Json, object},
    },
};
use serde_json::{Map, Value};
use std::rc::Rc;

const DRAFT: &str = "draft";

pub fn test(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let provider = fields.required("provider");
    let (model, body, draft) = (fields.text("model"), fields.text("body"), fields.object("rule"));
    fields.end()?;
    let known = with_cache(|c| c.pool.provider(&provider).map(|known| (known.preset.clone(), c.rules.clone())));
    let Some((preset, mut rules)) = known else {
        return Err(Error::not_found("provider_not_found", format!("There is no provider {provider}.")));
    };
    if let Some(draft) = draft {
        put(&mut rules, draft, asked.now)?;
    }
    let before = body.unwrap_or_else(|| sample(model.as_deref().unwrap_or("a-model")));
    let mut scanner = Scanner::of("application/json");
    scanner.feed(before.as_bytes());
    let said = scanner.seen().model.as_ref().map(|found| found.value.as_str()).unwrap_or_default();
    // As the call's target would be called there.
    let own = said.split_once('/').filter(|(name, _)| *name == provider).map_or(said, |(_, model)| model);
    let model = model.as_deref().unwrap_or(own);
    let rules = rules.matching(&provider, preset.as_deref(), model);
    let wish = Wish { model: Some(model).filter(|model| *model != said), asks: false, rules: &rules };
    let edit = edit::edit(&scanner, &wish, &|at| before.as_bytes().get(at).unwrap_or_default().to_vec());
    let headers = headers(&rules);
    let did = |ready: &&Rc<Ready>| ready.rule.action.is_of_header() || edit.applied.contains(&ready.id);
    let applied: Vec<&str> = rules.iter().filter(did).map(|ready| ready.id.as_str()).collect();
    let after = patched(&before, &edit.patches);
    answer(200, object! {"before": before, "after": after, "applied": applied, "headers": headers})
}

/// A rule that is not stored yet, or the changed form of one that is.
fn put(rules: &mut Rules, mut draft: Fields, now: u64) -> Result<()> {
    let id = draft.text("id");
    for other in ["shipped", "source"] {
        draft.any(other);
    }
    let known = id.and_then(|id| rules.own().iter().find(|ready| ready.id == id).cloned());
    let created = known.as_ref().map_or(now, |known| known.rule.created);
    let mut rule = check::rule(&mut draft, created)?;
    rule.enabled = true;
    if let Some(known) = known {
        rules.remove(&known.id);
    }
    rules.put(Ready { id: DRAFT.into(), source: None, rule });
    Ok(())
}

fn sample(model: &str) -> String {
    let messages = vec![object! {"role": "user", "content": "Hello!"}];
    write::text(&object! {"model": model, "messages": messages})
}

fn headers(rules: &[Rc<Ready>]) -> Value {
    let (mut set, mut dropped) = (Map::new(), Vec::new());
    for ready in rules {
        let name = &ready.rule.name;
        match &ready.rule.action {
            Action::SetHeader(value) => {
                dropped.retain(|other| other != name);
                set.insert(name.clone(), value.json());
            }
            Action::DropHeader => {
                set.remove(name);
                dropped.retain(|other| other != name);
                dropped.push(name.clone());
            }
            Action::Drop | Action::Rename(_) | Action::Force(_) | Action::Default(_) => {}
        }
    }
    object! {"set": Value::Object(set), "dropped": dropped}
}

fn patched(before: &str, patches: &[Patch]) -> String {
    let (mut after, mut from) = (Vec::new(), 0);
    let piece = |from, to| before.as_bytes().get(from..to).unwrap_or_default();
    for patch in patches {
        after.extend_from_slice(piece(from, patch.at.start));
        after.extend_from_slice(&patch.with);
        from = patch.at.end;
    }
    after.extend_from_slice(piece(from, before.len()));
    String::from_utf8_lossy(&after).into_owned()
}

//! What the rules make of a call to one target. Its body is rewritten by `Intake::body_for`.

use crate::{
    app::with_cache,
    body::rules::Ready,
    error::Result,
    find, js,
    record::{provider::Provider, rule::Action},
};
use std::rc::Rc;
use worker::web_sys::Headers;

/// The rules for a model of the provider of that name, in their order.
pub fn rules(name: &str, provider: &Provider, model: &str) -> Vec<Rc<Ready>> {
    with_cache(|c| c.rules.matching(name, provider.preset.as_deref(), model))
}

/// Changes the headers that go to the target, before it gets the key.
///
/// # Errors
/// When the runtime refuses a header.
pub fn headers(headers: &Headers, rules: &[Rc<Ready>]) -> Result<()> {
    for ready in rules.iter().filter(|ready| ready.rule.action.is_of_header()) {
        let name = &ready.rule.name;
        // A form's names the boundary in its body.
        if name == "content-type" && js::header(headers, name).is_some_and(|kind| find::has(&kind, "multipart/")) {
            continue;
        }
        match &ready.rule.action {
            Action::SetHeader(value) => headers.set(name, value)?,
            Action::DropHeader => headers.delete(name)?,
            Action::Drop | Action::Rename(_) | Action::Force(_) | Action::Default(_) => {}
        }
    }
    Ok(())
}

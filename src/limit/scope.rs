//! Which models and providers a client key may use.

use crate::{
    error::{Error, Result},
    record::{client::Client, glob},
};

/// The first parts of paths whose changes are about no model.
const WITHOUT: [&str; 6] = ["files", "batches", "uploads", "vector_stores", "containers", "conversations"];

/// Whether the client key may have that provider serve that model. `asked` is the model's name as the client has it;
/// it is empty, as `model` is, when the call names none.
///
/// # Errors
/// `provider_not_allowed` and `model_not_allowed`.
pub fn check(client: &Client, asked: &str, provider: &str, model: &str) -> Result<()> {
    if !client.providers.is_empty() && !client.providers.iter().any(|name| name == provider) {
        return Err(Error::forbidden("provider_not_allowed", format!("This client key may not use {provider}.")));
    }
    let fits = |glob: &String| {
        let matches = |name: &str| glob::matches(glob, name);
        matches(asked) || matches(model) || glob.contains('/') && matches(&format!("{provider}/{model}"))
    };
    if client.models.is_empty() || asked.is_empty() && model.is_empty() || client.models.iter().any(fits) {
        return Ok(());
    }
    let name = if asked.is_empty() { model } else { asked };
    Err(Error::forbidden("model_not_allowed", format!("This client key may not use the model {name}.")))
}

/// Whether a client key with a list of models may make a call in which no model can be read: the provider may find what
/// we did not, as in a body over 20 MiB, or take one of its own. What only reads or ends something is for no model.
///
/// # Errors
/// `model_not_allowed`.
pub fn check_unnamed(client: &Client, method: &str, rest: &str) -> Result<()> {
    let first = rest.split('/').next().unwrap_or_default();
    let reads = matches!(method, "GET" | "HEAD" | "DELETE") || rest.ends_with("/cancel");
    if client.models.is_empty() || reads || WITHOUT.contains(&first) {
        return Ok(());
    }
    let message = "This client key may use some models only, and no model can be read in this call.";
    Err(Error::forbidden("model_not_allowed", message.into()))
}

/// Whether a call may be made that fetches a credential of the provider's own: with it a client would go past whatever it
/// is bound to here.
///
/// # Errors
/// `path_not_allowed`.
pub fn check_credential(client: &Client, rest: &str) -> Result<()> {
    let bound = !client.limits.is_none() || !client.models.is_empty() || !client.ips.is_empty();
    if bound && rest.split('/').next() == Some("realtime") {
        let message = "A client key with limits cannot fetch credentials for calls that go past keypool.";
        return Err(Error::forbidden("path_not_allowed", message.into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(models: &[&str], providers: &[&str]) -> Client {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
        Client { models: list(models), providers: list(providers), ..Client::new(&[], &[]) }
    }

    fn code(client: &Client, asked: &str, provider: &str, model: &str) -> &'static str {
        check(client, asked, provider, model).map_or_else(|error| error.code(), |()| "ok")
    }

    #[test]
    fn a_model_is_allowed_by_the_name_asked_for_or_by_its_own() {
        for (globs, asked, provider, model, expected) in [
            (&[][..], "x", "p", "x", "ok"),
            (&["gpt-*"], "gpt-4o", "p", "gpt-4o", "ok"),
            (&["fast"], "fast", "p", "gpt-4o", "ok"),
            (&["gpt-*"], "fast", "p", "gpt-4o", "ok"),
            (&["groq/*"], "llama", "groq", "llama", "ok"),
            (&["groq/*"], "llama", "other", "llama", "model_not_allowed"),
            (&["gpt-4o"], "gpt-4o-mini", "p", "gpt-4o-mini", "model_not_allowed"),
            (&["a", "b"], "c", "p", "c", "model_not_allowed"),
            (&["a"], "", "p", "", "ok"),
            (&["a"], "groq/", "groq", "", "model_not_allowed"),
        ] {
            assert_eq!(code(&client(globs, &[]), asked, provider, model), expected, "{globs:?} {asked} {model}");
        }
    }

    #[test]
    fn a_provider_is_allowed_by_its_name() {
        let client = client(&[], &["groq", "openai"]);
        assert_eq!(code(&client, "m", "openai", "m"), "ok");
        assert_eq!(code(&client, "m", "openai2", "m"), "provider_not_allowed");
    }

    #[test]
    fn a_call_for_a_model_must_name_it_to_one_who_may_use_some() {
        let code = |client: &Client, method, rest| {
            check_unnamed(client, method, rest).map_or_else(|error| error.code(), |()| "ok")
        };
        let some = client(&["a"], &[]);
        for rest in
            ["chat/completions", "responses", "audio/transcriptions", "videos", "deployments/x/chat/completions"]
        {
            assert_eq!(code(&some, "POST", rest), "model_not_allowed", "{rest}");
            assert_eq!(code(&client(&[], &[]), "POST", rest), "ok", "{rest}");
        }
        assert_eq!(code(&some, "POST", "responses/resp_1/cancel"), "ok");
        assert_eq!([code(&some, "GET", "responses/resp_1"), code(&some, "POST", "files")], ["ok"; 2]);
    }
}

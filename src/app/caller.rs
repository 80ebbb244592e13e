//! Who calls.

use super::{App, with_cache};
use crate::{
    auth::{self, session},
    error::{Fault, Result},
    limit::scope,
    record::client::{Client, Right},
};
use std::{ops::Deref, rc::Rc};

/// Who calls. What it may do stands in its client key.
pub struct Caller {
    /// Of its client key; `env` and `admin` have none that is stored.
    pub id: Rc<str>,
    client: Rc<Client>,
}

impl Caller {
    /// May it ask for a model by that name at all?
    pub fn may_name(&self, name: &str) -> bool {
        scope::names(&self.client, name)
    }

    /// May it use what a provider has, asked for by a name?
    pub fn may_call(&self, name: &str, provider: &str, model: &str) -> bool {
        self.check(name, provider, model).is_ok()
    }

    /// As `may_call`, with the reason.
    ///
    /// # Errors
    /// See `scope::check`.
    pub fn check(&self, name: &str, provider: &str, model: &str) -> Result<()> {
        scope::check(&self.client, name, provider, model)
    }
}

impl Deref for Caller {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl App {
    /// The one behind a call's credential: a client key, or an admin's session.
    ///
    /// # Errors
    /// When it may not call.
    pub fn caller(&self, credential: &str, now: u64) -> Result<Caller> {
        let caller = |id: &str, rights: &[Right], groups: &[String]| {
            Ok(Caller { id: id.into(), client: Rc::new(Client::new(rights, groups)) })
        };
        if self.var("PROXY_API_KEY").is_some_and(|first| auth::same_secret(&first, credential)) {
            return caller("env", &[Right::SeeAttempts], &[]);
        }
        if session::is_like(credential) {
            self.session(credential, now).ok_or(Fault::ClientKey)?;
            return caller("admin", &Right::ALL, &["*".into()]);
        }
        with_cache(|c| {
            let hash = c.pepper.as_deref().map(|pepper| auth::client_hash(pepper, credential));
            let known = hash.and_then(|hash| c.clients.get(&hash)).filter(|(_, client)| client.enabled);
            let (id, client) = known.ok_or(Fault::ClientKey)?;
            if client.expires.is_some_and(|at| at <= now) {
                return Err(Fault::ClientExpired.into());
            }
            Ok(Caller { id: id.clone(), client: client.clone() })
        })
    }
}

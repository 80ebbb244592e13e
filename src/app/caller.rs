//! Who calls: the client key, or the admin's session, behind a credential.

use super::{App, with_cache};
use crate::{
    auth::{
        self,
        session::{self, Session},
    },
    error::{Error, Fault, Result},
    limit::scope,
    pool::Pool,
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
    fn new(id: &str, rights: &[Right], groups: &[String]) -> Self {
        Self { id: id.into(), client: Rc::new(Client::new(rights, groups)) }
    }

    /// The one behind a session.
    pub fn admin() -> Self {
        Self::new("admin", &Right::ALL, &["*".into()])
    }

    /// As `limit::scope::check`.
    ///
    /// # Errors
    /// See there.
    pub fn may_call(&self, asked: &str, provider: &str, model: &str) -> Result<()> {
        scope::check(&self.client, asked, provider, model)
    }
}

impl Caller {
    /// Whether the provider may serve it, and has keys in the group that it is bound to.
    pub fn may_use_at(&self, pool: &Pool, provider: &str) -> bool {
        let in_group = self.group.as_ref().is_none_or(|group| pool.has_group_at(provider, group));
        in_group && self.may_call("", provider, "").is_ok()
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
        if self.var("PROXY_API_KEY").is_some_and(|first| auth::same_secret(&first, credential)) {
            return Ok(Caller::new("env", &[Right::SeeAttempts], &[]));
        }
        if session::is_like(credential) {
            self.session(credential, now).ok_or(Fault::ClientKey)?;
            return Ok(Caller::admin());
        }
        with_cache(|c| {
            let known = c.peppers().iter().find_map(|pepper| c.clients.get(&auth::client_hash(pepper, credential)));
            let known = known.filter(|(_, client)| client.enabled);
            let (id, client) = known.ok_or(Fault::ClientKey)?;
            if client.expires.is_some_and(|at| at <= now) {
                return Err(Fault::ClientExpired.into());
            }
            Ok(Caller { id: id.clone(), client: client.clone() })
        })
    }

    /// The session's token.
    ///
    /// # Errors
    /// When signing itself fails.
    pub fn sign(&self, session: &Session, password: &str) -> Result<String> {
        let secret = with_cache(|c| self.session_secret(password, c.pepper.as_deref().unwrap_or_default()));
        session.sign(&secret).ok_or_else(|| Error::internal("signing failed"))
    }

    fn session_secret(&self, password: &str, pepper: &str) -> String {
        auth::session_secret(self.var("JWT_SECRET").as_deref(), password, pepper)
    }

    /// The admin's session that a token stands for, as far as this isolate knows.
    pub fn session(&self, token: &str, now: u64) -> Option<Session> {
        let password = self.var("ADMIN_PASSWORD")?;
        with_cache(|c| {
            let pepper = c.pepper.as_deref()?;
            session::check(token, &self.session_secret(&password, pepper), now)
                .filter(|session| session.pw == auth::password_mark(&password, pepper))
                .filter(|session| session.began() > c.revoked_until && !c.revoked.contains(&session.jti))
        })
    }
}

//! What a request carries with it: the storage, and this isolate's cache. The cache is a picture of what is stored
//! and a small buffer of counts; it is borrowed inside `with_cache` only, never across an await.

mod caller;
mod env;
mod flush;
mod held;
mod limits;
mod logins;
mod models;
mod taken;

use crate::{
    auth::throttle::Throttle,
    body::rules::Rules,
    config::{self, Config, Level},
    error::{Error, Fault, Result},
    js,
    limit::meters::Meters,
    pool::{Pool, dice::Dice},
    record::{Kind, Record, client::Client, price::Rates, write::object},
    runtime::{self, Work},
    store::Store,
    usage::{
        audit::Entry as Audited,
        pending::Pending,
        price::{self, Prices},
        requests,
    },
};
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
};
use wasm_bindgen::JsValue;

pub use caller::Caller;

/// Work in the background that is older than this was cut off by the runtime.
const BACKGROUND_MS: u64 = 40_000;
/// A picture older than this many times its age limit is not served while it is renewed, unless that takes longer.
const TOO_OLD: u64 = 6;
const PATIENCE_MS: u64 = 500;
/// A storage that cannot be decrypted is not asked for each call.
const LOCKED_MS: u64 = 10_000;
const PEPPER: &str = "pepper";
/// The id of the record that ends all sessions which began before it was written.
pub const EVERY_SESSION: &str = "*";

pub struct App {
    pub store: Rc<Store>,
    env: JsValue,
    context: Option<js::Context>,
}

#[derive(Default)]
pub struct Cache {
    pub pool: Pool,
    /// By the hash of the client key: its id and what is stored of it.
    pub clients: HashMap<String, (Rc<str>, Rc<Client>)>,
    /// What the page stored, by the setting's name.
    pub settings: Vec<(String, String)>,
    pub revoked: HashSet<String>,
    /// Sessions that began until then are over, too.
    pub revoked_until: u64,
    /// Ids of keys that were taken over from secrets, once and for all.
    imported: HashSet<String>,
    /// The user's own.
    pub prices: Prices,
    pub rules: Rules,
    pub pending: Pending,
    /// Of the client keys with limits.
    pub meters: Meters,
    pub requests: requests::Pending,
    pub throttle: Throttle,
    pub pepper: Option<String>,
    /// Of other keypools; see `Cache::peppers`.
    older_peppers: Vec<String>,
    config: Option<Rc<Config>>,
    dice: Option<Dice>,
    revision: u64,
    loaded_at: Option<u64>,
    /// Why nothing can be decrypted, and until when that is not tried again.
    locked: Option<(u64, &'static str, String)>,
    refreshing: Option<u64>,
    flushing: Option<u64>,
    /// Of the time zone, in minutes, with the hour in which it holds.
    offset: Option<(u64, i64)>,
    /// When counts were last written down.
    flushed: Option<u64>,
    recent: Vec<Record>,
    /// Records that say something we cannot read, as `key 1f0c…`. They are left out.
    pub unreadable: Vec<String>,
}

thread_local! {
    static CACHE: &'static RefCell<Cache> = Box::leak(Box::default());
    /// What the environment holds: as long as the isolate lives it does not change.
    static STORE: RefCell<Option<Rc<Store>>> = const { RefCell::new(None) };
    static VARS: RefCell<Vec<(String, Option<String>)>> = const { RefCell::new(Vec::new()) };
}

/// One function for all callers of `with_cache`: sixty copies of a thread-local's first access are no small code.
#[inline(never)]
fn cache() -> &'static RefCell<Cache> {
    CACHE.with(|cache| *cache)
}

/// The only way to the cache.
pub fn with_cache<R>(f: impl FnOnce(&mut Cache) -> R) -> R {
    f(&mut cache().borrow_mut())
}

/// As `with_cache`, with dice that go on from roll to roll.
pub fn with_dice<R>(f: impl FnOnce(&mut Cache, &mut Dice) -> R) -> R {
    with_cache(|cache| {
        let mut dice = cache.dice.take().or_else(|| runtime::dice().ok()).unwrap_or_else(|| Dice::seeded(0));
        let result = f(cache, &mut dice);
        cache.dice = Some(dice);
        result
    })
}

impl App {
    /// # Errors
    /// `NoStorage` when neither D1 nor KV is bound.
    pub fn new(env: JsValue, context: Option<js::Context>) -> Result<Rc<Self>> {
        let store = match STORE.with_borrow(Clone::clone) {
            Some(store) => store,
            None => Rc::new(Store::bind(&env)?),
        };
        STORE.with_borrow_mut(|held| *held = Some(store.clone()));
        Ok(Rc::new(Self { store, env, context }))
    }

    /// A secret or var; an empty one counts as not set.
    pub fn var(&self, name: &str) -> Option<String> {
        VARS.with_borrow_mut(|vars| {
            if let Some((_, value)) = vars.iter().find(|(known, _)| known == name) {
                return value.clone();
            }
            let value = js::field(&self.env, name).as_string().filter(|v| !v.is_empty());
            vars.push((name.into(), value.clone()));
            value
        })
    }

    /// Goes on after the answer. A cron has no answer to go on after: it awaits its work itself.
    pub fn in_background(&self, work: Work) {
        if let Some(context) = &self.context {
            // It throws when the request is over already; the work goes on as far as it is let.
            let _ = context.wait_until(&runtime::begin(work));
        }
    }

    /// The settings in force.
    ///
    /// # Errors
    /// `Config` names every problem.
    pub fn config(&self) -> Result<Rc<Config>> {
        if let Some(config) = with_cache(|c| c.config.clone()) {
            return Ok(config);
        }
        let config = self.read_config(&with_cache(|c| c.settings.clone()))?;
        runtime::set_log_level(config.log_level);
        let config = Rc::new(config);
        with_cache(|c| c.config = Some(config.clone()));
        Ok(config)
    }

    /// The settings that would be in force if these were stored.
    ///
    /// # Errors
    /// `Config` names every problem.
    pub fn read_config(&self, stored: &[(String, String)]) -> Result<Config> {
        let lookup = |name: &str| setting(stored, name).map(str::to_string).or_else(|| self.var(name));
        let config = config::read(lookup, self.store.name() == "kv", js::is_zone);
        Ok(config.map_err(|p| Fault::Config(p.join("; ")))?)
    }

    /// Sees to it that the cache is fresh enough for a call. An old picture is served while it is renewed, and also
    /// when the storage fails.
    pub async fn refresh(self: &Rc<Self>, now: u64) -> Result<()> {
        let limit = self.config()?.snapshot_age_ms;
        let locked = with_cache(|c| c.locked.clone()).filter(|(until, ..)| *until > now);
        let Some(loaded_at) = with_cache(|c| c.loaded_at) else {
            return match locked {
                Some((_, code, message)) => Err(Fault::Encryption { code, message }.into()),
                None => self.load(now).await,
            };
        };
        let age = now.saturating_sub(loaded_at);
        if age <= limit
            || locked.is_some()
            || with_cache(|c| c.refreshing.is_some_and(|since| since + BACKGROUND_MS > now))
        {
            return Ok(());
        }
        with_cache(|c| c.refreshing = Some(now));
        let app = self.clone();
        let renew: Work = Box::pin(async move {
            if let Err(error) = app.load(now).await {
                runtime::log(Level::Warn, "snapshot_stale", || object! {"error": error.message(), "age_ms": age});
            }
            with_cache(|c| c.refreshing = None);
        });
        let renewed = runtime::begin(renew);
        if let Some(context) = &self.context {
            let _ = context.wait_until(&renewed);
        }
        if age > limit.saturating_mul(TOO_OLD) {
            runtime::in_time(renewed, PATIENCE_MS).await;
        }
        Ok(())
    }

    /// Reads what changed since the last time.
    pub async fn load(&self, now: u64) -> Result<()> {
        let known = with_cache(|c| c.revision);
        let loaded = self.store.load(known).await;
        with_cache(|c| {
            c.locked = match loaded.as_ref().err().map(|error| &**error) {
                Some(Fault::Encryption { code, message }) => Some((now + LOCKED_MS, *code, message.clone())),
                _ => None,
            };
        });
        let loaded = loaded?;
        let read = loaded.as_ref().map_or(0, |loaded| loaded.records.len());
        with_cache(|c| {
            c.loaded_at = Some(now);
            if let Some(loaded) = loaded {
                c.absorb(loaded, now);
            }
        });
        if known == 0
            && let Err(error) = self.import(now).await
        {
            runtime::log(Level::Error, "import_failed", || object! {"error": error.message()});
        }
        // A new log level holds from here on. Whoever needs the settings is told what is wrong with them.
        let _ = self.config();
        runtime::log(Level::Debug, "snapshot", || object! {"read": read, "known": known});
        Ok(())
    }

    /// Stores what a person changed, with what the audit log says of it, and only then shows it.
    pub async fn write(&self, records: Vec<Record>, audited: &[Audited], now: u64) -> Result<()> {
        self.store.write(&records, audited, now).await?;
        with_cache(|c| c.remember(records, now));
        Ok(())
    }

    /// Stores what a machine noted. The pool has it already; the storage follows in the background.
    pub fn note(self: &Rc<Self>, records: Vec<Record>, now: u64) {
        if records.is_empty() {
            return;
        }
        with_cache(|c| c.keep(&records, now));
        let app = self.clone();
        self.in_background(Box::pin(async move {
            if let Err(error) = app.store.note(&records, now).await {
                runtime::log(Level::Error, "note_lost", || object! {"error": error.message()});
            }
        }));
    }

    /// As `note`, for what the pool does not have yet.
    pub fn discover(self: &Rc<Self>, records: Vec<Record>, now: u64) {
        with_cache(|c| c.pool.sync(&records, false, now));
        self.note(records, now);
    }

    /// The stored secret behind all digests; made at the first login.
    pub async fn pepper(&self, now: u64) -> Result<String> {
        if let Some(pepper) = with_cache(|c| c.pepper.clone()) {
            return Ok(pepper);
        }
        let fresh = Record::new(Kind::Secret, PEPPER, &runtime::random_id()?, now)?;
        let held = self.store.ensure(fresh, now).await?;
        let pepper: String = held.read().ok_or_else(|| Error::storage("the pepper cannot be read"))?;
        with_cache(|c| c.pepper = Some(pepper.clone()));
        Ok(pepper)
    }
}

fn setting<'a>(settings: &'a [(String, String)], name: &str) -> Option<&'a str> {
    settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl Cache {
    /// Something was read from the storage.
    pub const fn is_loaded(&self) -> bool {
        self.loaded_at.is_some()
    }

    /// What the page stored under that name.
    pub fn setting(&self, name: &str) -> Option<&str> {
        setting(&self.settings, name)
    }

    /// What a provider takes for a model, by the user's own prices or else by the shipped ones.
    pub fn price(&self, provider: &str, model: &str) -> Option<Rates> {
        let preset = self.pool.provider(provider).and_then(|p| p.preset.as_deref());
        self.prices.find(provider, model).or_else(|| price::shipped(preset?, model))
    }
}

//! What the page shows first: how the keys are, what happens next, and what needs a person.

use super::{
    Asked, clients,
    outcome::{Outcome, Say, store},
    stats,
};
use crate::{
    app::{Cache, with_cache},
    error::Result,
    js,
    pool::overview::{EXPIRES_SOON_MS, Event, Keys, Next, Note, Of, Site, name},
    record::{
        client::Client,
        write::{self, object},
    },
    usage::{
        metric::Metric,
        row::{self, Dimension, Period, Query, Row},
    },
};
use serde_json::Value;
use worker::web_sys::Response;

/// So much of a budget is used.
const BUDGET_PERCENT: u64 = 90;
/// Counts wait no longer for a cron that works: it folds every 5 minutes on D1; on KV every 20, and what is folded stands
/// in the journal until a later fold has the time to clear it away.
const FOLDED_MS: [u64; 2] = [20 * 60_000, 3 * 3_600_000];

pub fn show(asked: &Asked) -> Result<Outcome> {
    let today = stats::today(asked);
    let by = row::dimensions(&[Dimension::Model]);
    let mut queries = vec![Query { period: Period::Day, from: today, to: today + 1, timed: false, by, only: None }];
    if with_cache(|c| c.clients.values().any(|(id, client)| clients::budget_share(client, &[], id, today).is_some())) {
        queries.extend(clients::used(asked, None));
    }
    store(Vec::new(), Say::Overview(queries))
}

/// `counted` is of today's models and, if there are budgets, of the month's client keys; counts are in the journal since
/// `waits_since`.
///
/// # Errors
/// When the runtime refuses the answer.
pub fn tell(asked: &Asked, counted: &[Vec<Row>], waits_since: Option<u64>) -> Result<Response> {
    let [d1, kv] = FOLDED_MS;
    let patience_ms = if asked.app.store.name() == "kv" { kv } else { d1 };
    let known = Known {
        now: asked.now,
        today: stats::today(asked),
        models: counted.first().map_or(&[], Vec::as_slice),
        clients: counted.get(1).map_or(&[], Vec::as_slice),
        folds_late: waits_since.is_some_and(|at| at + patience_ms < asked.now),
        has_first_client: asked.app.var("PROXY_API_KEY").is_some(),
    };
    js::json_response(200, &write::text(&with_cache(|c| told(c, &known))))
}

/// What the cache does not know.
struct Known<'a> {
    now: u64,
    today: u64,
    models: &'a [Row],
    clients: &'a [Row],
    folds_late: bool,
    /// There is one in a secret.
    has_first_client: bool,
}

fn told(cache: &Cache, known: &Known) -> Value {
    let now = known.now;
    let mut pool = cache.pool.overview(now);
    let mut attention = Attention::default();
    let [usable, meant] = pool.sites.iter().fold([0, 0], |[u, m], site| [u + site.usable, m + site.meant]);
    let (back_soon, mut down) = (pool.sites.iter().any(|site| site.is_back_soon), [Note::default(), Note::default()]);
    for site in pool.sites.iter().filter(|site| site.is_down()) {
        let [bad, brief] = &mut down;
        (if site.is_back_soon { brief } else { bad }).add(&|| site.name.into());
    }
    let total = pool.keys.total();
    attention.count("no_keys", BAD, u64::from(total == 0));
    let none_usable = if usable == 0 { total } else { 0 };
    attention.count("no_usable_key", if meant > 0 && back_soon { WARN } else { BAD }, none_usable);
    let [bad, brief] = down;
    let (is_brief, mut all) = (bad.count == 0, bad);
    all.count += brief.count;
    all.names.extend(brief.names);
    all.names.truncate(3);
    attention.note("provider_down", if is_brief { WARN } else { BAD }, all);
    attention.count("cron_late", BAD, pool.late.max(u64::from(known.folds_late)));
    attention.note("keys_dead", WARN, pool.dead);
    attention.count(
        "no_clients",
        WARN,
        u64::from(!known.has_first_client && !cache.clients.values().any(|(_, c)| c.enabled)),
    );
    attention.note("balance_empty", WARN, pool.empty);
    attention.note("keys_expiring", WARN, pool.expiring);
    let [expiring, spent] = clients_notes(cache, &mut pool.next, known);
    attention.note("clients_expiring", WARN, expiring);
    attention.note("budget", WARN, spent);
    attention.note("unpriced", WARN, unpriced(known.models));
    let reasons =
        pool.reasons.iter().map(|(state, class, n)| object! {"state": state.name(), "class": class, "count": n});
    object! {"as_of": now, "keys": keys(pool.keys), "reasons": Value::Array(reasons.collect()),
    "providers": Value::Array(pool.sites.iter().map(provider).collect()),
    "next": Value::Array(pool.next.0.iter().map(event).collect()), "attention": Value::Array(attention.0)}
}

const BAD: &str = "bad";
const WARN: &str = "warn";

/// Most urgent first.
#[derive(Default)]
struct Attention(Vec<Value>);

impl Attention {
    fn note(&mut self, kind: &str, level: &str, note: Note) {
        if note.count > 0 {
            self.0.push(object! {"kind": kind, "level": level, "count": note.count, "names": note.names});
        }
    }

    fn count(&mut self, kind: &str, level: &str, count: u64) {
        self.note(kind, level, Note { count, names: Vec::new() });
    }
}

fn keys(keys: Keys) -> Value {
    object! {"active": keys.active, "cooling": keys.cooling, "disabled": keys.disabled, "off": keys.off}
}

fn provider(site: &Site) -> Value {
    let mut provider = keys(site.keys);
    if let Some(fields) = provider.as_object_mut() {
        write::field(fields, "name", site.name);
        write::field(fields, "enabled", &site.provider.enabled);
        write::field(fields, "rests_until", &site.rests_until);
    }
    provider
}

fn event(event: &Event) -> Value {
    let (id, name, provider) = match event.of {
        Of::Key(slot) => (&*slot.id, name(slot), Some(slot.key.provider.as_str())),
        Of::Provider(name) => (name, name.to_string(), Some(name)),
        Of::Client(id, client) => (id, client_name(client), None),
    };
    object! {"at": event.at, "event": event.name, "id": id, "name": name, "provider": provider, "model": event.model}
}

fn client_name(client: &Client) -> String {
    (if client.label.is_empty() { &client.masked } else { &client.label }).clone()
}

/// Those that expire soon, and those that have used up most of a budget.
fn clients_notes<'a>(cache: &'a Cache, next: &mut Next<'a>, known: &Known) -> [Note; 2] {
    let (mut expiring, mut spent, now) = (Note::default(), Note::default(), known.now);
    let lives = |client: &Client| client.enabled && client.expires.is_none_or(|at| at > now);
    for (id, client) in cache.clients.values().filter(|(_, client)| lives(client)) {
        if let Some(at) = client.expires {
            next.add(at, "client_expires", Of::Client(id, client), None);
            if at < now + EXPIRES_SOON_MS {
                expiring.add(&|| client_name(client));
            }
        }
        if clients::budget_share(client, known.clients, id, known.today)
            .is_some_and(|percent| percent >= BUDGET_PERCENT)
        {
            spent.add(&|| client_name(client));
        }
    }
    [expiring, spent]
}

fn unpriced(models: &[Row]) -> Note {
    let mut note = Note::default();
    for row in models.iter().filter(|row| row.of(Metric::Unpriced) > 0) {
        note.add(&|| row.place.series.of(Dimension::Model).to_string());
    }
    note
}

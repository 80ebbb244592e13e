//! Every minute: fold the journal, probe what is due and ask for balances, in this order. Each step may be repeated, and fails alone.

use crate::{
    app::{App, with_cache},
    config::Level,
    error::Result,
    pool::health::PROBES,
    record::write::object,
    runtime,
    store::{Cached, Logs, Shelf},
    upstream,
    usage::{audit, requests},
};
use std::rc::Rc;

const PROBE_MS: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const TRIM_MINUTE: u64 = 7;
/// The audit log is trimmed four times a day: on KV that takes a list of a thousand names each.
const AUDIT_HOURS: u64 = 6;
const AUDIT_MINUTE: u64 = 3 * 60 + 27;
/// The cache of answers is looked through twice an hour, and on KV, where it expires by itself, once.
const CACHE_MINUTES: [u64; 2] = [17, 47];
const MB: u64 = 1_000_000;
/// Balances of one tick, and how often there are any: each of these ticks writes, and KV's free plan has 1,000 writes a day.
const BALANCES: usize = 8;
const BALANCES_MS: u64 = 10 * MINUTE_MS;

/// Lists of models of one tick.
const LISTS: usize = 2;

/// Records that one tick encrypts anew.
const SEALED: usize = 500;

/// `now` is the scheduled event's own time.
pub async fn tick(app: &Rc<App>, now: u64) {
    app.flush_due().await;
    if !with_cache(|c| c.is_loaded()) {
        // It sees to the schema too, which a first cron may find missing.
        report("load_failed", app.load(now).await);
    }
    report("fold_failed", fold(app, now).await);
    report("probes_failed", probe_due(app, now).await);
    report("reseal_failed", reseal(app, now).await);
    report("models_failed", read_models(app, now).await);
    report("requests_failed", trim_requests(app, now).await);
    report("cache_failed", trim_cache(app, now).await);
    report("audit_failed", trim_audit(app, now).await);
}

async fn fold(app: &Rc<App>, now: u64) -> Result<()> {
    app.store.tick(&app.upkeep(now)?).await
}

/// Once an hour, in a minute in which there is little else to do.
async fn trim_requests(app: &Rc<App>, now: u64) -> Result<()> {
    let config = app.config()?;
    if (now % HOUR_MS) / MINUTE_MS == TRIM_MINUTE {
        let old = requests::batch_id(now.saturating_sub(config.request_log_days.saturating_mul(24 * HOUR_MS)), "");
        app.store.logs(&Logs::Trim(Shelf::Requests, &old, config.request_log_rows)).await?;
    }
    Ok(())
}

async fn trim_audit(app: &Rc<App>, now: u64) -> Result<()> {
    let config = app.config()?;
    if (now % (AUDIT_HOURS * HOUR_MS)) / MINUTE_MS == AUDIT_MINUTE {
        let old = audit::entry_id(now.saturating_sub(config.audit_days.saturating_mul(24 * HOUR_MS)), "", "");
        app.store.logs(&Logs::Trim(Shelf::Audit, &old, config.audit_rows)).await?;
    }
    Ok(())
}

/// After `probe_due` has looked what there is.
async fn reseal(app: &Rc<App>, now: u64) -> Result<()> {
    let records = app.store.reseal(SEALED, now).await?;
    if records > 0 {
        runtime::log(Level::Info, "records_encrypted", || object! {"records": records});
    }
    Ok(())
}

/// The providers' lists of models, a few at a time.
async fn read_models(app: &Rc<App>, now: u64) -> Result<()> {
    let age_ms = app.config()?.models_hours * HOUR_MS;
    if age_ms == 0 {
        return Ok(());
    }
    let mut records = Vec::new();
    for name in with_cache(|c| c.pool.models_due(age_ms, now)).iter().take(LISTS) {
        records.extend(app.fetch_models(name, now).await?);
    }
    app.write(records, &[], now).await
}

async fn trim_cache(app: &Rc<App>, now: u64) -> Result<()> {
    let [first, second] = CACHE_MINUTES;
    let minute = (now % HOUR_MS) / MINUTE_MS;
    if minute == first || minute == second && app.store.name() != "kv" {
        app.store.cached(&Cached::Trim(now, app.config()?.cache_mb.saturating_mul(MB))).await?;
    }
    Ok(())
}

async fn probe_due(app: &Rc<App>, now: u64) -> Result<()> {
    app.load(now).await?;
    let (mut records, mut outcome) = (Vec::new(), Ok(()));
    let mut due = with_cache(|c| c.pool.due(now));
    due.truncate(PROBES);
    let probes = due.len();
    if now % BALANCES_MS < MINUTE_MS {
        due.extend(with_cache(|c| c.pool.balances_due(BALANCES, now)));
    }
    for (place, ticket) in due.into_iter().enumerate() {
        let for_balance = place >= probes;
        let Some((provider, secret, url)) = with_cache(|c| {
            let key = &c.pool.slot(ticket)?.key;
            let provider = c.pool.provider(&key.provider).filter(|p| p.enabled)?;
            let url = if for_balance { provider.balance_address()? } else { upstream::probe_url(provider) };
            Some((provider.clone(), key.secret.clone(), url))
        }) else {
            continue;
        };
        let probe = match upstream::probe(&provider, &secret, &url, upstream::LOOK, PROBE_MS).await {
            Ok(probe) => probe,
            Err(error) => {
                outcome = Err(error);
                continue;
            }
        };
        let verdict = with_cache(|c| {
            if for_balance {
                records.extend(c.pool.balance_answered(ticket, &probe.balance(), now));
                return None;
            }
            let verdict = probe.refusal();
            records.extend(c.pool.probed(ticket, verdict.as_ref(), now));
            verdict
        });
        let id = with_cache(|c| c.pool.slot(ticket).map(|s| s.id.clone()));
        let (event, class) = (if for_balance { "balance" } else { "probe" }, verdict.map(|v| v.class.name()));
        runtime::log(Level::Info, event, || object! {"key": id.as_deref(), "class": class});
    }
    // At once: KV takes one write a second to one name.
    app.store.write(&records, &[], now).await?;
    outcome
}

fn report(event: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        runtime::log(Level::Error, event, || object! {"error": error.message()});
    }
}

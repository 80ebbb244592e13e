//! Every minute: fold the journal, probe what is due, in this order. Each step may be repeated, and fails alone.

use crate::{
    app::{App, with_cache},
    config::Level,
    error::Result,
    record::write::object,
    runtime, upstream,
};
use std::rc::Rc;

/// Probes of one tick: with the storage's work well within a free plan's 50 subrequests.
const PROBES: usize = 10;
const PROBE_MS: u64 = 10_000;

/// `now` is the scheduled event's own time.
pub async fn tick(app: &Rc<App>, now: u64) {
    report("fold_failed", app.store.tick(now).await);
    report("probes_failed", probe_due(app, now).await);
}

async fn probe_due(app: &Rc<App>, now: u64) -> Result<()> {
    app.load(now).await?;
    let due = with_cache(|c| c.pool.due(now));
    let (mut records, mut outcome) = (Vec::new(), Ok(()));
    for ticket in due.into_iter().take(PROBES) {
        let Some((provider, secret)) = with_cache(|c| {
            let key = &c.pool.slot(ticket)?.key;
            Some((c.pool.provider(&key.provider).filter(|p| p.enabled)?.clone(), key.secret.clone()))
        }) else {
            continue;
        };
        let verdict = match upstream::probe(&provider, &secret, PROBE_MS).await {
            Ok(answer) => answer.verdict,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        };
        let id = with_cache(|c| {
            records.extend(c.pool.probed(ticket, verdict.as_ref(), now));
            c.pool.slot(ticket).map(|s| s.id.clone())
        });
        let class = verdict.map(|v| v.class.name());
        runtime::log(Level::Info, "probe", || object! {"key": id.as_deref(), "class": class});
    }
    // At once: KV takes one write a second to one name.
    app.store.write(&records, now).await?;
    outcome
}

fn report(event: &str, outcome: Result<()>) {
    if let Err(error) = outcome {
        runtime::log(Level::Error, event, || object! {"error": error.message()});
    }
}

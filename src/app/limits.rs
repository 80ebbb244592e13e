//! Limits of client keys. An isolate knows what it let in itself, and what the others have flushed.

use super::{App, Cache, Caller, with_cache};
use crate::{
    config::Level,
    error::{Fault, Result},
    limit::{
        MINUTE_MS, Over, When,
        meter::Used,
        meters::{Line, Need, Plan, Rate},
    },
    record::{
        client::{Client, Limit},
        write::object,
    },
    runtime::{self, Work},
    usage::{
        decimal::decimal,
        metric::Metric,
        row::{self, Dimension, Period, Query, Row},
    },
};
use std::rc::Rc;

/// On KV a look at the journal is one of 1,000 lists a day: it is taken so many times less often than the pool's.
const RARER_ON_KV: u64 = 15;
/// What is flushed may be a little older than a flush interval, and KV shows it a minute later.
const LATE_MS: u64 = 120_000;
/// For so long the first call of a client key in an isolate waits for what the others counted.
const FIRST_MS: u64 = 2_000;

impl App {
    /// Counts a call that begins, if its client key has limits. Only the first one of an isolate waits for the storage.
    ///
    /// # Errors
    /// `Limited` when a limit is used up.
    pub async fn admit(self: &Rc<Self>, caller: &Caller, now: u64) -> Result<()> {
        let limits = caller.limits;
        if limits.is_none() {
            return Ok(());
        }
        let rate = self.rate()?;
        let need = with_cache(|c| {
            let when = c.when(now);
            c.meters.asks(&caller.id, limits, when, rate)
        });
        match need {
            // A storage that takes longer is not waited for; what it says then is learned all the same.
            Need::First => {
                let app = self.clone();
                let learns: Work = Box::pin(async move { app.learn(true, now).await });
                if runtime::in_time(runtime::begin(learns), FIRST_MS).await.is_none() {
                    with_cache(|c| c.meters.failed(now));
                }
            }
            Need::Soon { .. } | Need::Nothing => self.sync(need),
        }
        let over = with_cache(|c| {
            let when = c.when(now);
            let over = c.meters.admit(&caller.id, when);
            if over.is_none() && (limits.of(Limit::Rpm).is_some() || limits.of(Limit::Requests).is_some()) {
                let time = c.time(now);
                c.pending.admitted(&caller.id, time);
            }
            over
        });
        over.map_or(Ok(()), |over| Err(refusal(caller, over).into()))
    }

    /// What a call took was counted; others may have to know.
    pub fn meter_ended(self: &Rc<Self>, client: &str, now: u64) {
        let Ok(rate) = self.rate() else { return };
        let need = with_cache(|c| {
            let when = c.when(now);
            c.meters.need(client, when, rate)
        });
        self.sync(need);
    }

    /// How much of its budgets of the day and the month is used, in percent: of the one that is used most. 0 without
    /// any, and until the caller was admitted.
    pub fn budget_share(&self, caller: &Caller, now: u64) -> u64 {
        if caller.limits.is_none() {
            return 0;
        }
        with_cache(|c| {
            let when = c.when(now);
            c.meters.budget_share(&caller.id, when)
        })
    }

    fn rate(&self) -> Result<Rate> {
        let (age_ms, on_kv) = (self.config()?.snapshot_age_ms, self.store.name() == "kv");
        Ok(Rate { age_ms: if on_kv { age_ms.saturating_mul(RARER_ON_KV) } else { age_ms }, at_once: !on_kv })
    }

    fn sync(self: &Rc<Self>, need: Need) {
        let Need::Soon { wait_ms, flush } = need else { return };
        let app = self.clone();
        self.in_background(Box::pin(async move {
            if wait_ms > 0 {
                runtime::sleep(wait_ms).await;
            }
            app.learn(flush, runtime::now()).await;
            with_cache(|c| c.meters.synced());
        }));
    }

    /// Reads what those who called lately have used. When that fails, what is known goes on to hold.
    async fn learn(&self, flush: bool, now: u64) {
        if let Err(error) = self.try_to_learn(flush, now).await {
            with_cache(|c| c.meters.failed(now));
            runtime::log(Level::Warn, "limits_not_read", || object! {"error": error.message()});
        }
    }

    async fn try_to_learn(&self, flush: bool, now: u64) -> Result<()> {
        if flush {
            self.flush(now).await?;
        }
        let (rate, late_ms) = (self.rate()?, self.config()?.flush_interval_ms + LATE_MS);
        let plan = with_cache(|c| {
            let when = c.when(now);
            // What may have arrived or not would be counted twice or not at all.
            (!c.pending.is_sending()).then(|| (c.meters.plan(when, rate, late_ms), when))
        });
        let Some((plan, when)) = plan else { return Ok(()) };
        let (periods, queries) = queries(&plan, when);
        let (mut minutes, mut days) = (Vec::new(), Vec::new());
        for (period, rows) in periods.into_iter().zip(self.store.usage(&queries).await?) {
            let lines = if period == Period::Minute { &mut minutes } else { &mut days };
            lines.extend(rows.iter().map(line));
        }
        with_cache(|c| c.meters.learn(&plan, &minutes, &days, when));
        Ok(())
    }
}

impl Cache {
    /// Counts what a call took; `false` when its client key has no limits.
    pub fn meter(&mut self, client: &str, tokens: u64, nanos: u64, now: u64) -> bool {
        if !self.meters.knows(client) {
            return false;
        }
        let when = self.when(now);
        self.meters.ended(client, Used { requests: 0, tokens, nanos }, when);
        true
    }
}

fn queries(plan: &Plan, when: When) -> (Vec<Period>, Vec<Query>) {
    let only = Some((Dimension::Client, plan.ids.iter().map(|id| id.to_string()).collect::<Vec<_>>()));
    let by = row::dimensions(&[Dimension::Client]);
    let spans =
        [(Period::Minute, plan.since.minute, when.now / MINUTE_MS + 1), (Period::Day, plan.since.day, when.day + 1)];
    let (mut periods, mut queries) = (Vec::new(), Vec::new());
    for (period, from, to) in spans {
        if let Some(from) = from {
            periods.push(period);
            queries.push(Query { period, from, to, timed: true, by, only: only.clone() });
        }
    }
    (periods, queries)
}

fn line(row: &Row) -> Line {
    let used = Used {
        requests: row.of(Metric::Admitted),
        tokens: row.of(Metric::In) + row.of(Metric::Out),
        nanos: row.of(Metric::Cost),
    };
    (row.place.series.of(Dimension::Client).clone(), row.place.at, used)
}

fn refusal(client: &Client, over: Over) -> Fault {
    let amount = client.limits.of(over.limit).unwrap_or_default();
    let (limit, what, is_budget) = match over.limit {
        Limit::Rpm => ("rpm", format!("{amount} requests a minute"), false),
        Limit::Tpm => ("tpm", format!("{amount} tokens a minute"), false),
        Limit::Requests => {
            let seconds = client.limits.window_s.unwrap_or_default();
            ("requests", format!("{amount} requests in {seconds} s"), false)
        }
        Limit::DayTokens => ("day_tokens", format!("{amount} tokens a day"), true),
        Limit::MonthTokens => ("month_tokens", format!("{amount} tokens a month"), true),
        Limit::DayMoney => ("day_money", format!("${} a day", decimal(amount, 6)), true),
        Limit::MonthMoney => ("month_money", format!("${} a month", decimal(amount, 6)), true),
    };
    let wait_ms = over.wait_ms;
    let seconds = wait_ms.div_ceil(1000);
    let message = format!("This client key is limited to {what}, which are used up. Try again in {seconds} s.");
    let code = if is_budget { "insufficient_quota" } else { "rate_limit_exceeded" };
    Fault::Limited { limit, code, message, wait_ms }
}

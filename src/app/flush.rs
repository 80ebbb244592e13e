//! Counts on their way from this isolate's memory to the journal.

use super::{App, BACKGROUND_MS, Cache, with_cache};
use crate::{
    config::Level,
    error::Result,
    js,
    limit::When,
    record::write::object,
    runtime,
    store::{Logs, Upkeep, entry_id},
    usage::{date, pending::Time, requests::batch_id},
};
use std::rc::Rc;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Of so many keys a day's counts may be more than one row of D1 holds, which is 2 MB.
const LARGE: u64 = 500;

impl App {
    /// Writes the counts down after a while; many requests share one write.
    pub fn flush_soon(self: &Rc<Self>, now: u64) {
        let Ok(interval) = self.config().map(|c| c.flush_interval_ms) else { return };
        let pause = with_cache(|c| {
            let asleep = c.flushing.is_some_and(|since| since + BACKGROUND_MS > now);
            if asleep || c.pending.is_empty() {
                return None;
            }
            c.flushing = Some(now);
            // The runtime gives background work 30 s.
            Some(if c.pending.is_large() { 0 } else { interval.min(20_000) })
        });
        let Some(pause) = pause else { return };
        let app = self.clone();
        self.in_background(Box::pin(async move {
            runtime::sleep(pause).await;
            with_cache(|c| c.flushing = None);
            app.flush_due().await;
        }));
    }

    /// Writes the counts down if the last time was an interval ago. What fails is logged and tried again.
    pub async fn flush_due(&self) {
        let Ok(interval) = self.config().map(|c| c.flush_interval_ms) else { return };
        let now = runtime::now();
        // A timer may be early by a little.
        let is_due = |c: &mut Cache| c.pending.is_large() || c.flushed.is_none_or(|at| at + interval <= now + 500);
        if with_cache(is_due)
            && let Err(error) = self.flush(now).await
        {
            runtime::log(Level::Warn, "flush_failed", || object! {"error": error.message()});
        }
    }

    /// Writes this isolate's counts down now; answers how many lines they are. Nothing is lost when it fails.
    pub async fn flush(&self, now: u64) -> Result<usize> {
        let mut flushed = 0;
        // What may not have arrived the last time, and what is new.
        for _ in 0..2 {
            let random = runtime::random_id()?;
            let next = with_cache(|c| {
                // What is sent again was taken before.
                if !c.pending.is_sending() {
                    c.meters.sent();
                }
                c.pending.send(|| entry_id(now, &random))
            });
            let Some((id, rows)) = next else { break };
            self.store.append(&id, &rows).await?;
            with_cache(|c| {
                c.pending.arrived(&id);
                c.flushed = Some(now);
            });
            flushed += rows.len();
        }
        self.flush_requests(now).await?;
        Ok(flushed)
    }

    /// The same with the request log.
    async fn flush_requests(&self, now: u64) -> Result<()> {
        // What may not have arrived the last time, and what is new.
        loop {
            let (random, days) = (runtime::random_id()?, self.config()?.request_log_days);
            let Some(batch) = with_cache(|c| c.requests.send(|| batch_id(now, &random))) else { return Ok(()) };
            self.store.logs(&Logs::Keep(&batch, days)).await?;
            with_cache(|c| c.requests.arrived(&batch.id));
            if batch.lost > 0 {
                runtime::log(Level::Warn, "requests_not_kept", || object! {"calls": batch.lost});
            }
        }
    }

    /// What a fold at that time must know.
    ///
    /// # Errors
    /// As `config`.
    pub fn upkeep(&self, now: u64) -> Result<Upkeep> {
        let large = with_cache(|c| c.pool.count(&|_| true, now).iter().sum::<u64>() > LARGE);
        let config = self.config()?;
        Ok(Upkeep { now, minute_days: config.retention_minutes_days, days: config.retention_days, large })
    }
}

impl Cache {
    /// For counts: with the day in the time zone that is set. Its offset is asked for once an hour.
    pub fn time(&mut self, now: u64) -> Time {
        let hour = now / HOUR_MS;
        let minutes = self.offset.filter(|(at, _)| *at == hour).map_or_else(
            || {
                let zone = self.config.as_ref().map_or("UTC", |config| &config.time_zone);
                js::utc_offset_minutes(zone, now).unwrap_or(0)
            },
            |(_, minutes)| minutes,
        );
        self.offset = Some((hour, minutes));
        Time { now, day: now.saturating_add_signed(minutes * 60_000) / DAY_MS }
    }

    /// For limits. Where clocks change before the day's or the month's end, that is off by as much.
    pub fn when(&mut self, now: u64) -> When {
        let day = self.time(now).day;
        let [month, next_month] = date::month(day);
        let offset_ms = self.offset.map_or(0, |(_, minutes)| minutes * 60_000);
        let begin = |day: u64| (day * DAY_MS).saturating_add_signed(-offset_ms);
        When { now, day, month, day_ends: begin(day + 1), month_ends: begin(next_month) }
    }
}

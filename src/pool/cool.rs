//! A rest: of a key for one model or for all, or of a whole provider. When it is over, one request goes first.

use super::class::Class;
use std::{ops::Range, rc::Rc};

/// So long the one request on trial keeps the others waiting: refusals come quickly, good answers may take their time.
const TRIAL_MS: u64 = 2000;
/// How soon those who wait for a trial look again.
const LOOK_AGAIN_MS: u64 = 250;

/// Kept for a while after its end: for its strikes, and for the trial.
#[derive(Debug, Clone)]
pub struct Cool {
    /// `None` = all models.
    pub model: Option<Rc<str>>,
    pub until: u64,
    pub since: u64,
    pub class: Class,
    pub status: Option<u16>,
    pub message: Rc<str>,
    /// Failures in a row, of the kind that doubles the rest. 0: nothing failed, a limit is used up.
    pub strikes: u8,
    /// It is in storage as well.
    pub stored: bool,
    /// Until when the first request after the rest keeps the others waiting; `None` = it is still to come.
    pub trial: Option<u64>,
}

impl Cool {
    /// One that no failure is behind, and that only this isolate knows of.
    pub fn new(model: Option<&str>, class: Class, message: &str, time: Range<u64>) -> Self {
        Self {
            model: model.map(Rc::from),
            until: time.end,
            since: time.start,
            class,
            status: None,
            message: message.into(),
            strikes: 0,
            stored: false,
            trial: None,
        }
    }

    /// A person's cap is reached: no failure, and of all models.
    pub const fn is_cap(&self) -> bool {
        self.strikes == 0 && self.model.is_none()
    }

    pub fn is_for(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|m| m == model)
    }

    /// Until when it keeps requests away; `None` = it does not, or only the first one is missing.
    pub fn holds(&self, now: u64) -> Option<u64> {
        if self.until > now { Some(self.until) } else { self.trial.filter(|end| *end > now) }
    }

    /// As `holds`, for those who wait: a trial may end at any moment.
    pub fn look_again(&self, now: u64) -> Option<u64> {
        self.holds(now).map(|at| if self.until > now { at } else { at.min(now + LOOK_AGAIN_MS) })
    }

    /// A request goes ahead; answers whether that keeps others away.
    pub fn try_out(&mut self, now: u64) -> bool {
        // That a cap's minute is over is known.
        let first = self.until <= now && self.trial.is_none() && !self.is_cap();
        if first {
            self.trial = Some(now + TRIAL_MS);
        }
        first
    }
}

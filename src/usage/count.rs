//! Counts by key. They only ever add up, so that isolates can write them down in any order.

use super::tail::Tokens;
use crate::record::{
    read::{Reader, Stored},
    write::{Json, object},
};
use serde_json::Value;
use std::{collections::HashMap, rc::Rc};

/// Of one key: what happened since the last flush, or ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    pub attempts: u64,
    pub ok: u64,
    pub failed: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Unix milliseconds; 0 = never.
    pub last_used: u64,
}

/// A row of a journal entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    pub count: Count,
}

impl Json for Count {
    fn json(&self) -> Value {
        object! { "attempts": self.attempts, "ok": self.ok, "failed": self.failed, "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens, "last_used": self.last_used }
    }
}

impl Json for Row {
    fn json(&self) -> Value {
        object! { "key": self.key, "count": self.count }
    }
}

impl Stored for Row {
    fn read(from: &Reader) -> Option<Self> {
        let count = from.field("count")?;
        let number = |name| count.number(name).unwrap_or(0);
        let count = Count {
            attempts: number("attempts"),
            ok: number("ok"),
            failed: number("failed"),
            prompt_tokens: number("prompt_tokens"),
            completion_tokens: number("completion_tokens"),
            last_used: number("last_used"),
        };
        Some(Self { key: from.text("key")?, count })
    }
}

impl Count {
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.ok += other.ok;
        self.failed += other.failed;
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
        self.last_used = self.last_used.max(other.last_used);
    }
}

/// An isolate's counts that are not written down yet.
#[derive(Default)]
pub struct Pending {
    by_key: HashMap<String, Count>,
    /// When the oldest of them came in, in Unix milliseconds.
    since: Option<u64>,
}

impl Pending {
    pub fn attempt(&mut self, key: &Rc<str>, ok: bool, now: u64) {
        let count = self.at(key, now);
        count.attempts += 1;
        if ok {
            count.ok += 1;
        } else {
            count.failed += 1;
        }
        count.last_used = now;
    }

    pub fn tokens(&mut self, key: &Rc<str>, tokens: &Tokens, now: u64) {
        let count = self.at(key, now);
        count.prompt_tokens += tokens.prompt;
        count.completion_tokens += tokens.completion;
    }

    /// How long the oldest count has been waiting; `None` when there is none.
    pub fn age(&self, now: u64) -> Option<u64> {
        self.since.map(|since| now.saturating_sub(since))
    }

    /// Empties it.
    pub fn take(&mut self) -> Vec<Row> {
        self.since = None;
        self.by_key.drain().map(|(key, count)| Row { key, count }).collect()
    }

    /// Puts back what could not be written down.
    pub fn give_back(&mut self, rows: Vec<Row>, now: u64) {
        for row in rows {
            self.at(&Rc::from(row.key), now).add(&row.count);
        }
    }

    fn at(&mut self, key: &Rc<str>, now: u64) -> &mut Count {
        self.since.get_or_insert(now);
        self.by_key.entry(key.to_string()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_with_every_field() {
        let count = Count { attempts: 1, ok: 2, failed: 3, prompt_tokens: 4, completion_tokens: 5, last_used: 6 };
        let row = Row { key: "k".into(), count };
        assert_eq!(Row::read(&Reader(&row.json())), Some(row));
    }

    #[test]
    fn what_is_given_back_is_counted_once() {
        let key: Rc<str> = "k".into();
        let mut pending = Pending::default();
        pending.attempt(&key, true, 10);
        pending.attempt(&key, false, 20);
        pending.tokens(&key, &Tokens { prompt: 5, completion: 7, cached: 0, reasoning: 0, estimated: false }, 20);
        let rows = pending.take();
        assert_eq!(pending.age(50), None);
        pending.give_back(rows, 30);
        pending.attempt(&key, true, 40);
        let count = Count { attempts: 3, ok: 2, failed: 1, prompt_tokens: 5, completion_tokens: 7, last_used: 40 };
        assert_eq!(pending.take(), vec![Row { key: "k".into(), count }]);
    }
}

//! The request log: what was kept of each call, on its way to storage. A batch is what one flush writes: two lines of
//! JSON an entry, so that a reader who looks for one need not read what went in and out of all the others.

use crate::record::write;
use serde_json::Value;
use std::rc::Rc;

/// What waits for a flush is at most so large, in bytes; a row of D1 holds 2 MB. Of what comes when it is half full, only the first line is kept.
const MOST: usize = 1_500_000;
const LEFT_OUT: &str = "{\"left_out\":true}";
/// Times are below this one, in Unix milliseconds, until the year 2286.
const END_OF_TIME: u64 = 9_999_999_999_999;

/// An isolate's entries that are not written down yet.
#[derive(Default)]
pub struct Pending {
    text: String,
    entries: u64,
    /// Those for which there was no place.
    lost: u64,
    /// What may not have arrived: it is sent again under the same name.
    sent: Option<Rc<Batch>>,
}

/// What one flush writes.
pub struct Batch {
    pub id: String,
    pub text: String,
    pub entries: u64,
    pub lost: u64,
}

impl Pending {
    pub fn add(&mut self, entry: &Value, content: &Value) {
        if self.text.len() >= MOST {
            self.lost += 1;
            return;
        }
        self.text.push_str(&write::text(entry));
        self.text.push('\n');
        let content = if self.text.len() < MOST / 2 { write::text(content) } else { LEFT_OUT.into() };
        self.text.push_str(&content);
        self.text.push('\n');
        self.entries += 1;
    }

    /// What is to be written, until it has `arrived`; `None` when nothing waits.
    pub fn send(&mut self, id: impl FnOnce() -> String) -> Option<Rc<Batch>> {
        if self.sent.is_none() && self.entries > 0 {
            let text = std::mem::take(&mut self.text);
            let id = format!("{}-{}", id(), self.entries);
            self.sent = Some(Rc::new(Batch { id, text, entries: self.entries, lost: self.lost }));
            (self.entries, self.lost) = (0, 0);
        }
        self.sent.clone()
    }

    pub fn arrived(&mut self, id: &str) {
        self.sent.take_if(|sent| sent.id == id);
    }
}

/// How a batch's name begins: of two, that of the later one comes first.
pub fn batch_id(now: u64, random: &str) -> String {
    format!("{:013}-{random}", END_OF_TIME.saturating_sub(now))
}

/// How many entries a batch has, by its name; one where it does not say so.
pub fn entries_of(id: &str) -> u64 {
    id.rsplit('-').next().and_then(|entries| entries.parse().ok()).unwrap_or(1)
}

/// Each entry of a batch by its place, and what went in and out.
pub fn entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut lines = text.lines();
    std::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pending(entries: u64) -> Pending {
        let mut pending = Pending::default();
        (0..entries).for_each(|n| pending.add(&json!({"n": n}), &json!({"body": "a\nb"})));
        pending
    }

    #[test]
    fn an_entry_is_found_by_its_place() {
        let batch = pending(2).send(|| "id".into()).unwrap();
        assert_eq!((batch.entries, entries_of(&batch.id)), (2, 2));
        let found: Vec<(&str, &str)> = entries(&batch.text).collect();
        assert_eq!(found, [("{\"n\":0}", "{\"body\":\"a\\nb\"}"), ("{\"n\":1}", "{\"body\":\"a\\nb\"}")]);
    }

    #[test]
    fn what_has_not_arrived_is_sent_again_as_it_was() {
        let mut pending = pending(1);
        let first = pending.send(|| "first".into()).unwrap();
        pending.add(&json!({}), &json!({}));
        let again = pending.send(|| "again".into()).unwrap();
        assert_eq!((again.id.as_str(), &again.text), ("first-1", &first.text));
        pending.arrived("another");
        assert!(pending.send(|| "again".into()).is_some_and(|batch| batch.id == "first-1"));
        pending.arrived("first-1");
        assert!(pending.send(|| "second".into()).is_some_and(|batch| batch.id == "second-1" && batch.entries == 1));
        pending.arrived("second-1");
        assert!(pending.send(|| "third".into()).is_none());
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_lost_is_counted() {
        let mut pending = Pending::default();
        let content = json!({"body": "x".repeat(100_000)});
        (0..30).for_each(|n| pending.add(&json!({"n": n}), &content));
        let large = json!({"model": "m".repeat(200_000)});
        (0..9).for_each(|_| pending.add(&large, &content));
        let batch = pending.send(|| "id".into()).unwrap();
        assert!(batch.text.len() < 2_000_000, "{}", batch.text.len());
        assert_eq!((batch.entries + batch.lost, entries(&batch.text).count() as u64), (39, batch.entries));
        assert!(batch.lost > 0 && entries(&batch.text).filter(|(_, content)| *content == LEFT_OUT).count() > 20);
    }

    #[test]
    fn of_two_batches_the_later_one_comes_first() {
        let now = 1_700_000_000_000;
        assert!(batch_id(now + 1, "z") < batch_id(now, "a"));
    }
}

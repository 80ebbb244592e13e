//! Small pools for the tests beside the code.

use super::{Pool, class::Class, verdict::Verdict};
use crate::record::{Kind, Record, key::Key};

/// A pool of provider `p` with one key `k<i>` for each weight.
pub fn pool_of(weights: &[u8]) -> Pool {
    let records: Vec<Record> = weights
        .iter()
        .enumerate()
        .map(|(i, w)| Record::new(Kind::Key, format!("k{i}"), &key(*w), 0).unwrap())
        .collect();
    let mut pool = Pool::default();
    pool.sync(&records, true, 0);
    pool
}

pub fn key(weight: u8) -> Key {
    Key { weight, ..Key::new("p", "sk-secret", String::new(), 0) }
}

pub fn verdict(class: Class, wait_ms: Option<u64>) -> Verdict {
    Verdict { class, status: Some(400), message: "no".into(), wait_ms, print: 0 }
}

//! Closed loop: so many clients, each of which asks again when it has its answer.

use crate::{
    ask::{Ask, Heard, number},
    tally::quantiles,
    wire::Wire,
};
use serde_json::{Value, json};
use std::{cell::RefCell, io, rc::Rc};
use tokio::task::LocalSet;

#[derive(Default)]
struct Tally {
    left: u64,
    answered: u64,
    failed: u64,
    /// What the first failure was.
    failure: Option<String>,
    took: Vec<u64>,
    delays: Vec<u64>,
    firsts: Vec<u64>,
}

/// `requests` in all by `clients` at a time.
pub async fn run(command: &Value) -> io::Result<Value> {
    let ask = Rc::new(Ask::new(command)?);
    let tally = Rc::new(RefCell::new(Tally { left: number(command, "requests")?, ..Tally::default() }));
    let local = LocalSet::new();
    for _ in 0..number(command, "clients")? {
        local.spawn_local(client(Rc::clone(&ask), Rc::clone(&tally)));
    }
    local.await;
    let tally = tally.take();
    Ok(json!({
        "answered": tally.answered, "failed": tally.failed, "failure": tally.failure,
        "took": quantiles(tally.took), "delay": quantiles(tally.delays), "first": quantiles(tally.firsts),
    }))
}

async fn client(ask: Rc<Ask>, tally: Rc<RefCell<Tally>>) {
    let mut wire = None;
    while take(&tally) {
        let heard = asked(&ask, &mut wire).await;
        if heard.is_err() {
            wire = None;
        }
        tally.borrow_mut().add(heard);
    }
}

fn take(tally: &RefCell<Tally>) -> bool {
    let mut tally = tally.borrow_mut();
    tally.left = match tally.left.checked_sub(1) {
        Some(left) => left,
        None => return false,
    };
    true
}

async fn asked(ask: &Ask, wire: &mut Option<Wire>) -> io::Result<Heard> {
    let wire = match wire {
        Some(wire) => wire,
        None => wire.insert(Wire::connect(ask.port).await?),
    };
    ask.send(wire).await
}

impl Tally {
    fn add(&mut self, heard: io::Result<Heard>) {
        match heard {
            Ok(heard) if heard.status == 200 && heard.scan.is_whole() => {
                self.answered += 1;
                self.took.push(heard.took);
                self.delays.extend(heard.scan.delays);
                self.firsts.extend(heard.scan.first);
            }
            Ok(heard) => self.fail(format!("status {}, {} bytes", heard.status, heard.scan.bytes)),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn fail(&mut self, failure: String) {
        self.failed += 1;
        self.failure.get_or_insert(failure);
    }
}

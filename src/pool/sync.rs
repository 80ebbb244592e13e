//! Merging stored records into the pool. What this isolate knows better stays: the later `until` of a rest wins.

use super::{
    Pool,
    class::Class,
    slot::{Cool, Slot},
};
use crate::record::{
    Kind, Record,
    key::{self, Cooldown, Disabled, Key},
    provider::Provider,
};
use std::{collections::HashSet, rc::Rc};

/// What this isolate disabled may take this long to reach what it reads, in milliseconds.
const SETTLING_MS: u64 = 120_000;

impl Pool {
    /// Takes over changed records. With `full`, `records` are all there are, and the rest is gone.
    pub fn sync(&mut self, records: &[Record], full: bool, now: u64) {
        if full {
            self.forget_missing(records, now);
        }
        // Keys first: the others are notes about them.
        for kind in [Kind::Provider, Kind::Key, Kind::Disabled, Kind::Cooldown] {
            for record in records.iter().filter(|r| r.kind == kind) {
                self.take(record, now);
            }
        }
    }

    fn take(&mut self, record: &Record, now: u64) {
        match record.kind {
            Kind::Provider => self.take_provider(&record.id, record.read()),
            Kind::Key => self.take_key(&record.id, record.read(), now),
            Kind::Disabled => self.take_disabled(&record.id, record.read(), now),
            Kind::Cooldown => {
                if let Some((id, model)) = key::split_cooldown_id(&record.id) {
                    self.take_cooldown(id, model, record.read(), now);
                }
            }
            Kind::Client | Kind::Setting | Kind::Revoked | Kind::Secret => {}
        }
    }

    fn take_provider(&mut self, name: &str, provider: Option<Provider>) {
        let at = self.lane_at(name);
        if let Some(lane) = self.lanes.get_mut(at) {
            lane.provider = provider;
        }
    }

    fn take_key(&mut self, id: &str, key: Option<Key>, now: u64) {
        let known = self.by_id.get(id).copied();
        match (known, key) {
            (None, None) => {}
            (None, Some(key)) => self.add(id, key),
            (Some(ticket), None) => self.drop_key(ticket),
            (Some(ticket), Some(key)) => {
                if let Some(slot) = self.slots.get_mut(ticket) {
                    slot.gone = false;
                    slot.key = key;
                }
                self.reweigh(ticket, now);
            }
        }
    }

    fn add(&mut self, id: &str, key: Key) {
        let lane = self.lane_at(&key.provider);
        let ticket = self.slots.len();
        let id: Rc<str> = id.into();
        let Some(home) = self.lanes.get_mut(lane) else { return };
        let place = home.members.len();
        home.members.push(ticket);
        home.stale = true;
        self.by_id.insert(id.clone(), ticket);
        self.slots.push(Slot {
            id,
            key,
            disabled: None,
            cools: Vec::new(),
            in_flight: 0,
            refusals: 0,
            gone: false,
            place,
            lane,
        });
    }

    fn drop_key(&mut self, ticket: usize) {
        if let Some(slot) = self.slots.get_mut(ticket) {
            slot.gone = true;
            slot.key.secret.clear();
            slot.disabled = None;
            slot.cools.clear();
        }
        self.reweigh(ticket, 0);
    }

    fn take_disabled(&mut self, id: &str, disabled: Option<Disabled>, now: u64) {
        let Some(ticket) = self.by_id.get(id).copied() else { return };
        if let Some(slot) = self.slots.get_mut(ticket) {
            slot.disabled = disabled;
        }
        self.reweigh(ticket, now);
    }

    fn take_cooldown(&mut self, id: &str, model: Option<&str>, stored: Option<Cooldown>, now: u64) {
        let Some(ticket) = self.by_id.get(id).copied() else { return };
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        let held = slot.cools.iter_mut().find(|c| c.model.as_deref() == model);
        match (held, stored) {
            (None, None) => return,
            (Some(held), Some(stored)) => {
                if stored.until > held.until {
                    (held.until, held.since) = (stored.until, stored.since);
                }
                held.stored = true;
            }
            (None, Some(stored)) => slot.cools.push(Cool {
                model: model.map(Rc::from),
                until: stored.until,
                since: stored.since,
                class: Class::parse(&stored.class).unwrap_or(Class::RateLimited),
                status: stored.status,
                message: stored.message.into(),
                strikes: 1,
                stored: true,
            }),
            // Someone ended it. A rest that only this isolate knows of stays.
            (Some(_), None) => slot.cools.retain(|c| c.model.as_deref() != model || !c.stored),
        }
        self.reweigh(ticket, now);
    }

    fn forget_missing(&mut self, records: &[Record], now: u64) {
        let alive = |kind| -> HashSet<String> {
            records.iter().filter(|r| r.kind == kind && r.body.is_some()).map(|r| r.id.clone()).collect()
        };
        let (providers, keys, disabled) = (alive(Kind::Provider), alive(Kind::Key), alive(Kind::Disabled));
        for lane in &mut self.lanes {
            if !providers.contains(&*lane.name) {
                lane.provider = None;
            }
        }
        for ticket in 0..self.slots.len() {
            let Some(slot) = self.slots.get_mut(ticket) else { continue };
            let settled = slot.disabled.as_ref().is_some_and(|d| d.since + SETTLING_MS < now);
            if !keys.contains(&*slot.id) {
                self.drop_key(ticket);
            } else if settled && !disabled.contains(&*slot.id) {
                slot.disabled = None;
                self.reweigh(ticket, now);
            }
        }
    }
}

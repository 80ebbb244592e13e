//! Merging stored records into the pool. What this isolate knows better stays: the later `until` of a rest wins.

use super::{Pool, Ticket, class::Class, cool::Cool, slot::Slot, tilt::Tilt};
use crate::record::{
    Kind, Record,
    alias::Alias,
    balance::Balance,
    key::{self, Cooldown, Disabled, Key},
    models::Models,
    provider::Provider,
};

/// What this isolate disabled may take this long to reach what it reads, in milliseconds. The cache brings back what was
/// noted in it meanwhile, but not what a cron's probes found.
const SETTLING_MS: u64 = 120_000;

impl Pool {
    /// Takes over changed records. With `full`, `records` are all there are, and the rest is gone.
    pub fn sync(&mut self, records: &[Record], full: bool, now: u64) {
        if full {
            self.forget_missing(records, now);
        }
        // Keys first: the others are notes about them.
        for kind in
            [Kind::Provider, Kind::Key, Kind::Disabled, Kind::Cooldown, Kind::Balance, Kind::Models, Kind::Alias]
        {
            for record in records.iter().filter(|r| r.kind == kind) {
                self.take(record, now);
            }
        }
    }

    fn take(&mut self, record: &Record, now: u64) {
        match record.kind {
            Kind::Provider => self.take_provider(&record.id, record.read()),
            Kind::Key => self.take_key(&record.id, record.read()),
            Kind::Disabled => self.take_disabled(&record.id, record.read(), record.changed, now),
            Kind::Cooldown => {
                if let Some((id, model)) = key::split_cooldown_id(&record.id) {
                    self.take_cooldown(id, model, record.read(), now);
                }
            }
            Kind::Balance => self.take_balance(&record.id, record.read()),
            Kind::Models => self.take_models(&record.id, record.read()),
            Kind::Alias => {
                self.aliases.retain(|(name, _)| *name != record.id);
                self.aliases.extend(record.read().map(|alias: Alias| (record.id.clone(), alias)));
            }
            Kind::Client | Kind::Imported | Kind::Setting | Kind::Price | Kind::Rule | Kind::Revoked | Kind::Secret => {
            }
        }
    }

    fn take_provider(&mut self, name: &str, provider: Option<Provider>) {
        let at = self.site_at(name);
        if let Some(site) = self.sites.get_mut(at) {
            site.provider = provider;
        }
    }

    fn take_models(&mut self, name: &str, models: Option<Models>) {
        let at = self.site_at(name);
        if let Some(site) = self.sites.get_mut(at) {
            site.models = models;
        }
    }

    fn take_key(&mut self, id: &str, key: Option<Key>) {
        let known = self.by_id.get(id).copied();
        match (known, key) {
            (None, None) => {}
            (None, Some(key)) => self.add(id, key),
            (Some(ticket), None) => self.drop_key(ticket),
            (Some(ticket), Some(key)) => {
                if self.slots.get(ticket).is_some_and(|s| s.key.group != key.group) {
                    self.move_to(ticket, &key.group);
                }
                if let Some(slot) = self.slots.get_mut(ticket).filter(|s| s.gone || s.key != key) {
                    slot.gone = false;
                    slot.key = key;
                    self.rebuild(ticket);
                }
            }
        }
    }

    fn add(&mut self, id: &str, key: Key) {
        let ticket = self.slots.len();
        let site = self.site_at(&key.provider);
        let Some((lane, place)) = self.seat(site, &key.group, ticket) else { return };
        let slot = Slot::new(id, key, [site, lane, place]);
        self.by_id.insert(slot.id.clone(), ticket);
        self.slots.push(slot);
    }

    fn move_to(&mut self, ticket: Ticket, group: &str) {
        let Some(site) = self.slots.get(ticket).map(|s| s.site) else { return };
        let Some((lane, place)) = self.seat(site, group, ticket) else { return };
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        let old_place = std::mem::replace(&mut slot.place, place);
        let old = std::mem::replace(&mut slot.lane, lane);
        let in_flight = slot.in_flight;
        let Some(lanes) = self.sites.get_mut(site).map(|s| &mut s.lanes) else { return };
        if let Some(new) = lanes.get_mut(lane) {
            new.in_flight += in_flight;
        }
        let Some(old) = lanes.get_mut(old) else { return };
        old.in_flight = old.in_flight.saturating_sub(in_flight);
        if let Some(slot) = old.leave(old_place).and_then(|t| self.slots.get_mut(t)) {
            slot.place = old_place;
        }
    }

    fn seat(&mut self, site: usize, group: &str, ticket: Ticket) -> Option<(usize, usize)> {
        let site = self.sites.get_mut(site)?;
        let at = site.lane_at(group);
        let lane = site.lanes.get_mut(at)?;
        lane.members.push(ticket);
        lane.changed();
        Some((at, lane.members.len() - 1))
    }

    fn drop_key(&mut self, ticket: Ticket) {
        if let Some(slot) = self.slots.get_mut(ticket) {
            slot.gone = true;
            slot.key.secret.clear();
            slot.disabled = None;
            slot.balance = None;
            slot.cools.clear();
            slot.tilt = Tilt::default();
            slot.refusals = 0;
        }
        self.rebuild(ticket);
    }

    fn take_disabled(&mut self, id: &str, disabled: Option<Disabled>, changed: u64, now: u64) {
        let Some(ticket) = self.by_id.get(id).copied() else { return };
        if let Some(slot) = self.slots.get_mut(ticket) {
            // It may be read again and again.
            if disabled.as_ref().is_none_or(Disabled::is_fresh) && changed > slot.fresh_since {
                slot.fresh_since = changed;
                // Someone gave it a fresh start; the rests that are stored have records of their own.
                slot.cools.retain(|c| c.stored);
                slot.tilt = Tilt::default();
                slot.refusals = 0;
            }
            slot.disabled = disabled;
        }
        self.reweigh(ticket, now);
    }

    fn take_balance(&mut self, id: &str, balance: Option<Balance>) {
        let Some(slot) = self.by_id.get(id).and_then(|ticket| self.slots.get_mut(*ticket)) else { return };
        let held = slot.balance.as_ref().map_or(0, |held| held.asked);
        if let Some(balance) = balance.filter(|balance| balance.asked >= held) {
            slot.balance = Some(Box::new(balance));
        }
    }

    fn take_cooldown(&mut self, id: &str, model: Option<&str>, stored: Option<Cooldown>, now: u64) {
        let Some(ticket) = self.by_id.get(id).copied() else { return };
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        let held = slot.cools.iter_mut().find(|c| c.model.as_deref() == model);
        match (held, stored) {
            (None, None) => return,
            (Some(held), Some(stored)) => {
                if stored.until > held.until {
                    (held.until, held.since, held.trial) = (stored.until, stored.since, None);
                }
                held.stored = true;
            }
            (None, Some(stored)) => {
                let class = Class::parse(&stored.class).unwrap_or(Class::RateLimited);
                let cool = Cool::new(model, class, &stored.message, stored.since..stored.until);
                slot.cools.push(Cool { status: stored.status, strikes: 1, stored: true, ..cool });
            }
            // Someone ended it. A rest that only this isolate knows of stays.
            (Some(_), None) => slot.cools.retain(|c| c.model.as_deref() != model || !c.stored),
        }
        self.reweigh(ticket, now);
    }

    fn forget_missing(&mut self, records: &[Record], now: u64) {
        let alive = || records.iter().filter(|r| r.body.is_some());
        let lives = |kind: Kind, id: &str| alive().any(|r| r.kind == kind && r.id == id);
        for site in &mut self.sites {
            if !lives(Kind::Provider, &site.name) {
                site.provider = None;
            }
            if !lives(Kind::Models, &site.name) {
                site.models = None;
            }
        }
        self.aliases.retain(|(name, _)| lives(Kind::Alias, name));
        // By ticket.
        let mut found = vec![(false, false); self.slots.len()];
        for record in alive() {
            if let Some((key, disabled)) = self.by_id.get(&*record.id).and_then(|ticket| found.get_mut(*ticket)) {
                *key |= record.kind == Kind::Key;
                *disabled |= record.kind == Kind::Disabled;
            }
        }
        for (ticket, (key, disabled)) in found.into_iter().enumerate() {
            let Some(slot) = self.slots.get_mut(ticket) else { continue };
            let settled = slot.disabled.as_ref().is_some_and(|d| d.since + SETTLING_MS < now);
            if slot.gone {
                continue;
            } else if !key {
                self.drop_key(ticket);
            } else if settled && !disabled {
                slot.disabled = None;
                self.reweigh(ticket, now);
            }
        }
    }
}

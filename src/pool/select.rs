//! Choosing a key among the groups that a call may use, and what to say when there is none.

use super::{Pool, Ticket, class::Class, dice::Dice, slot::Slot};

/// What a choice is for.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    pub provider: &'a str,
    /// Empty = the call names none.
    pub model: &'a str,
    /// The groups that may serve, the first one first.
    pub groups: &'a [&'a str],
    /// The call's conversation, which stays with one key.
    pub conversation: Option<u64>,
}

/// Why a provider has no key for a model right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocked {
    /// What keeps the key that comes back first; `None` when no machine will bring one back.
    pub class: Option<Class>,
    /// When it comes back, in Unix milliseconds.
    pub soonest: Option<u64>,
    /// Keys of the provider that serve the model, whatever their state; one, when that is all that was looked at.
    pub keys: usize,
}

impl Blocked {
    /// What time alone brings back counts before what waits for a probe.
    pub(super) fn sooner(&mut self, rest: Option<(Class, u64)>) {
        let rank = |(class, until): (Class, u64)| (class.needs_probe(), until);
        if let Some(new) = rest
            && self.class.zip(self.soonest).is_none_or(|held| rank(new) < rank(held))
        {
            (self.class, self.soonest) = (Some(new.0), Some(new.1));
        }
    }
}

impl Pool {
    /// A key that may serve the call and is not in `tried`. `insist`: although the provider rests.
    pub fn pick(
        &mut self,
        choice: Choice,
        tried: &[Ticket],
        insist: bool,
        now: u64,
        dice: &mut Dice,
    ) -> Option<Ticket> {
        let (slots, site) = (&self.slots, self.sites.iter_mut().find(|site| &*site.name == choice.provider)?);
        if !insist && site.rests(choice.model, now).is_some() {
            return None;
        }
        let conversation = choice.conversation.filter(|_| site.provider.as_ref().is_none_or(|p| p.affinity));
        choice.groups.iter().find_map(|group| {
            let at = site.lane(group)?;
            let lane = site.lanes.get_mut(at)?;
            lane.pick(slots, choice.model, tried, conversation, now, dice)
        })
    }

    /// What to say, and how long to wait, when nothing can be picked.
    pub fn blocked(&mut self, choice: Choice, now: u64) -> Blocked {
        let mut blocked = Blocked::default();
        let slots = &self.slots;
        let Some(site) = self.sites.iter_mut().find(|site| &*site.name == choice.provider) else { return blocked };
        let mut is_well = false;
        for group in choice.groups {
            let Some(lane) = site.lane(group).and_then(|at| site.lanes.get_mut(at)) else { continue };
            is_well |= lane.is_well(slots, choice.model, now);
            let of_group = lane.blocked(slots, choice.model, now);
            blocked.keys += of_group.keys;
            blocked.sooner(of_group.class.zip(of_group.soonest));
        }
        // No key can come back before its provider does.
        if let Some(cool) = site.rests(choice.model, now).filter(|_| blocked.keys > 0)
            && let Some(until) =
                cool.look_again(now).filter(|until| is_well || blocked.soonest.is_none_or(|s| s < *until))
        {
            (blocked.class, blocked.soonest) = (Some(cool.class), Some(until));
        }
        blocked
    }

    /// One that rests because it fails now and then, and nothing else: where many wait it serves some of them.
    pub fn risky(&mut self, choice: Choice, now: u64) -> Option<Ticket> {
        if !self.crowd(choice.provider, choice.model)?.takes_risk(now) {
            return None;
        }
        let slots = &self.slots;
        let site = self.sites.iter().find(|site| &*site.name == choice.provider)?;
        if site.rests(choice.model, now).is_some() {
            return None;
        }
        let lanes = choice.groups.iter().filter_map(|group| site.lanes.get(site.lane(group)?));
        let mut members = lanes.flat_map(|lane| lane.members.iter().copied());
        members.find(|ticket| slots.get(*ticket).is_some_and(|slot| slot.is_risky(choice.model, now)))
    }

    /// Once in a while, with all keys blocked: the one that was tried longest ago. A key's cap is a person's word and
    /// stays, and so does what a person switched off, or lets expire.
    pub fn last_resort(&mut self, choice: Choice, now: u64) -> Option<Ticket> {
        let slots = &mut self.slots;
        let site = self.sites.iter_mut().find(|site| &*site.name == choice.provider)?;
        let lanes: Vec<usize> = choice.groups.iter().filter_map(|group| site.lane(group)).collect();
        if lanes.is_empty() || !site.last_resort_is_due(choice.model, now) {
            return None;
        }
        let may = |slot: &Slot| {
            let capped = slot.cools.iter().any(|c| c.is_cap() && c.until > now);
            let on = !slot.gone && slot.key.is_on(now) && slot.key.weight > 0;
            on && slot.serves(choice.model) && !capped && !slot.is_full()
        };
        let members = lanes.iter().filter_map(|at| site.lanes.get(*at)).flat_map(|lane| lane.members.iter().copied());
        let candidates = members.filter(|t| slots.get(*t).is_some_and(may));
        let ticket = candidates.min_by_key(|t| slots.get(*t).map(|s| s.last_resort))?;
        slots.get_mut(ticket)?.last_resort = now;
        Some(ticket)
    }
}

#[cfg(test)]
mod tests;

//! Choosing a key: a weighted draw in O(log n), twice, and of the two the one with less in flight for its weight
//! (Mitzenmacher 2001, "The power of two choices").

use super::{Lane, Pool, Ticket, class::Class, dice::Dice, slot::Slot, tree::Tree};
use std::cmp::Reverse;

/// Draws before a plain walk over the lane is cheaper than more luck.
const DRAWS: u32 = 8;

/// Why a provider has no key for a model right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// What keeps the key that comes back first; `None` when no machine will bring one back.
    pub class: Option<Class>,
    /// When it comes back, in Unix milliseconds.
    pub soonest: Option<u64>,
    /// Keys of the provider that serve the model, whatever their state.
    pub keys: usize,
}

impl Pool {
    /// A key of `provider` that may serve `model` (empty = the call names none) and is not in `tried`.
    pub fn pick(&mut self, provider: &str, model: &str, tried: &[Ticket], now: u64, dice: &mut Dice) -> Option<Ticket> {
        let at = self.lanes.iter().position(|lane| &*lane.name == provider)?;
        self.refresh_lane(at, now);
        let (lane, slots) = (self.lanes.get(at)?, &self.slots);
        let fits = |ticket: Ticket| {
            slots.get(ticket).is_some_and(|s| s.serves(model) && s.cool_for(model, now).is_none())
                && !tried.contains(&ticket)
        };
        let mut first = None;
        for _ in 0..DRAWS {
            let Some(ticket) = lane.draw(dice).filter(|t| fits(*t)) else { continue };
            match first {
                None => first = Some(ticket),
                Some(first) => return Some(lighter(slots, first, ticket)),
            }
        }
        first.or_else(|| lane.walk(slots, fits, now, dice))
    }

    /// Looks at every key of the provider; for the answer when nothing can be picked.
    pub fn blocked(&self, provider: &str, model: &str, now: u64) -> Blocked {
        let mut blocked = Blocked { class: None, soonest: None, keys: 0 };
        let Some(lane) = self.lane(provider) else { return blocked };
        for slot in lane.members.iter().filter_map(|t| self.slots.get(*t)) {
            if slot.gone || !slot.serves(model) {
                continue;
            }
            blocked.keys += 1;
            if let Some((class, until)) = comes_back(slot, model, now)
                && blocked.soonest.is_none_or(|s| until < s)
            {
                (blocked.class, blocked.soonest) = (Some(class), Some(until));
            }
        }
        blocked
    }

    fn refresh_lane(&mut self, at: usize, now: u64) {
        let (Some(lane), slots) = (self.lanes.get_mut(at), &self.slots) else { return };
        let drawable = |t: &Ticket| slots.get(*t).map_or(0, |s| s.drawable(now));
        if lane.stale {
            lane.tree = Tree::new(lane.members.iter().map(drawable).collect());
            lane.stale = false;
            for (ticket, until) in
                lane.members.iter().filter_map(|t| Some((*t, slots.get(*t)?.cool_for_all(now)?.until)))
            {
                lane.wakes.push(Reverse((until, ticket)));
            }
        }
        while let Some(Reverse((until, ticket))) = lane.wakes.peek().copied()
            && until <= now
        {
            lane.wakes.pop();
            if let Some(slot) = slots.get(ticket) {
                lane.tree.set(slot.place, slot.drawable(now));
            }
        }
    }
}

impl Lane {
    fn draw(&self, dice: &mut Dice) -> Option<Ticket> {
        let place = self.tree.find(dice.below(self.tree.total()))?;
        self.members.get(place).copied()
    }

    /// The weighted draw over exactly those that fit.
    fn walk(&self, slots: &[Slot], fits: impl Fn(Ticket) -> bool, now: u64, dice: &mut Dice) -> Option<Ticket> {
        let weight = |t: Ticket| slots.get(t).filter(|_| fits(t)).map_or(0, |s| u64::from(s.drawable(now)));
        let total: u64 = self.members.iter().map(|t| weight(*t)).sum();
        if total == 0 {
            return None;
        }
        let mut point = dice.below(total);
        self.members.iter().copied().find(|ticket| {
            let share = weight(*ticket);
            let here = point < share;
            point = point.saturating_sub(share);
            here
        })
    }
}

/// The one with less in flight for its weight; `a` when they are even.
fn lighter(slots: &[Slot], a: Ticket, b: Ticket) -> Ticket {
    match (slots.get(a), slots.get(b)) {
        (Some(x), Some(y)) => {
            // x.in_flight / x.weight > y.in_flight / y.weight, without the division.
            let heavier =
                u64::from(x.in_flight) * u64::from(y.key.weight) > u64::from(y.in_flight) * u64::from(x.key.weight);
            if heavier { b } else { a }
        }
        _ => a,
    }
}

/// When a machine brings the key back for the model, and what keeps it until then.
fn comes_back(slot: &Slot, model: &str, now: u64) -> Option<(Class, u64)> {
    if !slot.key.enabled || slot.key.weight == 0 {
        return None;
    }
    if let Some(disabled) = slot.disabled.as_ref().filter(|d| d.restored.is_none()) {
        return Some((Class::parse(&disabled.class)?, disabled.next_probe));
    }
    slot.cool_for(model, now).map(|cool| (cool.class, cool.until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::fixtures::pool_of;

    #[test]
    fn weights_5_3_2_are_met_within_two_points_over_10_000_choices() {
        let mut pool = pool_of(&[5, 3, 2]);
        let mut dice = Dice::seeded(1);
        let mut hits = [0_i32; 3];
        for _ in 0..10_000 {
            hits[pool.pick("p", "m", &[], 0, &mut dice).unwrap()] += 1;
        }
        for (hit, share) in hits.iter().zip([5000, 3000, 2000]) {
            assert!((hit - share).abs() <= 200, "{hits:?}");
        }
    }

    #[test]
    fn a_key_with_fewer_requests_in_flight_goes_first() {
        let mut pool = pool_of(&[10, 10]);
        let mut dice = Dice::seeded(2);
        for _ in 0..1000 {
            let ticket = pool.pick("p", "m", &[], 0, &mut dice).unwrap();
            pool.started(ticket);
        }
        let loads: Vec<u32> = pool.slots.iter().map(|s| s.in_flight).collect();
        assert!(loads[0].abs_diff(loads[1]) < 30, "{loads:?}");
    }

    #[test]
    fn what_was_tried_has_no_weight_or_is_disabled_is_never_picked() {
        let mut pool = pool_of(&[1, 100, 0, 100]);
        pool.slots[3].key.enabled = false;
        pool.reweigh(3, 0);
        let mut dice = Dice::seeded(3);
        assert!((0..100).all(|_| pool.pick("p", "m", &[1], 0, &mut dice) == Some(0)));
        assert_eq!(pool.pick("p", "m", &[0, 1], 0, &mut dice), None);
        assert_eq!(pool.pick("nobody", "m", &[], 0, &mut dice), None);
    }

    #[test]
    fn a_key_serves_only_the_models_of_its_allow_list() {
        let mut pool = pool_of(&[1, 1]);
        pool.slots[0].key.models = vec!["gpt-*".into()];
        let mut dice = Dice::seeded(4);
        assert!((0..50).all(|_| pool.pick("p", "claude", &[], 0, &mut dice) == Some(1)));
    }
}

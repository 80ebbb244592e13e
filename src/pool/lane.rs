//! The keys of one provider and group, ready to be drawn from: for each model a tree of weights that is kept as the
//! keys' health changes, so that a draw costs the same whether all keys are well or all but one rest.

use super::{
    Ticket,
    affinity::{self, Buckets},
    class::Class,
    dice::Dice,
    select::Blocked,
    slot::{Share, Slot},
    tilt,
    tree::Tree,
};
use std::{cmp::Reverse, collections::BinaryHeap, rc::Rc};

/// Models with trees of their own; the one that was used longest ago makes room.
const VIEWS: usize = 64;

pub struct Lane {
    pub group: Rc<str>,
    pub members: Vec<Ticket>,
    views: Vec<View>,
    buckets: Option<Buckets>,
    /// Requests that use a key of the lane right now.
    pub in_flight: u32,
}

/// The lane as one model sees it.
struct View {
    model: Rc<str>,
    used: u64,
    tree: Tree,
    /// When shares change by themselves: (when, place).
    wakes: BinaryHeap<Reverse<(u64, usize)>>,
    /// The wake in force, by place; 0 = none.
    wake_at: Vec<u64>,
    /// What was found out last about keys that are blocked, and when.
    blocked: Option<(u64, Blocked)>,
}

impl Lane {
    pub fn new(group: &str) -> Self {
        Self { group: group.into(), members: Vec::new(), views: Vec::new(), buckets: None, in_flight: 0 }
    }

    /// A key was added, left, or has another weight: all is made anew before the next draw.
    pub fn changed(&mut self) {
        self.views.clear();
        self.buckets = None;
    }

    /// A key goes to another lane; answers who takes its seat, if anyone.
    pub fn leave(&mut self, place: usize) -> Option<Ticket> {
        if place < self.members.len() {
            self.members.swap_remove(place);
        }
        self.changed();
        self.members.get(place).copied()
    }

    /// Whether some key may serve the model right now.
    pub fn is_well(&mut self, slots: &[Slot], model: &str, now: u64) -> bool {
        let at = self.view(slots, model, now);
        let Self { members, views, .. } = self;
        views.get_mut(at).is_some_and(|view| {
            view.wake(slots, members, now);
            view.tree.total() > 0
        })
    }

    /// One key's health changed.
    pub fn reweigh(&mut self, slot: &Slot, now: u64) {
        for view in &mut self.views {
            view.set(slot.place, slot.share(&view.model, now));
        }
    }

    /// One of the keys for `model`, but none of `tried`. The choice is the conversation's, when there is one; else two
    /// are drawn, and the one with less in flight for its weight wins (Mitzenmacher 2001, "The power of two choices").
    pub fn pick(
        &mut self,
        slots: &[Slot],
        model: &str,
        tried: &[Ticket],
        conversation: Option<u64>,
        now: u64,
        dice: &mut Dice,
    ) -> Option<Ticket> {
        let at = self.view(slots, model, now);
        let Self { members, views, buckets, in_flight, .. } = self;
        let view = views.get_mut(at)?;
        view.wake(slots, members, now);
        // Out of the tree while we draw; whoever is left is a key that fits.
        let places = tried.iter().filter_map(|t| slots.get(*t).filter(|s| members.get(s.place) == Some(t)));
        let aside: Vec<(usize, u32)> = places.map(|s| (s.place, view.tree.weight(s.place))).collect();
        aside.iter().for_each(|(place, _)| view.tree.set(*place, 0));
        let member = |place: usize| members.get(place).copied();
        let favorite = conversation.filter(|_| view.tree.total() > 0).and_then(|conversation| {
            let known = buckets.get_or_insert_with(|| buckets_of(members, slots));
            let place = known.winner(conversation, |place| view.tree.weight(place))?;
            let slot = slots.get(member(place)?)?;
            let swamped = affinity::is_swamped(slot, *in_flight, view.tree.weight(place), view.tree.total());
            (!swamped).then_some(place)
        });
        let place = favorite.or_else(|| {
            let mut draw = || view.tree.find(dice.below(view.tree.total()));
            let (a, b) = (draw()?, draw()?);
            let load = |place: usize| member(place).and_then(|t| slots.get(t)).map_or(0, |s| u64::from(s.in_flight));
            let (weight_a, weight_b) = (u64::from(view.tree.weight(a)), u64::from(view.tree.weight(b)));
            // load a / weight a > load b / weight b, without the division.
            Some(if load(a) * weight_b > load(b) * weight_a { b } else { a })
        });
        aside.iter().for_each(|(place, weight)| view.tree.set(*place, *weight));
        place.and_then(member)
    }

    /// What keeps all keys from the model. Where none comes back by time alone it looks at every key, but not again
    /// within a moment.
    pub fn blocked(&mut self, slots: &[Slot], model: &str, now: u64) -> Blocked {
        const MOMENT_MS: u64 = 200;
        let at = self.view(slots, model, now);
        let known = self.views.get(at).and_then(|v| v.blocked.as_ref());
        if let Some((_, blocked)) =
            known.filter(|(at, b)| now < at + MOMENT_MS && b.soonest.is_none_or(|soonest| soonest > now))
        {
            return blocked.clone();
        }
        if let Some(rest) = self.views.get_mut(at).and_then(|view| view.next_back(slots, &self.members, now)) {
            return Blocked { class: Some(rest.0), soonest: Some(rest.1), keys: 1 };
        }
        let mut blocked = Blocked::default();
        for slot in self.members.iter().filter_map(|t| slots.get(*t)).filter(|s| !s.gone && s.serves(model)) {
            blocked.keys += 1;
            blocked.sooner(slot.comes_back(model, now));
        }
        if let Some(view) = self.views.get_mut(at) {
            view.blocked = Some((now, blocked.clone()));
        }
        blocked
    }

    fn view(&mut self, slots: &[Slot], model: &str, now: u64) -> usize {
        let at = self.views.iter().position(|view| &*view.model == model).unwrap_or_else(|| {
            if self.views.len() >= VIEWS
                && let Some(oldest) = (0..self.views.len()).min_by_key(|at| self.views.get(*at).map(|v| v.used))
            {
                self.views.swap_remove(oldest);
            }
            self.views.push(View::new(model, &self.members, slots, now));
            self.views.len() - 1
        });
        if let Some(view) = self.views.get_mut(at) {
            view.used = now;
        }
        at
    }
}

fn buckets_of(members: &[Ticket], slots: &[Slot]) -> Buckets {
    let key = |(place, ticket): (usize, &Ticket)| {
        let slot = slots.get(*ticket).filter(|s| !s.gone && s.key.enabled)?;
        // As its share is while it is well.
        Some((place, slot.hash, u32::from(slot.key.weight) * tilt::WHOLE))
    };
    Buckets::of(members.iter().enumerate().filter_map(key))
}

impl View {
    fn new(model: &str, members: &[Ticket], slots: &[Slot], now: u64) -> Self {
        let mut view = Self {
            model: model.into(),
            used: now,
            tree: Tree::default(),
            wakes: BinaryHeap::new(),
            wake_at: vec![0; members.len()],
            blocked: None,
        };
        let mut weights = Vec::with_capacity(members.len());
        for (place, ticket) in members.iter().enumerate() {
            let share = slots.get(*ticket).map_or(Share::NONE, |s| s.share(model, now));
            view.wake_up_at(place, share.until);
            weights.push(share.weight);
        }
        view.tree = Tree::new(weights);
        view
    }

    fn set(&mut self, place: usize, share: Share) {
        self.tree.set(place, share.weight);
        self.wake_up_at(place, share.until);
    }

    fn wake_up_at(&mut self, place: usize, until: Option<u64>) {
        let until = until.unwrap_or(0);
        if let Some(held) = self.wake_at.get_mut(place).filter(|held| **held != until) {
            *held = until;
            if until > 0 {
                self.wakes.push(Reverse((until, place)));
            }
        }
        // Most are out of date by now, in a model that nobody asks for.
        if self.wakes.len() > 4 * self.wake_at.len() + 64 {
            let wakes = self.wake_at.iter().enumerate().filter(|(_, at)| **at > 0);
            self.wakes = wakes.map(|(place, at)| Reverse((*at, place))).collect();
        }
    }

    /// Who comes back first, and when, if the first one to change is one that rests.
    fn next_back(&mut self, slots: &[Slot], members: &[Ticket], now: u64) -> Option<(Class, u64)> {
        self.wake(slots, members, now);
        while let Some(Reverse((until, place))) = self.wakes.peek().copied() {
            if self.wake_at.get(place) == Some(&until) {
                return slots.get(*members.get(place)?)?.comes_back(&self.model, now);
            }
            self.wakes.pop();
        }
        None
    }

    /// Shares that changed by themselves since the last time.
    fn wake(&mut self, slots: &[Slot], members: &[Ticket], now: u64) {
        while let Some(Reverse((until, place))) = self.wakes.peek().copied()
            && until <= now
        {
            self.wakes.pop();
            // Another wake took its place meanwhile.
            if self.wake_at.get(place) != Some(&until) {
                continue;
            }
            if let Some(slot) = members.get(place).and_then(|t| slots.get(*t)) {
                self.set(place, slot.share(&self.model, now));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::pool::{
        class::Class,
        dice::Dice,
        fixtures::{pool_of, verdict},
        select::Choice,
    };

    /// A model that nobody asks for any more must not collect a wake for each request to another one.
    #[test]
    fn wakes_of_an_idle_model_stay_few() {
        let (mut pool, mut dice) = (pool_of(&[10]), Dice::seeded(1));
        let choice = |model| Choice { provider: "p", model, groups: &["active"], conversation: None };
        pool.pick(choice("idle"), &[], false, 0, &mut dice);
        // It learns a pace, and is asked at that pace for two hours.
        (0..60).for_each(|i| pool.started(0, "m", i * 1000));
        pool.failed(0, "m", &verdict(Class::RateLimited, Some(1000)), 60_000, &mut dice);
        let mut now = 62_000;
        for round in 0..6000_u64 {
            now += 1100;
            // Refused every quarter of an hour, so that the pace stays known.
            if round % 800 == 799 {
                pool.failed(0, "m", &verdict(Class::RateLimited, Some(1000)), now, &mut dice);
                now += 1600;
            }
            if pool.pick(choice("m"), &[], false, now, &mut dice).is_some() {
                pool.started(0, "m", now);
                pool.succeeded(0, "m", now, now + 10);
                pool.ended(0, now + 10);
            }
        }
        let wakes: Vec<usize> = pool.sites[0].lanes[0].views.iter().map(|v| v.wakes.len()).collect();
        assert!(wakes.iter().all(|n| *n < 100), "{wakes:?}");
    }
}

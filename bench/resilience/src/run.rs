//! Plays a scenario with a pool: a clock that jumps from event to event, and no real time.

use super::{
    answer::Answer,
    policy::{After, Next, Policy},
    scenario::Scenario,
    tally::Tally,
    world::World,
};
use keypool::pool::{dice::Dice, verdict};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Isolates that share the traffic, each request coming to any of them.
pub const ISOLATES: usize = 4;
/// Unix milliseconds of the beginning: 1 November 2026, a Sunday, 00:00 UTC.
pub const EPOCH: u64 = 1_793_491_200_000;

/// In the order of what happens first when two are due at once.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Background,
    Answered(usize),
    Ended(usize),
    Next(usize),
}

struct Request<W> {
    walk: W,
    came: u64,
    key: usize,
    answer: Option<(Answer, u64)>,
    waited: u64,
}

struct Run<'a, P: Policy> {
    policy: P,
    world: World,
    scenario: &'a Scenario,
    /// (when, which of those at that time, what)
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    scheduled: u64,
    requests: Vec<Option<Request<P::Walk>>>,
    free: Vec<usize>,
    tally: Tally,
}

/// Conversations under way.
struct Talks([u64; 32]);

impl Talks {
    /// Every second request goes on with one of them, the others begin one in another's place.
    fn next(&mut self, dice: &mut Dice) -> u64 {
        let place = usize::try_from(dice.below(32)).unwrap_or(0);
        if dice.below(2) == 0 {
            self.0[place] = dice.roll();
        }
        self.0[place]
    }
}

pub fn run<P: Policy>(scenario: &Scenario, policy: P) -> Tally {
    let mut dice = Dice::seeded(scenario.seed);
    let arrivals = scenario.load.arrivals(scenario.length, &mut dice);
    let mut run = Run {
        policy,
        world: World::new(scenario),
        scenario,
        events: BinaryHeap::new(),
        scheduled: 0,
        requests: Vec::new(),
        free: Vec::new(),
        tally: Tally::default(),
    };
    let mut talks = Talks([0; 32].map(|_| dice.roll()));
    run.schedule_background();
    for came in arrivals {
        run.play(came);
        let isolate = usize::try_from(dice.below(ISOLATES as u64)).unwrap_or(0);
        let conversation = talks.next(&mut dice);
        run.arrive(isolate, conversation, came);
    }
    // Those that are still under way get their answer.
    run.play(scenario.length + 600_000);
    run.tally.close();
    run.tally
}

impl<P: Policy> Run<'_, P> {
    fn play(&mut self, until: u64) {
        while self.events.peek().is_some_and(|Reverse((at, _, _))| *at <= until) {
            let Some(Reverse((now, _, event))) = self.events.pop() else { return };
            match event {
                Event::Background => {
                    self.tally.probes += self.policy.background(&mut self.world, now);
                    self.schedule_background();
                }
                Event::Next(id) => self.next(id, now),
                Event::Answered(id) => self.answered(id, now),
                Event::Ended(id) => self.ended(id, now),
            }
        }
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at, self.scheduled, event)));
    }

    fn schedule_background(&mut self) {
        if let Some(at) = self.policy.due() {
            self.schedule(at, Event::Background);
        }
    }

    fn is_down(&self, at: u64) -> bool {
        self.scenario.down.is_some_and(|(from, until)| (from..until).contains(&at))
    }

    fn arrive(&mut self, isolate: usize, conversation: u64, now: u64) {
        self.tally.requests += 1;
        self.tally.down_requests += u64::from(self.is_down(now));
        let walk = self.policy.begin(isolate, conversation, now);
        let request = Request { walk, came: now, key: 0, answer: None, waited: 0 };
        let id = self.free.pop().unwrap_or(self.requests.len());
        match self.requests.get_mut(id) {
            Some(place) => *place = Some(request),
            None => self.requests.push(Some(request)),
        }
        self.next(id, now);
    }

    fn next(&mut self, id: usize, now: u64) {
        let Some(request) = self.requests[id].as_mut() else { return };
        match self.policy.next(&mut request.walk, now) {
            Next::Try(key) => {
                let reply = self.world.call(key, now);
                (request.key, request.answer) = (key, Some((reply.answer, reply.body)));
                self.tally.calls += 1;
                self.tally.down_calls += u64::from(self.is_down(now));
                self.schedule(now + reply.after, Event::Answered(id));
            }
            Next::Wait(ms) => {
                self.tally.waits += u64::from(request.waited == 0);
                self.tally.waited_ms += ms;
                request.waited += ms;
                self.schedule(now + ms, Event::Next(id));
            }
            Next::GiveUp(code) => self.fails(id, code),
        }
    }

    fn answered(&mut self, id: usize, now: u64) {
        let Some(request) = self.requests[id].as_mut() else { return };
        let Some((answer, body)) = request.answer.take() else { return };
        if answer.is_success() {
            self.policy.succeeded(&mut request.walk, request.key, &answer, now);
            self.tally.latencies.push(now - request.came);
            if self.scenario.down.is_some_and(|(_, back)| now >= back) {
                self.tally.back_at.get_or_insert(now);
            }
            self.schedule(now + body, Event::Ended(id));
            return;
        }
        let class = verdict::judge(&answer.outcome(), EPOCH + now).map_or("none", |v| v.class.name());
        *self.tally.wasted.entry(class).or_default() += 1;
        match self.policy.failed(&mut request.walk, request.key, &answer, now) {
            After::Again(0) => self.next(id, now),
            After::Again(pause) => self.schedule(now + pause, Event::Next(id)),
            After::Show => self.fails(id, format!("upstream's {class}")),
        }
    }

    fn fails(&mut self, id: usize, code: String) {
        if let Some(request) = self.requests[id].take() {
            self.tally.failed_at.push(request.came);
            *self.tally.errors.entry(code).or_default() += 1;
            self.free.push(id);
        }
    }

    fn ended(&mut self, id: usize, now: u64) {
        if let Some(request) = self.requests[id].take() {
            self.policy.ended(&request.walk, request.key, now);
            self.free.push(id);
        }
    }
}

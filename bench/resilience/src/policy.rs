//! What all pools can be asked: keypool's own and those it is compared with.

use super::{answer::Answer, world::World};

/// What a request does next; a key is its place in the scenario's list.
pub enum Next {
    Try(usize),
    /// Ask again after so many milliseconds.
    Wait(u64),
    /// The client gets an error of the pool's own.
    GiveUp(String),
}

/// What follows from a failed attempt.
pub enum After {
    /// Ask what is next, after so many milliseconds.
    Again(u64),
    /// The client gets the upstream's answer.
    Show,
}

/// Times are in milliseconds after the start.
pub trait Policy {
    /// What is remembered of one request.
    type Walk;

    /// A request comes to one of the isolates. Those of one conversation have its number in common.
    fn begin(&mut self, isolate: usize, conversation: u64, now: u64) -> Self::Walk;
    fn next(&mut self, walk: &mut Self::Walk, now: u64) -> Next;
    fn failed(&mut self, walk: &mut Self::Walk, key: usize, answer: &Answer, now: u64) -> After;
    /// The head of a good answer is there.
    fn succeeded(&mut self, walk: &mut Self::Walk, key: usize, answer: &Answer, now: u64);
    /// The last byte of a good answer went out.
    fn ended(&mut self, _walk: &Self::Walk, _key: usize, _now: u64) {}
    /// When it next has something to do by itself.
    fn due(&self) -> Option<u64> {
        None
    }
    /// Does it; answers how many probes went upstream.
    fn background(&mut self, _world: &mut World, _now: u64) -> u64 {
        0
    }
}

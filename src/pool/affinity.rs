//! One conversation stays with one key, so that the provider's prompt cache helps: weighted rendezvous hashing (Thaler
//! and Ravishankar 1998; the weights as in Schindelhauer and Schomaker 2005). No map is stored, and when a key goes,
//! only its own conversations move. See docs/adr/0011.

use super::{hash::mix, slot::Slot};

/// The race is run twice: between buckets of keys, then within one.
const BUCKETS: u64 = 128;
/// Rivals in the races between buckets of one choice, before chance decides.
const RIVALS: usize = 512;

/// The keys of a lane by the hash of their ids.
pub struct Buckets {
    /// None is empty.
    all: Vec<Bucket>,
}

struct Bucket {
    id: u64,
    /// Of all keys in it that people left on, whatever their health: a bucket's share shall not change with that.
    weight: u32,
    /// With the hashes of the keys' ids: to look them up in 10,000 slots would cost more than the race.
    places: Vec<(usize, u64)>,
}

impl Buckets {
    /// `keys`: place, hash of the id, weight.
    pub fn of(keys: impl Iterator<Item = (usize, u64, u32)>) -> Self {
        let mut all: Vec<Bucket> = Vec::new();
        for (place, key, weight) in keys {
            let id = mix(key % BUCKETS);
            let at = all.iter().position(|b| b.id == id).unwrap_or_else(|| {
                all.push(Bucket { id, weight: 0, places: Vec::new() });
                all.len() - 1
            });
            if let Some(bucket) = all.get_mut(at) {
                bucket.weight += weight;
                bucket.places.push((place, key));
            }
        }
        Self { all }
    }

    /// The place that wins the conversation. `now` gives the weight of a place; 0 = not now.
    pub fn winner(&self, conversation: u64, now: impl Fn(usize) -> u32) -> Option<usize> {
        // A bucket of one key is that key: what lowers its share lowers the bucket's.
        let weight = |bucket: &Bucket| match bucket.places[..] {
            [(place, _)] => now(place),
            _ => bucket.weight,
        };
        let mut lost: Vec<usize> = Vec::new();
        while lost.len() * self.all.len() <= RIVALS {
            let rivals = self.all.iter().enumerate().filter(|(at, _)| !lost.contains(at));
            let at = first(conversation, &mut rivals.map(|(at, b)| (at, b.id, weight(b))))?;
            let mut places = self.all.get(at)?.places.iter().map(|(place, key)| (*place, *key, now(*place)));
            if let Some(place) = first(conversation, &mut places) {
                return Some(place);
            }
            lost.push(at);
        }
        None
    }
}

/// Who of (name, hash, weight) comes first when each takes an exponential time of mean 1 / weight, drawn by hashing.
fn first(conversation: u64, rivals: &mut dyn Iterator<Item = (usize, u64, u32)>) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for (name, id, weight) in rivals {
        let share = share(mix(conversation ^ id));
        // -ln x is never less than 1 - x: most are seen to come later without their logarithm.
        let late = |(shortest, _)| 1.0 - share >= shortest * f64::from(weight);
        if weight == 0 || best.is_some_and(late) {
            continue;
        }
        let time = -share.ln() / f64::from(weight);
        if best.is_none_or(|(shortest, _)| time < shortest) {
            best = Some((time, name));
        }
    }
    best.map(|(_, name)| name)
}

/// An exponential time of mean 1 / weight, for a roll of 64 bits; infinite for the weight 0.
pub fn time(roll: u64, weight: u32) -> f64 {
    -share(roll).ln() / f64::from(weight)
}

/// Between 0 and 1, for a roll of 64 bits.
fn share(roll: u64) -> f64 {
    let roll = u32::try_from(roll >> 32).unwrap_or(0);
    (f64::from(roll) + 0.5) / 4_294_967_296.0
}

/// Whether the key is so much busier than its share of all that is in flight that a conversation is better off
/// elsewhere (bounded loads: Mirrokni, Thorup and Zadimoghaddam 2018).
pub fn is_swamped(slot: &Slot, in_flight: u32, weight: u32, total: u64) -> bool {
    const FEW: u32 = 8;
    slot.in_flight >= FEW && u64::from(slot.in_flight) * total > 2 * u64::from(in_flight) * u64::from(weight)
}

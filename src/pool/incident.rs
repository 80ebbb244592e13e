//! Row 1's guard: when a provider's front door refuses everybody, no key is at fault.

use super::{
    Pool, Ticket,
    class::Class,
    health::{clear_disabled, rest},
    verdict::{Verdict, blames_address},
};
use crate::record::Record;

const WINDOW_MS: u64 = 60_000;
const KEYS: usize = 3;

/// A key that was just found dead.
pub(super) struct Suspect {
    ticket: Ticket,
    print: u64,
    at: u64,
}

impl Pool {
    /// A key was refused as dead. When this is rather an incident of its provider - three keys within a minute with
    /// the same body while none succeeds, or our address is what it refuses - the keys only rest, and those that were
    /// disabled for it come back. Answers what must be stored then; `None` = the key is dead.
    pub(super) fn incident(&mut self, ticket: Ticket, verdict: &Verdict, now: u64) -> Option<Vec<Record>> {
        let lane = self.lanes.get_mut(self.slots.get(ticket)?.lane)?;
        lane.suspects.retain(|s| s.at + WINDOW_MS > now && s.ticket != ticket);
        lane.suspects.push(Suspect { ticket, print: verdict.print, at: now });
        let alike: Vec<Ticket> = lane.suspects.iter().filter(|s| s.print == verdict.print).map(|s| s.ticket).collect();
        let all_refused = alike.len() >= KEYS && lane.last_ok.is_none_or(|at| at + WINDOW_MS <= now);
        let blamed = if all_refused { alike } else { vec![ticket] };
        if !all_refused && !blames_address(verdict) {
            return None;
        }
        let mut records = Vec::new();
        for ticket in blamed {
            let Some(slot) = self.slots.get_mut(ticket) else { continue };
            records.extend(clear_disabled(slot, Class::KeyDead, now));
            // In memory only: the next success of any key ends the incident.
            rest(slot, None, verdict, WINDOW_MS, false, now);
            self.reweigh(ticket, now);
        }
        Some(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::{
        dice::Dice,
        fixtures::{pool_of, verdict},
    };

    fn refused(pool: &mut Pool, tickets: impl IntoIterator<Item = Ticket>, print: impl Fn(Ticket) -> u64) {
        for ticket in tickets {
            let verdict = Verdict { print: print(ticket), ..verdict(Class::KeyDead, None) };
            pool.failed(ticket, "m", &verdict, 1000, &mut Dice::seeded(1));
        }
    }

    fn disabled(pool: &Pool) -> usize {
        pool.keys().filter(|(_, slot)| slot.is_disabled()).count()
    }

    #[test]
    fn three_keys_refused_with_one_body_are_an_incident() {
        let mut pool = pool_of(&[1; 5]);
        refused(&mut pool, 0..2, |_| 7);
        assert_eq!(disabled(&pool), 2);
        refused(&mut pool, 2..4, |_| 7);
        assert_eq!(disabled(&pool), 0);
    }

    #[test]
    fn different_bodies_or_a_key_that_works_speak_against_it() {
        let mut pool = pool_of(&[1; 5]);
        refused(&mut pool, 0..4, |ticket| u64::try_from(ticket).unwrap());
        assert_eq!(disabled(&pool), 4);
        let mut pool = pool_of(&[1; 5]);
        pool.succeeded(4, "m", 900);
        refused(&mut pool, 0..4, |_| 7);
        assert_eq!(disabled(&pool), 4);
    }

    #[test]
    fn a_refused_address_disables_no_key() {
        let mut pool = pool_of(&[1]);
        let verdict = Verdict { message: "IP not authorized".into(), ..verdict(Class::KeyDead, None) };
        pool.failed(0, "m", &verdict, 0, &mut Dice::seeded(1));
        assert_eq!(disabled(&pool), 0);
    }
}

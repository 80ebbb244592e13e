//! Which keys a call is about: those of some ids, or those that a filter finds.

use super::Filter;
use crate::{
    admin::fields::Fields,
    app::with_cache,
    error::{Error, Result},
    pool::Ticket,
    record::key::Key,
};
use std::collections::HashSet;

pub struct Choice {
    ids: Option<Vec<String>>,
    filter: Option<Filter>,
}

pub type Chosen = Vec<(Ticket, String, Key)>;

impl Choice {
    /// Takes its fields; the caller sees to the rest.
    pub fn read(fields: &mut Fields) -> Result<Self> {
        let filter = match fields.object("filter") {
            Some(mut asked) => {
                let filter = Filter::read(&mut asked)?;
                asked.end()?;
                Some(filter)
            }
            None => None,
        };
        Ok(Self { ids: fields.texts("ids"), filter })
    }

    /// The keys, and the ids that are not there.
    pub fn keys(&self, now: u64) -> Result<(Chosen, Vec<String>)> {
        match (&self.ids, &self.filter) {
            (Some(ids), None) => Ok(by_ids(ids)),
            (None, Some(filter)) => with_cache(|c| {
                let found = filter.tickets(&c.pool, now)?.into_iter();
                let found = found.filter_map(|t| c.pool.slot(t).map(|s| (t, s.id.to_string(), s.key.clone())));
                Ok((found.collect(), Vec::new()))
            }),
            _ => Err(Error::invalid("Choose the keys by `ids` or by `filter`, not both.", Some("ids"))),
        }
    }
}

fn by_ids(ids: &[String]) -> (Chosen, Vec<String>) {
    let mut once = HashSet::new();
    with_cache(|c| {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for id in ids.iter().filter(|id| once.insert((*id).clone())) {
            match c.pool.find(id) {
                Some((ticket, slot)) => found.push((ticket, id.clone(), slot.key.clone())),
                None => missing.push(id.clone()),
            }
        }
        (found, missing)
    })
}

//! Which keys, and in which order: the list's query, and the same words for bulk changes.

use super::view::reason_class;
use crate::{
    admin::fields::Fields,
    error::{Error, Result},
    find,
    pool::{Pool, Ticket, balance, redact, slot::Slot},
    sort::sort,
};

pub struct Filter {
    state: Option<String>,
    provider: Option<String>,
    group: Option<String>,
    reason: Option<String>,
    /// A part of the label, the id or the masked key.
    q: Option<String>,
    /// Known balances of at most that.
    balance_max: Option<f64>,
}

pub struct Order {
    by: By,
    descending: bool,
}

#[derive(Clone, Copy)]
enum By {
    Created,
    Label,
    Provider,
    Weight,
    State,
}

impl Filter {
    /// Takes its fields; the caller sees to the rest.
    pub fn read(fields: &mut Fields) -> Result<Self> {
        Ok(Self {
            state: fields.text("state"),
            provider: fields.text("provider"),
            group: fields.text("group"),
            reason: fields.text("reason"),
            q: fields.text("q"),
            balance_max: balance_max(fields)?,
        })
    }

    /// # Errors
    /// When `state` is none of ours: a filter with a typo must not mean "all keys".
    pub fn tickets(&self, pool: &Pool, now: u64) -> Result<Vec<Ticket>> {
        if let Some(state) = self.given(&self.state)
            && !["active", "cooling", "disabled"].contains(&state)
        {
            return Err(Error::invalid("state is active, cooling or disabled.", Some("state")));
        }
        let query = self.given(&self.q).map(str::to_ascii_lowercase);
        let fits = |slot: &Slot| {
            self.given(&self.state).is_none_or(|s| slot.state(now).name() == s)
                && self.given(&self.provider).is_none_or(|p| slot.key.provider == p)
                && self.given(&self.group).is_none_or(|g| slot.key.group == g)
                && self.given(&self.reason).is_none_or(|r| reason_class(slot, now).as_deref() == Some(r))
                && query.as_deref().is_none_or(|q| mentions(slot, q))
                && self.balance_max.is_none_or(|most| pool.balance(slot).is_some_and(|amount| amount <= most))
        };
        Ok(pool.keys().filter(|(_, slot)| fits(slot)).map(|(ticket, _)| ticket).collect())
    }

    /// An empty field of a form filters nothing.
    fn given<'a>(&self, field: &'a Option<String>) -> Option<&'a str> {
        field.as_deref().filter(|text| !text.is_empty())
    }
}

/// A number, or as a query has it a text that is one.
fn balance_max(fields: &mut Fields) -> Result<Option<f64>> {
    let Some(value) = fields.any("balance_max").filter(|value| !value.is_null() && value != "") else {
        return Ok(None);
    };
    let most = balance::amount(&value).map(Some);
    most.ok_or_else(|| Error::invalid("balance_max is a number.", Some("balance_max")))
}

fn mentions(slot: &Slot, query: &str) -> bool {
    find::has(&slot.key.label.to_ascii_lowercase(), query)
        || find::has(&slot.id, query)
        || find::has(&redact::mask(&slot.key.secret).to_ascii_lowercase(), query)
}

impl Order {
    /// `created`, or `-created` for the other way round.
    ///
    /// # Errors
    /// When it cannot be sorted by that.
    pub fn parse(text: &str) -> Result<Self> {
        let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        let by = match name {
            "created" => By::Created,
            "label" => By::Label,
            "provider" => By::Provider,
            "weight" => By::Weight,
            "state" => By::State,
            _ => {
                let message = "sort is created, label, provider, weight or state, with a - in front for descending.";
                return Err(Error::invalid(message, Some("sort")));
            }
        };
        Ok(Self { by, descending })
    }

    /// Keys that are equal in it stand as they came in.
    pub fn sort(&self, tickets: &mut [Ticket], pool: &Pool, now: u64) {
        sort(tickets, &|a, b| {
            let (Some(x), Some(y)) = (pool.slot(a), pool.slot(b)) else { return a.cmp(&b) };
            let order = match self.by {
                By::Created => x.key.created.cmp(&y.key.created),
                By::Label => x.key.label.cmp(&y.key.label),
                By::Provider => x.key.provider.cmp(&y.key.provider),
                By::Weight => x.key.weight.cmp(&y.key.weight),
                By::State => x.state(now).name().cmp(y.state(now).name()),
            };
            (if self.descending { order.reverse() } else { order }).then(x.id.cmp(&y.id))
        });
    }
}

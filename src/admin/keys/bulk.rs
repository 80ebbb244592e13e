//! One change for many keys, chosen by their ids or by a filter.

use super::{Change, choice::Choice, gone, wake};
use crate::{
    admin::{
        Asked,
        audit::{Deed, When},
        fields::Fields,
        input,
        outcome::{Outcome, Say, store},
    },
    error::{Error, Result},
    record::{Kind, Record, write::object},
};

struct Bulk {
    choice: Choice,
    action: Action,
    weight: Option<u64>,
    group: Option<String>,
    /// As a person wants it; unlike `enable` it wakes nothing.
    enabled: Option<bool>,
}

#[derive(Clone, Copy, PartialEq)]
enum Action {
    Enable,
    Disable,
    Delete,
    Reset,
    Set,
}

impl Action {
    const ALL: [Self; 5] = [Self::Enable, Self::Disable, Self::Delete, Self::Reset, Self::Set];

    const fn name(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Reset => "reset",
            Self::Set => "set",
        }
    }
}

pub fn bulk(asked: &Asked) -> Result<Outcome> {
    let bulk = Bulk::read(input::body(asked)?)?;
    let mut fields = vec![bulk.action.name().to_string()];
    for (name, set) in [("weight", bulk.weight.is_some()), ("group", bulk.group.is_some())] {
        fields.extend(set.then(|| name.to_string()));
    }
    let change = bulk.change()?;
    let (found, missing) = bulk.choice.keys(asked.now)?;
    let mut records = Vec::new();
    for (ticket, id, mut key) in found.iter().cloned() {
        match bulk.action {
            Action::Delete => records.extend(gone(ticket, &id, asked.now)),
            Action::Reset => records.extend(wake(ticket, asked.now)),
            Action::Enable | Action::Disable | Action::Set => {
                change.apply(&mut key)?;
                records.push(Record::new(Kind::Key, &*id, &key, asked.now)?);
            }
        }
        if bulk.action == Action::Enable {
            records.extend(wake(ticket, asked.now));
        }
    }
    let done: Vec<&String> = found.iter().map(|(_, id, _)| id).collect();
    let outcome = store(records, Say::Json(200, object! {"done": done, "missing": missing}))?;
    let deed = Deed::keys("bulk", When::Changed, &mut found.iter().map(|(_, id, key)| (id.as_str(), key)));
    Ok(outcome.told(Deed { fields, ..deed }))
}

impl Bulk {
    fn read(mut fields: Fields) -> Result<Self> {
        let action = fields.text("action").and_then(|name| Action::ALL.into_iter().find(|known| known.name() == name));
        let Some(action) = action else {
            return Err(Error::invalid("action is enable, disable, delete, reset or set.", Some("action")));
        };
        let choice = Choice::read(&mut fields)?;
        let (weight, group, enabled) = (fields.number("weight"), fields.text("group"), fields.flag("enabled"));
        fields.end()?;
        Ok(Self { choice, action, weight, group, enabled })
    }

    /// What the action means for one key.
    fn change(&self) -> Result<Change> {
        let mut change = Change::default();
        match self.action {
            Action::Enable => change.enabled = Some(true),
            Action::Disable => change.enabled = Some(false),
            Action::Delete | Action::Reset => {}
            Action::Set if self.weight.is_none() && self.group.is_none() && self.enabled.is_none() => {
                return Err(Error::invalid("`set` takes a weight, a group or enabled.", Some("weight")));
            }
            Action::Set => {
                (change.weight, change.group, change.enabled) = (self.weight, self.group.clone(), self.enabled);
            }
        }
        // Checked once here, so that no key is changed when the values are wrong.
        change.weight.map(input::weight).transpose()?;
        change.group.as_deref().map(input::group).transpose()?;
        Ok(change)
    }
}

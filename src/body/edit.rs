//! What a body's root shall be: another model, the wish for the usage, and what the rules say, all in one list of
//! fields, out of which come the patches. Whatever nobody touches keeps its bytes.
use super::{Patch, Scanner, ask, rules::Ready, spots::Spot};
use crate::{
    json,
    record::{
        rule::Action,
        write::{self, Json},
    },
};
use serde_json::Value;
use std::{ops::Range, rc::Rc};

/// Nobody has more to say in `stream_options`, and no rule has a longer value.
const SHORT: usize = 4 * 1024;
/// The longest key that a rule may name, with every letter escaped.
const KEY: usize = 200 * 6 + 2;

pub struct Wish<'a> {
    /// The new name of the model, if it must change.
    pub model: Option<&'a str>,
    /// A stream is to be asked for its usage.
    pub asks: bool,
    pub rules: &'a [Rc<Ready>],
}

#[derive(Debug, Default)]
pub struct Edit {
    /// In their order; they do not overlap.
    pub patches: Vec<Patch>,
    /// The usage is asked for, and the client did not.
    pub asked: bool,
    /// The ids of the rules that changed something.
    pub applied: Vec<String>,
    /// There are rules, but this is no body that they can change.
    pub is_blind: bool,
}

/// The rules are applied one after the other, on what the walk itself makes of the body. `read` gives bytes of the body.
pub fn edit(scanner: &Scanner, wish: &Wish, read: &dyn Fn(Range<usize>) -> Vec<u8>) -> Edit {
    let seen = scanner.seen();
    let model = seen.model.as_ref().zip(wish.model);
    let asks = wish.asks && seen.stream == Some(true);
    let ruled = wish.rules.iter().any(|ready| !ready.rule.action.is_of_header());
    if model.is_none() && !asks && !ruled {
        return Edit::default();
    }
    let Some(spots) = scanner.fields() else {
        let patches = model.map(|(found, name)| scanner.splice(found.range.clone(), name)).into_iter().collect();
        return Edit { patches, is_blind: ruled, ..Edit::default() };
    };
    let mut draft = Draft { spots, slots: Vec::new(), read };
    draft.slots.extend(spots.iter().map(|_| Slot::default()));
    if let Some((found, name)) = model {
        // What was found is the text between the quotes.
        draft.put(found.range.start.saturating_sub(1), write::text(&name.json()));
    }
    let asked = if asks { draft.ask(seen.stream_options.clone()) } else { None };
    let mut applied = Vec::new();
    if ruled {
        draft.read_names();
        for ready in wish.rules {
            if draft.apply(&ready.rule.name, &ready.rule.action) {
                applied.push(ready.id.clone());
            }
        }
    }
    Edit {
        asked: asked.is_some_and(|value| draft.holds(&value)),
        patches: draft.patches(seen.root.unwrap_or_default()),
        applied,
        is_blind: false,
    }
}

/// A field as it shall be.
#[derive(Default)]
struct Slot {
    /// As it shall be called; `None` while nobody asked, or when no rule can mean it.
    name: Option<String>,
    is_renamed: bool,
    /// JSON; `None` = as the client has it.
    value: Option<String>,
    is_gone: bool,
}

struct Draft<'a> {
    spots: &'a [Spot],
    /// First those of the spots, then the new ones.
    slots: Vec<Slot>,
    read: &'a dyn Fn(Range<usize>) -> Vec<u8>,
}

impl Draft<'_> {
    /// `None` when it is longer than `most`, or no UTF-8.
    fn text(&self, at: &Range<usize>, most: usize) -> Option<String> {
        String::from_utf8(if at.len() <= most { (self.read)(at.clone()) } else { return None }).ok()
    }

    /// `value` in the place of the one that begins there.
    fn put(&mut self, begins: usize, value: String) {
        let at = self.spots.iter().position(|spot| spot.value.start == begins);
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            slot.value = Some(value);
        }
    }

    /// The value that asks for the usage.
    fn ask(&mut self, said: Option<Range<usize>>) -> Option<String> {
        let value = match &said {
            None => ask::usage(None)?,
            Some(at) => ask::usage(Some(&self.text(at, SHORT)?))?,
        };
        match said {
            None => self.add(ask::OPTIONS, value.clone()),
            Some(at) => self.put(at.start, value.clone()),
        }
        Some(value)
    }

    fn add(&mut self, name: &str, value: String) {
        self.slots.push(Slot { name: Some(name.into()), value: Some(value), ..Slot::default() });
    }

    fn read_names(&mut self) {
        for (at, spot) in self.spots.iter().enumerate() {
            let name = self.text(&spot.key, KEY).and_then(|quoted| match json::read(&quoted) {
                Ok(Value::String(name)) => Some(name),
                _ => None,
            });
            if let Some(slot) = self.slots.get_mut(at) {
                slot.name = name;
            }
        }
    }

    /// The last one of that name, which is the one that holds.
    fn last(&self, name: &str) -> Option<usize> {
        self.slots.iter().rposition(|slot| !slot.is_gone && slot.name.as_deref() == Some(name))
    }

    /// Whether there was one but at `kept`.
    fn drop(&mut self, name: &str, kept: Option<usize>) -> bool {
        let mut dropped = false;
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if Some(at) != kept && !slot.is_gone && slot.name.as_deref() == Some(name) {
                (slot.is_gone, dropped) = (true, true);
            }
        }
        dropped
    }

    /// Whether it changed anything.
    fn apply(&mut self, name: &str, action: &Action) -> bool {
        match action {
            Action::Drop => self.drop(name, None),
            Action::Rename(to) => self.rename(name, to),
            Action::Force(value) => self.force(name, value),
            Action::Default(value) => {
                let absent = self.last(name).is_none();
                if absent {
                    self.add(name, write::text(value));
                }
                absent
            }
            Action::SetHeader(_) | Action::DropHeader => false,
        }
    }

    /// What the client gives under the new name stays.
    fn rename(&mut self, name: &str, to: &str) -> bool {
        let kept = self.last(name).filter(|_| self.last(to).is_none());
        let dropped = self.drop(name, kept);
        let Some(slot) = kept.and_then(|at| self.slots.get_mut(at)) else { return dropped };
        slot.name = Some(to.into());
        slot.is_renamed = true;
        true
    }

    fn force(&mut self, name: &str, value: &Value) -> bool {
        let Some(at) = self.last(name) else {
            self.add(name, write::text(value));
            return true;
        };
        let dropped = self.drop(name, Some(at));
        if self.value(at).and_then(|text| json::read(&text).ok()).as_ref() == Some(value) {
            return dropped;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            slot.value = Some(write::text(value));
        }
        true
    }

    /// `None` when it is long.
    fn value(&self, at: usize) -> Option<String> {
        let own = self.slots.get(at)?.value.clone();
        own.or_else(|| self.text(&self.spots.get(at)?.value, SHORT))
    }

    /// Whether `value` is still what asks for the usage.
    fn holds(&self, value: &str) -> bool {
        let is_it = |slot: &Slot| !slot.is_gone && slot.value.as_deref() == Some(value);
        self.slots.iter().any(|slot| is_it(slot) && slot.name.as_deref().is_none_or(|name| name == ask::OPTIONS))
    }

    /// `root` is the offset of the body's `{`.
    fn patches(&self, root: usize) -> Vec<Patch> {
        let last_kept = self.slots.iter().take(self.spots.len()).rposition(|slot| !slot.is_gone);
        let mut patches = Vec::new();
        let mut add = |at: Range<usize>, with: String| patches.push(Patch { at, with: with.into_bytes() });
        let fresh = self.fresh(last_kept.is_some());
        if !fresh.is_empty() {
            add(root + 1..root + 1, fresh);
        }
        let next = self.spots.iter().skip(1).map(|spot| spot.key.start);
        for (((at, spot), slot), next) in self.spots.iter().enumerate().zip(&self.slots).zip(next.chain([0])) {
            match &slot.name {
                // With its comma and the blanks behind it.
                _ if slot.is_gone && Some(at) < last_kept => add(spot.key.start..next, String::new()),
                _ if slot.is_gone => {}
                Some(name) if slot.is_renamed => add(spot.key.clone(), write::text(&name.json())),
                Some(_) | None => {}
            }
            if let Some(value) = slot.value.as_ref().filter(|_| !slot.is_gone) {
                add(spot.value.clone(), value.clone());
            }
        }
        // Those behind the last one that stays go with the comma before them.
        let from = match last_kept {
            Some(at) => self.spots.get(at).map(|spot| spot.value.end),
            None => self.spots.first().map(|spot| spot.key.start),
        };
        if let (Some(from), Some(last)) = (from, self.spots.last())
            && from < last.value.end
        {
            add(from..last.value.end, String::new());
        }
        patches
    }

    /// The new fields, before whatever stays of the client's.
    fn fresh(&self, any_stays: bool) -> String {
        let mut text = String::new();
        for slot in self.slots.iter().skip(self.spots.len()).filter(|slot| !slot.is_gone) {
            if let (Some(name), Some(value)) = (&slot.name, &slot.value) {
                if !text.is_empty() {
                    text.push(',');
                }
                json::quote(name, &mut text);
                text.push(':');
                text.push_str(value);
            }
        }
        if any_stays && !text.is_empty() {
            text.push(',');
        }
        text
    }
}

//! The rules in force, ready to be asked which of them are for a call: people's own, and the shipped ones.
use crate::record::{
    Record, glob,
    read::Reader,
    rule::{Action, Rule},
};
use std::{cell::OnceCell, rc::Rc};

/// How many rules a user may have: a call looks through them all.
pub const MOST: usize = 200;

/// What providers are known to refuse. For each preset and source, after a #: both of them, a line for people, and rows of
/// the models' globs, an action, and the parameters that it is for (`old>new` to rename). A rule's id is made of the
/// preset, the glob and the parameter; ids are stored, so they stay.
const LIST: &str = include_str!("rules.txt");

#[derive(Debug, Clone)]
pub struct Ready {
    pub id: String,
    /// Of a shipped rule: where the provider, or those who met it, say so.
    pub source: Option<&'static str>,
    pub rule: Rule,
}

#[derive(Debug, Default, Clone)]
pub struct Rules {
    /// The oldest first.
    own: Vec<Rc<Ready>>,
    shipped: OnceCell<Vec<Rc<Ready>>>,
    /// The shipped ones that were switched off.
    off: Vec<String>,
}

impl Rules {
    /// Takes over what is stored.
    pub fn take(&mut self, record: &Record) {
        if self.shipped().iter().any(|ready| ready.id == record.id) {
            self.off.retain(|id| *id != record.id);
            if record.body.as_ref().and_then(|body| Reader(body).flag("enabled")) == Some(false) {
                self.off.push(record.id.clone());
            }
            return;
        }
        self.remove(&record.id);
        if let Some(rule) = record.read() {
            self.put(Ready { id: record.id.clone(), source: None, rule });
        }
    }

    /// One of people's own.
    pub fn remove(&mut self, id: &str) {
        self.own.retain(|ready| ready.id != id);
    }

    /// A new one of people's own.
    pub fn put(&mut self, ready: Ready) {
        let age = |ready: &Ready| (ready.rule.created, ready.id.clone());
        let place = self.own.partition_point(|known| age(known) <= age(&ready));
        self.own.insert(place, Rc::new(ready));
    }

    pub fn own(&self) -> &[Rc<Ready>] {
        &self.own
    }

    pub fn shipped(&self) -> &[Rc<Ready>] {
        self.shipped.get_or_init(|| list().into_iter().map(Rc::new).collect())
    }

    pub fn is_on(&self, ready: &Ready) -> bool {
        ready.rule.enabled && !(ready.source.is_some() && self.off.contains(&ready.id))
    }

    pub fn find(&self, id: &str) -> Option<&Rc<Ready>> {
        self.own.iter().chain(self.shipped()).find(|ready| ready.id == id)
    }

    /// Those for a model of a provider, in the order in which they are applied. A shipped one is for providers that were
    /// made from its preset.
    pub fn matching(&self, provider: &str, preset: Option<&str>, model: &str) -> Vec<Rc<Ready>> {
        let is_own = |ready: &Ready| glob::matches(&ready.rule.provider, provider);
        let is_shipped = |ready: &Ready| preset == Some(&ready.rule.provider);
        let fits = |ready: &Ready| glob::matches(&ready.rule.model, model) && self.is_on(ready);
        let own = self.own.iter().filter(|ready| is_own(ready) && fits(ready));
        let shipped = self.shipped().iter().filter(|ready| is_shipped(ready) && fits(ready));
        own.chain(shipped).cloned().collect()
    }
}

fn list() -> Vec<Ready> {
    let mut list = Vec::new();
    for section in LIST.split('#') {
        let mut lines = section.lines();
        let head = lines.next().and_then(|head| head.split_once(' '));
        let (Some((preset, source)), Some(about)) = (head, lines.next()) else { continue };
        for row in lines {
            of_row(row, &mut |model, action, name| {
                let which = model.trim_end_matches('*');
                let id = [preset, which, name].into_iter().filter(|word| !word.is_empty());
                let id = id.collect::<Vec<_>>().join("-");
                let [provider, model, name, about] = [preset, model, name, about].map(String::from);
                let rule = Rule { enabled: true, provider, model, action, name, about, created: 0 };
                list.push(Ready { id, source: Some(source), rule });
            });
        }
    }
    list
}

/// Each glob, action and parameter of a row.
fn of_row(row: &'static str, each: &mut dyn FnMut(&'static str, Action, &'static str)) {
    let mut words = row.split(' ');
    let (Some(globs), Some(action)) = (words.next(), words.next()) else { return };
    for word in words {
        let (name, to) = word.split_once('>').unwrap_or((word, ""));
        for glob in globs.split(',') {
            if let Some(action) = Action::of(action, None, Some(to.into())) {
                each(glob, action, name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, provider, write::object};

    fn own(id: &str, provider: &str, model: &str, created: u64) -> Record {
        let rule = Rule {
            enabled: true,
            provider: provider.into(),
            model: model.into(),
            action: Action::Drop,
            name: "x".into(),
            about: String::new(),
            created,
        };
        Record::new(Kind::Rule, id, &rule, created).unwrap()
    }

    fn ids(rules: &[Rc<Ready>]) -> Vec<&str> {
        rules.iter().map(|ready| ready.id.as_str()).collect()
    }

    #[test]
    fn the_shipped_ones_are_of_presets_and_each_has_an_id_a_source_and_a_reason() {
        let list = list();
        assert!((20..80).contains(&list.len()), "{}", list.len());
        for (at, Ready { id, source, rule }) in list.iter().enumerate() {
            assert!(provider::preset(&rule.provider).is_some(), "{id}");
            assert!(source.is_some_and(|url| url.starts_with("https://")), "{id}");
            assert!(rule.about.len() > 10 && !rule.name.is_empty() && !rule.model.is_empty(), "{id}");
            assert!(rule.action.to().is_none_or(|to| !to.is_empty() && to != rule.name), "{id}");
            assert!(!["model", "stream"].contains(&rule.name.as_str()), "{id}");
            assert!(list[..at].iter().all(|known| known.id != *id), "{id} stands twice");
            assert!(id.len() > 12 || id.contains('-'), "{id} could be one of a user's own");
        }
    }

    #[test]
    fn a_shipped_rule_is_for_its_preset_and_may_be_switched_off() {
        let mut rules = Rules::default();
        let of = |rules: &Rules, preset, model: &str| ids(&rules.matching("mine", preset, model)).join(" ");
        assert_eq!(of(&rules, Some("openai"), "gpt-5-mini"), "openai-gpt-5-max_tokens");
        assert_eq!(of(&rules, Some("openai"), "gpt-4o"), "");
        assert_eq!(of(&rules, None, "gpt-5-mini"), "");
        rules.take(&Record::new(Kind::Rule, "openai-gpt-5-max_tokens", &object! {"enabled": false}, 1).unwrap());
        assert_eq!(of(&rules, Some("openai"), "gpt-5-mini"), "");
        rules.take(&Record::deleted(Kind::Rule, "openai-gpt-5-max_tokens", 2));
        assert_eq!(of(&rules, Some("openai"), "GPT-5-mini"), "openai-gpt-5-max_tokens");
    }

    #[test]
    fn ones_own_come_first_the_oldest_before_the_others() {
        let mut rules = Rules::default();
        for record in
            [own("b", "mi*", "*", 2), own("c", "*", "o*", 1), own("a", "*", "gpt-*", 2), own("d", "x", "*", 0)]
        {
            rules.take(&record);
        }
        let matching = |rules: &Rules| ids(&rules.matching("mine", Some("openai"), "gpt-5")).join(" ");
        assert_eq!(matching(&rules), "a b openai-gpt-5-max_tokens");
        rules.take(&own("c", "*", "gpt-5", 1));
        assert_eq!(matching(&rules), "c a b openai-gpt-5-max_tokens");
        rules.take(&Record::deleted(Kind::Rule, "a", 9));
        assert_eq!(matching(&rules), "c b openai-gpt-5-max_tokens");
        assert!(rules.find("b").is_some() && rules.find("a").is_none());
    }
}

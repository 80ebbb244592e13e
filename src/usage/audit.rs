//! The audit log: one entry for each thing that was done through the admin API. Entries are added and cleared away when
//! they are old; nothing changes one.

use super::requests::batch_id;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    /// A JSON object; see admin/audit.rs.
    pub text: String,
    /// KV forgets it by itself after so many days.
    pub days: u64,
}

/// How an entry is called: of two, that of the later one comes first. It ends with the action, so that a list of names is
/// enough to find an action's.
pub fn entry_id(now: u64, random: &str, action: &str) -> String {
    [&*batch_id(now, random), "-", action].concat()
}

/// How the ids of an action's entries end, `*` standing for anything: those of `key.change`, or of all actions of `key`.
pub fn ending(action: &str) -> String {
    if action.contains('.') { ["-", action].concat() } else { ["-", action, ".*"].concat() }
}

/// Whether an id ends so. An empty ending is any.
pub fn ends(id: &str, ending: &str) -> bool {
    match ending.strip_suffix('*') {
        None => id.ends_with(ending),
        Some(noun) => id.rsplit('-').next().is_some_and(|action| action.starts_with(noun.trim_start_matches('-'))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_by_its_name_or_its_noun() {
        let id = entry_id(1_700_000_000_000, "0123abcd", "key.change");
        assert!(ends(&id, &ending("key.change")) && ends(&id, &ending("key")) && ends(&id, ""));
        for other in ["key.chang", "ke", "change", "key.change.x", "client", "cdkey"] {
            assert!(!ends(&id, &ending(other)), "{other}");
        }
    }

    #[test]
    fn the_later_entry_comes_first() {
        let now = 1_700_000_000_000;
        assert!(entry_id(now + 1, "ffffffff", "b.b") < entry_id(now, "00000000", "a.a"));
    }
}

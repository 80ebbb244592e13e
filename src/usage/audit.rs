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
    format!("{}-{action}", batch_id(now, random))
}

/// `key.change`, or `key.` and whatever for `key`.
pub fn fits(id: &str, action: &str) -> bool {
    let is = id.rsplit('-').next().unwrap_or_default();
    is.strip_prefix(action).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_by_its_name_or_its_noun() {
        let id = entry_id(1_700_000_000_000, "0123abcd", "key.change");
        assert!(fits(&id, "key.change") && fits(&id, "key"));
        for other in ["key.chang", "ke", "change", "key.change.x", "client", "0123abcd-key"] {
            assert!(!fits(&id, other), "{other}");
        }
    }

    #[test]
    fn the_later_entry_comes_first() {
        let now = 1_700_000_000_000;
        assert!(entry_id(now + 1, "ffffffff", "b.b") < entry_id(now, "00000000", "a.a"));
    }
}

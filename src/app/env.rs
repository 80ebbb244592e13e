//! Keys in secrets such as `GEMINI_API_KEY_1`: taken into the pool once, when an isolate begins. What a person does with
//! such a key afterwards holds, deleting it too.

use super::{App, with_cache};
use crate::{
    auth,
    config::Level,
    error::Result,
    js,
    pool::paste,
    record::{Kind, Record, key::Key, provider, write::object},
    runtime,
};

/// The names of secrets that may be keys end so, before a number.
const ENDING: &str = "_API_KEY";

impl App {
    /// Nothing is awaited when there is nothing new.
    pub(super) async fn import(&self, now: u64) -> Result<()> {
        let text = js::texts(&self.env, is_keys_name);
        if text.is_empty() {
            return Ok(());
        }
        let pepper = self.pepper(now).await?;
        let mut records = Vec::new();
        for entry in paste::parse(&text).entries {
            let Some(name) = entry.provider else { continue };
            let id = auth::key_id(&pepper, &name, &entry.secret);
            let (is_new, has_provider) = with_cache(|c| {
                let is_known = |pepper: &&str| c.imported.contains(&auth::key_id(pepper, &name, &entry.secret));
                (!c.peppers().iter().any(is_known), c.pool.provider(&name).is_some())
            });
            let preset = provider::preset(&name).filter(|preset| preset.is_complete());
            if !is_new || !has_provider && preset.is_none() {
                continue;
            }
            let is_made = records.iter().any(|record: &Record| record.kind == Kind::Provider && record.id == name);
            if let Some(preset) = preset.filter(|_| !has_provider && !is_made) {
                records.push(Record::new(Kind::Provider, name.as_str(), &preset.provider(now), now)?);
            }
            if with_cache(|c| !c.pool.has_secret(&name, &entry.secret)) {
                let label = entry.label.unwrap_or_else(|| "env".into());
                records.push(Record::new(Kind::Key, id.as_str(), &Key::new(&name, &entry.secret, label, now), now)?);
            }
            records.push(Record::new(Kind::Imported, id, &true, now)?);
        }
        let keys = records.iter().filter(|record| record.kind == Kind::Key).count();
        if keys > 0 {
            runtime::log(Level::Info, "keys_imported", || object! {"keys": keys});
        }
        self.write(records, &[], now).await
    }
}

fn is_keys_name(name: &str) -> bool {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let bare = if bare.len() < name.len() { bare.strip_suffix('_').unwrap_or(bare) } else { bare };
    bare.ends_with(ENDING) && bare != "PROXY_API_KEY"
}

#[cfg(test)]
mod tests {
    use super::is_keys_name;

    #[test]
    fn a_secret_may_be_a_key_by_its_name() {
        for name in ["GEMINI_API_KEY", "GEMINI_API_KEY_1", "OPENROUTER_API_KEY12"] {
            assert!(is_keys_name(name), "{name}");
        }
        for name in ["PROXY_API_KEY", "JWT_SECRET", "ENCRYPTION_KEY", "API_TOKENS", "GEMINI_KEY"] {
            assert!(!is_keys_name(name), "{name}");
        }
    }
}

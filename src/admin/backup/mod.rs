//! Backups: all that people have set, as a file under a passphrase, and the way back. See docs/adr/0022.

mod check;
mod file;
mod restore;

use super::{
    Asked,
    audit::{Deed, When},
    input,
    outcome::{Outcome, Say, store},
};
use crate::{
    app::with_cache,
    error::{Error, Result},
    record::write::{self, object},
};
pub use restore::{Wish, opened, restore};

/// In characters.
const SHORTEST: usize = 12;

/// With a passphrase, or else in clear if that was asked for in so many words.
pub fn make(asked: &Asked) -> Result<Outcome> {
    let mut fields = input::body(asked)?;
    let (passphrase, plain) = (fields.text("passphrase"), fields.flag("plain").unwrap_or(false));
    fields.end()?;
    if passphrase.is_some() == plain {
        let message = "Give a passphrase, or {\"plain\": true} for a file that anybody can read.";
        return Err(Error::invalid(message, Some("passphrase")));
    }
    if passphrase.as_ref().is_some_and(|text| text.chars().count() < SHORTEST) {
        let message = format!("A passphrase has at least {SHORTEST} characters.");
        return Err(Error::invalid(message, Some("passphrase")));
    }
    store(Vec::new(), Say::Backup(passphrase))
}

/// The file, once it is sealed.
pub async fn made(asked: &Asked, passphrase: Option<&str>) -> Result<Outcome> {
    let mut count = 0;
    // One after the other, because the values of all would take several times as much memory as their text.
    let mut records = String::from("{\"records\":[");
    with_cache(|c| {
        c.each(&mut |kind, id, value| {
            records.push_str(if count == 0 { "" } else { "," });
            records.push_str(&write::text(&object! {"kind": kind.name(), "id": id, "body": value.json()}));
            count += 1;
        });
    });
    records.push_str("]}");
    let text = file::written(&records, passphrase, asked.now).await?;
    let way = if passphrase.is_some() { "encrypted" } else { "plain" };
    let deed = Deed { count, fields: vec![way.into()], ..Deed::new("backup", "make", When::Always) };
    Ok(store(Vec::new(), Say::file("backup", "json", text, asked.now))?.told(deed))
}

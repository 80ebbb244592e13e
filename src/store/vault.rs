//! What is secret in a record is encrypted on its way into the storage and decrypted on its way out, with WebCrypto and
//! the secret ENCRYPTION_KEY. Without that secret all is stored in clear. See docs/adr/0023.

use super::bindings::settled;
use crate::{
    auth::sealed::{self, Key, SHORTEST},
    error::{Error, Fault, Result},
    js,
    pool::hash,
    record::Record,
};
use std::{cell::RefCell, collections::HashSet};
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::{Array, Promise, Uint8Array, Uint32Array};

/// So many are in work at once.
const CHUNK: usize = 1000;

thread_local! {
    static VAULT: RefCell<Vault> = RefCell::default();
}

/// What this isolate knows of secrets, and of what is stored.
#[derive(Default)]
struct Vault {
    is_learned: bool,
    /// The first one encrypts; the others read what is not encrypted anew yet.
    keys: Vec<Key>,
    /// A secret is there that is too short.
    is_short: bool,
    /// What is stored in clear, by `sealed::place`.
    plain: HashSet<String>,
    /// What is encrypted with another key than the first.
    old: HashSet<String>,
    /// In the order of the places, as far as they were read in that order.
    opened: Vec<Opened>,
}

/// How what is stored is kept, as far as this isolate has read it.
pub struct Secrecy {
    /// There is a secret to encrypt with.
    pub has_key: bool,
    /// Records in clear, and those under a former key.
    pub plain: usize,
    pub old: usize,
}

/// An encrypted form, by its hash, and what it says.
struct Opened {
    place: String,
    hash: u64,
    text: String,
}

/// A record that is encrypted.
struct Closed {
    /// Which of the records.
    at: usize,
    /// Which of the keys; `None` when the text is none of ours.
    key: Option<usize>,
    bytes: Vec<u8>,
    opened: Opened,
}

/// Takes the secrets over, once in an isolate.
pub fn learn(env: &JsValue) {
    VAULT.with_borrow_mut(|vault| {
        if vault.is_learned {
            return;
        }
        vault.is_learned = true;
        let text = |name| js::field(env, name).as_string().unwrap_or_default();
        let current = text("ENCRYPTION_KEY");
        if current.trim().is_empty() {
            return;
        }
        vault.add(current.trim());
        for old in text("ENCRYPTION_KEY_OLD").split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
            vault.add(old);
        }
    });
}

pub fn secrecy() -> Secrecy {
    VAULT.with_borrow(|vault| Secrecy {
        has_key: !vault.keys.is_empty(),
        plain: vault.plain.len(),
        old: vault.old.len(),
    })
}

/// Whether it should be stored anew.
pub fn is_due(record: &Record) -> bool {
    let place = sealed::place(record);
    VAULT.with_borrow(|vault| vault.plain.contains(&place) || vault.old.contains(&place))
}

/// Decrypts what is encrypted. With `full`, `records` are all there are; with `again`, the same ones will come again.
///
/// # Errors
/// `Encryption` when the secret is missing or another one; then nothing is changed. A record that is damaged is left as
/// it is, and so cannot be read as what it is.
pub async fn open(records: &mut [Record], full: bool, again: bool) -> Result<()> {
    let mut closed = VAULT.with_borrow(|vault| vault.closed(records))?;
    for (at, key) in VAULT.with_borrow(|vault| vault.keys.clone()).iter().enumerate() {
        let mut mine: Vec<&mut Closed> =
            closed.iter_mut().filter(|closed| closed.key == Some(at) && !closed.bytes.is_empty()).collect();
        for some in mine.chunks_mut(CHUNK) {
            let mut batch = Batch::default();
            some.iter().for_each(|closed| batch.add(&closed.bytes, &closed.opened.place));
            let texts = batch.through(key, js::open).await?;
            for (closed, text) in some.iter_mut().zip(texts) {
                closed.opened.text = String::from_utf8(text).unwrap_or_default();
            }
        }
    }
    VAULT.with_borrow_mut(|vault| vault.take(records, closed, full, again));
    Ok(())
}

/// The same records with what is secret encrypted; `None` when there is nothing to encrypt, or nothing to do it with.
///
/// # Errors
/// When the secret is too short.
pub async fn seal(records: &[Record]) -> Result<Option<Vec<Record>>> {
    VAULT.with_borrow(Vault::check)?;
    let secrets: Vec<(usize, String)> =
        records.iter().enumerate().filter_map(|(at, record)| Some((at, record.secret()?))).collect();
    let key = VAULT.with_borrow(|vault| vault.keys.first().cloned());
    let Some(key) = key.filter(|_| !secrets.is_empty()) else { return Ok(None) };
    let mut sealed = records.to_vec();
    for some in secrets.chunks(CHUNK) {
        let mut batch = Batch::default();
        for (at, secret) in some {
            batch.add(secret.as_bytes(), &records.get(*at).map(sealed::place).unwrap_or_default());
        }
        let texts = batch.through(&key, js::seal).await?;
        for ((at, _), bytes) in some.iter().zip(texts) {
            if let Some(record) = sealed.get_mut(*at) {
                record.seal(&sealed::text(&key.id, &bytes));
            }
        }
    }
    Ok(Some(sealed))
}

/// They are stored so now.
pub fn stored(records: &[Record]) {
    VAULT.with_borrow_mut(|vault| records.iter().for_each(|record| vault.note(record)));
}

impl Vault {
    fn add(&mut self, secret: &str) {
        match Key::of(secret) {
            Some(key) => self.keys.push(key),
            None => self.is_short = true,
        }
    }

    fn check(&self) -> Result<()> {
        if !self.is_short {
            return Ok(());
        }
        let message = format!(
            "The secret ENCRYPTION_KEY, or one of ENCRYPTION_KEY_OLD, has fewer than {SHORTEST} characters. Make one with \
             `openssl rand -base64 32`."
        );
        Err(Fault::Encryption { code: "encryption_key_short", message }.into())
    }

    fn locked(&self, key: &str) -> Error {
        let (code, message) = if self.keys.is_empty() {
            let message = "The stored keys are encrypted, and the secret ENCRYPTION_KEY is not set. Set it to the one that \
                           they were encrypted with: `npx wrangler secret put ENCRYPTION_KEY`. Nothing was changed.";
            ("encryption_key_missing", message.into())
        } else {
            let message = format!(
                "The secret ENCRYPTION_KEY is not the one that stored keys were encrypted with (its id is {key}). Set that \
                 one, or put it into ENCRYPTION_KEY_OLD beside the new one. Nothing was changed."
            );
            ("encryption_key_wrong", message)
        };
        Fault::Encryption { code, message }.into()
    }

    /// What is encrypted. Of what this isolate has decrypted before, the text is there and no bytes are.
    fn closed(&self, records: &[Record]) -> Result<Vec<Closed>> {
        self.check()?;
        let mut all = Vec::new();
        for (at, record) in records.iter().enumerate() {
            let Some(text) = record.sealed() else { continue };
            let mut closed = Closed { at, key: None, bytes: Vec::new(), opened: Opened::of(record, text) };
            if let Some(id) = sealed::key(text) {
                let key = self.keys.iter().position(|key| key.id == id).ok_or_else(|| self.locked(id))?;
                closed.key = Some(key);
                match self.known(&closed.opened) {
                    Some(text) => closed.opened.text = text.into(),
                    None => closed.bytes = sealed::bytes(text).unwrap_or_default(),
                }
            }
            all.push(closed);
        }
        Ok(all)
    }

    fn known(&self, wanted: &Opened) -> Option<&str> {
        let at = self.opened.binary_search_by(|known| known.place.cmp(&wanted.place)).ok()?;
        self.opened.get(at).filter(|known| known.hash == wanted.hash).map(|known| known.text.as_str())
    }

    fn take(&mut self, records: &mut [Record], closed: Vec<Closed>, full: bool, again: bool) {
        if full {
            self.plain.clear();
            self.old.clear();
        }
        if full && again {
            self.opened.clear();
        }
        records.iter().for_each(|record| self.note(record));
        for closed in closed {
            let Some(record) = records.get_mut(closed.at) else { continue };
            if closed.opened.text.is_empty() || !record.open(&closed.opened.text) {
                continue;
            }
            if closed.key != Some(0) {
                self.old.insert(closed.opened.place.clone());
            }
            if full && again {
                self.opened.push(closed.opened);
            }
        }
    }

    /// The record is stored as it is here.
    fn note(&mut self, record: &Record) {
        if self.keys.is_empty() || !record.may_be_secret() {
            return;
        }
        let place = sealed::place(record);
        self.plain.remove(&place);
        self.old.remove(&place);
        if record.secret().is_some() {
            self.plain.insert(place);
        }
    }
}

impl Opened {
    fn of(record: &Record, sealed: &str) -> Self {
        Self { place: sealed::place(record), hash: hash(sealed), text: String::new() }
    }
}

/// Of scripts/cipher.mjs.
type Cipher = fn(&str, &Uint8Array, &Uint8Array, &Uint32Array) -> std::result::Result<Promise, JsValue>;

/// Texts on their way through the cipher, and back.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    lengths: Vec<u32>,
}

impl Batch {
    fn add(&mut self, text: &[u8], place: &str) {
        for part in [text, place.as_bytes()] {
            self.bytes.extend_from_slice(part);
            self.lengths.push(u32::try_from(part.len()).unwrap_or(u32::MAX));
        }
    }

    /// What came of each text.
    async fn through(self, key: &Key, cipher: Cipher) -> Result<Vec<Vec<u8>>> {
        let (bytes, lengths) = (Uint8Array::from(&*self.bytes), Uint32Array::from(&*self.lengths));
        let work = cipher(&key.id, &Uint8Array::from(key.bytes.as_slice()), &bytes, &lengths);
        let all = Array::from(&settled(work).await?);
        let bytes = all.get(0).unchecked_into::<Uint8Array>().to_vec();
        let (mut texts, mut at) = (Vec::new(), 0);
        for length in all.get(1).unchecked_into::<Uint32Array>().to_vec() {
            let end = at + usize::try_from(length).unwrap_or_default();
            texts.push(bytes.get(at..end).unwrap_or_default().to_vec());
            at = end;
        }
        Ok(texts)
    }
}

//! The file of a backup: what it says in clear, and what lies under the passphrase.

use crate::{
    error::{Error, Result},
    js::sealed::Seal,
    json,
    record::{
        read::{self, Reader},
        write::{self, object},
    },
    runtime,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Of the file's form. What a keypool does not know, it must not restore by halves.
const VERSION: u64 = 1;
const KDF: &str = "PBKDF2-HMAC-SHA-256";
const CIPHER: &str = "AES-256-GCM";
/// Cloudflare's Workers refuse more.
const ITERATIONS: u32 = 100_000;
const NONCE: usize = 12;

/// `records` is JSON, and so is the answer.
pub async fn written(records: &str, passphrase: Option<&str>, now: u64) -> Result<String> {
    let Some(passphrase) = passphrase else {
        let head = object! {"keypool": VERSION, "made": now, "by": env!("CARGO_PKG_VERSION"), "kdf": Value::Null};
        return Ok(with_data(&head, records));
    };
    let (salt, nonce) = (runtime::random::<16>()?, runtime::random::<NONCE>()?);
    let mut head = object! {
        "keypool": VERSION,
        "made": now,
        "by": env!("CARGO_PKG_VERSION"),
        "kdf": object! {"name": KDF, "iterations": ITERATIONS, "salt": STANDARD.encode(salt)},
        "cipher": object! {"name": CIPHER, "nonce": STANDARD.encode(nonce)},
    };
    let bound = bound(&head);
    let seal = Seal::new(passphrase, &salt, ITERATIONS, &bound).await?;
    // It tells a wrong passphrase from a file that was damaged.
    let check = seal.seal(&of_check(&nonce), "").await?;
    if let Some(fields) = head.as_object_mut() {
        fields.insert("check".into(), STANDARD.encode(check).into());
    }
    Ok(with_data(&head, &write::text(&STANDARD.encode(seal.seal(&nonce, records).await?).into())))
}

/// The data are the last, and not copied into a value.
fn with_data(head: &Value, data: &str) -> String {
    let head = write::text(head);
    [head.strip_suffix('}').unwrap_or(&head), ",\"data\":", data, "}\n"].concat()
}

/// The nonce of the check: no other one of this file.
fn of_check(nonce: &[u8]) -> Vec<u8> {
    let mut nonce = nonce.to_vec();
    if let Some(first) = nonce.first_mut() {
        *first ^= 0x80;
    }
    nonce
}

/// What is sealed with the data, in a form of its own: whoever handed the file on may have written it in another order.
fn bound(file: &Value) -> String {
    let at = |pointer| read::at(file, pointer);
    write::text(&object! {"keypool": at("/keypool"), "made": at("/made"), "kdf": at("/kdf/name"),
    "iterations": at("/kdf/iterations"), "salt": at("/kdf/salt"), "cipher": at("/cipher/name"),
    "nonce": at("/cipher/nonce")})
}

/// What the file holds.
///
/// # Errors
/// `backup_version`, `backup_passphrase`, `backup_damaged`.
pub async fn content(mut file: Value, passphrase: Option<&str>) -> Result<Value> {
    let damaged = |message: &str| Error::wrong("backup_damaged", message, Some("file"));
    let version = Reader(&file).number("keypool").ok_or_else(|| damaged("This is no backup of keypool."))?;
    if version != VERSION {
        return Err(later());
    }
    let data = file.as_object_mut().and_then(|fields| fields.remove("data")).unwrap_or_default();
    let from = Reader(&file);
    let Some(kdf) = from.field("kdf").filter(|kdf| !kdf.0.is_null()) else { return Ok(data) };
    let cipher = from.field("cipher").ok_or_else(|| damaged("The file lacks its cipher."))?;
    if kdf.text("name").as_deref() != Some(KDF) || cipher.text("name").as_deref() != Some(CIPHER) {
        return Err(later());
    }
    let bytes = |from: &Reader, name| STANDARD.decode(from.text(name)?).ok();
    let iterations = kdf.small("iterations").filter(|n| (1..=ITERATIONS).contains(n)).ok_or_else(later)?;
    let (salt, nonce) = (bytes(&kdf, "salt"), bytes(&cipher, "nonce").filter(|nonce| nonce.len() == NONCE));
    let (Some(salt), Some(nonce), Some(check)) = (salt, nonce, bytes(&from, "check")) else {
        return Err(damaged("The file lacks a part of what its passphrase is tried with."));
    };
    let Some(passphrase) = passphrase else {
        let message = "The file is encrypted: give its passphrase.";
        return Err(Error::wrong("backup_passphrase", message, Some("passphrase")));
    };
    let bound = bound(&file);
    let seal = Seal::new(passphrase, &salt, iterations, &bound).await?;
    if seal.open(&of_check(&nonce), &check).await.is_none() {
        let message = "The passphrase is not that of the file, or the file's head was changed.";
        return Err(Error::wrong("backup_passphrase", message, Some("passphrase")));
    }
    let sealed = data.as_str().and_then(|text| STANDARD.decode(text).ok());
    drop(data);
    let sealed = sealed.ok_or_else(|| damaged("The data are cut or changed."))?;
    let text = seal.open(&nonce, &sealed).await.ok_or_else(|| damaged("The data are cut or changed."))?;
    json::read(&text).map_err(|_| damaged("The data are no JSON."))
}

fn later() -> Error {
    Error::wrong("backup_version", "The file is of a later keypool than this one.", Some("file"))
}

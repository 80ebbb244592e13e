//! Who may come in: a known client key, from where it may come, within its limits.

use super::journal::Journal;
use crate::{
    app::{App, Caller},
    auth,
    config::Level,
    error::{Error, Result},
    js::call::Head,
    limit::{ip, scope},
    record::write::object,
    runtime,
};
use std::rc::Rc;

/// The caller, with the credential that it showed.
///
/// # Errors
/// 401 when it is not known or its time is over, 403 when it may not call from there.
pub fn known(app: &Rc<App>, head: &Head, request_id: &str, now: u64) -> Result<(Caller, String)> {
    let credential = auth::credential(|name| head.get(name).map(str::to_string)).unwrap_or_default();
    let caller = app.caller(&credential, now).inspect_err(|error| {
        runtime::log(Level::Info, "call", || object! {"request": request_id, "status": error.status()});
    })?;
    if !caller.ips.is_empty() {
        // Cloudflare sets it, whatever a client sends.
        let address = head.get("cf-connecting-ip").unwrap_or_default();
        if !ip::is_in(address, &caller.ips) {
            let error = Error::forbidden("ip_not_allowed", "This client key may not be used from this address.".into());
            Journal::new(request_id, &caller, now).refused(app, error.status());
            return Err(error);
        }
    }
    Ok((caller, credential))
}

/// Whether a call may be made that names this model, or `None`.
///
/// # Errors
/// See `scope::check_unnamed`.
pub fn model(caller: &Caller, method: &str, rest: &str, model: Option<&str>) -> Result<()> {
    scope::check_credential(caller, rest)?;
    if model.is_some_and(|model| !model.is_empty()) { Ok(()) } else { scope::check_unnamed(caller, method, rest) }
}

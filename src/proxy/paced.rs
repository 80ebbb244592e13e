//! Whether an answer's stream comes evenly: the client asks by a header, if it may, or its client key says so.

use crate::{
    app::Caller,
    error::{Error, Result},
    js::call::Head,
    record::{client::Right, pace::Pace},
};

const HEADER: &str = "x-keypool-pace";

/// `rest` is what follows `/v1/`: of all streams, only those of chats are cut.
///
/// # Errors
/// When the caller may not ask, or asks for what there is not.
pub fn of(caller: &Caller, head: &Head, rest: &str) -> Result<Pace> {
    let pace = wish(caller, head)?;
    Ok(if rest == "chat/completions" { pace } else { Pace::Off })
}

fn wish(caller: &Caller, head: &Head) -> Result<Pace> {
    let Some(asked) = head.get(HEADER) else { return Ok(caller.pace) };
    if !caller.may(Right::Paced) {
        let message = "This client key may not choose how evenly its streams come.".into();
        return Err(Error::forbidden("pace_not_allowed", message));
    }
    let known = Pace::parse(asked.trim());
    known.ok_or_else(|| Error::invalid("x-keypool-pace is batch, character or off.", Some(HEADER)))
}

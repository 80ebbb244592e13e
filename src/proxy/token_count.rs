//! `POST /v1/token-count`: how many tokens a request has, about. No provider is asked.

use super::intake::{self, Intake};
use crate::{
    error::{Error, Fault, Result},
    js,
    record::write::{self, object},
    upstream::Body,
    usage::texts::Shape,
};
use worker::web_sys::Response;

/// # Errors
/// As the client shall see them.
pub fn answer(method: &str, intake: Intake) -> Result<Response> {
    if method != "POST" {
        return Err(Fault::Method { allow: "POST" }.into());
    }
    let model = intake.model().map(str::to_string);
    let mut texts = match intake.into_body() {
        Body::Bytes(bytes) => intake::texts(&bytes, Shape::Request),
        Body::Stream(_) => return Err(Error::invalid("The body is larger than 20 MiB.", None)),
        Body::None => return Err(Error::invalid("The body is missing.", None)),
    };
    if !texts.is_whole() {
        let message = "The body is no JSON object with messages, input or prompt.";
        return Err(Error::wrong("invalid_json", message, None));
    }
    let answer = object! {"object": "token_count", "model": model, "prompt_tokens": texts.tokens(), "estimated": true};
    js::json_response(200, &write::text(&answer))
}

//! A body on its way to the client: pumped by the runtime, byte for byte, while we look at a copy about once a
//! second to keep its tail. See docs/adr/0006 for why not in any simpler way.

use crate::{
    error::{Error, Result},
    js::{self, ByobReader, IdentityTransformStream, ReadResult},
    runtime,
};
use futures_util::future::{Either, select};
use serde_json::json;
use std::future::Future;
use wasm_bindgen::{JsCast, JsValue};
use worker::{
    js_sys::{Object, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys::{AbortController, ReadableStream, Request, StreamPipeOptions, WritableStream},
};

/// What is kept of the end of a stream: enough for the last events with the usage.
const TAIL: usize = 16 * 1024;
/// What one look at the copy takes at the most.
const WINDOW: u32 = 64 * 1024;
const LOOK_EVERY_MS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// The upstream broke off, stalled or took too long.
    Broken,
    ClientGone,
}

pub struct End {
    pub ending: Ending,
    /// The last bytes; empty when the body was not watched.
    pub tail: Vec<u8>,
}

pub struct Limits {
    /// A pause of this length means that the stream is broken.
    pub idle_ms: u64,
    pub overall_ms: u64,
}

/// The readable end for the client, and the work that must go on until the body has passed. `sse` streams are watched
/// and ended with an error event when they break; other bodies pass unseen.
///
/// # Errors
/// When the runtime refuses to pipe.
pub fn pass(
    body: &ReadableStream,
    client: Request,
    abort: AbortController,
    sse: bool,
    limits: Limits,
) -> Result<(ReadableStream, impl Future<Output = End> + 'static)> {
    let gate = IdentityTransformStream::new();
    let (readable, writable) = (gate.readable(), gate.writable());
    let (source, copy) = if sse { split(body)? } else { (body.clone(), None) };
    let options = StreamPipeOptions::new();
    // So that an error event can still be written when the upstream breaks.
    options.set_prevent_abort(sse);
    let pipe = JsFuture::from(js::stream(&source).pipe_to(&writable, &options)?);
    let work = async move {
        let stop = || abort.abort();
        let watch = async {
            match copy {
                Some(copy) => watch(pipe, copy, limits.idle_ms, stop).await,
                None => (pipe.await.is_ok(), Vec::new()),
            }
        };
        let (whole, tail) = match select(Box::pin(watch), runtime::sleep(limits.overall_ms)).await {
            Either::Left((seen, _)) => seen,
            Either::Right((_, watch)) => {
                abort.abort();
                // The pipe must let go of the gate before the error event can be written.
                (false, watch.await.1)
            }
        };
        abort.abort();
        let ending = match whole {
            true => Ending::Complete,
            false if client.signal().aborted() => Ending::ClientGone,
            false if sse && say_broken(&writable).await.is_err() => Ending::ClientGone,
            false => Ending::Broken,
        };
        End { ending, tail }
    };
    Ok((readable, work))
}

fn split(body: &ReadableStream) -> Result<(ReadableStream, Option<ByobReader>)> {
    let pair = js::stream(body).tee()?;
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    let copy: ReadableStream = pair.get(1).unchecked_into();
    Ok((pair.get(0).unchecked_into(), Some(js::stream(&copy).byob_reader(&options)?)))
}

/// Looks at the copy now and then until the pipe is done. Answers whether the whole body passed, and its tail.
/// `stop` makes the pipe fail.
async fn watch(mut pipe: JsFuture, copy: ByobReader, idle_ms: u64, stop: impl Fn()) -> (bool, Vec<u8>) {
    let mut tail = Vec::new();
    let mut buffer = Uint8Array::new_with_length(WINDOW);
    let (mut passed, mut behind) = (None, false);
    loop {
        if passed.is_none()
            && !behind
            && let Either::Left((result, _)) = select(&mut pipe, runtime::sleep(LOOK_EVERY_MS)).await
        {
            passed = Some(result.is_ok());
        }
        // When the pipe failed, reading on would keep the upstream going for nobody.
        if passed == Some(false) {
            break;
        }
        let Ok(read) = copy.read(&buffer) else { break };
        let mut read = JsFuture::from(read);
        let result = match passed {
            Some(_) => read.await,
            None => match select(select(&mut read, runtime::sleep(idle_ms)), &mut pipe).await {
                Either::Left((Either::Left((result, _)), _)) => result,
                Either::Left((Either::Right(_), _)) => {
                    stop();
                    passed = Some((&mut pipe).await.is_ok());
                    break;
                }
                Either::Right((result, _)) => {
                    passed = Some(result.is_ok());
                    if result.is_err() {
                        break;
                    }
                    read.await
                }
            },
        };
        let Ok(result) = result.map(JsValue::unchecked_into::<ReadResult>) else { break };
        if let Some(bytes) = result.value() {
            behind = bytes.length() == WINDOW;
            keep(&mut tail, &bytes);
            buffer = Uint8Array::new(&bytes.buffer());
        }
        if result.done() {
            break;
        }
    }
    let whole = match passed {
        Some(passed) => passed,
        // The copy ended (or broke) first; the pipe is about to say the same.
        None => pipe.await.is_ok(),
    };
    if !whole {
        let _ = copy.cancel_reader();
    }
    (whole, tail)
}

/// Appends what fits into the tail, dropping what is too old.
fn keep(tail: &mut Vec<u8>, bytes: &Uint8Array) {
    let length = js::length(bytes);
    let news = js::part(bytes, length.saturating_sub(TAIL), length).to_vec();
    let excess = (tail.len() + news.len()).saturating_sub(TAIL);
    tail.drain(..excess.min(tail.len()));
    tail.extend(news);
}

/// Ends a broken stream with one SSE error event.
async fn say_broken(writable: &WritableStream) -> Result<()> {
    let error = json!({"error": {"message": "The upstream broke off its answer.", "type": "upstream_error",
        "param": null, "code": "upstream_stream_interrupted"}});
    let event = format!("\n\ndata: {error}\n\n");
    let writer = writable.get_writer().map_err(Error::from)?;
    JsFuture::from(writer.write_with_chunk(&Uint8Array::from(event.as_bytes()))).await?;
    JsFuture::from(writer.close()).await?;
    Ok(())
}

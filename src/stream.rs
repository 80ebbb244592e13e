//! A body on its way to the client, byte for byte. Event streams are pumped by the runtime while we look at a copy
//! about once a second to keep its tail; other bodies pass through our hands. See docs/adr/0006 for why not in any
//! simpler way.

use crate::{
    error::{Error, Result},
    js::{self, ByobReader, IdentityTransformStream, ReadResult},
    runtime::{self, Winner},
};
use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast, JsValue};
use worker::{
    js_sys::{Object, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys::{
        AbortController, ReadableStream, Request, StreamPipeOptions, WritableStream, WritableStreamDefaultWriter,
    },
};

/// What is kept of the end of a stream: enough for the last events with the usage.
const TAIL: usize = 16 * 1024;
/// What one look at the copy takes at the most.
const WINDOW: u32 = 64 * 1024;
const LOOK_EVERY_MS: u64 = 1000;
/// The blank line in front ends whatever event was cut.
const BROKEN: &str = concat!(
    "\n\ndata: {\"error\":{\"message\":\"The upstream broke off its answer.\",\"type\":\"upstream_error\",",
    "\"param\":null,\"code\":\"upstream_stream_interrupted\"}}\n\n"
);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// The upstream broke off, stalled or took too long.
    Broken,
    ClientGone,
}

pub struct End {
    pub ending: Ending,
    /// The last bytes of an event stream; empty for other bodies.
    pub tail: Vec<u8>,
}

pub struct Limits {
    /// A pause of this length means that the stream is broken.
    pub idle_ms: u64,
    pub overall_ms: u64,
}

/// The first bytes of a body, looked at before any goes out.
pub enum First {
    Bytes(Uint8Array),
    /// The body is empty.
    End,
    Broken,
    Stalled,
}

/// # Errors
/// When the runtime refuses to read.
pub async fn first(body: &ReadableStream, idle_ms: u64) -> Result<First> {
    let reader = byob(body)?;
    let read = reader.read(&Uint8Array::new_with_length(WINDOW))?;
    let Some(result) = runtime::in_time(read, idle_ms).await else { return Ok(First::Stalled) };
    let Ok(result) = result.map(JsValue::unchecked_into::<ReadResult>) else { return Ok(First::Broken) };
    reader.release_lock();
    Ok(match result.value() {
        Some(bytes) if !result.done() => First::Bytes(bytes),
        _ => First::End,
    })
}

/// The readable end for the client, and the work that must go on until the body has passed. `first` was read from the
/// body already; with it, the body is an event stream that is watched, and ended with an error event when it breaks.
///
/// # Errors
/// When the runtime refuses to split the body.
pub fn pass(
    body: &ReadableStream,
    first: Option<Uint8Array>,
    client: Request,
    abort: AbortController,
    limits: Limits,
) -> Result<(ReadableStream, impl Future<Output = End> + 'static)> {
    let gate = IdentityTransformStream::new();
    let (readable, writable) = (gate.readable(), gate.writable());
    let parts = first.map(|first| Ok::<_, Error>((first, split(body)?))).transpose()?;
    let body = body.clone();
    let work = async move {
        let events = parts.is_some();
        let stop = || abort.abort();
        let way = async {
            match parts {
                Some((first, (source, copy))) => watch(&first, &source, copy, &writable, limits.idle_ms, stop).await,
                None => (pump(&body, &writable, limits.idle_ms).await.is_ok(), Vec::new()),
            }
        };
        let (whole, tail) = match select(Box::pin(way), runtime::sleep(limits.overall_ms)).await {
            Either::Left((seen, _)) => seen,
            Either::Right((_, way)) => {
                stop();
                // The pipe must let go of the gate before the error event can be written.
                (false, way.await.1)
            }
        };
        stop();
        let ending = match whole {
            true => Ending::Complete,
            false if client.signal().aborted() => Ending::ClientGone,
            false if events && say_broken(&writable).await.is_err() => Ending::ClientGone,
            false => Ending::Broken,
        };
        End { ending, tail }
    };
    Ok((readable, work))
}

fn byob(stream: &ReadableStream) -> Result<ByobReader> {
    let options = Object::new();
    Reflect::set(&options, &"mode".into(), &"byob".into())?;
    Ok(js::stream(stream).byob_reader(&options)?)
}

fn split(body: &ReadableStream) -> Result<(ReadableStream, ByobReader)> {
    let pair = js::stream(body).tee()?;
    let copy: ReadableStream = pair.get(1).unchecked_into();
    Ok((pair.get(0).unchecked_into(), byob(&copy)?))
}

/// Every read is awaited with the idle limit. A failure on either side breaks the other one too.
async fn pump(body: &ReadableStream, writable: &WritableStream, idle_ms: u64) -> Result<()> {
    let (reader, writer) = (byob(body)?, writable.get_writer()?);
    let outcome = pump_all(&reader, &writer, idle_ms).await;
    if outcome.is_err() {
        let _ = reader.cancel_reader();
        let _ = writer.abort();
    }
    outcome
}

async fn pump_all(reader: &ByobReader, writer: &WritableStreamDefaultWriter, idle_ms: u64) -> Result<()> {
    let mut buffer = Uint8Array::new_with_length(WINDOW);
    loop {
        let Some(result) = runtime::in_time(reader.read(&buffer)?, idle_ms).await else {
            return Err(Error::internal("the upstream fell silent"));
        };
        let result: ReadResult = result?.unchecked_into();
        match result.value().filter(|bytes| bytes.length() > 0) {
            Some(bytes) => {
                JsFuture::from(writer.write_with_chunk(&bytes)).await?;
                buffer = Uint8Array::new_with_length(WINDOW);
            }
            None => {
                JsFuture::from(writer.close()).await?;
                return Ok(());
            }
        }
    }
}

/// Writes the first bytes, then lets the runtime pump.
async fn pipe(first: &Uint8Array, source: &ReadableStream, writable: &WritableStream) -> Result<Promise> {
    let writer = writable.get_writer()?;
    JsFuture::from(writer.write_with_chunk(first)).await?;
    writer.release_lock();
    let options = StreamPipeOptions::new();
    // So that an error event can still be written when the upstream breaks.
    options.set_prevent_abort(true);
    Ok(js::stream(source).pipe_to(writable, &options)?)
}

/// Looks at the copy now and then until the pipe is done. Answers whether the whole body passed, and its tail.
/// `stop` makes the pipe fail.
async fn watch(
    first: &Uint8Array,
    source: &ReadableStream,
    copy: ByobReader,
    writable: &WritableStream,
    idle_ms: u64,
    stop: impl Fn(),
) -> (bool, Vec<u8>) {
    let mut tail = Vec::new();
    keep(&mut tail, first);
    let Ok(pipe) = pipe(first, source, writable).await else {
        let _ = (copy.cancel_reader(), js::stream(source).cancel());
        return (false, tail);
    };
    let mut pipe = JsFuture::from(pipe);
    let mut buffer = Uint8Array::new_with_length(WINDOW);
    let (mut passed, mut behind) = (None, false);
    loop {
        if passed.is_none()
            && !behind
            && let Winner::One(result) = runtime::race(&mut pipe, None, LOOK_EVERY_MS).await
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
            None => match runtime::race(&mut read, Some(&mut pipe), idle_ms).await {
                Winner::One(result) => result,
                Winner::Time => {
                    stop();
                    passed = Some((&mut pipe).await.is_ok());
                    break;
                }
                Winner::Other(result) => {
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
    let writer = writable.get_writer()?;
    JsFuture::from(writer.write_with_chunk(&Uint8Array::from(BROKEN.as_bytes()))).await?;
    JsFuture::from(writer.close()).await?;
    Ok(())
}

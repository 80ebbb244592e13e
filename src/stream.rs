//! A body on its way to the client, byte for byte. Event streams are pumped by the runtime while we look at a copy
//! about once a second to keep its tail; other bodies pass through our hands. See docs/adr/0006 for why not in any
//! simpler way.

mod paced;
mod seen;

pub use paced::How;
pub use seen::Seen;

use crate::{
    error::Result,
    js::{self, ByobReader, IdentityTransformStream, ReadResult},
    record::pace::Pace,
    runtime::{self, Winner},
    sticky::Marker,
    usage::hide::Hider,
};
use futures_util::future::{Either, select};
use wasm_bindgen::{JsCast, JsValue};
use worker::{
    js_sys::{Object, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
    web_sys::{AbortController, ReadableStream, Request, WritableStream},
};

/// How long to wait for what a copy may still hold.
const REST_MS: u64 = 50;
/// What one look at the copy takes at the most.
const WINDOW: u32 = 64 * 1024;
/// What one read of a stream that passes through our hands takes at the most.
const SIFTED: u32 = 4 * 1024;
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
    pub seen: Seen,
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

/// What a body is, besides its bytes.
pub enum Kind {
    /// An event stream is watched, and ended with an error event when it breaks. Its first bytes were read already.
    /// `how`: the event with nothing but the usage may be hidden from the client, and texts may come evenly.
    Events {
        first: Uint8Array,
        how: How,
    },
    /// The end of which says what was used. Its first bytes may have been read already.
    Json {
        first: Option<Uint8Array>,
    },
    Other,
}

/// With a marker, the ids in it get their tags. The readable end for the client, and the work that must go on until the body has passed.
///
/// # Errors
/// When the runtime refuses to split the body.
pub fn pass(
    body: &ReadableStream,
    (kind, mut marker): (Kind, Option<Marker>),
    client: Request,
    abort: AbortController,
    limits: Limits,
) -> Result<(ReadableStream, impl Future<Output = End> + 'static)> {
    let gate = IdentityTransformStream::new();
    let (readable, writable) = (gate.readable(), gate.writable());
    let copy = match &kind {
        Kind::Events { how: How { hides: false, pace: Pace::Off }, .. } if marker.is_none() => Some(split(body)?),
        Kind::Events { .. } | Kind::Json { .. } | Kind::Other => None,
    };
    let body = body.clone();
    let work = async move {
        let events = matches!(kind, Kind::Events { .. });
        let stop = || abort.abort();
        let mut seen = Seen::default();
        let way = async {
            match (&kind, copy) {
                (Kind::Events { first, .. }, Some((source, copy))) => {
                    watch(first, &source, copy, &writable, limits.idle_ms, stop, &mut seen).await
                }
                (Kind::Events { first, how }, None) if how.pace != Pace::Off => {
                    let see = |bytes: &Uint8Array| seen.add(bytes);
                    paced::pace(&body, first, how, &writable, limits.idle_ms, see).await.unwrap_or(false)
                }
                _ => pump(&body, (&kind, &mut marker), &writable, limits.idle_ms, &mut seen).await.unwrap_or(false),
            }
        };
        let whole = match select(Box::pin(way), runtime::sleep(limits.overall_ms)).await {
            Either::Left((whole, _)) => whole,
            Either::Right((_, way)) => {
                stop();
                // The pipe must let go of the gate before the error event can be written.
                way.await;
                false
            }
        };
        stop();
        let ending = match whole {
            true => Ending::Complete,
            false if client.signal().aborted() => Ending::ClientGone,
            false if events && say_broken(&writable).await.is_err() => Ending::ClientGone,
            false => Ending::Broken,
        };
        End { ending, seen }
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

/// Through our hands: other bodies as they are, events less the one with the usage. Every read is awaited with the idle
/// limit. Answers whether the whole body passed; if not, the other side is broken too, but for the place of an error
/// event.
async fn pump(
    body: &ReadableStream,
    (kind, marker): (&Kind, &mut Option<Marker>),
    writable: &WritableStream,
    idle_ms: u64,
    seen: &mut Seen,
) -> Result<bool> {
    let (reader, writer) = (byob(body)?, js::writer(writable)?);
    let mut hider = matches!(kind, Kind::Events { how: How { hides: true, .. }, .. }).then(Hider::default);
    // Events are small, and each read costs a buffer.
    let (mut ahead, window, events) = match kind {
        Kind::Events { first, .. } => (Some(first.clone()), SIFTED, true),
        Kind::Json { first } => (first.clone(), WINDOW, false),
        Kind::Other => (None, WINDOW, false),
    };
    let whole = loop {
        let mut next = ahead.take();
        if let Some(bytes) = next.as_ref().filter(|bytes| bytes.length() > WINDOW) {
            ahead = Some(bytes.subarray(WINDOW, bytes.length()));
            next = Some(bytes.subarray(0, WINDOW));
        }
        if next.is_none() {
            let read = runtime::in_time(reader.read(&Uint8Array::new_with_length(window))?, idle_ms).await;
            let Some(Ok(result)) = read else { break false };
            next = result.unchecked_into::<ReadResult>().value().filter(|bytes| bytes.length() > 0);
        }
        let over = next.is_none();
        let passed = match (next, kind) {
            (Some(bytes), Kind::Other) => bytes,
            (Some(bytes), Kind::Json { .. } | Kind::Events { .. }) => {
                seen.add(&bytes);
                sifted(bytes, hider.as_mut(), marker.as_mut())
            }
            (None, _) => rest(hider.as_mut(), marker.as_mut()),
        };
        let written = passed.length() == 0 || JsFuture::from(writer.write_with_chunk(&passed)).await.is_ok();
        if over || !written {
            break written;
        }
    };
    if whole {
        JsFuture::from(writer.close()).await?;
        return Ok(true);
    }
    let _ = reader.cancel_reader();
    if events {
        // What was held back comes before the error event.
        let _ = writer.write_with_chunk(&rest(hider.as_mut(), marker.as_mut()));
        writer.release_lock();
    } else {
        let _ = writer.abort();
    }
    Ok(false)
}

/// What of the bytes goes out now, with its tags.
fn sifted(bytes: Uint8Array, hider: Option<&mut Hider>, marker: Option<&mut Marker>) -> Uint8Array {
    if hider.is_none() && marker.is_none() {
        return bytes;
    }
    let bytes = bytes.to_vec();
    let bytes = hider.map_or_else(|| bytes.clone(), |hider| hider.pass(&bytes));
    Uint8Array::from(marker.map_or_else(|| bytes.clone(), |marker| marker.pass(&bytes)).as_slice())
}

/// What was held back.
fn rest(hider: Option<&mut Hider>, marker: Option<&mut Marker>) -> Uint8Array {
    let bytes = hider.map(Hider::end).unwrap_or_default();
    Uint8Array::from(marker.map_or_else(|| bytes.clone(), |marker| marker.pass(&bytes)).as_slice())
}

/// Writes the first bytes, then lets the runtime pump. When the upstream breaks, an error event can still be written.
async fn pipe(first: &Uint8Array, source: &ReadableStream, writable: &WritableStream) -> Result<Promise> {
    let writer = js::writer(writable)?;
    JsFuture::from(writer.write_with_chunk(first)).await?;
    writer.release_lock();
    Ok(js::pipe(source, writable)?)
}

/// Looks at the copy now and then until the pipe is done. Answers whether the whole body passed. `stop` makes the pipe
/// fail.
async fn watch(
    first: &Uint8Array,
    source: &ReadableStream,
    copy: ByobReader,
    writable: &WritableStream,
    idle_ms: u64,
    stop: impl Fn(),
    seen: &mut Seen,
) -> bool {
    seen.add(first);
    let Ok(pipe) = pipe(first, source, writable).await else {
        let _ = (copy.cancel_reader(), js::stream(source).cancel());
        return false;
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
            seen.add(&bytes);
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
        // The provider has counted what came since the last look, so shall we. More does not come.
        stop();
        loop {
            let Ok(read) = copy.read(&Uint8Array::new_with_length(WINDOW)) else { break };
            let Some(Ok(result)) = runtime::in_time(read, REST_MS).await else { break };
            let result: ReadResult = result.unchecked_into();
            let Some(bytes) = result.value().filter(|bytes| bytes.length() > 0) else { break };
            seen.add(&bytes);
        }
        let _ = copy.cancel_reader();
    }
    whole
}

/// Ends a broken stream with one SSE error event.
async fn say_broken(writable: &WritableStream) -> Result<()> {
    let writer = js::writer(writable)?;
    JsFuture::from(writer.write_with_chunk(&Uint8Array::from(BROKEN.as_bytes()))).await?;
    JsFuture::from(writer.close()).await?;
    Ok(())
}

//! An event stream that goes out evenly; see crate::paced. What comes is read while what waits is sent.

use super::{SIFTED, byob};
use crate::{
    error::Result,
    js::{self, ByobReader, ReadResult, Segmenter},
    paced::Pacer,
    record::pace::Pace,
    runtime::{self, Settled, Winner},
    usage::hide::Hider,
};
use std::cell::OnceCell;
use wasm_bindgen::{JsCast, JsValue};
use worker::{
    js_sys::Uint8Array,
    wasm_bindgen_futures::JsFuture,
    web_sys::{ReadableStream, WritableStream, WritableStreamDefaultWriter},
};

/// What is done to the events.
#[derive(Debug, Clone, Copy)]
pub struct How {
    pub pace: Pace,
    /// We asked for the usage, and the client did not.
    pub hides: bool,
}

struct Paced {
    pacer: Pacer,
    hider: Option<Hider>,
    writer: WritableStreamDefaultWriter,
    segmenter: OnceCell<Option<Segmenter>>,
}

/// As `pump` does it: answers whether the whole body passed, and leaves room for an error event if not.
pub async fn pace(
    body: &ReadableStream,
    first: &Uint8Array,
    how: &How,
    writable: &WritableStream,
    idle_ms: u64,
    mut see: impl FnMut(&Uint8Array),
) -> Result<bool> {
    let reader = byob(body)?;
    let mut paced = Paced {
        pacer: Pacer::new(how.pace),
        hider: how.hides.then(Hider::default),
        writer: js::writer(writable)?,
        segmenter: OnceCell::new(),
    };
    let mut next = Some(first.clone());
    let whole = loop {
        let Some(bytes) = next.take() else { break paced.drain().await };
        see(&bytes);
        paced.came(&bytes.to_vec());
        let Some(Ok(read)) = paced.read(&reader, idle_ms).await? else { break false };
        next = read.unchecked_into::<ReadResult>().value().filter(|bytes| bytes.length() > 0);
    };
    if whole {
        JsFuture::from(paced.writer.close()).await?;
        return Ok(true);
    }
    let _ = reader.cancel_reader();
    // What waits comes before the error event.
    paced.ended();
    let rest = paced.pacer.take(u64::MAX);
    let _ = paced.writer.write_with_chunk(&Uint8Array::from(rest.as_slice()));
    paced.writer.release_lock();
    Ok(false)
}

impl Paced {
    fn came(&mut self, bytes: &[u8]) {
        let shown = self.hider.as_mut().map(|hider| hider.pass(bytes));
        let graphemes = |text: &str| {
            let segmenter = self.segmenter.get_or_init(|| js::segmenter().ok());
            segmenter.as_ref().map_or_else(|| vec![text.len()], |segmenter| js::graphemes(segmenter, text))
        };
        self.pacer.arrived(shown.as_deref().unwrap_or(bytes), runtime::now(), &graphemes);
    }

    fn ended(&mut self) {
        if let Some(mut hider) = self.hider.take() {
            self.came(&hider.end());
        }
        self.pacer.ended(runtime::now());
    }

    /// Reads once, and sends meanwhile what is due. `None` when the upstream stalls or the client is gone.
    async fn read(&mut self, reader: &ByobReader, idle_ms: u64) -> Result<Option<Settled>> {
        let mut read = JsFuture::from(reader.read(&Uint8Array::new_with_length(SIFTED))?);
        let until = runtime::now() + idle_ms;
        while self.send().await {
            let now = runtime::now();
            let idle = until.saturating_sub(now);
            let wait = self.pacer.wait_ms(now).map_or(idle, |ms| ms.min(idle));
            match runtime::race(&mut read, None, wait).await {
                Winner::One(settled) | Winner::Other(settled) => return Ok(Some(settled)),
                Winner::Time if idle == 0 => break,
                Winner::Time => {}
            }
        }
        Ok(None)
    }

    /// Writes what is due; `false` when the client is gone.
    async fn send(&mut self) -> bool {
        let bytes = self.pacer.take(runtime::now());
        bytes.is_empty() || self.write(&bytes).await.is_ok()
    }

    async fn write(&self, bytes: &[u8]) -> std::result::Result<JsValue, JsValue> {
        JsFuture::from(self.writer.write_with_chunk(&Uint8Array::from(bytes))).await
    }

    /// Sends all that waits, each piece in its time.
    async fn drain(&mut self) -> bool {
        self.ended();
        while self.send().await {
            match self.pacer.wait_ms(runtime::now()) {
                Some(ms) => runtime::sleep(ms).await,
                None => return true,
            }
        }
        false
    }
}

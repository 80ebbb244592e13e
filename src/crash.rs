//! Deaths on demand, for tests/e2e/crash.test.mjs: only in the build with the feature `contract`, never in what is deployed.

use crate::{app::App, error::Error, runtime};
use std::{hint::black_box, rc::Rc};

const PAUSE_MS: u64 = 20;
/// What one allocation takes of the 4 GiB that wasm can name.
const PIECE: usize = 64 << 20;

/// Ends this isolate's wasm instance in that way. Whoever gets an answer has survived.
#[expect(clippy::panic, reason = "that is what it is for")]
pub async fn die(app: &Rc<App>, way: &str) -> Error {
    match way {
        "panic" => panic!("on demand"),
        "panic-later" => {
            runtime::sleep(PAUSE_MS).await;
            panic!("on demand, after an await")
        }
        "panic-in-storage" => {
            let flushed = app.flush(runtime::now()).await;
            panic!("on demand, after {flushed:?} lines were stored")
        }
        "panic-borrowed" => crate::app::with_cache(|_| panic!("on demand, with the cache in hand")),
        "memory" => loop {
            std::mem::forget(black_box(Vec::<u8>::with_capacity(PIECE)));
        },
        "stack" => Error::internal(deeper(0).to_string()),
        _ => Error::not_found("unknown_route", way.to_string()),
    }
}

#[expect(unconditional_recursion, reason = "that is what it is for")]
fn deeper(depth: u64) -> u64 {
    let held = black_box([depth; 64]);
    deeper(depth + 1) + held.iter().sum::<u64>()
}

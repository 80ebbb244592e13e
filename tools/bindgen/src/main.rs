//! `bindgen INPUT.wasm OUTPUT_DIR`: writes the JavaScript glue for the Worker's wasm.
//!
//! The wasm-bindgen command line is not on npm and compiles for minutes; its library is all we need.

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let input = args.next().context("first argument: the wasm that cargo built")?;
    let output = args.next().context("second argument: the folder to write to")?;

    Bindgen::new()
        .input_path(&input)
        .out_name("index")
        .module(true)?
        .typescript(false)
        // `scripts/entry.mjs` starts a fresh instance after a panic through this function,
        .reset_state_function(true)
        // and this one lets the glue see a dead instance instead of calling into it.
        .force_enable_abort_handler(true)
        .generate(&output)
        .with_context(|| format!("wasm-bindgen of {input}"))
}

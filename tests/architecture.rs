//! The walls of the house: who may import whom, what the core may not know, and how large a file may get.
//! The layers are read from the blocks of `mod` lines in src/lib.rs, from top to bottom.

#[path = "architecture/source.rs"]
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file of more lines fails; one of more than 300 is mentioned.
const LONGEST: usize = 400;
const LONG: usize = 300;

/// What only the platform's modules may name: the runtime, the clock and chance.
const IMPURE: [&str; 7] = ["worker", "js_sys", "web_sys", "wasm_bindgen", "SystemTime", "Instant", "getrandom"];
const PURE_LAYERS: [&str; 5] = ["core", "words", "ground", "letters", "signs"];
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "types", "helper", "helpers", "manager", "service"];

struct Layer {
    name: String,
    modules: Vec<String>,
}

struct File {
    path: String,
    /// From the crate's root; the first is the module of a layer.
    modules: Vec<String>,
    text: String,
}

/// A block of `mod` lines under a comment that begins with its name.
fn layers(lib: &str) -> Vec<Layer> {
    let blocks = lib.split("\n\n").map(|block| {
        let comment = block.lines().filter_map(|line| line.strip_prefix("// ")).next().unwrap_or_default();
        let name = source::words(comment).next().unwrap_or_default().to_string();
        let modules = block.lines().filter_map(|line| {
            line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';').map(str::to_string)
        });
        Layer { name, modules: modules.collect() }
    });
    blocks.filter(|layer| !layer.modules.is_empty()).collect()
}

fn files(folder: &Path) -> std::io::Result<Vec<File>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            files.extend(self::files(&path)?);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let name = path.to_string_lossy().replace('\\', "/");
            let parts = name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').skip(1);
            let modules = parts.map(str::to_string).collect();
            files.push(File { text: fs::read_to_string(&path)?, modules, path: name });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn height(layers: &[Layer], module: &str) -> Option<usize> {
    layers.iter().position(|layer| layer.modules.iter().any(|m| m == module))
}

/// One sentence for each import that does not lead down.
fn wrong_imports(layers: &[Layer], file: &File) -> Vec<String> {
    let module = file.modules.first().map(String::as_str).unwrap_or_default();
    let path = &file.path;
    let Some(from) = height(layers, module) else {
        return vec![format!("{path} belongs to no layer: src/lib.rs has no line `mod {module};`.")];
    };
    let code = source::code(&file.text);
    let mut roots = source::by_crate(&code);
    // From a module inside of a file, as many steps up end inside the crate's own modules.
    roots.extend(source::by_super(&code, file.modules.len()).into_iter().filter(|root| height(layers, root).is_some()));
    let faults = roots.into_iter().filter(|root| root != module).filter_map(|root| match height(layers, &root) {
        None => Some(format!("{path} imports `{root}` from the crate's root, which declares layers and nothing else.")),
        Some(to) if to == from => {
            Some(format!("{path} imports `{root}`, its sibling: move what both need below them."))
        }
        Some(to) if to < from => Some(format!("{path} imports `{root}`, which stands above it: move the value down.")),
        Some(_) => None,
    });
    faults.collect()
}

/// One sentence for each thing that a pure file names and may not know.
fn impurities(layers: &[Layer], file: &File) -> Vec<String> {
    let layer = file.modules.first().and_then(|module| layers.get(height(layers, module)?));
    if !layer.is_some_and(|layer| PURE_LAYERS.contains(&layer.name.as_str())) {
        return Vec::new();
    }
    let code = source::code(&file.text);
    let named = IMPURE.iter().filter(|word| source::words(&code).any(|w| w == **word));
    named
        .map(|word| format!("{} names `{word}`: the core takes `now` and `dice` and does no I/O.", file.path))
        .collect()
}

fn wrong_shape(file: &File) -> Vec<String> {
    let lines = file.text.lines().count();
    let empty = file.modules.iter().filter(|name| EMPTY_NAMES.contains(&name.as_str()));
    let mut faults: Vec<String> = empty
        .map(|name| format!("{} is called `{name}`, which says nothing: name it for what it holds.", file.path))
        .collect();
    if lines > LONGEST {
        faults.push(format!("{} has {lines} lines, more than {LONGEST}: split it by what it is about.", file.path));
    } else if lines > LONG {
        eprintln!("{} has {lines} lines; think of splitting it.", file.path);
    }
    faults
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn modules_import_only_from_layers_below() {
    let layers = layers(&fs::read_to_string("src/lib.rs").unwrap());
    for name in PURE_LAYERS.iter().chain(&["walks", "carried", "edges", "platform"]) {
        assert!(layers.iter().any(|layer| layer.name == *name), "src/lib.rs has no block of modules named {name}.");
    }
    let files = files(Path::new("src")).unwrap();
    let faults: Vec<String> =
        files.iter().filter(|f| f.path != "src/lib.rs").flat_map(|f| wrong_imports(&layers, f)).collect();
    assert_none(&faults);
}

#[test]
fn the_core_knows_no_runtime_clock_or_chance() {
    let layers = layers(&fs::read_to_string("src/lib.rs").unwrap());
    let faults: Vec<String> = files(Path::new("src")).unwrap().iter().flat_map(|f| impurities(&layers, f)).collect();
    assert_none(&faults);
}

#[test]
fn files_are_small_and_named_for_what_they_hold() {
    let folders = ["src", "tests"].map(|folder| files(Path::new(folder)).unwrap());
    let faults: Vec<String> = folders.iter().flatten().flat_map(wrong_shape).collect();
    assert_none(&faults);
}

const LIB: &str =
    "// walks: a\nmod admin;\nmod cron;\n\n// edges\nmod store;\n\n// core: pure\npub mod pool;\npub mod auth;\n";

fn check(path: &str, text: &str, expected: &[&str]) {
    let modules = path.trim_end_matches("/mod").split('/').map(str::to_string).collect();
    let file = File { path: format!("src/{path}.rs"), modules, text: text.into() };
    let layers = layers(LIB);
    let mut faults = wrong_imports(&layers, &file);
    faults.extend(impurities(&layers, &file));
    assert_eq!(faults.len(), expected.len(), "{text}: {faults:?}");
    for (fault, words) in faults.iter().zip(expected) {
        assert!(fault.contains(words), "{text}: {fault}");
    }
}

#[test]
fn these_tests_see_what_they_are_for() {
    check("admin/keys", "use crate::{pool::{Pool, slot}, store::Store};", &[]);
    check("admin", "use crate::cron;", &["`cron`, its sibling"]);
    check("admin/keys", "use super::super::cron::tick;", &["`cron`, its sibling"]);
    check("pool/slot", "fn f(a: crate::store::Store) {}", &["`store`, which stands above it"]);
    check(
        "pool",
        "use crate::{\n    auth::{self, x},\n    store,\n};",
        &["`auth`, its sibling", "`store`, which stands above"],
    );
    check("pool", "use super::store;", &["`store`, which stands above"]);
    check("pool", "#[cfg(test)] mod tests { use super::*; use super::slot; }", &[]);
    check("pool/slot", "use super::Pool; pub(crate) struct A<'a>(&'a str);", &[]);
    check("pool", "use crate::Secret;", &["`Secret` from the crate's root"]);
    check("nobody", "", &["no layer"]);
    check("pool", "let a = std::time::Instant::now();", &["names `Instant`"]);
    check(
        "pool",
        "//! crate::store\nlet a = \"worker \\\" crate::cron\"; let q = '\"'; let b = r#\"getrandom \"\" \"#;",
        &[],
    );
    check("pool", "let q = '\\''; use worker::Env;", &["names `worker`"]);
    check("store", "use worker::Env;", &[]);
}

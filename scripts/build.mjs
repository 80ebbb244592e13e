// `npm run build`, and Wrangler's `[build]`: build/index.js and build/index_bg.wasm, with crates.io and npm alone.
// cargo, its linker by way of link.mjs -> wasm-bindgen (as a library, tools/bindgen) -> shrink.mjs -> wasm-opt (npm
// binaryen) -> esbuild of scripts/entry.mjs.
// With `--contract`: target/contract, the Worker that tests/e2e/store-contract.test.mjs asks for what its store keeps.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask, env, ready, root, stop } from "./ready.mjs";
import { shrink, withoutUnused } from "./shrink.mjs";

const DEPLOYED = { out: "build", profile: "release", options: ["--release"] };
// Never deployed, so it need not be small.
const CONTRACT = { out: "target/contract", profile: "debug", options: ["--features", "contract"] };
/// The least that a Worker in Rust is, for `npm run bench`. Beside keypool, so that both are made of the same dependencies.
export const FORWARDER = { out: "target/forwarder", profile: "release", options: ["--release", "--package", "keypool", "--package", "forwarder"], crate: "forwarder" };
/// What is deployed, with the names of functions and hence not made smaller: for a profile.
export const NAMED = { out: "target/named", profile: "release", options: ["--release"], named: true };

// What LLVM uses for wasm32-unknown-unknown, and what wasm-bindgen adds; wasm-opt refuses what it is not told of.
const WASM_FEATURES = [
  "bulk-memory",
  "exception-handling",
  "multivalue",
  "mutable-globals",
  "nontrapping-float-to-int",
  "reference-types",
  "sign-ext",
];

/// What stands between the runtime and the glue.
const SHIM = ["access.mjs", "call.mjs", "cipher.mjs", "entry.mjs", "soon.mjs"];

export async function build({ out, profile, options, crate = "keypool", named = false } = DEPLOYED) {
  await ready();
  run("cargo", ["build", ...options, "--lib", "--target", "wasm32-unknown-unknown", "--locked"], linking());
  const target = targetFolder();
  const wasm = join(target, "wasm32-unknown-unknown", profile, `${crate}.wasm`);

  // cargo knows whether its part is up to date; the rest depends on nothing but these files.
  const made = fingerprint([
    wasm,
    "package-lock.json",
    "scripts/build.mjs",
    ...SHIM.map((name) => `scripts/${name}`),
    "scripts/shrink.mjs",
    "scripts/wasm.mjs",
    "tools/bindgen/Cargo.lock",
    "tools/bindgen/src/main.rs",
  ]);
  const stamp = join(out, "made-from");
  const outputs = [join(out, "index.js"), join(out, "index_bg.wasm"), stamp];
  if (outputs.every(existsSync) && readFileSync(stamp, "utf8") === made) return;
  rmSync(stamp, { force: true });

  const work = join(target, "worker", crate, named ? "named" : profile);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  mkdirSync(out, { recursive: true });
  // Wrangler uploads whatever lies there.
  for (const name of readdirSync(out)) {
    if (!outputs.includes(join(out, name))) rmSync(join(out, name), { recursive: true });
  }

  glue(wasm, work, join(target, "bindgen"));
  if (profile === "release" && !named) optimize(work);
  await bundle(work, out, !named);
  writeFileSync(stamp, made);
}

/// What tells cargo of our linker. Windows starts no scripts; there the upload is 4 KiB larger.
function linking() {
  if (process.platform === "win32") return {};
  const linker = join(root, "scripts/link.mjs");
  chmodSync(linker, 0o755);
  return { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker };
}

function run(program, args, more = {}) {
  try {
    execFileSync(program, args, { env: { ...env, ...more }, stdio: ["ignore", "inherit", "inherit"] });
  } catch {
    stop(`The build stopped at: ${program} ${args.join(" ")}`);
  }
}

/// cargo's own word, because CARGO_TARGET_DIR or a developer's configuration may move it.
function targetFolder() {
  const metadata = ask("cargo", "metadata", "--format-version=1", "--no-deps", "--locked", "--offline");
  return metadata ? JSON.parse(metadata).target_directory : "target";
}

function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

function glue(wasm, work, target) {
  const manifest = ["--manifest-path", "tools/bindgen/Cargo.toml", "--target-dir", target];
  run("cargo", ["run", "--quiet", "--locked", ...manifest, "--", wasm, work]);
}

/// Without function names: they are 60 KiB of gzip, and a panic's message has its file and line anyway. Without
/// inlining: LLVM has done what pays, and more of it makes the upload larger and this step five times as long. Without
/// three more passes that save bytes but make like code unlike, so that gzip finds less. The names by which functions
/// are ordered are those that shrink.mjs has given them.
function optimize(work) {
  const [wasm, code] = [join(work, "index_bg.wasm"), join(work, "index.js")];
  const smaller = shrink(readFileSync(wasm), readFileSync(code, "utf8"));
  writeFileSync(wasm, smaller.wasm);
  writeFileSync(code, smaller.glue);

  const features = WASM_FEATURES.map((name) => `--enable-${name}`);
  const out = join(work, "optimized.wasm");
  const tool = "node_modules/binaryen/bin/wasm-opt";
  const skipped = ["inlining-optimizing", "local-cse", "simplify-locals", "dae-optimizing"].map((p) => `--skip-pass=${p}`);
  const passes = ["-O", ...skipped, "--reorder-functions-by-name", "--strip-debug"];
  const args = [tool, ...passes, ...features, wasm, "-o", out];
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) {
    // When it crashes, Node quotes the line that did: ten megabytes.
    const lines = stderr.split("\n").filter((line) => line.length < 500);
    stop(`The build stopped at: wasm-opt\n${lines.join("\n")}`);
  }
  renameSync(out, wasm);
  writeFileSync(code, withoutUnused(smaller.glue, readFileSync(wasm)));
}

async function bundle(work, out, minify) {
  for (const name of SHIM) cpSync(join("scripts", name), join(work, name));
  const { build: esbuild } = await import("esbuild");
  await esbuild({
    entryPoints: [join(work, "entry.mjs")],
    outfile: join(work, "bundle.js"),
    inject: [join(work, "soon.mjs")],
    bundle: true,
    format: "esm",
    target: "esnext",
    minify,
    external: ["./index_bg.wasm", "cloudflare:*"],
    logLevel: "error",
  });
  // Workers give a compiled module for a plain import of wasm; the "source phase" spelling is not known there yet.
  const code = readFileSync(join(work, "bundle.js"), "utf8").replace(/\bimport source\b/, "import");
  // A running Wrangler watches these two: each appears whole, the entry last.
  const [wasm, entry] = [join(out, "index_bg.wasm"), join(out, "index.js")];
  cpSync(join(work, "index_bg.wasm"), `${wasm}.new`);
  renameSync(`${wasm}.new`, wasm);
  writeFileSync(`${entry}.new`, code);
  renameSync(`${entry}.new`, entry);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build(process.argv.includes("--contract") ? CONTRACT : DEPLOYED);
}

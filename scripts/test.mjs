// `npm test`: everything that must hold, cheapest first, stopping at the first failure.
// `node scripts/test.mjs lint native e2e page size` runs only the parts named, in this order.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { gzipSync } from "node:zlib";
import { chromium, python } from "./guests.mjs";
import { ask, env, ready, stop } from "./ready.mjs";

/// What Cloudflare is sent, compressed: a Worker that grows starts slower.
const LARGEST_UPLOAD_KIB = 350;
/// Of the message with which the standard library's search for words fails; with all it needs it is 6 KiB.
const SEARCH = "when slicing";

const PARTS = {
  async lint() {
    addRustComponents();
    await step("cargo fmt", "cargo", ["fmt", "--all", "--check"]);
    await step("clippy", "cargo", clippy("--workspace", "--all-targets"));
    await step("clippy for wasm", "cargo", clippy("--lib", "--target", "wasm32-unknown-unknown"));
  },
  async native() {
    await step("cargo test", "cargo", ["test", "--locked"]);
    await step("resilience", "npm", ["run", "--silent", "bench:resilience", "--", "--check"]);
  },
  async e2e() {
    await build();
    const KEYPOOL_PYTHON = await timed("python", python);
    await nodeTests("tooling", {});
    await nodeTests("e2e", { KEYPOOL_PYTHON }, 2);
  },
  async page() {
    await build();
    const KEYPOOL_CHROMIUM = await timed("chromium", chromium);
    if (!KEYPOOL_CHROMIUM) throw new Failure("chromium");
    await nodeTests("page", { KEYPOOL_CHROMIUM });
  },
  async size() {
    const folder = "target/upload";
    rmSync(folder, { recursive: true, force: true });
    await step("wrangler deploy --dry-run", "wrangler", ["deploy", "--dry-run", "--outdir", folder]);
    checkUpload(folder);
  },
};

/// A step that did not hold; its message is the step's name.
class Failure extends Error {}

const durations = [];
let built = false;
const counted = { passed: 0, failed: 0, skipped: 0 };

const asked = process.argv.slice(2);
const unknown = asked.filter((part) => !(part in PARTS));
if (unknown.length > 0) stop(`There is no part "${unknown[0]}". The parts: ${Object.keys(PARTS).join(", ")}.`);

await ready();
let stopped = null;
try {
  for (const [name, part] of Object.entries(PARTS)) {
    if (asked.length === 0 || asked.includes(name)) await part();
  }
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  stopped = error.message;
}
report();

function clippy(...what) {
  return ["clippy", "--locked", ...what, "--", "-D", "warnings"];
}

/// rustup's minimal profile comes without them.
function addRustComponents() {
  if (ask("cargo", "fmt", "--version") && ask("cargo", "clippy", "--version")) return;
  if (!ask("rustup", "component", "add", "rustfmt", "clippy")) {
    stop("rustfmt or clippy is missing: run `rustup component add rustfmt clippy`.");
  }
}

/// In a process of its own: what stops the build must not keep us from reporting.
async function build() {
  if (built) return;
  await step("build", "node", ["scripts/build.mjs"]);
  built = true;
}

async function nodeTests(folder, more, atOnce = 1) {
  const path = join("tests", folder);
  const files = existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(".test.mjs")) : [];
  if (files.length === 0) {
    console.log(`\n(no tests in ${path} yet)`);
    return;
  }
  const options = [
    "--test",
    "--test-reporter=spec",
    // Each file starts its own workerd, and some of them wait; more than a few at once only measure the machine's patience.
    `--test-concurrency=${Math.min(4, atOnce * availableParallelism())}`,
    // Only for a hang: it counts for a whole file too.
    "--test-timeout=1200000",
    // A test that fails before it closes its workerd must not keep its file from ending.
    "--test-force-exit",
  ];
  // `node` by name: the one that ready.mjs has found new enough, not necessarily the one that runs this.
  await step(`${folder} tests`, "node", [...options, ...files.map((file) => join(path, file))], more);
}

async function step(name, program, args, more = {}) {
  await timed(name, async () => {
    const { code, text } = await tee(program, args, more);
    count(text);
    if (code !== 0) throw new Failure(name);
  });
}

async function timed(name, work) {
  console.log(`\n── ${name}`);
  const start = performance.now();
  try {
    return await work();
  } finally {
    durations.push([name, (performance.now() - start) / 1000]);
  }
}

/// Runs a program, showing and keeping what it prints.
function tee(program, args, more) {
  const color = process.stdout.isTTY ? { CARGO_TERM_COLOR: "always", FORCE_COLOR: "1" } : {};
  const child = spawn(program, args, { env: { ...env, ...color, ...more }, stdio: ["ignore", "pipe", "pipe"] });
  const chunks = [];
  child.stdout.on("data", (chunk) => chunks.push(chunk) && process.stdout.write(chunk));
  child.stderr.on("data", (chunk) => process.stderr.write(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, text: stripVTControlCharacters(Buffer.concat(chunks).toString()) }));
  });
}

/// Adds up the summaries of cargo's and Node's test runners.
function count(text) {
  for (const [, passed, failed, ignored] of text.matchAll(/^test result: .* (\d+) passed; (\d+) failed; (\d+) ignored/gm)) {
    counted.passed += Number(passed);
    counted.failed += Number(failed);
    counted.skipped += Number(ignored);
  }
  const kinds = { pass: "passed", fail: "failed", cancelled: "failed", skipped: "skipped", todo: "skipped" };
  for (const [, kind, number] of text.matchAll(/^ℹ (pass|fail|cancelled|skipped|todo) (\d+)$/gm)) {
    counted[kinds[kind]] += Number(number);
  }
}

function checkUpload(folder) {
  const modules = readdirSync(folder).filter((name) => !/\.map$|^README/.test(name));
  const bytes = modules.reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).length, 0);
  const kib = bytes / 1024;
  console.log(`Upload: ${kib.toFixed(1)} KiB in gzip, of ${LARGEST_UPLOAD_KIB}.`);
  if (kib > LARGEST_UPLOAD_KIB) throw new Failure("upload size");
  if (modules.some((name) => readFileSync(join(folder, name)).includes(SEARCH))) {
    console.log("The upload holds the standard library's search for a &str, or slices one: use src/find.rs, and `get`.");
    throw new Failure("upload content");
  }
}

function report() {
  console.log("");
  for (const [name, seconds] of durations) console.log(`${seconds.toFixed(1).padStart(8)} s  ${name}`);
  if (stopped) console.log(`\nStopped at: ${stopped}`);
  const skipped = counted.skipped > 0 ? `, ${counted.skipped} skipped` : "";
  console.log(`\n${counted.passed} passed, ${counted.failed} failed${skipped}`);
  process.exitCode = stopped ? 1 : 0;
}

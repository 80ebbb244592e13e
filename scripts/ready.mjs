// Makes a bare clone runnable: npm packages, a Node that is new enough, the wasm target, the bundled page.
// Every other script calls it first, so it is idempotent and takes about 0.1 s when nothing is missing.
// It runs on the Node that happens to be there (20 or newer) and may import nothing from npm at the top.
import { execSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/// Where Node is older than Wrangler wants, this one comes from npm: `npm run` and `npx` prefer node_modules/.bin.
const NODE_OLDEST = [22, 12];
const NODE_FROM_NPM = "24.21.0";

/// The environment for every program we start: our own tools first, rustup's last (it may not be on a bare PATH).
export const env = {
  ...process.env,
  PATH: [
    join(root, "node_modules/.bin"),
    process.env.PATH,
    join(process.env.CARGO_HOME || join(homedir(), ".cargo"), "bin"),
  ].join(delimiter),
  // Nothing here calls Cloudflare on its own: no usage data, no look for a newer version, no look-up of where we are.
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

export async function ready() {
  process.chdir(root);
  packages();
  node();
  wasmTarget();
  await (await import("./page.mjs")).page();
}

/// Ends the command with a sentence a person can act on.
export function stop(sentence) {
  console.error(`\n${sentence}\n`);
  process.exit(1);
}

/// What a program prints, or null where it is missing or fails.
export function ask(program, ...args) {
  const { status, stdout } = spawnSync(program, args, { env, encoding: "utf8" });
  return status === 0 ? stdout.trim() : null;
}

function sh(command) {
  console.log(`> ${command}`);
  try {
    execSync(command, { env, stdio: ["ignore", "inherit", "inherit"] });
  } catch {
    stop(`This failed: ${command}`);
  }
}

function packages() {
  if (installedAsLocked()) return;
  if (process.env.WRANGLER_COMMAND && existsSync("node_modules/wrangler")) {
    // We were started by this Wrangler's `[build]`: `npm ci` would delete it under its own feet.
    stop("package-lock.json changed since the last install. Run `npm ci`, then this command again.");
  }
  // `--include=dev`: everything here is a development dependency, also where NODE_ENV=production.
  sh("npm ci --include=dev --no-audit --no-fund --loglevel=error");
}

/// Whether node_modules is what package-lock.json says, by npm's own record of what it installed.
function installedAsLocked() {
  const record = "node_modules/.package-lock.json";
  if (!existsSync(record)) return false;
  const read = (path) => JSON.parse(readFileSync(path, "utf8")).packages;
  const installed = read(record);
  return Object.entries(read("package-lock.json")).every(([path, locked]) => {
    if (path === "") return true;
    // Optional packages are those of other systems.
    if (!installed[path]) return Boolean(locked.optional);
    return installed[path].version === locked.version && installed[path].integrity === locked.integrity;
  });
}

function node() {
  const [major, minor] = (ask("node", "-p", "process.versions.node") ?? "0.0").split(".").map(Number);
  if (major > NODE_OLDEST[0] || (major === NODE_OLDEST[0] && minor >= NODE_OLDEST[1])) return;
  // The package named `node` only runs an install script that fetches this one; npm may hold such scripts back.
  const system = process.platform === "win32" ? "win" : process.platform;
  sh(
    `npm install --no-save --no-audit --no-fund --loglevel=error node-${system}-${process.arch}@${NODE_FROM_NPM}`,
  );
}

function wasmTarget() {
  if (!ask("cargo", "--version")) {
    stop("Rust is missing: install it with rustup (https://rustup.rs), then run this command again.");
  }
  const folder = ask("rustc", "--print", "target-libdir", "--target", "wasm32-unknown-unknown");
  if (folder && existsSync(folder)) return;
  if (!ask("rustup", "--version")) {
    stop("This Rust has no wasm32-unknown-unknown target, and there is no rustup to add it. Install Rust with rustup (https://rustup.rs).");
  }
  sh("rustup target add wasm32-unknown-unknown");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ready();

// `npm run dev`: the Worker on workerd with local storage, and all one needs to talk to it on the screen.
//   -- --demo     with a mock provider, some keys and light traffic; its storage is a new one each time
//   -- --kv       on KV instead of D1
//   -- --port N   on another port than 8787
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.mjs";
import { startDemo } from "./demo.mjs";
import { env, stop } from "./ready.mjs";

const { demo, kv, port: wanted } = options();
const closers = [];

await build();
const secrets = devVars();
const port = await freePort(wanted);
const url = `http://localhost:${port}`;
const storage = demo ? demoStorage() : ".wrangler/state";

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => close(0));
startWrangler();
await answering();
startCron();
const firstChat = demo ? await demonstrate() : null;
print();

function options() {
  try {
    const { values } = parseArgs({
      options: { demo: { type: "boolean" }, kv: { type: "boolean" }, port: { type: "string" } },
    });
    const port = values.port === undefined ? null : Number(values.port);
    if (port !== null && !(Number.isInteger(port) && port > 0 && port < 65536)) throw new Error(`"${values.port}" is no port.`);
    return { ...values, port };
  } catch (error) {
    return stop(`${error.message}\nUsage: npm run dev -- [--demo] [--kv] [--port N]`);
  }
}

/// Random secrets in .dev.vars, which Wrangler reads; a file that is there is somebody's and stays as it is.
function devVars() {
  if (!existsSync(".dev.vars")) {
    const random = (bytes) => randomBytes(bytes).toString("base64url");
    const lines = [`ADMIN_PASSWORD=${random(12)}`, `PROXY_API_KEY=kp-${random(24)}`];
    writeFileSync(".dev.vars", `${lines.join("\n")}\n`, { mode: 0o600 });
  }
  const value = (name) =>
    readFileSync(".dev.vars", "utf8").match(new RegExp(`^\\s*${name}\\s*=\\s*(["']?)(.*?)\\1\\s*$`, "m"))?.[2];
  return { password: value("ADMIN_PASSWORD"), clientKey: value("PROXY_API_KEY") };
}

async function freePort(wanted) {
  for (let port = wanted ?? 8787; port < 65536; port++) {
    if (await isFree(port)) return port;
    if (wanted) stop(`Port ${wanted} is taken.`);
  }
  return stop("No port is free.");
}

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "localhost", () => server.close(() => resolve(true)));
  });
}

function demoStorage() {
  const folder = mkdtempSync(join(tmpdir(), "keypool-demo-"));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function startWrangler() {
  const args = ["dev", "--port", port, "--persist-to", storage, "--show-interactive-dev-session=false"];
  // Providers on this machine (Ollama, the mock) are what one develops against.
  args.push("--var", "KEYPOOL_ALLOW_PRIVATE_UPSTREAMS:true");
  if (kv) args.push("--config", kvConfig());
  // In a demo the traffic would scroll everything else away.
  if (demo) args.push("--log-level", "warn");
  // In a process group of its own, so that we can end Wrangler together with its workerd.
  const wrangler = spawn("wrangler", args, { env, stdio: ["ignore", "inherit", "inherit"], detached: true });
  const ended = new Promise((resolve) => wrangler.once("exit", resolve));
  ended.then((code) => stopDev(`Wrangler ended (${code}).`));
  closers.push(async () => {
    kill(wrangler.pid, "SIGTERM");
    await Promise.race([ended, sleep(3000)]);
    kill(wrangler.pid, "SIGKILL");
  });
}

function kill(group, signal) {
  try {
    process.kill(-group, signal);
  } catch {
    // It is gone already.
  }
}

/// wrangler.toml with the storage swapped, as its comment tells a person to do it.
function kvConfig() {
  const toml = readFileSync("wrangler.toml", "utf8")
    .replace(/^\[\[d1_databases\]\]\n(?:.+\n)*/m, "")
    .replace(/^# (\[\[kv_namespaces\]\]|binding = "API_TOKENS")$/gm, "$1");
  writeFileSync("wrangler.kv.toml", toml);
  return "wrangler.kv.toml";
}

async function answering() {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const answer = await fetch(`${url}/healthz`).catch(() => null);
    if (answer?.ok) return;
    await sleep(100);
  }
  await stopDev("The Worker does not answer /healthz.");
}

/// `wrangler dev` knows the cron trigger but never fires it. Who looks at a demo shall not look at zeros for a minute.
function startCron() {
  const every = demo ? 10_000 : 60_000;
  const timer = setInterval(() => fetch(`${url}/cdn-cgi/handler/scheduled`).catch(() => {}), every);
  closers.push(() => clearInterval(timer));
}

/// How long the first chat took, in milliseconds.
async function demonstrate() {
  try {
    const { end, firstChat } = await startDemo({ url, ...secrets });
    closers.push(end);
    return firstChat;
  } catch (error) {
    return stopDev(`The demo did not start: ${error.message}`);
  }
}

function print() {
  const model = demo ? "mock-gpt" : "gpt-4o-mini";
  const { password = "(no ADMIN_PASSWORD in .dev.vars)", clientKey = "YOUR-CLIENT-KEY" } = secrets;
  console.log(`
  keypool is running on this machine, with ${kv ? "KV" : "D1"} in ${storage}.

    Page         ${url}/admin/
    Password     ${password}
    Base URL     ${url}/v1
    Client key   ${clientKey}

  ${demo ? `A chat with the mock provider (the first took ${firstChat} ms):` : "A chat, once the page has a key of your provider:"}

    curl ${url}/v1/chat/completions \\
      -H "Authorization: Bearer ${clientKey}" -H "Content-Type: application/json" \\
      -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'

  Ctrl-C ends it.
`);
}

async function stopDev(sentence) {
  if (!close.begun) console.error(`\n${sentence}\n`);
  await close(1);
}

async function close(code) {
  if (close.begun) return;
  close.begun = true;
  for (const closer of closers.reverse()) await closer();
  process.exit(code);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

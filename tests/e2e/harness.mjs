// The built Worker in a workerd of its own, with real local D1 and KV and a clock for cron.
//
// Wrangler's `createTestHarness` sends the Worker's own fetches through Node's fetch, which unpacks gzip and hides how
// a connection ends. Bytes and broken streams are what these tests are about, so they use what lies underneath it:
// Miniflare, with the bindings, flags and assets of the real wrangler.toml, and workerd's own sockets on both sides.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  unstable_getMiniflareWorkerOptions as miniflareWorkerOptions,
  unstable_readConfig as readConfig,
} from "wrangler";
import { inspect } from "../../bench/measure.mjs";

// Miniflare comes with Wrangler, in the version that fits it.
const { Miniflare, convertV4MiniflareOptions } = createRequire(createRequire(import.meta.url).resolve("wrangler"))(
  "miniflare",
);

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const password = "correct horse battery staple";
export const clientKey = "kp-e2e-first-client-key";
export const storages = ["d1", "kv"];
let workers = 0;

/**
 * Starts one Worker. `storage` is "d1", "kv", "both" or "none". `vars` and `secrets` are added to the defaults below; null takes
 * one away. `persist` is a folder (see `storeFolder`) that outlives the Worker; with `shared`, several may use it at the same time.
 * With `faults`, `failStorage(true)` makes every later storage call reject, `counts()` tells what reached the storage and
 * how much goes on in the background, and `settled()` waits until nothing does. `limiters`: the deployed rate limiters of logins,
 * which would limit tests too; `inspected`: its debugger can be asked. `build` is the folder of the built Worker.
 */
export async function startWorker({
  storage = "d1",
  vars = {},
  secrets = {},
  persist,
  shared = false,
  faults = false,
  limiters = false,
  inspected = false,
  build = "build",
} = {}) {
  const folder = persist ?? storeFolder();
  const logs = [];
  let closing;
  const miniflare = new Miniflare({
    ...convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      ...(inspected ? { inspectorPort: 0 } : {}),
      resourcePersistencePath: join(folder, "v3"),
      handleStructuredLogs: ({ level, message }) => logs.push({ level, message }),
      workers: [{ ...deployed(limiters), ...storageBindings(storage), ...modules(build, faults), bindings: bindings(vars, secrets) }],
    }),
    ...(shared ? oneOwner(folder) : {}),
  });
  await miniflare.ready;
  const url = String(await miniflare.unsafeGetDirectURL()).replace(/\/$/, "");
  const admin = adminOf(url, secrets.ADMIN_PASSWORD ?? password);
  const counts = async () => (await fetch(`${url}/__faults?counts`)).json();

  return {
    url,
    folder,
    /** A proxy call with the first client key, unless `init` says otherwise. */
    fetch: (path, init = {}) =>
      fetch(url + path, {
        redirect: "manual",
        ...init,
        headers: { authorization: `Bearer ${clientKey}`, ...init.headers },
      }),
    ...admin,
    /** Runs cron as if it were `time` (Unix ms). */
    async scheduled(time = Date.now()) {
      const worker = await miniflare.getWorker();
      const { outcome } = await worker.scheduled({ cron: "* * * * *", scheduledTime: new Date(time) });
      if (outcome !== "ok") throw new Error(`cron ended with ${outcome}`);
    },
    env: () => miniflare.getBindings(),
    /** Everything the Worker and workerd have logged, as one text. */
    logs: () => logs.map((line) => line.message).join("\n"),
    /** `slow=2000`, `refuse=writes`, `refuse=all`, `stale`, `off`; see faults.mjs. */
    troubleStorage: (how) => fetch(`${url}/__faults?${how}`),
    failStorage: (on) => fetch(`${url}/__faults?${on ? "on" : "off"}`),
    /** Storage works for so many calls more; with `lost`, the next one is done too, but nobody hears of it. */
    failStorageAfter: (calls, { lost = false } = {}) => fetch(`${url}/__faults?after=${calls}${lost ? "&lost" : ""}`),
    counts,
    /** With `inspected`: a function that gives the isolate's debugger a command. */
    inspector: async () => inspect(new URL(await miniflare.getInspectorURL()).port),
    /** The Worker's clock goes `ms` before ours. */
    putAhead: (ms) => fetch(`${url}/__faults?ahead=${ms}`),
    settled: () =>
      eventually(async () => {
        const { background } = await counts();
        if (background > 0) throw new Error(`${background} pieces of work go on in the background`);
      }, 30_000),
    /** May be called again. */
    close: () =>
      (closing ??= miniflare.dispose().then(() => persist || rmSync(folder, { recursive: true, force: true }))),
  };
}

/** A Worker for one test `t`, closed and cleared away after it. */
export async function started(t, options) {
  const worker = await startWorker(options);
  t.after(() => worker.close().then(() => rmSync(worker.folder, { recursive: true, force: true })));
  return worker;
}

/** A new folder to keep a store in; the caller removes it. */
export function storeFolder() {
  return mkdtempSync(join(tmpdir(), "keypool-e2e-"));
}

/** Asks until `probe` no longer throws; for what the Worker does after its answer (`waitUntil`). Gives up after 5 s. */
export async function eventually(probe, ms = 5000) {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

// The deployed settings, less what belongs to a developer's machine and what is chosen per test.
function deployed(limiters) {
  // The name of a file that is not there keeps the developer's .dev.vars out.
  const { workerOptions } = miniflareWorkerOptions(configPath(), undefined, { envFiles: ["none"] });
  const { modulesRules, rootPath, bindings, kvNamespaces, d1Databases, ...kept } = workerOptions;
  if (!limiters) delete kept.ratelimits;
  workers += 1;
  return { ...kept, name: `keypool-${process.pid}-${workers}`, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] };
}

// As in production, one process owns a store and the others ask it: two that opened the same files would find them locked.
function oneOwner(folder) {
  return {
    unsafeEnableSharedStorage: true,
    enableDevRegistry: true,
    unsafeDevRegistryPath: join(folder, "registry"),
    isolatedResourcePersistencePath: join(folder, "isolated"),
  };
}

function configPath() {
  return join(root, "wrangler.toml");
}

// The ids are those that `wrangler dev` and `wrangler d1 ... --local` use for bindings without an id.
function storageBindings(storage) {
  return {
    d1Databases: storage === "d1" || storage === "both" ? { DB: "DB" } : {},
    kvNamespaces: storage === "kv" || storage === "both" ? { API_TOKENS: "API_TOKENS" } : {},
  };
}

function modules(folder, faults) {
  const build = join(root, folder);
  const files = readdirSync(build).filter((name) => /\.(m?js|wasm)$/.test(name) && name !== "index.js");
  const entry = { type: "ESModule", path: join(build, "index.js") };
  const rest = files.map((name) => ({
    type: name.endsWith(".wasm") ? "CompiledWasm" : "ESModule",
    path: join(build, name),
  }));
  const wrapper = ["faults.mjs", "memory.mjs"].map((name) => ({
    type: "ESModule",
    path: join(build, name),
    contents: readFileSync(join(root, "tests/e2e", name), "utf8"),
  }));
  return { modulesRoot: build, modules: faults ? [...wrapper, entry, ...rest] : [entry, ...rest] };
}

function bindings(vars, secrets) {
  const all = {
    ...readConfig({ config: configPath() }, { hideWarnings: true }).vars,
    KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: "true",
    // Lists of models are read when a test asks for them, and do not stand among the calls that others count.
    KEYPOOL_MODELS_HOURS: "0",
    ADMIN_PASSWORD: password,
    PROXY_API_KEY: clientKey,
    ...vars,
    ...secrets,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

/** The admin API of the Worker at `url`. */
export function adminOf(url, secret = password) {
  let session;
  async function login() {
    const answer = await fetch(`${url}/admin/api/login`, {
      method: "POST",
      body: JSON.stringify({ password: secret }),
    });
    if (answer.status !== 200) throw new Error(`login: ${answer.status} ${await answer.text()}`);
    return (await answer.json()).token;
  }
  /** A call of the admin API, `path` beginning after /admin/api; logs in once. */
  async function admin(path, init = {}) {
    session ??= login();
    const headers = { authorization: `Bearer ${await session}`, ...init.headers };
    return fetch(`${url}/admin/api${path}`, { redirect: "manual", ...init, headers });
  }
  /** The same with JSON both ways: `{status, headers, body}`; `expected` is the status that must come back. */
  async function api(method, path, body, expected) {
    const answer = await admin(path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await answer.text();
    if (expected && answer.status !== expected)
      throw new Error(`${method} ${path}: ${answer.status} instead of ${expected}: ${text}`);
    return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
  }
  return { admin, api, token: () => (session ??= login()) };
}

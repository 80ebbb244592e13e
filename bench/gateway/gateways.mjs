// What is compared: keypool as it is deployed, the floor, what the runtime takes, the same in Rust, and the common way, each in a
// workerd of its own, of one build, at one compatibility date.
import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unstable_readConfig as readConfig } from "wrangler";
import { FORWARDER } from "../../scripts/build.mjs";
import { env, root, stop } from "../../scripts/ready.mjs";
import { adminOf, password } from "../../tests/e2e/harness.mjs";
import { startD1 } from "./d1.mjs";
import { startKv } from "./kv.mjs";
import { startWorkerd } from "./workerd.mjs";

const work = join(root, "target/bench-gateway");
const here = join(root, "bench/gateway");
const clientKey = "bench-client-key-of-the-first-kind";
/// Far above what is asked here, so that every limit is looked at and none is met.
const LIMITS = { rpm: 10_000_000, tpm: 1_000_000_000, day_tokens: 1_000_000_000_000, month_micros: 1_000_000_000_000 };
/// All that bare.mjs can do.
const PARTS = "question answer signals timer behind log gate copy";
let started = 0;

/// The modules of `wrangler deploy`, the entry first.
export function uploaded() {
  const folder = join(work, "upload");
  rmSync(folder, { recursive: true, force: true });
  const { status, stderr } = spawnSync("wrangler", ["deploy", "--dry-run", "--outdir", folder], { cwd: root, env, encoding: "utf8" });
  if (status !== 0) stop(`This failed: wrangler deploy --dry-run\n${stderr}`);
  const names = readdirSync(folder).filter((name) => /\.(js|wasm)$/.test(name));
  return names.toSorted((a, b) => Number(b === "index.js") - Number(a === "index.js")).map((name) => join(folder, name));
}

/// Of the Worker in Rust that only forwards.
export const forwarding = ["index.js", "index_bg.wasm"].map((name) => join(root, FORWARDER.out, name));

/// What starts gateways before the provider at `port`.
export function gateways(port, modules) {
  const config = readConfig({ config: join(root, "wrangler.toml") }, { hideWarnings: true });
  const upstream = `http://127.0.0.1:${port}`;
  const shared = { date: config.compatibility_date, flags: config.compatibility_flags };
  const folder = (kind) => join(work, `${kind}-${(started += 1)}`);

  const forwarder = (name, modules = [join(here, `${name}.mjs`)]) =>
    async function ({ keys = ["bench-ok-1"], parts = PARTS, inspector } = {}) {
      const vars = { KEY: keys[0], UPSTREAM: upstream, PARTS: parts };
      const options = { ...shared, modules, vars, inspector };
      const start = () => startWorkerd(folder(name), options);
      return gateway(name, await start(), { start, key: clientKey });
    };

  async function jsPool({ keys = ["bench-ok-1"], inspector } = {}) {
    const stored = keys.map((value) => ({ value, enabled: true, resting: 0 }));
    const kv = await startKv({ keys: JSON.stringify(stored) });
    const vars = { CLIENT_KEY: clientKey, UPSTREAM: upstream };
    const storage = { binding: "POOL", kind: "kv", port: kv.port };
    const options = { ...shared, modules: [join(here, "js-pool.mjs")], vars, storage, inspector };
    const start = () => startWorkerd(folder("js-pool"), options);
    return gateway("js-pool", await start(), { start, key: clientKey, storage: kv });
  }

  /// Its client key has limits, its counts are flushed, its settings are those of wrangler.toml.
  async function keypool({ keys = ["bench-ok-1"], kind = "d1", rows = {}, vars: more = {}, inspector } = {}) {
    const store = kind === "d1" ? await startD1() : await startKv();
    const vars = {
      ...config.vars,
      ADMIN_PASSWORD: password,
      KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: "true",
      KEYPOOL_MODELS_HOURS: "0",
      ...more,
    };
    const storage = { binding: kind === "d1" ? "DB" : "API_TOKENS", kind, port: store.port };
    const watched = [
      join(here, "memory.mjs"),
      ...modules,
      { name: "watch.mjs", path: join(root, "tests/e2e/memory.mjs") },
    ];
    const options = { ...shared, vars, storage, inspector };
    const begin = (what) => startWorkerd(folder("keypool"), { ...options, ...what });
    const start = () => begin({ modules });
    const workerd = await begin({ modules: watched, sockets: ["main", "measure"] });
    const key = await furnish(`http://127.0.0.1:${workerd.ports.main}`, `${upstream}/v1`, keys, rows);
    const memory = async () => (await (await fetch(`http://127.0.0.1:${workerd.ports.measure}/`)).json()).memory;
    return { ...gateway(kind === "d1" ? "keypool" : "keypool-kv", workerd, { start, key, storage: store }), memory };
  }

  return { floor: forwarder("floor"), bare: forwarder("bare"), rust: forwarder("rust", forwarding), "js-pool": jsPool, keypool, "keypool-kv": (options) => keypool({ ...options, kind: "kv" }) };
}

/// `start` starts the same once more, without what measures memory.
function gateway(name, workerd, { start, key, storage }) {
  const close = () => Promise.all([workerd.close(), storage?.close()]);
  return { name, pid: workerd.pid, port: workerd.ports.main, inspector: workerd.ports.inspector, key, storage, start, close };
}

/// A provider, its keys, and a client key, which it answers.
async function furnish(url, base_url, keys, rows) {
  const { api } = adminOf(url);
  await api("POST", "/providers", { name: "bench", base_url }, 201);
  await api("PATCH", "/providers/bench", { default: true }, 200);
  for (let at = 0; at < keys.length; at += 1000) {
    const some = keys.slice(at, at + 1000).map((key) => ({ key, provider: "bench", ...rows }));
    const { body } = await api("POST", "/keys", { keys: some }, 201);
    if (body.added.length !== some.length) throw new Error(`${body.added.length} of ${some.length} keys were added`);
  }
  return (await api("POST", "/clients", { label: "bench", ...LIMITS }, 201)).body.key;
}

/// So many keys of one temper, see `src/key.rs`.
export const named = (temper, count) => Array.from({ length: count }, (_, i) => `bench-${temper}-${String(i).padStart(6, "0")}`);

// `npm run bench:fold`: the processor time of a cron that folds 1,000 lines of the journal: the built Worker's own, as it counts
// against a plan's 10 ms. The Worker runs in Node, on the same engine as workerd, with a storage made here whose time is taken off.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { build } from "../../scripts/build.mjs";
import { quantile } from "../measure.mjs";

const ROUNDS = 40;
const WARM = 10;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LINES = 1000;
// As many as a fold on KV takes; on D1 it takes up to 500.
const ENTRIES = 12;

const first = Math.ceil(Date.now() / HOUR) * HOUR;
let inStorage = 0;

/// The built Worker as a module that Node can load.
async function load() {
  const folder = "target/bench-fold";
  mkdirSync(folder, { recursive: true });
  copyFileSync("build/index_bg.wasm", `${folder}/index_bg.wasm`);
  const wasm = /import (\w+) ?from ?"\.\/index_bg\.wasm";?/;
  const code = readFileSync("build/index.js", "utf8");
  if (!wasm.test(code)) throw new Error("build/index.js imports its wasm in another way");
  const compiled = 'const $1=new WebAssembly.Module((await import("node:fs")).readFileSync(new URL("./index_bg.wasm",import.meta.url)));';
  writeFileSync(`${folder}/index.mjs`, code.replace(wasm, compiled));
  return (await import(pathToFileURL(resolve(folder, "index.mjs")))).default;
}

/// The storage's own time does not count.
function apart(work) {
  const start = process.cpuUsage();
  try {
    return work();
  } finally {
    const { user, system } = process.cpuUsage(start);
    inStorage += user + system;
  }
}

function kv() {
  const values = new Map();
  const get = (name) => values.get(name)?.value ?? null;
  return {
    get: async (name) => apart(() => (Array.isArray(name) ? new Map(name.map((one) => [one, get(one)])) : get(name))),
    getWithMetadata: async (name) => apart(() => ({ value: get(name), metadata: values.get(name)?.metadata ?? null })),
    put: async (name, value, { metadata } = {}) => apart(() => void values.set(name, { value, metadata })),
    delete: async (name) => apart(() => void values.delete(name)),
    list: async ({ prefix }) =>
      apart(() => ({ keys: [...values.keys()].filter((name) => name.startsWith(prefix)).sort().map((name) => ({ name })) })),
  };
}

async function d1() {
  // Of Node 22 and later, which a script's own imports cannot wait for.
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(":memory:");
  const prepare = (sql) => ({ bind: (...values) => ({ sql, values }) });
  const batch = async (statements) =>
    apart(() => {
      database.exec("begin");
      try {
        const results = statements.map(({ sql, values }) => ({ results: database.prepare(sql).all(...values) }));
        database.exec("commit");
        return results;
      } catch (error) {
        database.exec("rollback");
        throw error;
      }
    });
  return { prepare, batch };
}

function entry(now, i) {
  const lines = Array.from({ length: Math.ceil(LINES / ENTRIES) }, (_, n) => {
    const minute = Math.floor(now / MINUTE) - (i % 5);
    const series = ["openai", `key-${n % 21}`, `model-${n % 2}`, `client-${Math.floor(n / 42)}`];
    const sums = { a: 2, ao: 2, n: 2, o: 2, ti: 812, to: 97, ms: 1400, l4: 1, l5: 1, f3: 2, fm: 300, s1: 2, t1: 909, u: now };
    return [minute, Math.floor(minute / 1440), ...series, sums];
  });
  return [`${now - i - 1}-bench`, lines];
}

async function fill({ DB, API_TOKENS }, now) {
  for (let i = 0; i < ENTRIES; i++) {
    const [id, rows] = entry(now, i);
    if (DB) await DB.batch([DB.prepare("insert into entries values (?, ?)").bind(id, JSON.stringify(rows))]);
    else await API_TOKENS.put(`journal/counts/${id}`, JSON.stringify({ rows }));
  }
}

/// Milliseconds of one cron.
async function cron(worker, env, now) {
  inStorage = 0;
  const start = process.cpuUsage();
  const handlers = typeof worker === "function" ? new worker({ waitUntil() {} }, env) : worker;
  await handlers.scheduled({ scheduledTime: now, cron: "* * * * *" }, env, { waitUntil() {} });
  const { user, system } = process.cpuUsage(start);
  return (user + system - inStorage) / 1000;
}

// What workerd has and Node has not.
globalThis.addEventListener ??= () => {};

// Waits cost no processor time; these are for KV's second.
const timer = globalThis.setTimeout;
globalThis.setTimeout = (work, ms, ...rest) => timer(work, Math.min(ms, 1), ...rest);

await build();
const worker = await load();
console.log(`| ${ROUNDS} crons each | CPU of the Worker, median, ms | p10 | p90 |`);
console.log("|---|--:|--:|--:|");
for (const storage of ["d1", "kv"]) {
  const env = storage === "d1" ? { DB: await d1() } : { API_TOKENS: kv() };
  // The first one makes the tables.
  await cron(worker, env, first - HOUR);
  const times = { idle: [], lines: [] };
  for (let i = 0; i < ROUNDS + WARM; i++) {
    const now = first + i * HOUR;
    await fill(env, now);
    times.lines.push(await cron(worker, env, now));
    // What was folded is settled by then.
    times.idle.push(await cron(worker, env, now + 6 * MINUTE));
  }
  for (const [what, name] of [["lines", `${LINES} lines in ${ENTRIES} entries`], ["idle", "the next step of it"]]) {
    const kept = times[what].slice(WARM);
    console.log(`| ${storage}, ${name} | ${[0.5, 0.1, 0.9].map((q) => quantile(kept, q).toFixed(1)).join(" | ")} |`);
  }
}
process.exit(0);

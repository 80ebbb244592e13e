// Everything at once: two Workers over one store, clients of every kind, providers that fail, an admin who changes things, cron, and
// one Worker whose process is killed again and again. In the end the counts must be the provider's, and nothing may have grown.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { resident, workerds } from "../../bench/measure.mjs";
import { eventually, startWorker, storeFolder } from "../e2e/harness.mjs";
import { admin } from "./admin.mjs";
import { badInput, call } from "./traffic.mjs";

/// Far more often than in production, where it is 20 s and 5 min. On KV each flush is a document that is kept for five minutes.
const FLUSH_MS = { d1: 300, kv: 2000 };
const CLIENTS = 16;
/// What a Worker may log at the level `warn` under this load: that somebody came with a wrong password, and that a killed process left
/// half a value in KV. Another line ends the soak.
const EXPECTED = new Set(["login_refused", "value_broken"]);
const VARS = { KEYPOOL_SNAPSHOT_AGE_MS: "500", KEYPOOL_RETRY_AFTER_TIMEOUT: "0", KEYPOOL_REQUEST_LOG: "meta", KEYPOOL_LOG_LEVEL: "warn" };

/** Answers what was held, survived and lost; throws where something does not hold. `kills` is how many processes die. */
export async function soak({ storage, seconds, kills = Math.max(1, Math.floor(seconds / 20)) }) {
  const stage = await open(storage);
  try {
    const until = performance.now() + seconds * 1000;
    const running = () => performance.now() < until;
    const figures = { calls: 0, streams: 0, bodies: 0, left: 0, bad: 0, again: 0, changes: 0, ticks: 0, kills: 0 };
    const samples = [];
    await Promise.all([
      ...Array.from({ length: CLIENTS }, (_, i) => each(running, () => call(stage, figures, i))),
      each(running, () => badInput(stage, figures)),
      each(running, () => admin(stage, figures)),
      each(running, () => tick(stage, figures)),
      each(running, () => sample(stage, samples)),
      killing(stage, figures, running, seconds / (kills + 1)),
    ]);
    const lost = await settle(stage, figures);
    return { storage, seconds, ...figures, ...lost, ...memoryOf(samples), events: events(stage) };
  } finally {
    await stage.close();
  }
}

async function open(storage) {
  const [folder, mock] = [storeFolder(), await startMockProvider()];
  const start = async () => {
    const before = new Set(workerds());
    const worker = await startWorker({ storage, persist: folder, shared: true, faults: true, inspected: true, vars: { ...VARS, KEYPOOL_FLUSH_INTERVAL_MS: String(FLUSH_MS[storage]) } });
    const pids = workerds().filter((pid) => !before.has(pid));
    return { worker, pids };
  };
  // The first owns the store, as Cloudflare does; the second dies.
  const owner = await start();
  const second = await start();
  const stage = { storage, mock, owner: owner.worker, pids: owner.pids, debug: await owner.worker.inspector(), second, start, logs: [], killed: [], kept: [] };
  stage.workers = () => (stage.second ? [stage.owner, stage.second.worker] : [stage.owner]);
  stage.close = async () => {
    await stage.second?.worker.close();
    await stage.owner.close();
    await mock.close();
    rmSync(folder, { recursive: true, force: true });
  };
  await furnish(stage);
  return stage;
}

/// Most keys are well, some are not; one provider of two goes dark now and then.
async function furnish({ owner, mock }) {
  const kinds = { good: 60, 500: 4, 429: 4, 401: 3, 402: 2 };
  const text = Object.entries(kinds).flatMap(([kind, n]) => Array.from({ length: n }, (_, i) => `mock-${kind}-soak-${String(i).padStart(5, "0")}`));
  for (const name of ["steady", "dark"]) {
    await owner.api("POST", "/providers", { name, base_url: `http://127.0.0.1:${mock.port}/${name}/v1`, models: ["gpt-4o", "gpt-4o-mini", "text-embedding-3-small"] }, 201);
    await owner.api("POST", "/keys", { text: text.join("\n").replaceAll("soak", name), provider: name }, 201);
  }
  await owner.api("PATCH", "/providers/steady", { default: true }, 200);
  mock.script("*", ({ path }) => (path.startsWith("/dark/") && Date.now() % 20_000 < 4_000 ? "500" : undefined));
}

async function each(running, work) {
  while (running()) await work();
}

async function tick(stage, figures) {
  await stage.owner.scheduled(Date.now());
  figures.ticks += 1;
  await pause(500);
}

async function sample(stage, samples) {
  const { memory } = await stage.owner.counts();
  const { usedSize } = await stage.debug("Runtime.getHeapUsage");
  samples.push({ wasm: memory, heap: usedSize, resident: stage.pids.reduce((sum, pid) => sum + resident(pid), 0) });
  await pause(1000);
}

/** The process dies in the middle of everything; a new one takes its place. */
async function killing(stage, figures, running, gapS) {
  for (;;) {
    await pause(gapS * 1000);
    if (!running()) return;
    const { worker, pids } = stage.second;
    stage.second = null;
    stage.logs.push(worker.logs());
    stage.killed.push({ at: Date.now(), ledger: stage.mock.ledger.length });
    for (const pid of pids) process.kill(Number(pid), "SIGKILL");
    await worker.close().catch(() => {});
    stage.second = await stage.start();
    figures.kills += 1;
  }
}

/** Both have written all down. What the killed ones had not yet written is counted against the provider's books, and bounded. */
async function settle(stage, figures) {
  for (const worker of stage.workers()) await worker.settled();
  const calls = stage.mock.ledger.filter((entry) => entry.method === "POST" && entry.status !== null);
  let lost;
  await eventually(async () => {
    for (const worker of stage.workers()) await worker.api("POST", "/flush", undefined, 200);
    await stage.owner.scheduled(Date.now());
    const { attempts } = (await stage.owner.api("GET", "/stats", undefined, 200)).body.total.today;
    lost = calls.length - attempts.total;
    // Nothing is counted twice; and of a killed process no more is lost than it did since it last wrote.
    assert.ok(lost >= 0, `${-lost} attempts more than the provider saw`);
    assert.ok(lost <= unwritten(stage), `${lost} attempts are missing, ${unwritten(stage)} can have been unwritten at the kills`);
  }, 30_000);
  const { keys } = (await stage.owner.api("GET", `/keys?limit=1000&q=admin`, undefined, 200)).body;
  assert.deepEqual(new Set(keys.map(({ label }) => label)), new Set(stage.kept), "what was acknowledged is not there");
  return { attempts: calls.length, lost };
}

/// The calls that reached the provider from a killed process in the last two flushes before its end, and those still on their way.
function unwritten({ storage, mock, killed }) {
  return killed.reduce((sum, { at }) => sum + mock.ledger.filter((entry) => entry.at > at - 2 * FLUSH_MS[storage] - 1000 && entry.at <= at + 100).length, 0);
}

/// Once everything has been asked for, memory stays where it is. The wasm's never shrinks. The heap of JavaScript grows until V8 cleans
/// up, so its lowest counts.
const MAY_GROW = { wasm: (early) => early * 1.25 + 2 ** 19, heap: (early) => early + 2 ** 24 };

function memoryOf(samples) {
  const part = (from, to) => samples.slice(Math.floor(from * samples.length), Math.ceil(to * samples.length));
  const sorted = (list, name) => list.map((each) => each[name]).sort((a, b) => a - b);
  const middle = (list, name) => sorted(list, name)[Math.floor(list.length / 2)];
  const [early, late] = [part(0.25, 0.5), part(0.8, 1)];
  const found = {
    wasm: [middle(early, "wasm"), middle(late, "wasm")],
    heap: [sorted(part(0.1, 0.5), "heap")[0], sorted(part(0.5, 1), "heap")[0]],
    resident: [middle(early, "resident"), middle(late, "resident")],
  };
  for (const [name, most] of Object.entries(MAY_GROW)) {
    const [before, after] = found[name];
    assert.ok(after <= most(before), `the memory of the ${name} grew from ${before} to ${after} bytes`);
  }
  return found;
}

/** Every kind of line that was logged, and how often. */
function events(stage) {
  const counted = {};
  for (const text of [...stage.logs, ...stage.workers().map((worker) => worker.logs())]) {
    for (const line of text.split("\n").filter(Boolean)) {
      const { event } = parsed(line);
      assert.ok(EXPECTED.has(event), `an unexpected line: ${line}`);
      counted[event] = (counted[event] ?? 0) + 1;
    }
  }
  return counted;
}

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return {};
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

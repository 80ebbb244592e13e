// A day in the life of an isolate: what it keeps in memory levels off. KEYPOOL_DAYS makes it more than one, and KEYPOOL_DAY_STEP=1 lives
// through every minute of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { password, started, storages } from "./harness.mjs";
import { json } from "./pool.mjs";

const MINUTE = 60_000;
const DAY = 24 * 60;
const days = Number(process.env.KEYPOOL_DAYS ?? 1);
/// Minutes from one tick to the next; by this step every minute of the hour has its turn.
const STEP = Number(process.env.KEYPOOL_DAY_STEP ?? 7);
/// An isolate has 128 MB, of which JavaScript needs some.
const MOST = 8 << 20;
/// What may still be added after a quarter of the time: the allocator's luck.
const SLACK = 1 << 20;

for (const storage of storages) {
  test(`of ${days * 24} hours with traffic, changes and cron again and again memory keeps no more than of their first six, on ${storage}`, async (t) => {
    const mock = await startMockProvider();
    t.after(() => mock.close());
    const worker = await started(t, { storage, faults: true, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "100", KEYPOOL_REQUEST_LOG: "meta", KEYPOOL_LOG_LEVEL: "error" } });
    await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
    const text = Array.from({ length: 40 }, (_, i) => `mock-${["good", "good", "good", "429", "401", "500"][i % 6]}-day-${String(i).padStart(5, "0")}`).join("\n");
    await worker.api("POST", "/keys", { text, provider: "mock" }, 201);
    const start = Date.now();
    const samples = [];
    for (let minute = 0; minute <= days * DAY; minute += STEP) {
      await worker.putAhead(start + minute * MINUTE - Date.now());
      await Promise.all([0, 1, 2].map((i) => call(worker, minute * 3 + i)));
      if (minute % (20 * STEP) < STEP * 5) await change(worker, minute);
      await worker.scheduled(start + minute * MINUTE);
      if (minute % 60 < STEP) {
        mock.ledger.length = 0;
        samples.push((await worker.counts()).memory);
      }
    }
    t.diagnostic(`MB at the end of each hour: ${samples.map((bytes) => (bytes / 2 ** 20).toFixed(1)).join(" ")}`);
    const quarter = samples[Math.floor(samples.length / 4) - 1];
    assert.ok(samples.at(-1) <= quarter + SLACK, `${quarter} bytes after a quarter, ${samples.at(-1)} in the end`);
    if (storage === "kv") {
      const { keys } = await (await worker.env()).API_TOKENS.list({ prefix: "journal/" });
      t.diagnostic(`${keys.length} entries in the journal`);
      // What was folded is deleted, two or so a tick.
      assert.ok(keys.length < 80, `${keys.length} entries are left in the journal`);
    }
    assert.ok(samples.at(-1) <= MOST, `${samples.at(-1)} bytes`);
  });
}

/** A chat or a stream, of one of many models and conversations. */
async function call(worker, n) {
  const messages = [{ role: "user", content: `Conversation ${n} ${"goes on ".repeat(n % 50)}` }];
  const body = JSON.stringify({ model: `model-${n % 7}`, messages, stream: n % 2 === 0 });
  const answer = await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body });
  await answer.arrayBuffer();
}

/** Sessions do not last a day. */
async function change(worker, minute) {
  const ask = (method, path, body, token) =>
    fetch(`${worker.url}/admin/api${path}`, { method, headers: { ...json, ...(token ? { authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
  const { token } = await (await ask("POST", "/login", { password })).json();
  const made = await ask("POST", "/clients", { label: `of minute ${minute}` }, token);
  assert.equal(made.status, 201);
  const { id } = await made.json();
  assert.equal((await ask("PATCH", "/settings", { wait_budget_ms: 1000 + minute }, token)).status, 200);
  assert.equal((await ask("DELETE", `/clients/${id}`, undefined, token)).status, 204);
}

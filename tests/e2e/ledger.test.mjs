// Counting, held against the provider's own books: every request and every token once, whatever fails, leaves or folds.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, startWorker, storages, storeFolder } from "./harness.mjs";
import { json } from "./pool.mjs";

const REQUESTS = 2000;
const AT_ONCE = 32;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const fast = { KEYPOOL_FLUSH_INTERVAL_MS: "300", KEYPOOL_RETRY_AFTER_TIMEOUT: "0" };

/** What request number `i` does: every tenth fails over, every twentieth leaves, every second is a stream. */
const plan = (i) => ({ fails: i % 10 === 3, leaves: i % 20 === 4, stream: i % 2 === 0 });

for (const storage of storages) {
  for (const processes of [1, 2]) {
    test(`${REQUESTS} requests are what the ledger says, on ${storage}, ${processes} workerd`, async () => {
      const [folder, mock] = [storeFolder(), await startMockProvider()];
      const workers = [];
      for (let i = 0; i < processes; i++) {
        workers.push(await startWorker({ storage, persist: folder, shared: true, vars: fast }));
      }
      try {
        await setUp(workers[0], mock);
        // What one wrote reaches the others a little later.
        for (const worker of workers) {
          await eventually(async () => assert.equal((await worker.api("GET", "/keys?limit=1")).body.total, 300), 20_000);
        }
        // The cron of every process, again and again, at a time when counts are folded.
        const soon = Math.ceil(Date.now() / HOUR) * HOUR;
        let over = false;
        const crons = workers.map(async (worker) => {
          while (!over) {
            await worker.scheduled(soon);
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
        });
        const left = await load(workers);
        over = true;
        await Promise.all(crons);

        const worker = workers[0];
        for (const each of workers) await each.api("POST", "/flush", undefined, 200);
        await hold(worker, mock, left);
        // Later crons find the rest and change nothing.
        for (const later of [0, 20, 60, 120]) {
          for (const each of workers) await each.scheduled(soon + later * MINUTE);
        }
        await hold(worker, mock, left);
      } finally {
        await Promise.all(workers.map((worker) => worker.close()));
        await mock.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
}

async function setUp(worker, mock) {
  const failed = new Set();
  mock.script("*", (call) => {
    const { user: id } = JSON.parse(call.body);
    const { fails, leaves } = plan(Number(id));
    if (fails && !failed.has(id)) {
      failed.add(id);
      return "500";
    }
    // Slow, so that the client is gone before the end; the local workerd notices when it next writes.
    return leaves ? { chunkDelay: 20, hang: 100 } : {};
  });
  await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  await worker.api("PATCH", "/providers/mock", { default: true }, 200);
  // A key that failed rests for a while; there are enough others.
  const text = Array.from({ length: 300 }, (_, i) => `mock-good-ledger-${String(i).padStart(5, "0")}`).join("\n");
  await worker.api("POST", "/keys", { text, provider: "mock" }, 201);
}

/** Answers how many clients left. */
async function load(workers) {
  let [next, left] = [0, 0];
  const one = async () => {
    while (next < REQUESTS) {
      const i = next++;
      const { leaves, stream } = plan(i);
      const body = JSON.stringify({
        model: `model-${i % 3}`,
        user: String(i),
        messages: [{ role: "user", content: `Request ${i} has ${"some ".repeat(leaves ? 150 : i % 7)}words.` }],
        ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
      });
      const gone = new AbortController();
      const init = { method: "POST", headers: json, body, signal: gone.signal };
      const answer = await workers[i % workers.length].fetch("/v1/chat/completions", init);
      assert.equal(answer.status, 200, `request ${i}`);
      if (!leaves) {
        await answer.arrayBuffer();
        continue;
      }
      await answer.body.getReader().read();
      gone.abort();
      left += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return left;
}

async function hold(worker, mock, left) {
  const calls = mock.ledger;
  const ok = calls.filter((call) => call.status === 200);
  const whole = ok.filter((call) => call.done);
  const sum = (field) => whole.reduce((sum, call) => sum + call[field], 0);
  assert.equal(ok.length, REQUESTS);
  assert.equal(whole.length, REQUESTS - left);
  const failed = calls.length - ok.length;
  assert.equal(failed, REQUESTS / 10);
  assert.equal(left, REQUESTS / 20);

  await eventually(async () => {
    await worker.api("POST", "/flush", undefined, 200);
    const { total, by } = (await worker.api("GET", "/stats?by=model", undefined, 200)).body;
    const { requests, attempts, tokens } = total.today;
    const told = {
      requests: requests.total,
      ok: requests.ok,
      gone: requests.client_gone,
      partial: requests.partial,
      attempts: attempts.total,
      failed: attempts.failed,
      prompt: tokens.prompt - tokens.estimated_prompt,
      completion: tokens.completion - tokens.estimated_completion,
      models: by.reduce((sum, line) => sum + line.today.requests.total, 0),
    };
    const expected = {
      requests: REQUESTS,
      ok: REQUESTS - left,
      gone: left,
      partial: left,
      attempts: calls.length,
      failed: { transient: failed },
      prompt: sum("promptTokens"),
      completion: sum("completionTokens"),
      models: REQUESTS,
    };
    assert.deepEqual(told, expected);
    const { keys } = (await worker.api("GET", "/keys?limit=1000", undefined, 200)).body;
    const counter = (name) => keys.reduce((sum, key) => sum + key.counters[name], 0);
    assert.deepEqual([counter("attempts"), counter("failed")], [calls.length, failed]);
    for (const range of ["60m", "24h", "30d"]) {
      const { lines } = (await worker.api("GET", `/stats/series?range=${range}`, undefined, 200)).body;
      assert.equal(lines[0].requests.reduce((a, b) => a + b, 0), REQUESTS, range);
    }
  }, 20_000);
}

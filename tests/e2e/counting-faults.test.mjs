// Whenever a process dies or the storage fails, what was flushed is counted once, and what was not is at most an interval's.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, started, startWorker, storages, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const HOUR = 3_600_000;

async function setUp(worker, mock) {
  await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  await worker.api("PATCH", "/providers/mock", { default: true }, 200);
  await worker.api("POST", "/keys", { text: "mock-good-faults-0001\nmock-good-faults-0002", provider: "mock" }, 201);
}

async function call(worker, times) {
  for (let i = 0; i < times; i++) {
    const answer = await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
    assert.equal(answer.status, 200);
    await answer.arrayBuffer();
  }
}

const counted = async (worker) => {
  const { requests, attempts, tokens } = (await worker.api("GET", "/stats", undefined, 200)).body.total.today;
  return { requests: requests.total, attempts: attempts.total, prompt: tokens.prompt };
};

const booked = (mock) => ({
  requests: mock.ledger.length,
  attempts: mock.ledger.length,
  prompt: mock.ledger.reduce((sum, call) => sum + call.promptTokens, 0),
});

describe("deaths and faults", { concurrency: true }, () => {
for (const storage of storages) {
  describe(`counts survive, on ${storage}`, () => {
    test("a death between flush and fold loses nothing, a death before a flush at most an interval", async () => {
      const [folder, mock] = [storeFolder(), await startMockProvider()];
      const start = () =>
        startWorker({ storage, persist: folder, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "300", KEYPOOL_SNAPSHOT_AGE_MS: "100" } });
      const workers = [];
      try {
        const first = await start();
        workers.push(first);
        await setUp(first, mock);
        await call(first, 20);
        // The flush comes by itself; nothing is folded.
        const flushed = booked(mock);
        await eventually(async () => assert.deepEqual(await counted(first), flushed));
        await call(first, 5);
        await first.close();

        const second = await start();
        workers.push(second);
        const kept = await counted(second);
        assert.ok(kept.requests >= 20 && kept.requests <= 25, `${kept.requests} of 25, of which 5 were not flushed`);
        await second.scheduled(Math.ceil(Date.now() / HOUR) * HOUR);
        assert.deepEqual(await counted(second), kept, "a fold changes nothing");
      } finally {
        await Promise.all(workers.map((worker) => worker.close()));
        await mock.close();
        rmSync(folder, { recursive: true, force: true });
      }
    });

    test("a flush and a fold that stop anywhere lose nothing and count nothing twice", async (t) => {
      const mock = await startMockProvider();
      t.after(() => mock.close());
      const worker = await started(t, { storage, faults: true, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "600000" } });
      await setUp(worker, mock);
      let refused = 0;
      for (const lost of [false, true]) {
        for (let calls = 0; calls < 12; calls++) {
          await call(worker, 2);
          await worker.failStorageAfter(calls, { lost });
          const { status } = await worker.api("POST", "/flush");
          refused += Number(status !== 200);
          await worker.failStorage(false);
          await worker.api("POST", "/flush", undefined, 200);
          assert.deepEqual(await counted(worker), booked(mock), `after ${calls} calls, ${lost ? "the next one lost" : ""}`);
        }
      }
      assert.ok(refused >= 4, `only ${refused} flushes failed`);
      for (let later = 1; later < 5; later++) {
        await worker.scheduled((Math.ceil(Date.now() / HOUR) + later) * HOUR);
        assert.deepEqual(await counted(worker), booked(mock), "later folds change nothing");
      }
    });
  });
}
});

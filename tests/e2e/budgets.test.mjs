// What a call may cost that is the same on every machine: calls of the storage and of providers, and the wasm's memory.
// The upload's budget is in scripts/test.mjs, the choice's in tests/allocations.rs; times are in docs/PERFORMANCE.md.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

const MiB = 1 << 20;
const minute = 60_000;

for (const storage of storages) {
  describe(`the budgets of calls, on ${storage}`, () => {
    // Neither the picture's age nor the flush falls into a test.
    const vars = { KEYPOOL_SNAPSHOT_AGE_MS: String(10 * minute), KEYPOOL_FLUSH_INTERVAL_MS: String(10 * minute) };
    const stage = stageOf({ storage, faults: true, vars });
    const chat = async (more) => {
      const { status } = await stage.send("/v1/chat/completions", { headers: json, body: chatBody(more) });
      assert.equal(status, 200);
    };
    const together = async (count, work) => {
      for (let left = count; left > 0; left -= 10) await Promise.all(Array.from({ length: Math.min(10, left) }, work));
    };
    /** What `work` costs: calls of the storage, and of the provider. */
    const cost = async (work) => {
      stage.mock.ledger.length = 0;
      const before = (await stage.worker.counts()).storage;
      await work();
      return { storage: (await stage.worker.counts()).storage - before, upstream: stage.mock.ledger.length };
    };
    const keys = (count, kind = "good") => Array.from({ length: count }, (_, i) => `mock-${kind}-budget-${String(i).padStart(5, "0")}`);

    test("the wasm's memory stays below 8 MiB after chats, streams, 1 MB and 20 MB bodies", async () => {
      await stage.pool(keys(10));
      await together(200, () => chat());
      await together(50, () => chat({ stream: true }));
      const body = (size) => chatBody({ messages: [{ role: "user", content: "x".repeat(size) }] });
      const send = (size) => stage.send("/v1/chat/completions", { headers: json, body: body(size) });
      await together(20, async () => assert.equal((await send(1_000_000)).status, 200));
      for (let i = 0; i < 3; i++) assert.equal((await send(20_000_000)).status, 200);
      const { memory } = await stage.worker.counts();
      assert.ok(memory > MiB && memory < 8 * MiB, `${(memory / MiB).toFixed(1)} MiB`);
    });

    test("a call is one call of the provider and none of the storage, streamed or not, by ten keys or a thousand", async () => {
      for (const count of [10, 1000]) {
        await stage.pool(keys(count));
        await chat();
        for (const more of [{}, { stream: true }])
          assert.deepEqual(await cost(() => together(100, () => chat(more))), { storage: 0, upstream: 100 });
      }
    });

    test("so is a client key's call that has limits", async () => {
      await stage.pool(keys(10));
      const fields = { label: "limited", rpm: 100_000 };
      const made = await stage.api("POST", "/clients", fields);
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const authorization = `Bearer ${made.body.key}`;
      const call = () => stage.send("/v1/chat/completions", { headers: { ...json, authorization }, body: chatBody() });
      // The first one reads what other isolates have let through.
      assert.equal((await call()).status, 200);
      const { upstream, storage: asked } = await cost(() => together(50, call));
      assert.equal(upstream, 50);
      // What it has let through is told to the others, at most once a second.
      assert.ok(asked <= 6, `${asked} calls of the storage`);
    });

    test("a flush of a hundred calls is a handful of calls of the storage", async () => {
      await stage.pool(keys(10));
      await together(100, () => chat());
      const { storage: asked } = await cost(() => stage.api("POST", "/flush", undefined, 200));
      assert.ok(asked <= 12, `${asked} calls of the storage`);
    });

    test("a dead key costs one call once, and then none", async () => {
      await stage.pool([...keys(2), ...keys(1, "401")]);
      await together(30, () => chat());
      const { upstream } = await cost(() => together(100, () => chat()));
      assert.equal(upstream, 100);
      assert.ok(stage.mock.ledger.every((call) => !call.key.includes("401")));
    });
  });
}

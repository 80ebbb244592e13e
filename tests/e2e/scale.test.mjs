// Ten thousand keys are a pool like any other. How long each step took is said, not judged: that is the machine's.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

const count = 10_000;
const text = Array.from({ length: count }, (_, i) => `mock-good-scale-${String(i).padStart(6, "0")}`).join("\n");

for (const storage of storages) {
  describe(`ten thousand keys, on ${storage}`, () => {
    let stage, worker, provider, ids;
    const timed = async (t, what, work) => {
      const start = performance.now();
      const result = await work();
      t.diagnostic(`${what}, on ${storage}: ${((performance.now() - start) / 1000).toFixed(2)} s`);
      return result;
    };
    const chats = async (n) => {
      for (let i = 0; i < n; i++) {
        const answer = await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
        assert.equal(answer.status, 200);
        await answer.arrayBuffer();
      }
    };
    before(async () => {
      stage = await startStage({ storage });
      ({ worker } = stage);
      provider = (await stage.pool([])).name;
    });
    after(() => stage.close());

    test("are pasted in one go, none lost", async (t) => {
      const { body } = await timed(t, "the paste", () => worker.api("POST", "/keys", { text, provider }, 201));
      assert.equal(body.added.length, count);
      assert.deepEqual([body.known, body.refused], [[], []]);
      ids = body.added.map((k) => k.id);
      assert.equal(new Set(ids).size, count);
    });

    test("are listed in pages", async (t) => {
      const page = "/keys?limit=1000&sort=-created";
      const { body } = await timed(t, "a page of 1,000", () => worker.api("GET", page, undefined, 200));
      assert.deepEqual([body.keys.length, body.total, body.counts.active], [1000, count, count]);
    });

    test("are all used, one after the other", async (t) => {
      await timed(t, "200 chats", () => chats(200));
      assert.ok(new Set(stage.mock.ledger.map((call) => call.key)).size > 150);
    });

    test("do not stand in the way of a change of one", async (t) => {
      await timed(t, "three changes", async () => {
        for (const id of ids.slice(0, 3)) await worker.api("PATCH", `/keys/${id}`, { weight: 3 }, 200);
      });
    });

    test("are switched off and deleted in one go", async (t) => {
      const bulk = (request) => worker.api("POST", "/keys/bulk", request, 200);
      const off = await timed(t, "all switched off", () => bulk({ filter: { provider }, action: "disable" }));
      assert.equal(off.body.done.length, count);
      const gone = await timed(t, "all deleted", () => bulk({ ids, action: "delete" }));
      assert.deepEqual([gone.body.done.length, gone.body.missing], [count, []]);
      assert.equal((await worker.api("GET", "/keys", undefined, 200)).body.total, 0);
    });
  });
}

// Ten thousand keys are a pool like any other. The bounds are generous: they tell seconds from minutes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

const count = 10_000;
const text = Array.from({ length: count }, (_, i) => `mock-good-scale-${String(i).padStart(6, "0")}`).join("\n");

for (const storage of storages) {
  describe(`ten thousand keys, on ${storage}`, () => {
    let stage, worker, provider, ids;
    const within = async (seconds, work) => {
      const start = performance.now();
      const result = await work();
      const took = (performance.now() - start) / 1000;
      assert.ok(took < seconds, `${took.toFixed(1)} s`);
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

    test("are pasted in one go, none lost", async () => {
      const { body } = await within(15, () => worker.api("POST", "/keys", { text, provider }, 201));
      assert.equal(body.added.length, count);
      assert.deepEqual([body.known, body.refused], [[], []]);
      ids = body.added.map((k) => k.id);
      assert.equal(new Set(ids).size, count);
    });

    test("are listed in pages", async () => {
      const { body } = await within(5, () => worker.api("GET", "/keys?limit=1000&sort=-created", undefined, 200));
      assert.deepEqual([body.keys.length, body.total, body.counts.active], [1000, count, count]);
    });

    test("are all used, one after the other", async () => {
      await within(15, () => chats(200));
      assert.ok(new Set(stage.mock.ledger.map((call) => call.key)).size > 150);
    });

    test("do not stand in the way of a change of one", async () => {
      await within(15, async () => {
        for (const id of ids.slice(0, 3)) await worker.api("PATCH", `/keys/${id}`, { weight: 3 }, 200);
      });
    });

    test("are switched off and deleted in one go", async () => {
      const { body } = await within(15, () =>
        worker.api("POST", "/keys/bulk", { filter: { provider }, action: "disable" }, 200),
      );
      assert.equal(body.done.length, count);
      const gone = await within(15, () => worker.api("POST", "/keys/bulk", { ids, action: "delete" }, 200));
      assert.deepEqual([gone.body.done.length, gone.body.missing], [count, []]);
      assert.equal((await worker.api("GET", "/keys", undefined, 200)).body.total, 0);
    });
  });
}

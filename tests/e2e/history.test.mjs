// What happened to a key: kept with the notes of machines, through fresh starts, and told for one key alone.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { assertBetween, minute, rowStage } from "./rows.mjs";

for (const storage of storages) {
  describe(`a key's history, on ${storage}`, () => {
    const stage = rowStage(storage);
    /** By the serving Worker and, when all is written, by another one. */
    const histories = async (id) => {
      await stage.look();
      const of = async (worker) => (await worker.api("GET", `/keys/${id}`, undefined, 200)).body.history;
      return Promise.all([stage.worker, stage.witness].map(of));
    };
    const told = async (id) => {
      const [seen, held] = await histories(id);
      assert.deepEqual(seen, held);
      return seen;
    };
    const names = async (id) => (await told(id)).map((event) => event.class ?? event.event);

    test("is empty at first, and no part of other answers", async () => {
      const [id] = await stage.fresh(1);
      assert.deepEqual(await told(id), []);
      for (const [method, path, body] of [
        ["GET", "/keys"],
        ["PATCH", `/keys/${id}`, { label: "x" }],
        ["POST", `/keys/${id}/reset`],
        ["POST", `/keys/${id}/test`],
      ])
        assert.ok(!JSON.stringify((await stage.api(method, path, body, 200)).body).includes("history"), path);
    });

    test("tells when and why the key was disabled, and when it came back", async () => {
      const [id] = await stage.fresh(1);
      const [secret] = stage.secrets();
      const message = `Incorrect API key provided: ${secret}. ${"Please look it up. ".repeat(20)}`;
      stage.mock.script("*", [{ status: 401, body: { error: { message, code: "invalid_api_key" } } }]);
      const { asked, answered } = await stage.chat();
      const [{ at, ...event }, ...more] = await told(id);
      assert.deepEqual([event.event, event.class, event.status, more], ["disabled", "key_dead", 401, []]);
      assertBetween(at, asked, answered);
      assert.ok(event.message.startsWith("Incorrect API key provided: [redacted]"), event.message);
      assert.ok(event.message.length <= 60);
      const tick = Date.now() + 6 * minute;
      await stage.worker.scheduled(tick);
      const [back, ...before] = await told(id);
      assert.deepEqual(back, { at: tick, event: "restored", class: null, status: null, message: "" });
      assert.deepEqual(before, [{ at, ...event }]);
    });

    for (const [what, ask] of [
      ["a reset", (id) => stage.api("POST", `/keys/${id}/reset`, undefined, 200)],
      ["switching it on", (id) => stage.api("PATCH", `/keys/${id}`, { enabled: true }, 200)],
      ["a reset of many", (id) => stage.api("POST", "/keys/bulk", { ids: [id], action: "reset" }, 200)],
    ])
      test(`survives ${what}, which is a fresh start all the same`, async () => {
        const [id] = await stage.fresh(1);
        stage.mock.script("*", "402");
        await stage.chat();
        await ask(id);
        assert.deepEqual(await names(id), ["restored", "key_broke"]);
        for (const { seen, held } of await stage.look())
          for (const key of [seen, held]) assert.deepEqual([key.state, key.usable, key.reason, key.past], ["active", true, null, null]);
        stage.mock.script("*", "401");
        await stage.chat();
        assert.deepEqual(await names(id), ["key_dead", "restored", "key_broke"]);
        const [{ seen }] = await stage.look();
        assert.equal(seen.reason.next_probe - seen.reason.since, 5 * minute);
        assert.equal((await stage.api("POST", `/keys/${id}/reset`, undefined, 200)).body.state, "active");
        await stage.api("POST", `/keys/${id}/reset`, undefined, 200);
        assert.deepEqual(await names(id), ["restored", "key_dead", "restored", "key_broke"]);
      });

    test("keeps ten events at most, the newest, and grows only when something changes", async () => {
      const [id] = await stage.fresh(1);
      const probe = () => stage.api("POST", `/keys/${id}/test`, undefined, 200);
      for (let round = 0; round < 6; round++) {
        stage.mock.script("*", "402");
        await stage.chat();
        // A probe that fails is no event.
        await probe();
        stage.mock.script("*", {});
        await probe();
        await probe();
      }
      const events = await told(id);
      assert.deepEqual(events.map((event) => event.event), Array(5).fill(["restored", "disabled"]).flat());
    });

    test("is gone with the key", async () => {
      const [id] = await stage.fresh(1);
      const [secret] = stage.secrets();
      stage.mock.script("*", ["402"]);
      await stage.chat();
      const [{ seen }] = await stage.look();
      await stage.api("DELETE", `/keys/${id}`, undefined, 204);
      await stage.api("POST", "/keys", { keys: [{ key: secret, provider: seen.provider }] }, 201);
      assert.deepEqual(await told(id), []);
    });

    test("of an incident of the provider is none", async () => {
      const ids = await stage.fresh(3);
      stage.mock.script("*", { status: 401, body: { error: { message: "no" } } });
      for (let i = 0; i < 3; i++) await stage.chat();
      for (const id of ids) assert.deepEqual(await told(id), []);
    });
  });
}

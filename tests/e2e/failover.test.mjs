// A pool with good and bad keys, seen as a whole.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientKey, password, storages } from "./harness.mjs";
import { assertBetween, assertOurs, assertUntouched, rowStage } from "./rows.mjs";

for (const storage of storages) {
  describe(`a pool, on ${storage}`, () => {
    const stage = rowStage(storage);
    // Different conversations: one stays with one key.
    const talk = (i) => stage.chat({ messages: [{ role: "user", content: `hello there ${i}` }] });

    test("of a good, a dead and a limited key answers 60 of 60, with at most 2 wasted calls", async () => {
      await stage.pool(["mock-good-of-three-01", "mock-401-of-three-002", "mock-429-of-three-003"]);
      let ok = 0;
      for (let i = 0; i < 60; i++) ok += (await talk(i)).status === 200 ? 1 : 0;
      assert.equal(ok, 60);
      assertBetween(stage.mock.ledger.length - 60, 0, 2);
    });

    test("answers 60 of 60 at once, too", async () => {
      await stage.pool([
        "mock-good-at-once-001",
        "mock-401-at-once-0002",
        "mock-429-at-once-0003",
        "mock-good-at-once-004",
      ]);
      const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => talk(i)));
      assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
    });

    test("spreads calls by weight", async () => {
      await stage.pool([
        { key: "mock-good-weight-0005", weight: 50 },
        { key: "mock-good-weight-0003", weight: 30 },
        { key: "mock-good-weight-0000", weight: 0 },
      ]);
      for (let i = 0; i < 160; i++) assert.equal((await talk(i)).status, 200);
      const share = (end) => stage.mock.ledger.filter((call) => call.key.endsWith(end)).length / 160;
      assert.equal(share("0000"), 0);
      // Five standard deviations of 160 fair draws; the exact proportions are proved natively over 10,000.
      assert.ok(Math.abs(share("0005") - 0.625) < 0.2, share("0005"));
    });

    test("that is empty, or switched off, is a 503", async () => {
      await stage.pool([]);
      assertOurs(await stage.chat(), { status: 503, code: "no_keys" });
      const { ids } = await stage.pool(["mock-good-switched-off"]);
      await stage.api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
      assertOurs(await stage.chat(), { status: 503, code: "no_keys" });
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("reset clears a cooldown and a machine's disabling", async () => {
      for (const behavior of ["429", "401"]) {
        const { first } = await stage.once(behavior, { keys: 1 });
        for (const k of [first.seen, first.held]) assert.notEqual(k.state, "active");
        const { body } = await stage.api("POST", `/keys/${first.seen.id}/reset`, undefined, 200);
        assert.deepEqual([body.state, body.usable, body.reason, body.cooldowns], ["active", true, null, []]);
        assertUntouched(await stage.look());
        assert.equal((await stage.chat()).status, 200);
      }
    });

    test("no key, client key, password or token is in the log", async () => {
      const logs = stage.worker.logs();
      assert.ok(!/mock-(good|401|429|402)-/.test(logs));
      for (const secret of [clientKey, password, await stage.worker.token(), "hello there"])
        assert.ok(!logs.includes(secret));
    });
  });
}

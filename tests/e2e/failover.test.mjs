// A pool with good and bad keys, seen as a whole.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startFailing } from "./failing.mjs";
import { clientKey, eventually, password, storages } from "./harness.mjs";

for (const storage of storages) {
  describe(`a pool, on ${storage}`, () => {
    let stage, mock, worker;
    before(async () => {
      stage = await startFailing(storage);
      ({ mock, worker } = stage);
    });
    after(() => stage.close());

    test("of a good, a dead and a limited key answers 60 of 60, with at most 2 wasted calls", async () => {
      await stage.pool(["mock-good-of-three-01", "mock-401-of-three-002", "mock-429-of-three-003"]);
      let ok = 0;
      for (let i = 0; i < 60; i++) ok += (await stage.chat()).status === 200 ? 1 : 0;
      assert.equal(ok, 60);
      assert.ok(mock.ledger.length - 60 <= 2, `${mock.ledger.length - 60} wasted calls`);
    });

    test("answers 60 of 60 at once, too", async () => {
      await stage.pool([
        "mock-good-at-once-001",
        "mock-401-at-once-0002",
        "mock-429-at-once-0003",
        "mock-good-at-once-004",
      ]);
      const answers = await Promise.all(Array.from({ length: 60 }, () => stage.chat()));
      assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
    });

    test("spreads calls by weight", async () => {
      await stage.pool([
        { key: "mock-good-weight-0005", weight: 50 },
        { key: "mock-good-weight-0003", weight: 30 },
        { key: "mock-good-weight-0000", weight: 0 },
      ]);
      for (let i = 0; i < 160; i++) assert.equal((await stage.chat()).status, 200);
      const share = (end) => mock.ledger.filter((call) => call.key.endsWith(end)).length / mock.ledger.length;
      assert.equal(share("0000"), 0);
      // Five standard deviations of 160 fair draws; the exact proportions are proved natively over 10,000.
      assert.ok(Math.abs(share("0005") - 0.625) < 0.2, share("0005"));
    });

    test("that is empty, or switched off, is a 503", async () => {
      await stage.pool([]);
      assert.deepEqual([(await stage.chat()).status, (await stage.chat()).error.code], [503, "no_keys"]);
      const { ids } = await stage.pool(["mock-good-switched-off"]);
      await worker.api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
      assert.deepEqual([(await stage.chat()).status, (await stage.chat()).error.code], [503, "no_keys"]);
      assert.equal(mock.ledger.length, 0);
    });

    test("reset clears a cooldown and a machine's disabling", async () => {
      for (const behavior of ["429", "401"]) {
        const ids = await stage.fresh(1);
        mock.script("*", [behavior]);
        await stage.chat();
        await eventually(async () => assert.notEqual((await stage.states(ids))[0].state, "active"));
        const { body } = await worker.api("POST", `/keys/${ids[0]}/reset`, undefined, 200);
        assert.deepEqual([body.state, body.usable, body.reason, body.cooldowns], ["active", true, null, []]);
        assert.equal((await stage.chat()).status, 200);
      }
    });

    test("no key, client key, password or token is in the log", async () => {
      const logs = worker.logs();
      assert.ok(!/mock-(good|401|429|402)-/.test(logs));
      for (const secret of [clientKey, password, await worker.token(), "hello there"])
        assert.ok(!logs.includes(secret));
    });
  });
}

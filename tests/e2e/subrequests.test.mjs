// The free plan lets one event make 50 subrequests, upstream calls and storage together: the worst of them stays within.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { assertBetween, assertOurs, hour, rowStage } from "./rows.mjs";

const most = 50;

for (const storage of storages) {
  describe(`subrequests, on ${storage}`, () => {
    // The picture is old and the counts are due in every request.
    const stage = rowStage(storage, { KEYPOOL_SNAPSHOT_AGE_MS: "1" });
    /** What `work` and what it left to do cost, in calls of the storage and of the provider. */
    const cost = async (work) => {
      await stage.worker.settled();
      const before = (await stage.worker.counts()).storage;
      const calls = stage.mock.ledger.length;
      await work();
      await stage.worker.settled();
      return (await stage.worker.counts()).storage - before + stage.mock.ledger.length - calls;
    };
    const dead = () => {
      let n = 0;
      return () => ({ status: 401, body: { error: { message: `Key ${(n += 1)} is not known` } } });
    };

    for (const attempts of [5, 20])
      test(`of a request whose ${attempts} attempts all fail for good are at most ${most}`, () =>
        stage.withSettings({ max_attempts: attempts }, async () => {
          await stage.fresh(attempts + 2);
          stage.mock.script("*", dead());
          const spent = await cost(async () => {
            assertOurs(await stage.chat(), { status: 502, code: "upstream_auth_failed" });
          });
          assertBetween(stage.mock.ledger.length, 5, attempts);
          assert.ok(spent <= most, `${spent} subrequests, ${stage.mock.ledger.length} of them upstream`);
        }));

    test(`of a tick with 60 keys to probe, and balances to ask for, are at most ${most}`, async () => {
      await stage.fresh(60, { balance_url: "/balance", balance_path: "left" });
      stage.mock.script("*", dead());
      for (let i = 0; i < 12; i++) await stage.chat();
      const keys = await stage.look();
      assert.equal(keys.filter(({ held }) => held.state === "disabled").length, 60);
      const calls = stage.mock.ledger.length;
      const spent = await cost(() => stage.worker.scheduled(Math.ceil(Date.now() / hour) * hour + hour));
      const balances = stage.mock.ledger.filter((call) => call.path === "/balance").length;
      assert.ok(balances > 0 && stage.mock.ledger.length > calls + balances);
      assert.ok(spent <= most, `${spent} subrequests, ${stage.mock.ledger.length - calls} of them upstream`);
    });
  });
}

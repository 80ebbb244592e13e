// Cron brings back what machines disabled: by a cheap call, the soonest first, a few at a time. What a person switched off stays.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { assertBetween, assertDisabled, assertOurs, assertUntouched, hour, minute, rowStage } from "./rows.mjs";

for (const storage of storages) {
  describe(`recovery by cron, on ${storage}`, () => {
    const stage = rowStage(storage);
    let n = 0;
    /** A body of its own for each call: three alike would be an incident. */
    const dead = () => ({ status: 401, body: { error: { message: `Key ${(n += 1)} is not known` } } });
    const broke = () => ({ status: 402, body: { error: { message: "Insufficient Balance" } } });
    /** All keys fail for good, one after the other; resolves to their secrets in this order, and to what they look like. */
    const disable = async (count, behavior = dead) => {
      await stage.fresh(count);
      stage.mock.script("*", behavior);
      for (let i = 0; stage.mock.ledger.length < count; i += 5) await stage.chat();
      const secrets = stage.mock.ledger.map((call) => call.key);
      const keys = await stage.look();
      assert.ok(keys.every(({ held }) => held.state === "disabled"));
      stage.mock.ledger.length = 0;
      stage.mock.script("*", {});
      return { secrets, keys };
    };
    /** Cron in another isolate than that which serves, `ms` from now; resolves to the calls that it made. */
    const tick = async (ms) => {
      const before = stage.mock.ledger.length;
      const now = Date.now() + ms;
      await stage.witness.scheduled(now);
      const calls = stage.mock.ledger.slice(before);
      return { now, calls, secrets: calls.map((call) => call.key) };
    };

    test("a dead key is probed after 5 min with GET models, and serves again everywhere with its history", async () => {
      const { secrets, keys } = await disable(1);
      assert.deepEqual((await tick(4 * minute)).calls, []);
      const { now, calls } = await tick(6 * minute);
      assert.deepEqual(
        calls.map((call) => [call.method, call.path.replace(/^.*\/v1/, ""), call.key, call.body.length]),
        [["GET", "/models", secrets[0], 0]],
      );
      const [key] = await stage.look();
      assertUntouched([key]);
      const { class: name, status, message, since } = keys[0].seen.reason;
      for (const { past } of [key.seen, key.held])
        assert.deepEqual(past, { class: name, status, message, since, restored: now });
      assert.equal((await stage.chat()).status, 200);
    });

    test("a broke key is probed after an hour", async () => {
      await disable(1, broke);
      assert.deepEqual((await tick(59 * minute)).calls, []);
      assert.equal((await tick(61 * minute)).calls.length, 1);
      assertUntouched(await stage.look());
      assert.equal((await stage.chat()).status, 200);
    });

    for (const [what, behavior, steps] of [
      ["dead", dead, [5, 10, 20, 40]],
      ["broke", broke, [60, 120, 240]],
    ])
      test(`a key that is still ${what} is probed at ever longer intervals`, async () => {
        await disable(1, behavior);
        stage.mock.script("*", behavior);
        let at = 0;
        for (const [i, step] of steps.entries()) {
          assert.equal((await tick((at + step - 1) * minute)).calls.length, 0);
          at += step + 1;
          const { now, calls } = await tick(at * minute);
          assert.equal(calls.length, 1);
          const [{ seen, held }] = await stage.look();
          assert.deepEqual([seen.state, seen.reason], ["disabled", held.reason]);
          if (steps[i + 1]) assert.equal(seen.reason.next_probe - now, steps[i + 1] * minute);
        }
      });

    test("what is due soonest is probed first, a few in a tick, and all of it in some", async () => {
      const { secrets } = await disable(30);
      const first = await tick(hour);
      assert.deepEqual(first.secrets, secrets.slice(0, first.secrets.length));
      assertBetween(first.secrets.length, 5, 20);
      const probed = [...first.secrets];
      for (let i = 1; i < 6; i++) probed.push(...(await tick(hour + i * minute)).secrets);
      assert.deepEqual(probed, secrets);
      assertUntouched(await stage.look());
    });

    test("keys that stay dead do not keep others from their turn", async () => {
      const { secrets } = await disable(25);
      stage.mock.script("*", dead);
      const probed = [];
      for (let i = 0; i < 5; i++) probed.push(...(await tick(hour + i * minute)).secrets);
      assert.deepEqual(probed, secrets);
    });

    test("a provider that does not answer is no word on the key", async () => {
      const { keys } = await disable(1);
      stage.mock.script("*", "500");
      assert.equal((await tick(6 * minute)).calls.length, 1);
      const [{ seen }] = await stage.look();
      assert.deepEqual(
        [seen.state, seen.reason.class, seen.reason.status, seen.reason.message],
        ["disabled", "key_dead", 401, keys[0].seen.reason.message],
      );
    });

    test("what a person switched off is neither probed nor woken", async () => {
      await disable(2);
      const [{ id }] = (await stage.look()).map(({ seen }) => seen);
      await stage.api("PATCH", `/keys/${id}`, { enabled: false }, 200);
      assert.equal((await tick(25 * hour)).calls.length, 1);
      const [off, on] = await stage.look();
      assert.deepEqual([off.seen.state, off.seen.reason.class, off.held.state], ["disabled", "manual", "disabled"]);
      assertUntouched([on]);
    });

    test("a key that the admin tests well serves again, and if it fails soon, it goes on with the next interval", async () => {
      const { keys } = await disable(1);
      const { body } = await stage.api("POST", `/keys/${keys[0].seen.id}/test`, undefined, 200);
      assert.equal(body.ok, true);
      const [key] = await stage.look();
      assertUntouched([key]);
      assert.equal(key.seen.past.class, "key_dead");
      stage.mock.script("*", dead);
      const answer = await stage.chat();
      assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
      const [again] = await stage.look();
      assertDisabled(again, { answer }, { class: "key_dead", status: 401, ms: 10 * minute });
    });
  });
}

// Every key is blocked and none is back soon: one call for each model, isolate and 10 s tries whether it is still so.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { assertOurs, assertUntouched, rowStage } from "./rows.mjs";

const limited = (headers) => ({ status: 429, headers, body: { error: { message: "slow", code: "rate_limit_exceeded" } } });
const rate = { status: 429, code: "rate_limit_exceeded", type: "rate_limit_error" };

for (const storage of storages) {
  describe(`the last try, on ${storage}`, () => {
    const stage = rowStage(storage);
    let made = 0;
    /** Both keys rest for a minute; resolves to chats with the model that they rest for. */
    const exhaust = async () => {
      const model = `model-${(made += 1)}`;
      await stage.fresh(2);
      stage.mock.script("*", limited({ "retry-after": "60" }));
      assertOurs(await stage.chat({ model }), rate);
      assert.equal(stage.mock.ledger.length, 2);
      return () => stage.chat({ model });
    };

    test("a provider that is well again serves at once, and what was stored is taken back", async () => {
      const chat = await exhaust();
      for (const { held } of await stage.look()) assert.equal(held.state, "cooling");
      stage.mock.script("*", {});
      const answer = await chat();
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual([stage.mock.ledger.length, answer.headers["x-keypool-attempts"]], [3, "1"]);
      const keys = await stage.look();
      const woken = stage.keyOf(keys, stage.mock.ledger[2]);
      assertUntouched([woken]);
      assert.deepEqual(
        keys.filter((key) => key !== woken).map(({ seen, held }) => [seen.state, held.state]),
        [["cooling", "cooling"]],
      );
      for (let i = 0; i < 5; i++) assert.equal((await chat()).status, 200);
      assert.ok(stage.mock.ledger.slice(2).every((call) => call.key === stage.mock.ledger[2].key));
    });

    for (const [what, status] of [
      ["dead", "401"],
      ["broke", "402"],
    ])
      test(`a key that is no longer ${what} is found out before its probe`, async () => {
        const { first } = await stage.once(status, { keys: 1, ask: { model: `model of a ${what} key` } });
        assert.deepEqual([first.seen.state, first.held.state], ["disabled", "disabled"]);
        assert.equal((await stage.chat({ model: `model of a ${what} key` })).status, 200);
        const [key] = await stage.look();
        assertUntouched([key]);
        for (const { past } of [key.seen, key.held]) assert.equal(past.class, first.seen.reason.class);
      });

    test("a provider that is not sees one call more, not one a request, for each model", async () => {
      const chat = await exhaust();
      for (let i = 0; i < 10; i++) assertOurs(await chat(), { ...rate, wait: [40, 61] });
      assert.equal(stage.mock.ledger.length, 3);
      const other = { model: "another-model" };
      for (let i = 0; i < 10; i++) assertOurs(await stage.chat(other), { ...rate, wait: [40, 61] });
      assert.equal(stage.mock.ledger.length, 6);
    });

    test("twenty that come together make one call more", async () => {
      const chat = await exhaust();
      stage.mock.script("*", { ...limited({ "retry-after": "60" }), delay: 100 });
      await Promise.all(Array.from({ length: 20 }, chat));
      assert.equal(stage.mock.ledger.length, 3);
    });

    test("one call more it is, too, where active and standby keys are blocked alike", async () => {
      await stage.fresh(4, {}, [{}, {}, { group: "standby" }, { group: "standby" }]);
      stage.mock.script("*", limited({ "retry-after": "60" }));
      for (let i = 0; i < 10; i++) assertOurs(await stage.chat({ model: "a-model" }), { ...rate, wait: [40, 61] });
      assert.equal(stage.mock.ledger.length, 5);
    });

    test("a key that a person switched off is not woken", async () => {
      const ids = await stage.fresh(1);
      await stage.api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
      for (let i = 0; i < 3; i++) assertOurs(await stage.chat(), { status: 503, code: "no_keys" });
      assert.equal(stage.mock.ledger.length, 0);
    });
  });
}

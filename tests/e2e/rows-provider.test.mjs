// ERRORS.md, rows 6 to 8: the provider is at fault, and no key is blamed for longer than a second.
import assert from "node:assert/strict";
import net from "node:net";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import * as said from "./payloads.mjs";
import {
  assertBetween,
  assertOurs,
  assertResting,
  assertTakenOver,
  assertUnstored,
  assertUntouched,
  parsed,
  rowStage,
  second,
} from "./rows.mjs";

const html = { "content-type": "text/html" };
const failing = { status: 502, code: "upstream_failed" };
const late = { status: 504, code: "upstream_timeout" };
const busy = { status: 503, code: "upstream_overloaded" };

for (const storage of storages) {
  describe(`a provider at fault, on ${storage}`, () => {
    const stage = rowStage(storage);
    // None of this is stored; one case of each kind proves it of KV.
    const of = (entries) => (storage === "d1" ? entries : entries.slice(0, 1));
    const onD1 = storage === "d1" ? test : () => {};

    describe("row 6: a busy model is nobody's fault", () => {
      for (const entry of of(said.modelBusy))
        test(`${entry[0]}, ${entry[1]}: one other key is tried, and no key is blamed`, async () => {
          const seen = await stage.once(said.behavior(entry));
          assertTakenOver(seen);
          assertUntouched(seen.all);
        });

      test("a second key that finds it busy ends the call, and spares the model for a while, not the others", async () => {
        const { answer, calls, all } = await stage.once(said.behavior(said.modelBusy[0]), { every: true, keys: 4 });
        assertOurs(answer, { ...busy, wait: [1, 2] });
        assert.equal(calls.length, 2);
        assertUntouched(all);
        stage.mock.script("*", {});
        assert.equal((await stage.chat({ model: "gpt-4.1" })).status, 200);
      });

      onD1("with patience it is waited for", () =>
        stage.withSettings({ wait_budget_ms: 5000 }, async () => {
          await stage.fresh(3);
          const entry = said.behavior(said.modelBusy[0]);
          stage.mock.script("*", [entry, entry]);
          const answer = await stage.chat();
          assert.deepEqual([answer.status, answer.headers["x-keypool-attempts"]], [200, "3"]);
          assertUntouched(await stage.look());
        }));
    });

    describe("row 7: three keys with the same bare 429 within 10 s are a throttle of our address", () => {
      const throttled = said.behavior(said.bare[1]);

      test("the provider pauses some seconds, never minutes; no fourth key is asked", async () => {
        const { answer, calls, all } = await stage.once(throttled, { every: true, keys: 6 });
        assertOurs(answer, { status: 429, code: "rate_limit_exceeded", wait: [1, 5] });
        assert.equal(calls.length, 3);
        assertUnstored(all);
        for (const { seen } of all)
          for (const { until } of seen.cooldowns) assertBetween(until, answer.asked, answer.answered + 5 * second);
        // The first of these goes through as a last try, and is throttled again.
        for (let i = 0; i < 5; i++) assertOurs(await stage.chat(), { status: 429, code: "rate_limit_exceeded", wait: [1, 5] });
        assertBetween(stage.mock.ledger.length, 3, 4);
      });

      onD1("with patience the pause is waited for", () =>
        stage.withSettings({ wait_budget_ms: 6000 }, async () => {
          await stage.fresh(6);
          stage.mock.script("*", [throttled, throttled, throttled]);
          const answer = await stage.chat();
          assert.deepEqual([answer.status, answer.headers["x-keypool-attempts"]], [200, "4"]);
        }),
      );

      onD1("bodies of their own are limits of their own: the next key is asked", async () => {
        const behavior = (call) => ({ status: 429, body: { error: { message: `${call.key} is too fast` } } });
        const { answer, calls } = await stage.once(behavior, { every: true, keys: 4 });
        assertOurs(answer, { status: 429, code: "rate_limit_exceeded", wait: [5, 5] });
        assert.equal(calls.length, 4);
      });
    });

    describe("row 8: a passing fault rests the key a second for the model, the next key answers", () => {
      for (const [what, behavior, status] of of([
        ["500", "500", 500],
        ["a page of HTML with 502", { status: 502, headers: html, body: "<html>bad gateway</html>" }, 502],
        ["504", { status: 504, body: "" }, 504],
        ["520", { status: 520, body: "" }, 520],
        ["408", { status: 408, body: "" }, 408],
        ["409", { status: 409, body: {} }, 409],
        ["425", { status: 425, body: {} }, 425],
        ["a connection that breaks before the head", { cut: 0 }, null],
        ["an answer that breaks in the middle of its JSON", { cut: 2 }, null],
      ]))
        test(what, async () => {
          const seen = await stage.once(behavior);
          assertTakenOver(seen);
          assert.match(parsed(seen.answer.text).choices[0].message.content, /^You said: hello there/);
          assertResting(seen.first, seen, { class: "transient", status, ms: second });
          assertUntouched(seen.others);
        });

      for (const [what, url] of [
        ["does not listen", async () => `http://127.0.0.1:${await closedPort()}/v1`],
        ["does not speak TLS", async () => `https://127.0.0.1:${stage.mock.port}/v1`],
      ])
        onD1(`a provider that ${what} is a 502`, async () => {
          const seen = await stage.once({}, { keys: 2, settings: { base_url: await url() } });
          assertOurs(seen.answer, failing);
          for (const key of seen.all) assertResting(key, seen, { class: "transient", status: null, ms: second });
        });

      onD1("a provider's 504 stays a 504", async () => {
        const { answer, calls } = await stage.once({ status: 504, body: "" }, { keys: 1 });
        assertOurs(answer, late);
        assert.equal(calls.length, 1);
      });

      test("two requests whose attempts all fail open the breaker: the next calls spare the provider", async () => {
        const behavior = (call) => ({ status: 500, body: { error: { message: `fault of ${call.key.at(-1)}` } } });
        const { answer, calls, all } = await stage.once(behavior, { every: true, keys: 8 });
        assertOurs(answer, failing);
        assert.deepEqual([calls.length, answer.headers["x-keypool-attempts"]], [5, "5"]);
        assert.equal(new Set(calls.map((call) => call.key)).size, 5);
        assertUnstored(all);
        stage.mock.script("*", "500");
        // Of one request, whose content may be at fault, three failures count; two more of the next are enough.
        for (let i = 0; i < 10; i++) assertOurs(await stage.chat(), failing);
        assertBetween(stage.mock.ledger.length, 7, 8);
      });
    });
  });
}

function closedPort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

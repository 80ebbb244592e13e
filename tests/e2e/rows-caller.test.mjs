// ERRORS.md, rows 10, 11, 13, 14 and 17: the caller is at fault, a key for one model, or the error looks like a success.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { leaveEarly } from "./exchange.mjs";
import { eventually, storages } from "./harness.mjs";
import * as said from "./payloads.mjs";
import { chatBody } from "./pool.mjs";
import {
  assertDisabled,
  assertOurs,
  assertResting,
  assertTakenOver,
  assertUntouched,
  event,
  headers,
  hour,
  minute,
  rowStage,
  sse,
} from "./rows.mjs";

const whole = (error) => ({ body: { error } });
const firstEvent = (error) => ({ headers: sse, chunks: [`data: ${JSON.stringify({ error })}\n\n`] });
/** The upstream's own answer, byte for byte, with its headers. */
const assertVerbatim = (answer, { status, body, headers: given }) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  assert.deepEqual([answer.status, answer.text], [status, text]);
  for (const [name, value] of Object.entries(given ?? {})) assert.equal(answer.headers[name], value);
};

for (const storage of storages) {
  describe(`no key at fault, on ${storage}`, () => {
    const stage = rowStage(storage);
    const of = (entries) => (storage === "d1" ? entries : entries.slice(0, 1));
    const named = (entry) => {
      const { headers: given, ...rest } = said.behavior(entry);
      return { ...rest, headers: { ...given, "x-request-id": "req_1", "x-ratelimit-limit-requests": "7" } };
    };

    describe("row 10: a key that lacks the model rests an hour for it, the next key answers", () => {
      for (const entry of of(said.keyLacksModel))
        test(`${entry[0]}, ${entry[1]}`, async () => {
          const seen = await stage.once(said.behavior(entry));
          assertTakenOver(seen);
          assertResting(seen.first, seen, { class: "key_lacks_model", status: entry[1], ms: hour });
          assertUntouched(seen.others);
        });

      test("when every key agrees the client gets the upstream's answer", async () => {
        const behavior = named(said.keyLacksModel[0]);
        const seen = await stage.once(behavior, { every: true });
        assertVerbatim(seen.answer, behavior);
        assert.equal(seen.calls.length, 3);
        for (const key of seen.all) assertResting(key, seen, { class: "key_lacks_model", status: 404, ms: hour });
        assert.equal((await stage.chat({ model: "gpt-4.1" })).status, 404);
        stage.mock.script("*", {});
        assert.equal((await stage.chat({ model: "gpt-4.1-mini" })).status, 200);
      });

      for (const order of [
        ["429", said.behavior(said.keyLacksModel[0])],
        [said.behavior(said.keyLacksModel[0]), "429"],
      ])
        test(`when they do not (the last one ${order[1] === "429" ? "is limited" : "lacks it"}), it is worth coming back`, async () => {
          await stage.fresh(2);
          stage.mock.script("*", order);
          assertOurs(await stage.chat(), { status: 429, code: "rate_limit_exceeded", wait: [30, 31] });
        });

      test("and as long as they rest for it, it is still the model that is not there, not the provider", async () => {
        await stage.once(said.behavior(said.keyLacksModel[0]), { every: true, keys: 2 });
        for (let i = 0; i < 4; i++) assert.equal((await stage.chat()).status, 404);
        assert.ok(stage.mock.ledger.length <= 3);
      });
    });

    describe("rows 11 and 13: the caller's mistake costs one call, passes verbatim, and touches no key", () => {
      for (const entry of of([...said.blocked, ...said.caller]))
        test(`${entry[0]}, ${entry[1]}`, async () => {
          const behavior = named(entry);
          const { answer, calls, all } = await stage.once(behavior, { every: true });
          assertVerbatim(answer, behavior);
          assert.equal(calls.length, 1);
          assertUntouched(all);
        });

      test("a body that is no JSON is the provider's to refuse", async () => {
        await stage.fresh(2);
        const init = { method: "POST", body: '{"model": nonsense', headers };
        assert.equal((await fetch(`${stage.worker.url}/v1/chat/completions`, init)).status, 400);
        assert.ok(stage.mock.ledger.length <= 1);
        assertUntouched(await stage.look());
      });
    });

    describe("row 14: an error dressed as a success is what it says", () => {
      const dead = { message: "Incorrect API key provided", type: "invalid_request_error", code: "invalid_api_key" };
      const broke = { message: "Insufficient credits", code: 402 };
      const limited = { message: "Rate limit exceeded. Try again in 20s", type: "requests", code: "rate_limit_exceeded" };
      const boom = { message: "boom", code: 500 };
      for (const [how, dress, ask] of of([
        ["JSON", whole, {}],
        ["a first event", firstEvent, { stream: true }],
        ["JSON where a stream was asked for", whole, { stream: true }],
      ])) {
        for (const [what, error, check, expected] of of([
          ["a dead key", dead, assertDisabled, { class: "key_dead", ms: 5 * minute }],
          ["a broke key", broke, assertDisabled, { class: "key_broke", status: 402, ms: hour }],
          ["a limited key", limited, assertResting, { class: "rate_limited", status: 429, ms: 20_000, jitter: 500 }],
          ["a passing fault", boom, assertResting, { class: "transient", status: 500, ms: 1000 }],
        ]))
          test(`${how}: ${what}, the next key answers`, async () => {
            const seen = await stage.once(dress(error), { ask });
            assertTakenOver(seen);
            assert.match(seen.answer.text, /hello/);
            assert.ok(!seen.answer.text.includes('"error"'), seen.answer.text);
            // An error object without a number has no status of its own.
            check(seen.first, seen, { status: seen.first.seen.reason.status, ...expected });
            assertUntouched(seen.others);
          });
      }

      for (const [how, dress, ask] of [
        ["JSON", whole, {}],
        ["a first event", firstEvent, { stream: true }],
      ])
        test(`${how}: with nothing left the client gets the row's answer, not a success`, async () => {
          const { answer, calls } = await stage.once(dress(limited), { every: true, keys: 2, ask });
          assertOurs(answer, { status: 429, code: "rate_limit_exceeded", wait: [20, 21] });
          assert.equal(calls.length, 2);
        });

      for (const [what, behavior, ask] of [
        ["the caller's mistake", whole({ message: "bad", type: "invalid_request_error", code: null }), {}],
        ["an error that comes later", { headers: sse, chunks: [event, 20, ...firstEvent(boom).chunks] }, { stream: true }],
        ["an answer that merely speaks of one", { body: { error: null, choices: [{ text: 'an "error": {}' }] } }, {}],
      ])
        test(`${what} passes verbatim and touches no key`, async () => {
          const { answer, calls, all } = await stage.once(behavior, { every: true, ask });
          const text = behavior.chunks?.filter((chunk) => typeof chunk === "string").join("");
          assertVerbatim(answer, { status: 200, body: text ?? behavior.body });
          assert.equal(calls.length, 1);
          assertUntouched(all);
        });
    });

    test("row 17: when the client leaves, the upstream call is closed, no key is blamed, and the call is counted", async () => {
      const ids = await stage.fresh(2);
      stage.mock.script("*", [{ headers: sse, chunks: Array(400).fill(event), chunkDelay: 25 }]);
      const url = `${stage.worker.url}/v1/chat/completions`;
      await leaveEarly(url, { headers, body: chatBody({ stream: true }) });
      await eventually(() => assert.ok(stage.mock.ledger[0].closedEarly));
      assert.equal(stage.mock.ledger.length, 1);
      assertUntouched(await stage.look());
      await stage.api("POST", "/flush", undefined, 200);
      const counters = (await stage.states(ids)).map((k) => k.counters);
      assert.deepEqual([counters[0].attempts + counters[1].attempts, counters[0].failed + counters[1].failed], [1, 0]);
    });
  });
}

// ERRORS.md, rows 9, 15 and 16: the line to a provider falls silent, brings nothing, or breaks.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import {
  assertOurs,
  assertResting,
  assertTakenOver,
  assertUnstored,
  assertUntouched,
  event,
  rowStage,
  second,
  sse,
} from "./rows.mjs";

const json = { "content-type": "application/json" };
const late = { status: 504, code: "upstream_timeout" };

for (const storage of storages) {
  describe(`a line at fault, on ${storage}`, () => {
    const stage = rowStage(storage, { KEYPOOL_ANSWER_TIMEOUT_MS: "800" });
    // None of this is stored; one case of each kind proves it of KV.
    const onD1 = storage === "d1" ? test : () => {};
    /** The first key rests a second for the model, in this isolate only; no other key has a trace. */
    const assertBrief = (seen, name, status) => {
      assertResting(seen.first, seen, { class: name, status, ms: second });
      assertUntouched(seen.others);
    };

    describe("row 9: no head in time is worth one more try", () => {
      const settings = { first_byte_timeout_ms: 250 };
      const ask = { stream: true };

      test("the next key answers", async () => {
        const seen = await stage.once("hang", { settings, ask });
        assertTakenOver(seen);
        assertBrief(seen, "timeout", null);
      });

      onD1("and no third: the client gets a 504", async () => {
        const { answer, calls, all } = await stage.once("hang", { every: true, keys: 4, settings, ask });
        assertOurs(answer, late);
        assert.equal(calls.length, 2);
        assertUnstored(all);
        await eventually(() => assert.ok(calls.every((call) => call.closedEarly)));
      });

      onD1("and no second where that is switched off, as it may be billed twice", () =>
        stage.withSettings({ retry_after_timeout: 0 }, async () => {
          const { answer, calls } = await stage.once("hang", { every: true, settings, ask });
          assertOurs(answer, late);
          assert.equal(calls.length, 1);
        }));

      onD1("a call that is not streamed gets the longer time that a whole answer takes", async () => {
        const slow = await stage.once({ delay: 500 }, { settings });
        assert.equal(slow.answer.headers["x-keypool-attempts"], "1");
        const { answer, calls } = await stage.once("hang", { every: true, settings });
        assertOurs(answer, late);
        assert.equal(calls.length, 2);
      });

      onD1("a head in time and a slow body are no timeout", async () => {
        const chunks = [event, 500, event, 500, "data: [DONE]\n\n"];
        const { answer, all } = await stage.once({ headers: sse, chunks }, { keys: 1, settings, ask });
        assert.equal(answer.text, `${event}${event}data: [DONE]\n\n`);
        assertUntouched(all);
      });
    });

    describe("row 15: a success without a body is tried once with another key, then it passes", () => {
      for (const [what, behavior, ask] of [
        ["JSON", { headers: json, body: "" }, {}],
        ["a stream", { headers: sse, chunks: [] }, { stream: true }],
      ]) {
        onD1(`${what}: the next key answers`, async () => {
          const seen = await stage.once(behavior, { ask });
          assertTakenOver(seen);
          assertBrief(seen, "empty", 200);
        });

        test(`${what}: a second empty one passes`, async () => {
          const { answer, calls, all } = await stage.once(behavior, { every: true, keys: 4, ask });
          assert.deepEqual([answer.status, answer.text, calls.length], [200, "", 2]);
          assert.notEqual(calls[0].key, calls[1].key);
          assertUnstored(all);
        });
      }

      onD1("with no other key, it passes at once", async () => {
        const { answer, calls } = await stage.once({ headers: json, body: "" }, { every: true, keys: 1 });
        assert.deepEqual([answer.status, answer.text, calls.length], [200, "", 1]);
      });

      onD1("where none must be, it is a success", async () => {
        const { answer, calls, all } = await stage.once({ status: 204, body: "" });
        assert.deepEqual([answer.status, calls.length], [204, 1]);
        assertUntouched(all);
      });
    });

    describe("row 16: a stream that breaks ends with one error event, and nothing is replayed", () => {
      const ask = { stream: true };
      const chunks = [event, 20, event, 20, event];
      const forever = Array(200).fill(event);
      for (const [what, behavior, settings, blamed, proves] of [
        ["the connection breaks", { chunks, cut: 2 }, {}, true, test],
        ["the provider falls silent", { chunks, hang: 2 }, { idle_timeout_ms: 400 }, true, onD1],
        ["the time is up", { chunks: forever, chunkDelay: 30 }, { overall_timeout_ms: 700 }, false, onD1],
      ])
        proves(what, async () => {
          const seen = await stage.once({ headers: sse, ...behavior }, { settings, ask });
          const { answer, calls } = seen;
          assert.deepEqual([answer.status, answer.complete, calls.length], [200, true, 1]);
          const events = answer.text.split("\n\n").filter(Boolean);
          const { error } = JSON.parse(events.pop().replace(/^data: /, ""));
          assert.deepEqual([error.type, error.param, error.code], ["upstream_error", null, "upstream_stream_interrupted"]);
          assert.ok(events.length >= 2);
          assert.ok(events.every((e) => `${e}\n\n` === event));
          assertUnstored(seen.all);
          if (blamed) assertBrief(seen, "broken_stream", null);
        });

      onD1("a slow stream that keeps coming is left alone", async () => {
        const slow = [event, 200, event, 200, event, 200, event, "data: [DONE]\n\n"];
        const settings = { idle_timeout_ms: 400 };
        const { answer, all } = await stage.once({ headers: sse, chunks: slow }, { keys: 1, settings, ask });
        assert.equal(answer.text, `${event.repeat(4)}data: [DONE]\n\n`);
        assertUntouched(all);
      });
    });
  });
}

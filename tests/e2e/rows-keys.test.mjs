// ERRORS.md, rows 1 to 5 and 12: a key is at fault. What the client gets, what becomes of every key, its cost, what is stored.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import * as said from "./payloads.mjs";
import {
  assertBetween,
  assertDisabled,
  assertOurs,
  assertResting,
  assertTakenOver,
  assertUnstored,
  assertUntouched,
  hour,
  minute,
  rowStage,
  second,
} from "./rows.mjs";

for (const storage of storages) {
  describe(`a key at fault, on ${storage}`, () => {
    const stage = rowStage(storage);
    // What a body means is the same on every storage, what follows is stored by each in its own way.
    const of = (entries) => (storage === "d1" ? entries : entries.slice(0, 1));
    /** One key fails as `entry` says, the next answers; the failed one must be as `check` says, the others as before. */
    const oneFails = async (entry, check) => {
      const seen = await stage.once(said.behavior(entry));
      assertTakenOver(seen);
      check(seen.first, seen, { status: entry[1] });
      assertUntouched(seen.others);
      return seen;
    };

    describe("row 1: a dead key is disabled at once and probed after 5 min, the next key answers", () => {
      for (const entry of of(said.keyDead))
        test(`${entry[0]}, ${entry[1]}`, () =>
          oneFails(entry, (first, seen, { status }) =>
            assertDisabled(first, seen, { class: "key_dead", status, ms: 5 * minute }),
          ));

      test("with all keys dead for reasons of their own the client gets a 502, never a 401", async () => {
        let n = 0;
        const behavior = () => ({ status: 401, body: { error: { message: `Key ${(n += 1)} is not known` } } });
        const { answer, calls, all } = await stage.once(behavior, { every: true });
        assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        assert.equal(calls.length, 3);
        for (const key of all)
          assertDisabled(key, { answer }, { class: "key_dead", status: 401, ms: 5 * minute });
      });

      test("three keys with the same body within a minute are an incident of the provider: none is disabled", async () => {
        const { answer, calls, all } = await stage.once("401", { every: true, keys: 4 });
        assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        assertBetween(calls.length, 3, 4);
        assertUnstored(all);
      });

      test("an address that may not call disables none", async () => {
        const body = { error: { message: "IP not authorized for this key", code: "ip_not_authorized" } };
        const { answer, all } = await stage.once({ status: 401, body }, { every: true, keys: 2 });
        assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        assertUnstored(all);
      });

      test("the provider's message is kept without the key, also for the client", async () => {
        await stage.fresh(1);
        stage.mock.script("*", (call) => ({
          status: 401,
          body: { error: { message: `Incorrect API key provided: ${call.key}.` } },
        }));
        const answer = await stage.chat();
        assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        const keys = await stage.look();
        assert.match(keys[0].seen.reason.message, /Incorrect API key provided/);
        const [{ key }] = stage.mock.ledger;
        for (const text of [answer.text, JSON.stringify(keys)]) assert.ok(!text.includes(key));
      });
    });

    describe("row 2: a broke key is disabled and probed after an hour, the next key answers", () => {
      for (const entry of of(said.keyBroke))
        test(`${entry[0]}, ${entry[1]}`, () =>
          oneFails(entry, (first, seen, { status }) =>
            assertDisabled(first, seen, { class: "key_broke", status, ms: hour }),
          ));

      test("with all keys broke the client gets a 429 with the time of the soonest probe", async () => {
        const { answer, calls } = await stage.once("402", { every: true, keys: 2 });
        assertOurs(answer, { status: 429, code: "insufficient_quota", wait: [3599, 3600] });
        assert.equal(calls.length, 2);
      });
    });

    describe("row 3: a used-up day rests the key for the model until the provider's day ends", () => {
      for (const entry of of(said.dayQuota))
        test(entry[0], async () => {
          const gemini = entry[0] === "Gemini";
          const ends = gemini ? midnight("America/Los_Angeles") : midnight("UTC");
          const seen = await stage.once(said.behavior(entry), gemini ? { settings: { preset: "gemini" } } : {});
          assertTakenOver(seen);
          // A day that is about to end is no rest worth storing.
          const stored = ends - seen.answer.asked > 15 * second;
          const answer = { asked: ends, answered: ends };
          assertResting(seen.first, { answer }, { class: "day_quota", status: 429, ms: 0, stored });
          assertUntouched(seen.others);
        });

      test("with all keys used up the client gets a 429 with the time that is left of the day", async () => {
        const { answer } = await stage.once(said.behavior(said.dayQuota[2]), { every: true, keys: 2 });
        const left = (midnight("UTC") - answer.answered) / second;
        assertOurs(answer, { status: 429, code: "rate_limit_exceeded", wait: [Math.floor(left), Math.ceil(left) + 1] });
      });
    });

    describe("row 4: a limited key rests for the model as long as it is told, the next key answers", () => {
      for (const entry of of(said.rateLimited()))
        test(`${entry[0]}: ${entry[4] / second} s`, () =>
          oneFails(entry, (first, seen, { status }) =>
            assertResting(first, seen, { class: "rate_limited", status, ms: entry[4], jitter: 500 }),
          ));
      for (const [i, [provider]] of of(said.rateLimitedUntil()).entries())
        test(`${provider}: until then`, async () => {
          const entry = said.rateLimitedUntil()[i];
          const seen = await stage.once(said.behavior(entry));
          assertTakenOver(seen);
          const answer = { asked: entry[4], answered: entry[4] };
          assertResting(seen.first, { answer }, { class: "rate_limited", status: 429, ms: 0, jitter: 500, stored: true });
          assertUntouched(seen.others);
        });

      test("a limit of one model leaves the key to the others", async () => {
        const { answer, first } = await stage.once("429", { keys: 1 });
        assertOurs(answer, { status: 429, code: "rate_limit_exceeded", wait: [30, 31] });
        assertResting(first, { answer }, { class: "rate_limited", status: 429, ms: 30_000, jitter: 500 });
        assert.equal((await stage.chat({ model: "gpt-4.1" })).status, 200);
        const [{ seen }] = await stage.look();
        assert.deepEqual(seen.cooldowns, first.seen.cooldowns);
      });
    });

    describe("row 5: a limited key that is told nothing rests 5 s, not stored", () => {
      for (const entry of of(said.bare))
        test(entry[0], () =>
          oneFails(entry, (first, seen) =>
            assertResting(first, seen, { class: "rate_limited", status: 429, ms: 5 * second }),
          ));

      test("with all keys limited the client gets a 429 with the soonest end", async () => {
        const { answer, calls } = await stage.once(said.behavior(said.bare[0]), { every: true, keys: 2 });
        assertOurs(answer, { status: 429, code: "rate_limit_exceeded", type: "rate_limit_error", wait: [5, 5] });
        assert.equal(calls.length, 2);
      });
    });

    describe("row 12: a key that is forbidden rests 5 min for all models, the next key answers", () => {
      for (const entry of of(said.forbidden))
        test(entry[0], () =>
          oneFails(entry, (first, seen) =>
            assertResting(first, seen, { class: "forbidden", status: 403, ms: 5 * minute, of: null }),
          ));

      test("with all keys forbidden the client gets a 502", async () => {
        const { answer, calls } = await stage.once(said.behavior(said.forbidden[0]), { every: true, keys: 2 });
        assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        assert.equal(calls.length, 2);
      });

      test("three in a row disable the key, and of one moment they are one", async () => {
        const [id] = await stage.fresh(1);
        stage.mock.script("*", { ...said.behavior(said.forbidden[0]), delay: 300 });
        for (const answer of await Promise.all([stage.chat(), stage.chat(), stage.chat()]))
          assertOurs(answer, { status: 502, code: "upstream_auth_failed" });
        assert.equal(stage.mock.ledger.length, 3);
        assert.deepEqual((await stage.look()).map(({ seen }) => seen.state), ["cooling"]);
        const asked = Date.now();
        const credentials = { authorization: `Bearer ${await stage.worker.token()}`, "x-keypool-key": id };
        for (let i = 0; i < 2; i++) assert.equal((await stage.chat({}, { headers: credentials })).status, 403);
        const [key] = await stage.look();
        assertDisabled(key, { answer: { asked, answered: Date.now() } }, { class: "key_dead", status: 403, ms: 5 * minute });
      });
    });
  });
}

/** When the day that is now ends in that zone, in Unix ms: a quarter of an hour that begins a new date there. */
function midnight(timeZone) {
  const date = (ms) => new Intl.DateTimeFormat("en-CA", { timeZone }).format(ms);
  const quarter = 15 * minute;
  const now = Date.now();
  let at = Math.floor(now / quarter) * quarter + quarter;
  while (date(at) === date(now)) at += quarter;
  return at;
}

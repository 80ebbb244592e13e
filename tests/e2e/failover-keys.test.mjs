// ERRORS.md, the rows that blame a key: what the client gets, what becomes of each key, what it cost.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { minute, startFailing } from "./failing.mjs";

for (const storage of storages) {
  describe(`a key at fault, on ${storage}`, () => {
    let stage, mock;
    before(async () => {
      stage = await startFailing(storage);
      ({ mock } = stage);
    });
    after(() => stage.close());

    describe("row 1, a dead key", () => {
      for (const [what, behavior] of [
        ["401", "401"],
        [
          "400 that says API_KEY_INVALID",
          {
            status: 400,
            body: {
              error: {
                code: 400,
                message: "API key not valid.",
                status: "INVALID_ARGUMENT",
                details: [{ reason: "API_KEY_INVALID" }],
              },
            },
          },
        ],
        [
          "403 of a suspended account",
          {
            status: 403,
            body: {
              error: {
                code: 403,
                message: "Permission denied: Consumer has been suspended.",
                status: "PERMISSION_DENIED",
                details: [{ reason: "CONSUMER_SUSPENDED" }],
              },
            },
          },
        ],
      ]) {
        test(`${what}: the key is disabled at once, the next key answers`, async () => {
          const ids = await stage.fresh(3);
          mock.script("*", [behavior]);
          const answer = await stage.chat();
          assert.equal(answer.status, 200);
          assert.equal(answer.headers["x-keypool-attempts"], "2");
          assert.equal(mock.ledger.length, 2);
          assert.notEqual(mock.ledger[0].key, mock.ledger[1].key);
          const k = await eventually(async () => {
            const found = await stage.row(ids, mock.ledger[0]);
            assert.equal(found.state, "disabled");
            return found;
          });
          assert.deepEqual([k.reason.class, k.reason.status, k.usable], ["key_dead", mock.ledger[0].status, false]);
          assert.ok(k.reason.message);
          assert.ok(Math.abs(k.reason.next_probe - Date.now() - 5 * minute) < minute);
          assert.equal((await stage.states(ids)).filter((s) => s.state === "active").length, 2);
        });
      }

      test("a whole key in the provider's message is not repeated", async () => {
        const ids = await stage.fresh(1);
        const [secret] = stage.secrets();
        mock.script("*", [{ status: 401, body: { error: { message: `Incorrect API key provided: ${secret}.` } } }]);
        const answer = await stage.chat();
        assert.equal(answer.status, 502);
        assert.equal(answer.error.code, "upstream_auth_failed");
        assert.ok(!answer.text.includes(secret));
        const [k] = await eventually(async () => {
          const found = await stage.states(ids);
          assert.equal(found[0].state, "disabled");
          return found;
        });
        assert.match(k.reason.message, /Incorrect API key provided/);
        assert.ok(!JSON.stringify(k).includes(secret));
      });

      test("three keys with the same 401 within a minute are an incident of the provider: none is disabled", async () => {
        const ids = await stage.fresh(4);
        mock.script("*", "401");
        assert.equal((await stage.chat()).status, 502);
        await eventually(async () => {
          const states = await stage.states(ids);
          assert.deepEqual(
            states.map((k) => k.state === "disabled"),
            [false, false, false, false],
          );
        });
      });
    });

    describe("row 2, a broke key", () => {
      for (const [what, behavior] of [
        ["402", "402"],
        [
          "429 with insufficient_quota",
          {
            status: 429,
            body: {
              error: {
                message: "You exceeded your current quota, please check your plan and billing details.",
                type: "insufficient_quota",
                param: null,
                code: "insufficient_quota",
              },
            },
          },
        ],
      ]) {
        test(`${what}: the key is disabled, the next key answers`, async () => {
          const ids = await stage.fresh(2);
          mock.script("*", [behavior]);
          assert.equal((await stage.chat()).status, 200);
          const k = await eventually(async () => {
            const found = await stage.row(ids, mock.ledger[0]);
            assert.equal(found.state, "disabled");
            return found;
          });
          assert.equal(k.reason.class, "key_broke");
          assert.ok(Math.abs(k.reason.next_probe - Date.now() - 60 * minute) < 2 * minute);
        });
      }

      test("with every key broke the client hears so, and when to come back", async () => {
        await stage.fresh(2);
        mock.script("*", "402");
        const answer = await stage.chat();
        assert.deepEqual([answer.status, answer.error.code], [429, "insufficient_quota"]);
        const seconds = Number(answer.headers["retry-after"]);
        assert.ok(seconds > 3000 && seconds <= 3700, answer.headers["retry-after"]);
      });
    });

    describe("rows 4 and 5, a limited key", () => {
      for (const [what, given, ms] of [
        ["retry-after", { "retry-after": "30" }, 30_000],
        ["retry-after-ms", { "retry-after-ms": "45000" }, 45_000],
        [
          "the exhausted one of x-ratelimit-reset-*",
          {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1m20s",
            "x-ratelimit-remaining-tokens": "5",
            "x-ratelimit-reset-tokens": "6ms",
          },
          80_000,
        ],
        ["no reset at all", {}, 5_000],
        ["a reset in 55,000 years", { "x-ratelimit-reset": "1.7e15" }, 5_000],
      ]) {
        test(`429 with ${what}: the key rests ${ms / 1000} s for this model, the next key answers`, async () => {
          const ids = await stage.fresh(2);
          mock.script("*", [
            {
              status: 429,
              headers: given,
              body: { error: { message: "slow", type: "requests", code: "rate_limit_exceeded" } },
            },
          ]);
          const asked = Date.now();
          assert.equal((await stage.chat()).status, 200);
          assert.equal(mock.ledger.length, 2);
          const k = await eventually(async () => {
            const found = await stage.row(ids, mock.ledger[0]);
            assert.equal(found.state, "cooling");
            return found;
          });
          assert.equal(k.cooldowns.length, 1);
          assert.equal(k.cooldowns[0].model, "gpt-4o-mini");
          const rest = k.cooldowns[0].until - asked;
          assert.ok(rest >= ms - 100 && rest < ms + 3000, `${rest} ms`);
          assert.equal(k.reason.class, "rate_limited");
        });
      }

      test("a limit of one model leaves the key to the others", async () => {
        await stage.fresh(1);
        mock.script("*", ["429"]);
        assert.equal((await stage.chat()).status, 429);
        assert.equal((await stage.chat({ model: "gpt-4.1" })).status, 200);
      });

      test("with every key limited the client hears the true time, and the provider is not hammered", async () => {
        await stage.fresh(2);
        mock.script("*", "429");
        for (let i = 0; i < 20; i++) {
          const answer = await stage.chat();
          assert.deepEqual([answer.status, answer.error.code], [429, "rate_limit_exceeded"]);
          const seconds = Number(answer.headers["retry-after"]);
          assert.ok(seconds >= 1 && seconds <= 31, answer.headers["retry-after"]);
        }
        assert.ok(mock.ledger.length <= 12, `${mock.ledger.length} upstream calls`);
      });
    });

    describe("row 12, forbidden", () => {
      test("the next key answers, this one rests five minutes", async () => {
        const ids = await stage.fresh(2);
        mock.script("*", [{ status: 403, body: { error: { message: "no" } } }]);
        assert.equal((await stage.chat()).status, 200);
        const k = await eventually(async () => {
          const found = await stage.row(ids, mock.ledger[0]);
          assert.equal(found.state, "cooling");
          return found;
        });
        assert.equal(k.reason.class, "forbidden");
        assert.ok(Math.abs(Math.max(...k.cooldowns.map((c) => c.until)) - Date.now() - 5 * minute) < 10_000);
      });

      test("with every key forbidden the client gets a 502", async () => {
        await stage.fresh(2);
        mock.script("*", { status: 403, body: { error: { message: "no" } } });
        assert.equal((await stage.chat()).status, 502);
      });
    });
  });
}

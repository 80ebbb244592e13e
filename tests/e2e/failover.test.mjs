// ERRORS.md, row by row: what the client gets, what becomes of each key, how many upstream calls it cost.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { exchange, leaveEarly } from "./exchange.mjs";
import { clientKey, eventually, password, storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

const headers = { ...json, authorization: `Bearer ${clientKey}` };
const minute = 60_000;
const sse = { "content-type": "text/event-stream" };
const event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';

for (const storage of storages) {
  describe(`failover, on ${storage}`, () => {
    let stage, mock, worker, secrets;
    let n = 0;
    /** `count` good keys with secrets never seen before; what goes wrong is scripted by call, not by key. */
    const pool = async (count, settings) => {
      secrets = Array.from({ length: count }, (_, i) => `mock-good-${String((n += 1)).padStart(6, "0")}-${i}`);
      const { ids } = await stage.pool(secrets, settings);
      return ids;
    };
    const chat = async (more) => {
      const answer = await exchange(`${worker.url}/v1/chat/completions`, { method: "POST", headers, body: chatBody(more) });
      return { ...answer, text: answer.body.toString(), error: parsed(answer.body)?.error };
    };
    const row = async (ids, call) => (await stage.states(ids))[secrets.indexOf(call.key)];
    const untouched = async (ids) => {
      for (const k of await stage.states(ids)) assert.deepEqual([k.state, k.usable, k.reason, k.cooldowns], ["active", true, null, []]);
    };
    before(async () => {
      stage = await startStage({ storage, vars: { KEYPOOL_WAIT_BUDGET_MS: "0", KEYPOOL_ANSWER_TIMEOUT_MS: "1200" } });
      ({ mock, worker } = stage);
    });
    after(() => stage.close());

    describe("row 1, a dead key", () => {
      for (const [what, behavior] of [
        ["401", "401"],
        ["400 that says API_KEY_INVALID", { status: 400, body: { error: { code: 400, message: "API key not valid.", status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } } }],
        ["403 of a suspended account", { status: 403, body: { error: { code: 403, message: "Permission denied: Consumer has been suspended.", status: "PERMISSION_DENIED", details: [{ reason: "CONSUMER_SUSPENDED" }] } } }],
      ]) {
        test(`${what}: the key is disabled at once, the next key answers`, async () => {
          const ids = await pool(3);
          mock.script("*", [behavior]);
          const answer = await chat();
          assert.equal(answer.status, 200);
          assert.equal(answer.headers["x-keypool-attempts"], "2");
          assert.equal(mock.ledger.length, 2);
          assert.notEqual(mock.ledger[0].key, mock.ledger[1].key);
          const k = await eventually(async () => {
            const found = await row(ids, mock.ledger[0]);
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
        const ids = await pool(1);
        const [secret] = secrets;
        mock.script("*", [{ status: 401, body: { error: { message: `Incorrect API key provided: ${secret}.` } } }]);
        const answer = await chat();
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
        const ids = await pool(4);
        mock.script("*", "401");
        assert.equal((await chat()).status, 502);
        await eventually(async () => {
          const states = await stage.states(ids);
          assert.deepEqual(states.map((k) => k.state === "disabled"), [false, false, false, false]);
        });
      });
    });

    describe("row 2, a broke key", () => {
      for (const [what, behavior] of [
        ["402", "402"],
        ["429 with insufficient_quota", { status: 429, body: { error: { message: "You exceeded your current quota, please check your plan and billing details.", type: "insufficient_quota", param: null, code: "insufficient_quota" } } }],
      ]) {
        test(`${what}: the key is disabled, the next key answers`, async () => {
          const ids = await pool(2);
          mock.script("*", [behavior]);
          assert.equal((await chat()).status, 200);
          const k = await eventually(async () => {
            const found = await row(ids, mock.ledger[0]);
            assert.equal(found.state, "disabled");
            return found;
          });
          assert.equal(k.reason.class, "key_broke");
          assert.ok(Math.abs(k.reason.next_probe - Date.now() - 60 * minute) < 2 * minute);
        });
      }

      test("with every key broke the client hears so, and when to come back", async () => {
        await pool(2);
        mock.script("*", "402");
        const answer = await chat();
        assert.deepEqual([answer.status, answer.error.code], [429, "insufficient_quota"]);
        const seconds = Number(answer.headers["retry-after"]);
        assert.ok(seconds > 3000 && seconds <= 3700, answer.headers["retry-after"]);
      });
    });

    describe("rows 4 and 5, a limited key", () => {
      for (const [what, given, ms] of [
        ["retry-after", { "retry-after": "30" }, 30_000],
        ["retry-after-ms", { "retry-after-ms": "45000" }, 45_000],
        ["the exhausted one of x-ratelimit-reset-*", { "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m20s", "x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "6ms" }, 80_000],
        ["no reset at all", {}, 5_000],
        ["a reset in 55,000 years", { "x-ratelimit-reset": "1.7e15" }, 5_000],
      ]) {
        test(`429 with ${what}: the key rests ${ms / 1000} s for this model, the next key answers`, async () => {
          const ids = await pool(2);
          mock.script("*", [{ status: 429, headers: given, body: { error: { message: "slow", type: "requests", code: "rate_limit_exceeded" } } }]);
          const asked = Date.now();
          assert.equal((await chat()).status, 200);
          assert.equal(mock.ledger.length, 2);
          const k = await eventually(async () => {
            const found = await row(ids, mock.ledger[0]);
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
        await pool(1);
        mock.script("*", ["429"]);
        assert.equal((await chat()).status, 429);
        assert.equal((await chat({ model: "gpt-4.1" })).status, 200);
      });

      test("with every key limited the client hears the true time, and the provider is not hammered", async () => {
        await pool(2);
        mock.script("*", "429");
        for (let i = 0; i < 20; i++) {
          const answer = await chat();
          assert.deepEqual([answer.status, answer.error.code], [429, "rate_limit_exceeded"]);
          const seconds = Number(answer.headers["retry-after"]);
          assert.ok(seconds >= 1 && seconds <= 31, answer.headers["retry-after"]);
        }
        assert.ok(mock.ledger.length <= 12, `${mock.ledger.length} upstream calls`);
      });
    });

    describe("row 8, a passing fault", () => {
      for (const [what, behavior] of [
        ["500", "500"],
        ["a page of HTML with 502", { status: 502, headers: { "content-type": "text/html" }, body: "<html>bad gateway</html>" }],
        ["520", { status: 520, body: "" }],
        ["408", { status: 408, body: "" }],
        ["409", { status: 409, body: {} }],
        ["a connection that breaks before the head", { cut: 0 }],
      ]) {
        test(`${what}: the next key answers at once and no key is disabled`, async () => {
          const ids = await pool(3);
          mock.script("*", [behavior]);
          assert.equal((await chat()).status, 200);
          assert.equal(mock.ledger.length, 2);
          assert.notEqual(mock.ledger[0].key, mock.ledger[1].key);
          assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
        });
      }

      test("an answer that breaks in the middle of its JSON is tried on the next key", async () => {
        await pool(2);
        mock.script("*", [{ cut: 2 }]);
        const answer = await chat();
        assert.equal(answer.status, 200);
        assert.equal(parsed(answer.body).choices[0].message.content, "You said: hello there");
      });

      test("at most five attempts, each with another key", async () => {
        await pool(7);
        mock.script("*", (call) => ({ status: 500, body: { error: { message: `fault of ${call.key.at(-1)}` } } }));
        const answer = await chat();
        assert.deepEqual([answer.status, answer.error.code], [502, "upstream_failed"]);
        assert.ok(mock.ledger.length <= 5, `${mock.ledger.length} calls`);
        assert.equal(new Set(mock.ledger.map((call) => call.key)).size, mock.ledger.length);
        assert.equal(answer.headers["x-keypool-attempts"], String(mock.ledger.length));
      });

      test("a provider that does not listen is a 502", async () => {
        await pool(2, { base_url: `http://127.0.0.1:${await closedPort()}/v1` });
        const answer = await chat();
        assert.deepEqual([answer.status, answer.error.code], [502, "upstream_failed"]);
      });

      test("a provider's 504 stays a 504", async () => {
        await pool(1);
        mock.script("*", [{ status: 504, body: "" }]);
        assert.equal((await chat()).status, 504);
      });
    });

    describe("row 9, no head in time", () => {
      const settings = { first_byte_timeout_ms: 300 };

      test("one more key is tried", async () => {
        const ids = await pool(3, settings);
        mock.script("*", ["hang"]);
        assert.equal((await chat({ stream: true })).status, 200);
        assert.equal(mock.ledger.length, 2);
        assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
      });

      test("and no third: the client gets a 504", async () => {
        await pool(4, settings);
        mock.script("*", "hang");
        const answer = await chat({ stream: true });
        assert.deepEqual([answer.status, answer.error.code], [504, "upstream_timeout"]);
        assert.equal(mock.ledger.length, 2);
        await eventually(() => assert.ok(mock.ledger.every((call) => call.closedEarly)));
      });

      test("a call that is not streamed gets the longer time that a whole answer takes", async () => {
        await pool(3, settings);
        mock.script("*", [{ delay: 600 }]);
        assert.equal((await chat()).headers["x-keypool-attempts"], "1");
        mock.script("*", "hang");
        const answer = await chat();
        assert.deepEqual([answer.status, answer.error.code], [504, "upstream_timeout"]);
      });

      test("a head in time and a slow body are no timeout", async () => {
        await pool(1, settings);
        mock.script("*", [{ headers: sse, chunks: [event, 500, event, 500, "data: [DONE]\n\n"] }]);
        const answer = await chat({ stream: true });
        assert.equal(answer.text, `${event}${event}data: [DONE]\n\n`);
      });
    });

    describe("row 12, forbidden", () => {
      test("the next key answers, this one rests five minutes", async () => {
        const ids = await pool(2);
        mock.script("*", [{ status: 403, body: { error: { message: "no" } } }]);
        assert.equal((await chat()).status, 200);
        const k = await eventually(async () => {
          const found = await row(ids, mock.ledger[0]);
          assert.equal(found.state, "cooling");
          return found;
        });
        assert.equal(k.reason.class, "forbidden");
        assert.ok(Math.abs(Math.max(...k.cooldowns.map((c) => c.until)) - Date.now() - 5 * minute) < 10_000);
      });

      test("with every key forbidden the client gets a 502", async () => {
        await pool(2);
        mock.script("*", { status: 403, body: { error: { message: "no" } } });
        assert.equal((await chat()).status, 502);
      });
    });

    describe("row 13, the caller's mistake", () => {
      for (const status of [400, 404, 405, 413, 415, 422]) {
        test(`a ${status} costs one upstream call, passes verbatim, and touches none of five keys`, async () => {
          const ids = await pool(5);
          const body = `{ "error": {"message":"your mistake é","type":"invalid_request_error","param":"x","code":null} }\n`;
          mock.script("*", { status, headers: { "content-type": "application/json; charset=utf-8", "x-request-id": "req_1" }, body });
          const answer = await chat();
          assert.deepEqual([answer.status, answer.text, answer.headers["x-request-id"]], [status, body, "req_1"]);
          assert.equal(mock.ledger.length, 1);
          await untouched(ids);
        });
      }

      test("a body that is no JSON is the provider's to refuse", async () => {
        const ids = await pool(2);
        const answer = await exchange(`${worker.url}/v1/chat/completions`, { method: "POST", headers, body: '{"model": nonsense' });
        assert.equal(answer.status, 400);
        assert.ok(mock.ledger.length <= 1);
        await untouched(ids);
      });
    });

    describe("row 16, a stream that breaks", () => {
      for (const [what, behavior, settings] of [
        ["the connection breaks", { headers: sse, chunks: [event, 20, event, 20, event], cut: 2 }, {}],
        ["the provider falls silent", { headers: sse, chunks: [event, 20, event, 20, event], hang: 2 }, { idle_timeout_ms: 400 }],
        ["the overall time is up", { headers: sse, chunks: Array(200).fill(event), chunkDelay: 30 }, { overall_timeout_ms: 700 }],
      ]) {
        test(`${what}: the client gets what came, one error event, and the end; nothing is replayed`, async () => {
          const ids = await pool(3, settings);
          mock.script("*", [behavior]);
          const answer = await chat({ stream: true });
          assert.equal(answer.status, 200);
          assert.ok(answer.complete);
          const events = answer.text.split("\n\n").filter(Boolean);
          const { error } = JSON.parse(events.pop().replace(/^data: /, ""));
          assert.deepEqual([error.type, error.param, error.code], ["upstream_error", null, "upstream_stream_interrupted"]);
          assert.ok(events.length >= 2);
          assert.ok(events.every((e) => `${e}\n\n` === event));
          assert.equal(mock.ledger.length, 1);
          assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
        });
      }

      test("a slow stream that keeps coming is left alone", async () => {
        await pool(1, { idle_timeout_ms: 400 });
        const chunks = [event, 200, event, 200, event, 200, event, "data: [DONE]\n\n"];
        mock.script("*", [{ headers: sse, chunks }]);
        assert.equal((await chat({ stream: true })).text, `${event.repeat(4)}data: [DONE]\n\n`);
      });
    });

    describe("row 17, the client leaves", () => {
      test("the upstream call is closed and no key is blamed", async () => {
        const ids = await pool(2);
        mock.script("*", [{ headers: sse, chunks: Array(400).fill(event), chunkDelay: 25 }]);
        await leaveEarly(`${worker.url}/v1/chat/completions`, { headers, body: chatBody({ stream: true }) });
        await eventually(() => assert.ok(mock.ledger[0].closedEarly));
        assert.equal(mock.ledger.length, 1);
        await untouched(ids);
      });
    });

    describe("a pool", () => {
      test("of a good, a dead and a limited key answers 60 of 60, with at most 2 wasted calls", async () => {
        await stage.pool(["mock-good-of-three-01", "mock-401-of-three-002", "mock-429-of-three-003"]);
        let ok = 0;
        for (let i = 0; i < 60; i++) ok += (await chat()).status === 200 ? 1 : 0;
        assert.equal(ok, 60);
        assert.ok(mock.ledger.length - 60 <= 2, `${mock.ledger.length - 60} wasted calls`);
      });

      test("answers 60 of 60 at once, too", async () => {
        await stage.pool(["mock-good-at-once-001", "mock-401-at-once-0002", "mock-429-at-once-0003", "mock-good-at-once-004"]);
        const answers = await Promise.all(Array.from({ length: 60 }, () => chat()));
        assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
      });

      test("spreads calls by weight", async () => {
        await stage.pool([{ key: "mock-good-weight-0005", weight: 50 }, { key: "mock-good-weight-0003", weight: 30 }, { key: "mock-good-weight-0000", weight: 0 }]);
        for (let i = 0; i < 160; i++) assert.equal((await chat()).status, 200);
        const share = (end) => mock.ledger.filter((call) => call.key.endsWith(end)).length / mock.ledger.length;
        assert.equal(share("0000"), 0);
        // Five standard deviations of 160 fair draws; the exact proportions are proved natively over 10,000.
        assert.ok(Math.abs(share("0005") - 0.625) < 0.2, share("0005"));
      });

      test("that is empty, or switched off, is a 503", async () => {
        await stage.pool([]);
        assert.deepEqual([(await chat()).status, (await chat()).error.code], [503, "no_keys"]);
        const { ids } = await stage.pool(["mock-good-switched-off"]);
        await worker.api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
        assert.deepEqual([(await chat()).status, (await chat()).error.code], [503, "no_keys"]);
        assert.equal(mock.ledger.length, 0);
      });

      test("reset clears a cooldown and a machine's disabling", async () => {
        for (const behavior of ["429", "401"]) {
          const ids = await pool(1);
          mock.script("*", [behavior]);
          await chat();
          await eventually(async () => assert.notEqual((await stage.states(ids))[0].state, "active"));
          const { body } = await worker.api("POST", `/keys/${ids[0]}/reset`, undefined, 200);
          assert.deepEqual([body.state, body.usable, body.reason, body.cooldowns], ["active", true, null, []]);
          assert.equal((await chat()).status, 200);
        }
      });
    });

    test("no key, client key, password or token is in the log", async () => {
      const logs = worker.logs();
      assert.ok(!/mock-(good|401|429|402)-/.test(logs));
      for (const secret of [clientKey, password, await worker.token(), "hello there"]) assert.ok(!logs.includes(secret));
    });
  });
}

function parsed(bytes) {
  try {
    return JSON.parse(bytes);
  } catch {
    return undefined;
  }
}

function closedPort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

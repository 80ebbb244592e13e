// ERRORS.md, the rows that blame nobody's key: the provider, the caller, or the line between.
import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { event, headers, parsed, sse, startFailing } from "./failing.mjs";
import { exchange, leaveEarly } from "./exchange.mjs";
import { eventually, storages } from "./harness.mjs";
import { chatBody } from "./pool.mjs";

for (const storage of storages) {
  describe(`a provider or a caller at fault, on ${storage}`, () => {
    let stage, mock, worker;
    before(async () => {
      stage = await startFailing(storage);
      ({ mock, worker } = stage);
    });
    after(() => stage.close());
    const untouched = async (ids) => {
      for (const k of await stage.states(ids))
        assert.deepEqual([k.state, k.usable, k.reason, k.cooldowns], ["active", true, null, []]);
    };

    describe("row 8, a passing fault", () => {
      for (const [what, behavior] of [
        ["500", "500"],
        [
          "a page of HTML with 502",
          { status: 502, headers: { "content-type": "text/html" }, body: "<html>bad gateway</html>" },
        ],
        ["520", { status: 520, body: "" }],
        ["408", { status: 408, body: "" }],
        ["409", { status: 409, body: {} }],
        ["a connection that breaks before the head", { cut: 0 }],
      ]) {
        test(`${what}: the next key answers at once and no key is disabled`, async () => {
          const ids = await stage.fresh(3);
          mock.script("*", [behavior]);
          assert.equal((await stage.chat()).status, 200);
          assert.equal(mock.ledger.length, 2);
          assert.notEqual(mock.ledger[0].key, mock.ledger[1].key);
          assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
        });
      }

      test("an answer that breaks in the middle of its JSON is tried on the next key", async () => {
        await stage.fresh(2);
        mock.script("*", [{ cut: 2 }]);
        const answer = await stage.chat();
        assert.equal(answer.status, 200);
        assert.equal(parsed(answer.body).choices[0].message.content, "You said: hello there");
      });

      test("at most five attempts, each with another key", async () => {
        await stage.fresh(7);
        mock.script("*", (call) => ({ status: 500, body: { error: { message: `fault of ${call.key.at(-1)}` } } }));
        const answer = await stage.chat();
        assert.deepEqual([answer.status, answer.error.code], [502, "upstream_failed"]);
        assert.ok(mock.ledger.length <= 5, `${mock.ledger.length} calls`);
        assert.equal(new Set(mock.ledger.map((call) => call.key)).size, mock.ledger.length);
        assert.equal(answer.headers["x-keypool-attempts"], String(mock.ledger.length));
      });

      test("a provider that does not listen is a 502", async () => {
        await stage.fresh(2, { base_url: `http://127.0.0.1:${await closedPort()}/v1` });
        const answer = await stage.chat();
        assert.deepEqual([answer.status, answer.error.code], [502, "upstream_failed"]);
      });

      test("a provider's 504 stays a 504", async () => {
        await stage.fresh(1);
        mock.script("*", [{ status: 504, body: "" }]);
        assert.equal((await stage.chat()).status, 504);
      });
    });

    describe("row 9, no head in time", () => {
      const settings = { first_byte_timeout_ms: 300 };

      test("one more key is tried", async () => {
        const ids = await stage.fresh(3, settings);
        mock.script("*", ["hang"]);
        assert.equal((await stage.chat({ stream: true })).status, 200);
        assert.equal(mock.ledger.length, 2);
        assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
      });

      test("and no third: the client gets a 504", async () => {
        await stage.fresh(4, settings);
        mock.script("*", "hang");
        const answer = await stage.chat({ stream: true });
        assert.deepEqual([answer.status, answer.error.code], [504, "upstream_timeout"]);
        assert.equal(mock.ledger.length, 2);
        await eventually(() => assert.ok(mock.ledger.every((call) => call.closedEarly)));
      });

      test("a call that is not streamed gets the longer time that a whole answer takes", async () => {
        await stage.fresh(3, settings);
        mock.script("*", [{ delay: 600 }]);
        assert.equal((await stage.chat()).headers["x-keypool-attempts"], "1");
        mock.script("*", "hang");
        const answer = await stage.chat();
        assert.deepEqual([answer.status, answer.error.code], [504, "upstream_timeout"]);
      });

      test("a head in time and a slow body are no timeout", async () => {
        await stage.fresh(1, settings);
        mock.script("*", [{ headers: sse, chunks: [event, 500, event, 500, "data: [DONE]\n\n"] }]);
        const answer = await stage.chat({ stream: true });
        assert.equal(answer.text, `${event}${event}data: [DONE]\n\n`);
      });
    });

    describe("row 13, the caller's mistake", () => {
      for (const status of [400, 404, 405, 413, 415, 422]) {
        test(`a ${status} costs one upstream call, passes verbatim, and touches none of five keys`, async () => {
          const ids = await stage.fresh(5);
          const body = `{ "error": {"message":"your mistake é","type":"invalid_request_error","param":"x","code":null} }\n`;
          mock.script("*", {
            status,
            headers: { "content-type": "application/json; charset=utf-8", "x-request-id": "req_1" },
            body,
          });
          const answer = await stage.chat();
          assert.deepEqual([answer.status, answer.text, answer.headers["x-request-id"]], [status, body, "req_1"]);
          assert.equal(mock.ledger.length, 1);
          await untouched(ids);
        });
      }

      test("a body that is no JSON is the provider's to refuse", async () => {
        const ids = await stage.fresh(2);
        const answer = await exchange(`${worker.url}/v1/chat/completions`, {
          method: "POST",
          headers,
          body: '{"model": nonsense',
        });
        assert.equal(answer.status, 400);
        assert.ok(mock.ledger.length <= 1);
        await untouched(ids);
      });
    });

    describe("row 14, an error dressed as a success", () => {
      const limited = { message: "Rate limit exceeded", type: "requests", param: null, code: "rate_limit_exceeded" };
      for (const [what, stream, behavior] of [
        ["a JSON answer that is an error", false, { body: { error: limited } }],
        [
          "a first event that is an error",
          true,
          { headers: sse, chunks: [`data: ${JSON.stringify({ error: limited })}\n\n`] },
        ],
        ["JSON where a stream was asked for", true, { body: { error: { message: "boom", code: 500 } } }],
      ]) {
        test(`${what}: the next key answers`, async () => {
          await stage.fresh(2);
          mock.script("*", [behavior]);
          const answer = await stage.chat({ stream });
          assert.equal(answer.status, 200);
          assert.equal(mock.ledger.length, 2);
          assert.ok(!answer.text.includes('"error"'), answer.text);
          assert.match(answer.text, /hello/);
        });
      }

      test("an error that comes later is the client's to read", async () => {
        await stage.fresh(2);
        const chunks = [event, 20, `data: ${JSON.stringify({ error: limited })}\n\n`];
        mock.script("*", [{ headers: sse, chunks }]);
        const answer = await stage.chat({ stream: true });
        assert.equal(answer.text, chunks[0] + chunks[2]);
        assert.equal(mock.ledger.length, 1);
      });

      test("an answer that merely speaks of an error is none", async () => {
        await stage.fresh(2);
        const body = JSON.stringify({
          id: "x",
          error: null,
          choices: [{ message: { content: 'an "error": {} occurred' } }],
        });
        mock.script("*", [{ headers: { "content-type": "application/json" }, body }]);
        const answer = await stage.chat();
        assert.deepEqual([answer.status, answer.text, mock.ledger.length], [200, body, 1]);
      });
    });

    describe("row 16, a stream that breaks", () => {
      for (const [what, behavior, settings] of [
        ["the connection breaks", { headers: sse, chunks: [event, 20, event, 20, event], cut: 2 }, {}],
        [
          "the provider falls silent",
          { headers: sse, chunks: [event, 20, event, 20, event], hang: 2 },
          { idle_timeout_ms: 400 },
        ],
        [
          "the overall time is up",
          { headers: sse, chunks: Array(200).fill(event), chunkDelay: 30 },
          { overall_timeout_ms: 700 },
        ],
      ]) {
        test(`${what}: the client gets what came, one error event, and the end; nothing is replayed`, async () => {
          const ids = await stage.fresh(3, settings);
          mock.script("*", [behavior]);
          const answer = await stage.chat({ stream: true });
          assert.equal(answer.status, 200);
          assert.ok(answer.complete);
          const events = answer.text.split("\n\n").filter(Boolean);
          const { error } = JSON.parse(events.pop().replace(/^data: /, ""));
          assert.deepEqual(
            [error.type, error.param, error.code],
            ["upstream_error", null, "upstream_stream_interrupted"],
          );
          assert.ok(events.length >= 2);
          assert.ok(events.every((e) => `${e}\n\n` === event));
          assert.equal(mock.ledger.length, 1);
          assert.ok((await stage.states(ids)).every((k) => k.state !== "disabled"));
        });
      }

      test("a slow stream that keeps coming is left alone", async () => {
        await stage.fresh(1, { idle_timeout_ms: 400 });
        const chunks = [event, 200, event, 200, event, 200, event, "data: [DONE]\n\n"];
        mock.script("*", [{ headers: sse, chunks }]);
        assert.equal((await stage.chat({ stream: true })).text, `${event.repeat(4)}data: [DONE]\n\n`);
      });
    });

    describe("row 17, the client leaves", () => {
      test("the upstream call is closed and no key is blamed", async () => {
        const ids = await stage.fresh(2);
        mock.script("*", [{ headers: sse, chunks: Array(400).fill(event), chunkDelay: 25 }]);
        await leaveEarly(`${worker.url}/v1/chat/completions`, { headers, body: chatBody({ stream: true }) });
        await eventually(() => assert.ok(mock.ledger[0].closedEarly));
        assert.equal(mock.ledger.length, 1);
        await untouched(ids);
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

// Streams that come evenly, for those who ask for it.
import assert from "node:assert/strict";
import http from "node:http";
import { before, describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";
import { bytesOf, streams } from "./streams.mjs";
import { counted, freshKey, lastEnd } from "./used.mjs";

const sse = { "content-type": "text/event-stream; charset=utf-8" };
const done = "data: [DONE]\n\n";
const chunk = (delta, finish_reason = null) =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, logprobs: null, finish_reason }], usage: null })}\n\n`;
const family = "👩‍👩‍👧";
const words = `naïve café ${family} 🇩🇪🇫🇷 日本語 e\u0301 "quoted"\r\n`;
/// As a model gives it: a role, bursts of text, an end.
const burst = [
  chunk({ role: "assistant", content: "" }),
  ...[words, "and more, ", words].flatMap((content) => [chunk({ content }), 120]),
  chunk({}, "stop"),
  done,
];

for (const storage of storages) {
  describe(`paced streams, on ${storage}`, () => {
    const stage = stageOf({ storage });
    let bearer;
    const ask = (pace, more = {}) =>
      stage.send("/v1/chat/completions", {
        headers: { ...json, authorization: bearer, ...(pace ? { "x-keypool-pace": pace } : {}), ...more },
        body: chatBody({ stream: true }),
      });
    const parsed = (answer) =>
      answer.body
        .toString()
        .split(/\r?\n\r?\n|\r\r/)
        .map((event) => event.replace(/^\uFEFF?data: /, "").replaceAll("\ndata: ", ""))
        .flatMap((data) => {
          try {
            return [JSON.parse(data)];
          } catch {
            return [];
          }
        });
    const texts = (answer) => parsed(answer).map((event) => event.choices?.[0]?.delta?.content ?? "");
    const reasons = (answer) => parsed(answer).filter((event) => event.choices?.[0]?.finish_reason).length;
    const allowed = async (rights) => {
      const { key } = (await stage.api("POST", "/clients", { label: "paced", rights }, 201)).body;
      return `Bearer ${key}`;
    };

    before(async () => {
      bearer = await allowed(["paced"]);
      await stage.pool(["mock-good-paced-000001"]);
    });

    for (const pace of ["batch", "character"]) {
      test(`in mode ${pace} the same text comes in smaller pieces, with one end`, async () => {
        stage.mock.script("*", [{ headers: sse, chunks: burst }]);
        const answer = await ask(pace);
        assert.ok(answer.complete);
        assert.equal(texts(answer).join(""), words + "and more, " + words);
        assert.equal(reasons(answer), 1);
        assert.equal(answer.body.toString().match(/\[DONE\]/g).length, 1);
        assert.equal(answer.body.toString().match(/"role"/g).length, 1);
        const pieces = texts(answer).filter((text) => text);
        assert.ok(pieces.length > 6, pieces.join("|"));
        const graphemes = (text) => [...new Intl.Segmenter("en").segment(text)].map((found) => found.segment);
        const whole = [words, "and more, ", words].flatMap(graphemes);
        if (pace === "character") assert.deepEqual(pieces, whole);
        assert.deepEqual(pieces.flatMap(graphemes), whole);
      });
    }

    test("off, or not asked for, every byte is as it came", async () => {
      for (const pace of ["off", undefined]) {
        stage.mock.script("*", [{ headers: sse, chunks: burst }]);
        assert.equal((await ask(pace)).body.toString(), bytesOf(burst).toString());
      }
    });

    test("a client key's own pace holds without a header", async () => {
      const { key } = (await stage.api("POST", "/clients", { label: "own", rights: [], pace: "character" }, 201)).body;
      stage.mock.script("*", [{ headers: sse, chunks: [chunk({ content: "abc" }), done] }]);
      assert.deepEqual(texts(await ask(undefined, { authorization: `Bearer ${key}` })), ["a", "b", "c"]);
    });

    for (const [kind, chunks] of streams) {
      test(`a stream with ${kind} says the same when it is paced`, async () => {
        stage.mock.script("*", [{ headers: sse, chunks }]);
        const answer = await ask("character");
        assert.ok(answer.complete);
        const plain = { body: bytesOf(chunks) };
        assert.equal(texts(answer).join(""), texts(plain).join(""));
        const others = (text) => text.split(/(?<=\n\n|\r\n\r\n|\r\r)/).filter((event) => !event.includes("delta"));
        assert.deepEqual(others(answer.body.toString()), others(plain.body.toString()));
      });
    }

    test("what is no text passes as it is", async () => {
      const call = { index: 0, id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
      const chunks = [": ping\n\n", chunk({ tool_calls: [call] }), chunk({ reasoning_content: "let me see" }), chunk({}, "tool_calls"), done];
      stage.mock.script("*", [{ headers: sse, chunks }]);
      assert.equal((await ask("character")).body.toString(), bytesOf(chunks).toString());
      const responses = ['event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"two words"}\n\n'];
      stage.mock.script("*", [{ headers: sse, chunks: responses }, { headers: sse, chunks: burst }]);
      assert.equal((await ask("character")).body.toString(), responses.join(""));
      const headers = { ...json, authorization: bearer, "x-keypool-pace": "character" };
      const other = await stage.send("/v1/responses", { headers, body: chatBody({ stream: true }) });
      assert.equal(other.body.toString(), bytesOf(burst).toString());
    });

    test("the last byte comes at most 2 s later, however much comes at once", async () => {
      const text = "word ".repeat(2000);
      let sent;
      stage.mock.script("*", () => ((sent = performance.now()), { headers: sse, chunks: [chunk({ content: text }), 900, chunk({ content: text }), done] }));
      const answer = await ask("character");
      assert.equal(texts(answer).join(""), text + text);
      // The upstream takes 0.9 s; there is slack for a busy machine.
      assert.ok(performance.now() - sent < 900 + 2000 + 1500, `${performance.now() - sent} ms`);
      stage.mock.script("*", undefined);
    });

    test("only who has the right may ask, and only for what there is", async () => {
      for (const rights of [undefined, ["force_key"]]) {
        const key = await allowed(rights ?? []);
        for (const pace of ["batch", "off"]) {
          const answer = await ask(pace, { authorization: key });
          assert.equal(answer.status, 403);
          assert.equal(JSON.parse(answer.body).error.code, "pace_not_allowed");
        }
      }
      const answer = await ask("slowly");
      assert.equal(answer.status, 400);
      assert.equal(JSON.parse(answer.body).error.param, "x-keypool-pace");
      assert.equal((await ask("batch", { authorization: `Bearer ${await stage.worker.token()}` })).status, 200);
    });

    test("a paced stream that breaks shows all that came, and ends with the error event", async () => {
      stage.mock.script("*", [{ headers: sse, chunks: [chunk({ content: "some words " }), chunk({ content: "and more" }), "data: {", "never"], cut: 3 }]);
      const answer = await ask("character");
      const text = answer.body.toString();
      assert.equal(texts(answer).join(""), "some words and more");
      assert.match(text, /data: \{\n\ndata: \{"error":/);
      assert.match(text, /upstream_stream_interrupted/);
      await eventually(() => assert.equal(lastEnd(stage).ending, "broken"));
    });

    test("the tokens of a paced stream are counted, also when their event is hidden", async () => {
      const usage = { prompt_tokens: 1000, completion_tokens: 234, total_tokens: 1234 };
      const said = `data: ${JSON.stringify({ id: "c", choices: [], usage })}\n\n`;
      const id = await freshKey(stage, { usage_mode: "ask-and-hide" });
      stage.mock.script("*", [{ headers: sse, chunks: [chunk({ content: "some words" }), chunk({}, "stop"), said, done] }]);
      const answer = await ask("batch");
      assert.equal(texts(answer).join(""), "some words");
      assert.ok(!answer.body.toString().includes("1234"));
      await counted(stage, id, [1000, 234]);
    });

    test("a client that leaves its paced stream closes the upstream's", async () => {
      await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [chunk({ content: "some words" }), 100, chunk({ content: "more" }), 60_000, done] }]);
      const headers = { ...json, authorization: bearer, "x-keypool-pace": "character" };
      const request = http.request(`${stage.worker.url}/v1/chat/completions`, { method: "POST", headers, agent: false }, (answer) => {
        answer.on("error", () => {});
        let text = "";
        answer.on("data", (part) => {
          text += part;
          if (text.includes('"e"')) request.socket.resetAndDestroy();
        });
      });
      request.on("error", () => {});
      request.end(chatBody({ stream: true }));
      await eventually(() => assert.ok(stage.mock.ledger.at(-1)?.closedEarly));
      await eventually(() => assert.equal(lastEnd(stage).ending, "client_gone"));
    });
  });
}

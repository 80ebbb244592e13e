// What providers say that a call used is what is counted, in every shape they say it in.
import assert from "node:assert/strict";
import http from "node:http";
import { describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { authorization, chatBody, json, stageOf } from "./pool.mjs";
import { counted, freshKey, lastEnd } from "./used.mjs";

const sse = { "content-type": "text/event-stream; charset=utf-8" };
const delta = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const usage = { prompt_tokens: 1000, completion_tokens: 234, total_tokens: 1234 };
const said = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const done = "data: [DONE]\n\n";
// Longer than what is kept of a stream's end.
const long = Array.from({ length: 400 }, (_, i) => `word${i}`).join(" ");

for (const storage of storages) {
  describe(`tokens that providers report, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const post = (path, body) => stage.send(path, { headers: json, body: JSON.stringify(body) });
    const chat = (more) => stage.send("/v1/chat/completions", { headers: json, body: chatBody({ stream: true, ...more }) });
    const scripted = (chunks) => stage.mock.script("*", [{ headers: sse, chunks }]);

    test("a stream that says usage 1234 counts 1234", async () => {
      const id = await freshKey(stage);
      scripted([delta("a"), delta("b"), said, done]);
      await chat();
      await counted(stage, id, [1000, 234]);
    });

    test("what follows the usage, and how the stream is cut, does not matter", async () => {
      const id = await freshKey(stage);
      const bytes = Buffer.from((delta("é".repeat(9000)) + said).replaceAll("\n", "\r\n") + `: ${"x".repeat(9000)}\r\n\r\n`);
      const middle = bytes.indexOf("usage") + 9;
      scripted([bytes.subarray(0, middle), 20, bytes.subarray(middle)]);
      await chat();
      await counted(stage, id, [1000, 234]);
    });

    test("usage that is asked for comes with text and with tool calls", async () => {
      const id = await freshKey(stage);
      await chat({ stream_options: { include_usage: true } });
      const first = stage.last();
      await counted(stage, id, [first.promptTokens, first.completionTokens]);
      const parameters = { type: "object", properties: { city: { type: "string" } } };
      const tools = [{ type: "function", function: { name: "weather", parameters } }];
      await chat({ stream_options: { include_usage: true }, tools });
      const second = stage.last();
      assert.ok(second.completionTokens > 0);
      await counted(
        stage,
        id,
        [first.promptTokens + second.promptTokens, first.completionTokens + second.completionTokens],
        2,
      );
    });

    test("thoughts that only the total holds are output", async () => {
      const id = await freshKey(stage);
      await post("/v1/chat/completions", { model: "gemini-3-pro", messages: [{ role: "user", content: "one two" }] });
      await counted(stage, id, [2, 4 + 30]);
    });

    for (const stream of [false, true]) {
      test(`Anthropic's messages count both ways, ${stream ? "streamed" : "whole"}`, async () => {
        const id = await freshKey(stage);
        await post("/v1/messages", { model: "claude", stream, max_tokens: 9, messages: [{ role: "user", content: long }] });
        await counted(stage, id, [407, 402]);
      });

      test(`a response that is longer than what is looked at, ${stream ? "streamed" : "whole"}`, async () => {
        const id = await freshKey(stage);
        await post("/v1/responses", { model: "gpt-4.1", stream, input: `${long} ${long} ${long}` });
        await counted(stage, id, [1200, 1202]);
      });
    }

    test("embeddings, pictures and transcripts count where they say tokens", async () => {
      const id = await freshKey(stage);
      await post("/v1/embeddings", { model: "text-embedding-3-small", input: ["one two", "three"] });
      await counted(stage, id, [3, 0]);
      const picture = { created: 1, data: [{ b64_json: "A".repeat(5 << 20) }] };
      const body = { ...picture, usage: { total_tokens: 1200, input_tokens: 50, output_tokens: 1150 } };
      stage.mock.script("*", [{ body }]);
      const answer = await post("/v1/images/generations", { model: "gpt-image-1", prompt: "a dot" });
      assert.equal(answer.body.length, JSON.stringify(body).length);
      await counted(stage, id, [53, 1150], 2);
      const heard = { text: "hi", usage: { type: "tokens", total_tokens: 42, input_tokens: 14, output_tokens: 28 } };
      stage.mock.script("*", [{ body: heard }]);
      await post("/v1/audio/transcriptions", { model: "gpt-4o-transcribe" });
      await counted(stage, id, [67, 1178], 3);
    });

    test("what was said before a stream broke off is counted", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [delta("a"), said, delta("b")], cut: 2 }]);
      const answer = await chat();
      assert.match(answer.body.toString(), /upstream_stream_interrupted/);
      await counted(stage, id, [1000, 234]);
      assert.equal(lastEnd(stage).ending, "broken");
    });

    test("what was said before the client left is counted", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [delta("a"), 300, said, 100, delta("b"), 60_000, done] }]);
      const headers = { ...json, authorization };
      const url = `${stage.worker.url}/v1/chat/completions`;
      const request = http.request(url, { method: "POST", headers, agent: false }, (answer) => {
        answer.on("error", () => {});
        // At once, so that nothing of it was looked at yet.
        answer.on("data", (part) => String(part).includes('"b"') && request.socket.resetAndDestroy());
      });
      request.on("error", () => {});
      request.end(chatBody({ stream: true }));
      await eventually(() => assert.ok(stage.mock.ledger.at(-1)?.closedEarly));
      await counted(stage, id, [1000, 234]);
      assert.equal(lastEnd(stage).ending, "client_gone");
    });
  });
}

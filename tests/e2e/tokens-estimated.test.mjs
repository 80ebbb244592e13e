// What providers do not say is estimated, and marked as an estimate.
import assert from "node:assert/strict";
import http from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually, root, storages } from "./harness.mjs";
import { authorization, json, stageOf } from "./pool.mjs";
import { counted, freshKey, lastEnd, tokensOf } from "./used.mjs";

const text = readFileSync(join(root, "tests/tokens/corpus/english-3.txt"), "utf8");
const count = JSON.parse(readFileSync(join(root, "tests/tokens/counts.json"), "utf8"))["english-3.txt"];
const sse = { "content-type": "text/event-stream" };
const delta = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const parts = text.match(/\S+\s*/g);
const done = "data: [DONE]\n\n";
const near = (estimate, count) => assert.ok(Math.abs(estimate / count - 1) < 0.15, `${estimate}, not ${count}`);

for (const storage of storages) {
  describe(`tokens that are estimated, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const post = (path, body) => stage.send(path, { headers: json, body: JSON.stringify(body) });
    const chat = { model: "gpt-4o", stream: true, messages: [{ role: "user", content: text }] };
    /** The counts of the key's only call once they are stored, and how the log tells its end. */
    const used = async (id) => ({ tokens: await tokensOf(stage, id), end: lastEnd(stage) });
    const foretold = async (body) => JSON.parse((await post("/v1/token-count", body)).body).prompt_tokens;

    test("a stream without usage", async () => {
      const id = await freshKey(stage);
      await post("/v1/chat/completions", chat);
      const { tokens, end } = await used(id);
      const [prompt, completion] = tokens;
      assert.deepEqual(end.tokens, { prompt, completion, cached: 0, reasoning: 0, estimated: true });
      assert.equal(end.ending, "complete");
      assert.equal(tokens[0], await foretold(chat));
      near(tokens[0], count);
      near(tokens[1], count + 3);
    });

    test("the same stream with usage is no estimate", async () => {
      const id = await freshKey(stage);
      await post("/v1/chat/completions", { ...chat, stream_options: { include_usage: true } });
      const { tokens, end } = await used(id);
      assert.equal(end.tokens.estimated, false);
      assert.deepEqual(tokens, [stage.last().promptTokens, stage.last().completionTokens]);
    });

    test("a stream that is longer than what is kept of it", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [...Array.from({ length: 30 }, () => parts.map(delta).join("")), done] }]);
      const answer = await post("/v1/chat/completions", chat);
      assert.ok(answer.body.length > 512 * 1024);
      near((await used(id)).tokens[1], 30 * count);
    });

    test("a JSON answer without usage", async () => {
      const id = await freshKey(stage);
      const message = { role: "assistant", content: text };
      stage.mock.script("*", [{ body: { id: "c", choices: [{ index: 0, message }] } }]);
      await post("/v1/chat/completions", { ...chat, stream: false });
      const { tokens, end } = await used(id);
      assert.equal(end.tokens.estimated, true);
      near(tokens[0], count);
      near(tokens[1], count);
    });

    test("usage that stands first, far from the end, is no estimate", async () => {
      const id = await freshKey(stage);
      const embedding = Array.from({ length: 2000 }, (_, i) => i / 7);
      const body = { model: "jina", usage: { total_tokens: 6, prompt_tokens: 6 }, data: [{ embedding }] };
      stage.mock.script("*", [{ body }]);
      await post("/v1/embeddings", { model: "jina", input: [text] });
      await counted(stage, id, [6, 0]);
      assert.equal(lastEnd(stage).tokens.estimated, false);
    });

    test("embeddings without usage cost what they read", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ body: { data: [{ embedding: [0.1, 0.2] }] } }]);
      await post("/v1/embeddings", { model: "jina", input: [text] });
      const { tokens } = await used(id);
      near(tokens[0], count);
      assert.equal(tokens[1], 0);
    });

    test("a stream that breaks off counts what had come, less than is whole", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [...parts.map(delta), done], cut: parts.length >> 1 }]);
      await post("/v1/chat/completions", chat);
      const { tokens, end } = await used(id);
      assert.deepEqual([end.ending, end.tokens.estimated], ["broken", true]);
      near(tokens[0], count);
      near(tokens[1], count / 2);
    });

    test("Anthropic's broken stream counts the input it told, and estimates the rest", async () => {
      const id = await freshKey(stage);
      const message = { id: "m", content: [], usage: { input_tokens: 321, cache_read_input_tokens: 9, output_tokens: 1 } };
      const events = [
        { type: "message_start", message },
        ...parts.map((part) => ({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text: part } })),
      ].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      stage.mock.script("*", [{ headers: sse, chunks: events, cut: events.length - 1 }]);
      await post("/v1/messages", { ...chat, max_tokens: 9 });
      const { tokens, end } = await used(id);
      assert.deepEqual([end.ending, end.tokens.estimated, tokens[0]], ["broken", true, 330]);
      near(tokens[1], count);
    });

    test("a client that leaves has used what flowed until then", async () => {
      const id = await freshKey(stage);
      stage.mock.script("*", [{ headers: sse, chunks: [parts.map(delta).join(""), 60_000, done] }]);
      const headers = { ...json, authorization };
      const request = http.request(`${stage.worker.url}/v1/chat/completions`, { method: "POST", headers, agent: false }, (answer) => {
        let seen = 0;
        answer.on("error", () => {});
        answer.on("data", (part) => (seen += part.length) >= parts.map(delta).join("").length && request.socket.resetAndDestroy());
      });
      request.on("error", () => {});
      request.end(JSON.stringify(chat));
      await eventually(() => assert.ok(stage.mock.ledger.at(-1)?.closedEarly));
      const { tokens, end } = await used(id);
      assert.deepEqual([end.ending, end.tokens.estimated], ["client_gone", true]);
      near(tokens[0], count);
      near(tokens[1], count);
    });

    test("a large body is estimated too", async () => {
      const id = await freshKey(stage);
      const content = text.repeat(2000);
      stage.mock.script("*", [{ headers: sse, chunks: [delta("Yes."), done] }]);
      await post("/v1/chat/completions", { ...chat, messages: [{ role: "user", content }] });
      near((await used(id)).tokens[0], 2000 * count);
    });

    test("what is not billed by tokens is not estimated", async () => {
      const id = await freshKey(stage);
      await post("/v1/images/generations", { model: "dall-e-3", prompt: text });
      await stage.send("/v1/things", { method: "GET" });
      await post("/v1/moderations", { input: text });
      await counted(stage, id, [0, 0], 3);
      assert.deepEqual(lastEnd(stage), { ending: "complete", tokens: null });
    });
  });
}

// Asking a chat stream for its usage, for the client to see or not.
import assert from "node:assert/strict";
import http from "node:http";
import { describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { authorization, chatBody, json, stageOf } from "./pool.mjs";
import { bytesOf, streams } from "./streams.mjs";
import { counted, freshKey, lastEnd, tokensOf } from "./used.mjs";

const sse = { "content-type": "text/event-stream; charset=utf-8" };
const usage = { prompt_tokens: 1000, completion_tokens: 234, total_tokens: 1234 };
const said = `data: ${JSON.stringify({ id: "c", choices: [], usage })}\n\n`;
const delta = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }], usage: null })}\n\n`;
const done = "data: [DONE]\n\n";
const asked = '"stream_options":{"include_usage":true},';

for (const storage of storages) {
  describe(`usage mode, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const post = (body, path = "/v1/chat/completions", key = authorization) =>
      stage.send(path, { headers: { ...json, authorization: key }, body });
    const chat = (key) => post(chatBody({ stream: true }), undefined, key);
    const received = () => stage.last().body.toString();
    const shows = (answer) => /"usage":\{/.test(answer.body);

    test("as it is, nothing changes and an estimate counts", async () => {
      const id = await freshKey(stage);
      const body = chatBody({ stream: true });
      assert.ok(!shows(await post(body)));
      assert.equal(received(), body);
      await tokensOf(stage, id);
      assert.equal(lastEnd(stage).tokens.estimated, true);
    });

    test("asked, the stream tells, and the client sees it", async () => {
      const id = await freshKey(stage, { usage_mode: "ask" });
      const body = chatBody({ stream: true });
      assert.ok(shows(await post(body)));
      assert.equal(received(), body.replace("{", `{${asked}`));
      await counted(stage, id, [stage.last().promptTokens, stage.last().completionTokens]);
      assert.equal(lastEnd(stage).tokens.estimated, false);
    });

    test("asked and hidden, the stream tells, and the client does not see it", async () => {
      const id = await freshKey(stage, { usage_mode: "ask-and-hide" });
      const shown = await post(chatBody({ stream: true, stream_options: { include_usage: true } }));
      const hidden = await chat();
      const events = shown.body.toString().split(/(?<=\n\n)/);
      const left = events.filter((event) => !event.includes('"choices":[]'));
      assert.equal(left.length, events.length - 1);
      const words = (text) => text.replaceAll(/, \d+"/g, '"').replaceAll(/"content":"\d+"/g, '"content":"n"');
      assert.equal(words(hidden.body.toString()), words(left.join("")));
      const [one, two] = stage.mock.ledger.slice(-2);
      await counted(stage, id, [one.promptTokens + two.promptTokens, one.completionTokens + two.completionTokens], 2);
    });

    test("what the client has said of it holds, and the rest of its options", async () => {
      await freshKey(stage, { usage_mode: "ask-and-hide" });
      for (const [options, sent] of [
        ['{"include_usage": true}', '{"include_usage": true}'],
        ['{"include_usage":false}', '{"include_usage":false}'],
        ["7", "7"],
        ['{ "more": 1 }', '{"include_usage":true, "more": 1 }'],
        ["{}", '{"include_usage":true}'],
        ["null", '{"include_usage":true}'],
      ]) {
        const body = `{"model":"gpt-4o-mini","stream_options" : ${options},"messages":[{"role":"user","content":"hi"}],"stream":true}`;
        const answer = await post(body);
        assert.equal(received(), body.replace(options, sent));
        assert.equal(shows(answer), options === '{"include_usage": true}', options);
      }
    });

    test("another model's name and the question stand in one body", async () => {
      await freshKey(stage, { usage_mode: "ask" });
      const { providers } = (await stage.api("GET", "/providers", undefined, 200)).body;
      const { name } = providers.find((provider) => provider.default);
      for (const options of ["", '"stream_options":{"x":1},']) {
        const body = (model, more) => `{${more}"model":"${model}","stream":true,"messages":[{"role":"user","content":"é"}]}`;
        assert.ok(shows(await post(body(`${name}/gpt-4o`, options))));
        assert.equal(received(), body("gpt-4o", options ? '"stream_options":{"include_usage":true,"x":1},' : asked));
      }
    });

    test("only streams of chats and completions are asked", async () => {
      await freshKey(stage, { usage_mode: "ask-and-hide" });
      for (const [path, body] of [
        ["/v1/chat/completions", chatBody()],
        ["/v1/chat/completions", chatBody({ stream: false })],
        ["/v1/responses", JSON.stringify({ model: "gpt-4o", stream: true, input: "hi" })],
        ["/v1/messages", JSON.stringify({ model: "claude", stream: true, messages: [] })],
        ["/v1/audio/speech", JSON.stringify({ model: "tts-1", stream: true, input: "hi" })],
      ]) {
        await post(body, path);
        assert.equal(received(), body, path);
      }
      const body = JSON.stringify({ model: "code", stream: true, prompt: "fn" });
      await post(body, "/v1/completions");
      assert.equal(received(), body.replace("{", `{${asked}`));
    });

    test("a client key's own mode wins over the provider's", async () => {
      await freshKey(stage, { usage_mode: "ask" });
      const client = (await stage.api("POST", "/clients", { label: "mine" }, 201)).body;
      assert.equal(client.usage_mode, null);
      const bearer = `Bearer ${client.key}`;
      const change = (usage_mode) => stage.api("PATCH", `/clients/${client.id}`, { usage_mode }, 200);
      assert.ok(shows(await chat(bearer)));
      await change("as-is");
      assert.ok(!shows(await chat(bearer)));
      assert.ok(!received().includes("stream_options"));
      await change("ask-and-hide");
      assert.ok(!shows(await chat(bearer)));
      assert.ok(received().includes(asked));
      await stage.api("PATCH", `/clients/${client.id}`, { label: "still mine" }, 200);
      const { clients } = (await stage.api("GET", "/clients", undefined, 200)).body;
      assert.equal(clients.find(({ id }) => id === client.id).usage_mode, "ask-and-hide");
      await change(null);
      assert.ok(shows(await chat(bearer)));
    });

    for (const [kind, chunks] of streams) {
      test(`a stream with ${kind} arrives byte for byte, less the usage`, async () => {
        await freshKey(stage, { usage_mode: "ask-and-hide" });
        const end = chunks.at(-1) === done ? [said, done] : [chunks.at(-1)];
        stage.mock.script("*", [{ headers: sse, chunks: [...chunks.slice(0, -1), ...end] }]);
        const answer = await chat();
        assert.ok(answer.complete);
        assert.equal(answer.body.toString("latin1"), bytesOf(chunks).toString("latin1"));
      });
    }

    test("the usage is hidden wherever it is cut", async () => {
      const id = await freshKey(stage, { usage_mode: "ask-and-hide" });
      const whole = Buffer.from((delta("a") + said + done).replaceAll("\n", "\r\n"));
      const border = whole.indexOf("choices\":[]");
      for (const at of [border - 20, border, whole.indexOf("\r\n\r\ndata: [DONE]") + 3]) {
        stage.mock.script("*", [{ headers: sse, chunks: [whole.subarray(0, at), 20, whole.subarray(at)] }]);
        assert.equal((await chat()).body.toString(), (delta("a") + done).replaceAll("\n", "\r\n"));
      }
      await counted(stage, id, [3000, 702], 3);
    });

    test("a hidden stream that breaks ends with the error event", async () => {
      await freshKey(stage, { usage_mode: "ask-and-hide" });
      stage.mock.script("*", [{ headers: sse, chunks: [delta("a"), delta("b"), "data: {", delta("c")], cut: 3 }]);
      const text = (await chat()).body.toString();
      assert.ok(text.startsWith(`${delta("a")}${delta("b")}data: {\n\ndata: {"error":`), text);
      assert.match(text, /upstream_stream_interrupted/);
    });

    test("an event of a hidden stream is not held back until the next one", async () => {
      await freshKey(stage, { usage_mode: "ask-and-hide" });
      stage.mock.script("*", [{ headers: sse, chunks: [delta("a"), 100, delta("b"), 60_000, done] }]);
      const url = `${stage.worker.url}/v1/chat/completions`;
      const seen = await new Promise((resolve, reject) => {
        const request = http.request(url, { method: "POST", headers: { ...json, authorization }, agent: false }, (answer) => {
          let text = "";
          answer.on("error", () => {});
          answer.on("data", (part) => {
            text += part;
            if (!text.includes('"b"')) return;
            request.socket.resetAndDestroy();
            resolve(text);
          });
        });
        request.on("error", reject);
        request.end(chatBody({ stream: true }));
      });
      assert.equal(seen, delta("a") + delta("b"));
      await eventually(() => assert.ok(stage.mock.ledger.at(-1)?.closedEarly));
      await eventually(() => assert.equal(lastEnd(stage).ending, "client_gone"));
    });
  });
}

// POST /v1/token-count: an estimate for whoever has a client key, and no call to a provider.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "./harness.mjs";
import { json, stageOf } from "./pool.mjs";

const corpus = (name) => readFileSync(join(root, "tests/tokens/corpus", name), "utf8");
const counts = JSON.parse(readFileSync(join(root, "tests/tokens/counts.json"), "utf8"));

describe("POST /v1/token-count", () => {
  const stage = stageOf({ storage: "d1" });
  const ask = async (body, path = "/v1/token-count", headers = {}) => {
    const answer = await stage.send(path, {
      headers: { ...json, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: JSON.parse(answer.body) };
  };
  const near = (estimate, count, share) => assert.ok(Math.abs(estimate / count - 1) <= share, `${estimate}, not ${count}`);

  test("a chat body with tools", async () => {
    const { status, body } = await ask(corpus("tools-1.json"));
    assert.equal(status, 200);
    const { prompt_tokens, ...rest } = body;
    assert.deepEqual(rest, { object: "token_count", model: "gpt-4o", estimated: true });
    near(prompt_tokens, counts["tools-1.json"], 0.15);
  });

  test("texts in the bodies of every endpoint that takes some", async () => {
    for (const [name, share] of [["english-3.txt", 0.15], ["chinese-3.txt", 0.15], ["korean-3.txt", 0.3]]) {
      const text = corpus(name);
      const bodies = [
        { model: "gpt-4o", messages: [{ role: "user", content: text }] },
        { model: "gpt-4o", input: [{ role: "user", content: [{ type: "input_text", text }] }] },
        { model: "claude", system: text, messages: [{ role: "user", content: "." }] },
        { model: "embed", input: [text] },
        { model: "code", prompt: text },
      ];
      for (const body of bodies) near((await ask(body)).body.prompt_tokens, counts[name], share);
    }
  });

  test("JSON that escapes every letter counts as what it means", async () => {
    const body = JSON.stringify({ input: corpus("chinese-1.txt") });
    const escaped = body.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
    assert.deepEqual(await ask(escaped), await ask(body));
  });

  test("pictures count by their detail, not by their bytes", async () => {
    const picture = (detail) => ({ type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(1 << 20)}`, detail } });
    const count = async (...content) => (await ask({ messages: [{ role: "user", content }] })).body.prompt_tokens;
    const none = await count();
    assert.equal(await count(picture("low")), none + 85);
    assert.equal(await count(picture("high"), picture("low")), none + 765 + 85);
  });

  test("the path may lack its /v1, and the model its name", async () => {
    const { body } = await ask({ input: "hi" }, "/token-count");
    assert.deepEqual(body, { object: "token_count", model: null, prompt_tokens: 1, estimated: true });
  });

  test("garbage is refused", async () => {
    for (const body of ["", "garbage", "[]", "{", '{"model":"gpt-4o"}', '{"messages":[}', '{"messages":[]} more']) {
      const { status, body: said } = await ask(body);
      assert.deepEqual([status, said.error.type], [400, "invalid_request_error"], body);
    }
    const large = JSON.stringify({ input: "x".repeat(21 << 20) });
    // Refused unread: a client that is still writing may see the connection close before it reads the answer.
    const { status } = await ask(large).catch((error) => ({ status: error.code }));
    assert.ok([400, "EPIPE", "ECONNRESET"].includes(status), `${status}`);
  });

  test("it takes a client key, and POST alone", async () => {
    const { status, body } = await ask({ input: "hi" }, undefined, { authorization: "Bearer kp-nobody" });
    assert.deepEqual([status, body.error.code], [401, "invalid_api_key"]);
    const got = await stage.send("/v1/token-count", { method: "GET" });
    assert.deepEqual([got.status, got.headers.allow], [405, "POST"]);
  });

  test("no provider was asked", () => assert.equal(stage.mock.ledger.length, 0));
});

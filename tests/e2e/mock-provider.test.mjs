// The other tests believe the mock provider, so it is held against the official SDK first.
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import OpenAI from "openai";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { sdkCases } from "./sdk-cases.mjs";

describe("the mock provider", () => {
  let mock;
  const client = (apiKey, options) => new OpenAI({ apiKey, baseURL: mock.url, maxRetries: 0, ...options });
  const chat = (key, options) =>
    client(key, options).chat.completions.create({
      model: "gpt-4o-mini",
      messages: [{ role: "user", content: "hello there" }],
    });
  before(async () => (mock = await startMockProvider()));
  after(() => mock.close());
  beforeEach(() => mock.reset());

  for (const [rule, run] of sdkCases) test(rule, () => run(client("mock-good-1")));

  test("fails as the key's name says", async () => {
    await assert.rejects(
      chat("mock-401-1"),
      (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key",
    );
    await assert.rejects(chat("mock-402-1"), (e) => e.status === 402);
    await assert.rejects(
      chat("mock-429-1"),
      (e) => e instanceof OpenAI.RateLimitError && e.headers.get("retry-after") === "30",
    );
    await assert.rejects(chat("mock-500-1"), (e) => e instanceof OpenAI.InternalServerError);
    await assert.rejects(chat("mock-cut-1"), /terminated|Connection error/);
    await assert.rejects(chat("mock-hang-1", { timeout: 100 }), OpenAI.APIConnectionTimeoutError);
  });

  test("follows a script, one entry a call, and then the key's name again", async () => {
    mock.script("mock-good-1", ["429", { status: 418, headers: { "x-tea": "green" }, body: "teapot" }]);
    await assert.rejects(chat("mock-good-1"), OpenAI.RateLimitError);
    await assert.rejects(chat("mock-good-1"), (e) => e.status === 418 && e.headers.get("x-tea") === "green");
    assert.ok(await chat("mock-good-1"));
  });

  test("keeps a ledger of what it was sent and what it handed out", async () => {
    await chat("mock-good-7");
    const [call] = mock.ledger;
    assert.equal(call.key, "mock-good-7");
    assert.equal(`${call.method} ${call.path}`, "POST /v1/chat/completions");
    assert.equal(JSON.parse(call.body).model, "gpt-4o-mini");
    assert.deepEqual([call.promptTokens, call.completionTokens, call.status, call.closedEarly], [2, 4, 200, false]);
  });

  test("notices a caller that hangs up", async () => {
    mock.script("*", {
      chunks: ["data: {}\n\n", 20, "data: {}\n\n", 5000, "data: [DONE]\n\n"],
      headers: { "content-type": "text/event-stream" },
    });
    const leave = new AbortController();
    const answer = await fetch(`${mock.url}/chat/completions`, { method: "POST", body: "{}", signal: leave.signal });
    await answer.body.getReader().read();
    leave.abort();
    while (!mock.ledger[0].closedEarly) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test("echoes bytes", async () => {
    mock.script("*", { echo: true });
    const body = Buffer.from([0, 255, 128, 10]);
    const answer = await fetch(`${mock.url}/echo`, { method: "POST", body });
    assert.deepEqual(Buffer.from(await answer.arrayBuffer()), body);
  });
});

// The official Node SDK, pointed at the Worker and told nothing else.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { clientKey, eventually, storages } from "./harness.mjs";
import { startStage } from "./pool.mjs";
import { sdkCases } from "./sdk-cases.mjs";

for (const storage of storages) {
  describe(`the OpenAI SDK for Node, on ${storage}`, () => {
    let stage, client;
    const connect = (options) =>
      new OpenAI({ apiKey: clientKey, baseURL: `${stage.worker.url}/v1`, maxRetries: 0, ...options });
    const chat = (sdk = client) =>
      sdk.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
    before(async () => {
      stage = await startStage({ storage, vars: { KEYPOOL_WAIT_BUDGET_MS: "0" } });
      client = connect();
    });
    after(() => stage.close());

    describe("does all it can do", () => {
      before(() => stage.pool(["mock-good-node-00001", "mock-good-node-00002"]));
      for (const [rule, run] of sdkCases) test(rule, () => run(client));
    });

    describe("does it with paced streams as well", () => {
      let paced;
      before(async () => {
        await stage.pool(["mock-good-node-00004", "mock-good-node-00005"]);
        const { key } = (await stage.worker.api("POST", "/clients", { label: "paced", rights: ["paced"] }, 201)).body;
        paced = connect({ apiKey: key, defaultHeaders: { "x-keypool-pace": "character" } });
      });
      for (const [rule, run] of sdkCases) test(rule, () => run(paced));
    });

    test("reads a cached stream as it read the first one", async () => {
      await stage.pool(["mock-good-node-00006"]);
      const { key } = (await stage.worker.api("POST", "/clients", { label: "cached", rights: ["cache"] }, 201)).body;
      const cached = connect({ apiKey: key, defaultHeaders: { "x-keypool-cache": "600" } });
      const messages = [{ role: "user", content: "héllo 🌍 wörld" }];
      const read = async () => {
        const { data, response } = await cached.chat.completions.create({ model: "m", messages, stream: true }).withResponse();
        const chunks = [];
        for await (const chunk of data) chunks.push(chunk);
        return [response.headers.get("x-keypool-cache"), chunks];
      };
      const [first, chunks] = await read();
      assert.equal(first, "miss");
      await eventually(async () => assert.deepEqual(await read(), ["hit", chunks]));
    });

    describe("raises its own exceptions", () => {
      test("BadRequestError for the caller's mistake", async () => {
        await stage.pool(["mock-good-node-00003"]);
        await assert.rejects(
          client.chat.completions.create({ model: "m" }),
          (e) =>
            e instanceof OpenAI.BadRequestError && e.code === "missing_required_parameter" && e.param === "messages",
        );
      });
      test("AuthenticationError for a client key that is not known", async () => {
        await assert.rejects(
          chat(connect({ apiKey: "kp-not-a-client" })),
          (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key",
        );
      });
      test("NotFoundError for a file that is not there", async () => {
        await assert.rejects(client.files.retrieve("file-none"), OpenAI.NotFoundError);
      });
      test("RateLimitError when every key is limited, with the time to wait", async () => {
        await stage.pool(["mock-429-node-00001"]);
        await assert.rejects(
          chat(),
          (e) => e instanceof OpenAI.RateLimitError && Number(e.headers.get("retry-after")) > 0 && Boolean(e.requestID),
        );
      });
      test("InternalServerError when the provider fails, and when its keys are dead", async () => {
        await stage.pool(["mock-500-node-00001"]);
        await assert.rejects(chat(), (e) => e instanceof OpenAI.InternalServerError && e.status === 502);
        await stage.pool(["mock-401-node-00001"]);
        await assert.rejects(
          chat(),
          (e) => e instanceof OpenAI.InternalServerError && e.code === "upstream_auth_failed",
        );
      });
      test("an error out of a stream that breaks", async () => {
        await stage.pool(["mock-cut-node-000001"]);
        const stream = await client.chat.completions.create({
          model: "m",
          messages: [{ role: "user", content: "one two three" }],
          stream: true,
        });
        await assert.rejects(
          async () => {
            for await (const _chunk of stream);
          },
          (e) => e instanceof OpenAI.APIError && e.code === "upstream_stream_interrupted",
        );
      });
    });
  });
}

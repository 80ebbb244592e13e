// GET /v1/models: one list of what all providers have.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { clientKey, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

const hour = 3_600_000;

for (const storage of storages) {
  describe(`models, on ${storage}`, () => {
    const stage = stageOf({ storage, vars: { KEYPOOL_MODELS_HOURS: "6" } });
    const { api } = stage;
    const client = () => new OpenAI({ apiKey: clientKey, baseURL: `${stage.worker.url}/v1`, maxRetries: 0 });
    const list = async () => (await client().models.list()).data;
    const ids = async () => (await list()).map(({ id }) => id);
    const lists = (path) => stage.mock.ledger.filter((call) => call.method === "GET" && call.path === path).length;
    const models = (...names) => ({ body: { object: "list", data: names.map((id) => ({ id, object: "model", created: 7, owned_by: "someone" })) } });

    test("the lists of all providers are merged, each read once, and aliases stand among them", async () => {
      const { name } = await stage.pool(["mock-good-models-0001", "mock-good-models-0002"]);
      await api("POST", "/providers", { name: "other", base_url: `http://127.0.0.1:${stage.mock.port}/other/v1` }, 201);
      await api("POST", "/keys", { text: "mock-good-models-0003", provider: "other" }, 201);
      await api("POST", "/providers", { name: "typed", base_url: `http://127.0.0.1:${stage.mock.port}/typed/v1`, models: ["typed-1", "typed-*"] }, 201);
      await api("POST", "/keys", { text: "mock-good-models-0004", provider: "typed" }, 201);
      await api("PUT", "/models", { name: "smart", target: "other/org/new-one" }, 200);
      stage.mock.script("mock-good-models-0003", [models("gpt-4.1", "org/new-one", "models/flash")]);
      const expected = ["dall-e-3", "flash", "gpt-4.1", "gpt-4o-mini", "org/new-one", "smart", "text-embedding-3-small", "tts-1", "typed-1", "whisper-1"];
      for (let n = 0; n < 3; n++) assert.deepEqual(await ids(), expected);
      assert.equal(lists("/other/v1/models"), 1);
      assert.equal(stage.mock.ledger.length, 3, "one list of each provider that has one");
      const one = (await list()).find(({ id }) => id === "org/new-one");
      assert.deepEqual(one, { id: "org/new-one", object: "model", created: 7, owned_by: "someone" });
      assert.ok(name);
    });

    test("one model is told by its name, slashes or not, and an unknown one as OpenAI tells it", async () => {
      assert.equal((await client().models.retrieve("gpt-4.1")).id, "gpt-4.1");
      assert.equal((await client().models.retrieve("org/new-one")).owned_by, "someone");
      assert.equal((await client().models.retrieve("other/org/new-one")).id, "other/org/new-one");
      assert.equal((await client().models.retrieve("smart")).owned_by, "keypool");
      assert.equal((await (await stage.worker.fetch("/models/org/new-one")).json()).id, "org/new-one");
      await assert.rejects(client().models.retrieve("nothing"), (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found");
    });

    test("a call goes to the provider that lists the model", async () => {
      const answer = await stage.send("/v1/chat/completions", { headers: json, body: chatBody({ model: "org/new-one" }) });
      assert.deepEqual([answer.status, answer.headers["x-keypool-provider"]], [200, "other"]);
    });

    test("a list is read at once when a person asks", async () => {
      stage.mock.script("mock-good-models-0003", [models("only-this", "org/new-one")]);
      const now = (await api("POST", "/providers/other/models", undefined, 200)).body;
      assert.deepEqual([now.fetched.count, now.fetched.error], [2, null]);
      const listed = await ids();
      assert.deepEqual([listed.includes("only-this"), listed.includes("flash")], [true, false]);
    });

    test("cron reads the lists again when they are old, and a list that cannot be read stays as it was", async () => {
      const before = await ids();
      await stage.worker.scheduled(Date.now() + hour);
      assert.equal(lists("/other/v1/models"), 2);
      stage.mock.script("mock-good-models-0003", [{ status: 500, body: "no" }]);
      const later = Date.now() + 7 * hour;
      for (let n = 0; n < 3; n++) await stage.worker.scheduled(later + n * 60_000);
      assert.equal(lists("/other/v1/models"), 3);
      const { fetched } = (await api("GET", "/providers/other", undefined, 200)).body;
      assert.deepEqual([fetched.count, fetched.error], [2, "no"]);
      assert.deepEqual(await ids(), before);
    });

    test("a provider that is off, or has no key for the client, lists nothing", async () => {
      await api("PATCH", "/providers/other", { enabled: false }, 200);
      assert.ok(!(await ids()).includes("only-this"));
      await api("PATCH", "/providers/other", { enabled: true }, 200);
      assert.ok((await ids()).includes("only-this"));
      await api("POST", "/keys/bulk", { filter: { provider: "other" }, action: "set", group: "team" }, 200);
      assert.ok(!(await ids()).includes("only-this"));
    });

    test("a client key sees what it may ask for, and no more", async () => {
      const made = async (more) => (await api("POST", "/clients", { label: "some", ...more }, 201)).body.key;
      const of = async (key) => {
        const mine = new OpenAI({ apiKey: key, baseURL: `${stage.worker.url}/v1`, maxRetries: 0 });
        return { mine, ids: (await mine.models.list()).data.map(({ id }) => id) };
      };
      const { mine, ids: some } = await of(await made({ models: ["gpt-4*", "smart"] }));
      assert.deepEqual(some, ["gpt-4.1", "gpt-4o-mini", "smart"]);
      await assert.rejects(mine.models.retrieve("tts-1"), OpenAI.NotFoundError);
      assert.equal((await mine.models.retrieve("gpt-4.1")).id, "gpt-4.1");
      assert.deepEqual((await of(await made({ providers: ["typed"] }))).ids.filter((id) => id !== "smart"), ["typed-1"]);
    });

    test("HEAD has no body, and what changes a model goes upstream", async () => {
      const head = await stage.send("/v1/models", { method: "HEAD" });
      assert.deepEqual([head.status, head.body.length], [200, 0]);
      assert.equal((await stage.send("/v1/models", { method: "POST", body: "{}" })).status, 405);
      const gone = await stage.send("/v1/models/ft:mine", { method: "DELETE" });
      assert.deepEqual([gone.status, stage.last().method, stage.last().path.split("/").at(-1)], [200, "DELETE", "ft:mine"]);
    });
  });
}

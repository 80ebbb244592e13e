// What a client key is bound to: its time, models, providers and addresses.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { eventually, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`client keys, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api } = stage;
    const pool = (...keys) => stage.pool(...keys);
    const made = async (fields) => (await api("POST", "/clients", { label: "bound", ...fields }, 201)).body;
    const connect = ({ key }) => new OpenAI({ apiKey: key, baseURL: `${stage.worker.url}/v1`, maxRetries: 0 });
    const chat = (client, model = "gpt-4o-mini") =>
      connect(client).chat.completions.create({ model, messages: [{ role: "user", content: "hi" }] });
    const send = ({ key }, path, init = {}) =>
      stage.worker.fetch(path, { method: "POST", headers: { ...json, authorization: `Bearer ${key}`, ...init.headers }, body: chatBody(), ...init.more });
    const refused = (code) => (e) => e instanceof OpenAI.PermissionDeniedError && e.code === code;
    const used = async (id) => {
      await api("POST", "/flush", undefined, 200);
      return (await api("GET", "/clients", undefined, 200)).body.clients.find((client) => client.id === id).used;
    };

    test("an expired one is refused, and told so", async () => {
      await pool(["mock-good-clients-01"]);
      const client = await made({ expires: Date.now() + 1500 });
      await eventually(() =>
        assert.rejects(
          chat(client),
          (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key" && /expired/.test(e.message),
        ),
      );
      await api("PATCH", `/clients/${client.id}`, { expires: null }, 200);
      await chat(client);
    });

    test("one with a list of models may use these and no others", async () => {
      const { name } = await pool(["mock-good-clients-02"]);
      const client = await made({ models: ["gpt-4o-*", `${name}/llama*`] });
      for (const model of ["gpt-4o-mini", "llama-3", `${name}/gpt-4o-x`]) await chat(client, model);
      const asked = stage.mock.ledger.length;
      for (const model of ["gpt-4o", "o3", `${name}/o3`]) await assert.rejects(chat(client, model), refused("model_not_allowed"));
      // Where our scanner finds no model, the provider may.
      const disguised = { headers: { "content-type": "multipart/form-data; boundary=x" } };
      const answer = await send(client, "/v1/chat/completions", disguised);
      assert.deepEqual([answer.status, (await answer.json()).error.code], [403, "model_not_allowed"]);
      assert.equal(stage.mock.ledger.length, asked, "the provider was not asked");
      const files = await connect(client).files.list();
      assert.ok(files, "a call that is for no model");
    });

    test("one with a group of its own uses that group's keys and no others", async () => {
      const { ids } = await pool([
        "mock-good-own-group-01",
        { key: "mock-good-own-group-02", group: "standby" },
        { key: "mock-good-own-group-03", group: "staging" },
      ]);
      const client = await made({ group: "staging" });
      assert.deepEqual([client.group, client.groups], ["staging", []]);
      for (let n = 0; n < 12; n++) assert.equal((await send(client, "/v1/chat/completions")).headers.get("x-keypool-key"), ids[2]);
      const asking = { headers: { "x-gray-group": "active" } };
      assert.equal((await send(client, "/v1/chat/completions", asking)).status, 403);
      const mine = await stage.worker.fetch("/v1/providers", { headers: { authorization: `Bearer ${client.key}` } });
      assert.equal((await mine.json()).data.find((provider) => provider.default).keys.active, 1);
      stage.mock.script("mock-good-own-group-03", "401");
      assert.equal((await send(client, "/v1/chat/completions")).status, 502);
      await api("PATCH", `/clients/${client.id}`, { group: null }, 200);
      assert.equal((await send(client, "/v1/chat/completions")).status, 200);
      await api("PATCH", `/clients/${client.id}`, { group: "No Good" }, 400);
    });

    test("one with a list of providers may use these and no others", async () => {
      const { name } = await pool(["mock-good-clients-03"]);
      const client = await made({ providers: [name] });
      await chat(client);
      const other = await pool(["mock-good-clients-04"]);
      await assert.rejects(chat(client, `${other.name}/gpt-4o-mini`), refused("provider_not_allowed"));
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("one with a list of addresses may call from there and from nowhere else", async () => {
      await pool(["mock-good-clients-05"]);
      const client = await made({ ips: ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"] });
      const from = async (address, path = "/v1/chat/completions") => {
        const answer = await send(client, path, { headers: address ? { "cf-connecting-ip": address } : {} });
        const body = await answer.json();
        return answer.status === 403 ? body.error.code : answer.status;
      };
      for (const address of ["192.0.2.7", "10.1.2.3", "2001:db8:1::5"]) assert.equal(await from(address), 200, address);
      for (const address of ["192.0.2.8", "2001:db9::1", "nonsense"]) assert.equal(await from(address), "ip_not_allowed", address);
      assert.equal(await from("192.0.2.8", "/v1/providers"), "ip_not_allowed");
    });

    test("a wrong bound is named", async () => {
      const client = await made({ requests: 5, window_s: 900 });
      for (const [fields, param, words] of [
        [{ expires: Date.now() - 1 }, "expires", /time to come/],
        [{ expires: Math.round(Date.now() / 1000) + 60 }, "expires", /milliseconds/],
        [{ models: ["x".repeat(201)] }, "models", /200/],
        [{ providers: ["nobody"] }, "providers", /no provider nobody/],
        [{ ips: ["10.0.0.0/8", "10.0.0.0/40"] }, "ips", /10\.0\.0\.0\/40/],
        [{ ips: "10.0.0.1" }, "ips", /list/],
        [{ rpm: 0 }, "rpm", /from 1/],
        [{ tpm: -1 }, "tpm", /whole/],
        [{ window_s: 59 }, "window_s", /60/],
        [{ window_s: null }, "window_s", /both or neither/],
        [{ requests: null }, "window_s", /both or neither/],
        [{ pace: "slow" }, "pace", /batch/],
        [{ cache_s: 0 }, "cache_s", /from 1/],
        [{ rights: ["fly"] }, "rights", /paced, cache/],
      ]) {
        const { body } = await api("PATCH", `/clients/${client.id}`, fields, 400);
        assert.equal(body.error.param, param, JSON.stringify(fields));
        assert.match(body.error.message, words);
      }
      const { body } = await api("PATCH", `/clients/${client.id}`, { requests: null, window_s: null, pace: "batch" }, 200);
      assert.deepEqual([body.requests, body.window_s, body.pace, body.cache_s], [null, null, "batch", null]);
    });

    test("tells what it used today and this month", async () => {
      const { name } = await pool(["mock-good-clients-06"]);
      await api("PUT", "/prices", { provider: name, model: "*", input: 1_000_000_000, output: 1_000_000_000 }, 200);
      const client = await made({});
      assert.deepEqual(client.used, { day_tokens: 0, month_tokens: 0, day_micros: 0, month_micros: 0 });
      const { usage } = await chat(client);
      const micros = usage.total_tokens * 1000;
      const expected = { day_tokens: usage.total_tokens, month_tokens: usage.total_tokens, day_micros: micros, month_micros: micros };
      await eventually(async () => assert.deepEqual(await used(client.id), expected));
      const changed = await api("PATCH", `/clients/${client.id}`, { label: "still" }, 200);
      assert.deepEqual(changed.body.used, expected);
    });
  });
}

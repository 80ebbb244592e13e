// Many providers behind one door: who gets a call, and who takes over.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { clientKey, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`routing, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, send } = stage;
    const chat = async (model, more) => {
      const answer = await send("/v1/chat/completions", { headers: json, body: chatBody({ model, ...more }) });
      const shown = (name) => answer.headers[`x-keypool-${name}`];
      return { status: answer.status, body: JSON.parse(answer.body), by: `${shown("provider")}/${shown("model")}`, attempts: Number(shown("attempts")) };
    };
    /** A provider of its own with keys of its own. */
    const provider = async (name, keys, settings = {}) => {
      await api("DELETE", `/providers/${name}?with_keys=true`);
      await api("POST", "/providers", { name, base_url: `http://127.0.0.1:${stage.mock.port}/${name}/v1`, ...settings }, 201);
      await api("POST", "/keys", { keys: keys.map((key) => ({ key, provider: name })) }, 201);
    };
    const alias = (body) => api("PUT", "/models", body, 200);
    /** The model that reached the provider in the last call. */
    const sent = () => JSON.parse(stage.last().body.toString()).model;

    test("two providers serve one model and one goes dark: none of 200 requests fails", async () => {
      await stage.pool(["mock-good-routing-default"]);
      const dark = Array.from({ length: 6 }, (_, n) => `mock-good-dark-0000${n}`);
      await provider("dark", dark, { models: ["shared-*"] });
      await provider("light", ["mock-good-light-00001", "mock-good-light-00002"], { models: ["shared-*"] });
      const by = {};
      const call = async () => {
        const answer = await chat("shared-1");
        by[answer.by] = (by[answer.by] ?? 0) + 1;
        return answer;
      };
      for (let n = 0; n < 40; n++) assert.equal((await call()).status, 200);
      assert.ok(by["dark/shared-1"] > 8 && by["light/shared-1"] > 8, JSON.stringify(by));
      dark.forEach((key) => stage.mock.script(key, { cut: 0 }));
      const before = stage.mock.ledger.length;
      const results = await Promise.all(
        Array.from({ length: 8 }, async () => {
          const statuses = [];
          for (let n = 0; n < 25; n++) statuses.push((await call()).status);
          return statuses;
        }),
      );
      assert.deepEqual(results.flat().filter((status) => status !== 200), []);
      assert.equal(results.flat().length, 200);
      assert.ok(stage.mock.ledger.length - before < 300, `${stage.mock.ledger.length - before} upstream calls`);
      await api("DELETE", "/providers/dark?with_keys=true", undefined, 204);
      await api("DELETE", "/providers/light?with_keys=true", undefined, 204);
    });

    test("a provider of higher priority is asked first, and the next one when it has nothing left", async () => {
      await stage.pool(["mock-good-routing-default"]);
      await provider("cheap", ["mock-good-cheap-00001"], { models: ["m-1"], priority: 10 });
      await provider("dear", ["mock-good-dear-000001"], { models: ["m-1"] });
      for (let n = 0; n < 10; n++) assert.equal((await chat("m-1")).by, "cheap/m-1");
      stage.mock.script("mock-good-cheap-00001", "429");
      const answer = await chat("m-1");
      assert.deepEqual([answer.status, answer.by, answer.attempts], [200, "dear/m-1", 2]);
      for (const name of ["cheap", "dear"]) await api("DELETE", `/providers/${name}?with_keys=true`, undefined, 204);
    });

    test("a chain of three with the first two used up is served by the third, and says so", async () => {
      const { name } = await stage.pool(["mock-good-routing-default"]);
      await provider("one", ["mock-429-chain-00001", "mock-429-chain-00002"]);
      await provider("two", ["mock-402-chain-00003"]);
      await alias({ name: "best", target: "one/big", fallbacks: ["two/middle", `${name}/small`] });
      for (const attempts of [4, 1]) {
        const answer = await chat("best");
        assert.deepEqual([answer.status, answer.by, answer.attempts], [200, `${name}/small`, attempts]);
        assert.equal(sent(), "small");
      }
      const client = new OpenAI({ apiKey: clientKey, baseURL: `${stage.worker.url}/v1`, maxRetries: 0 });
      const { data, response } = await client.chat.completions
        .create({ model: "best", messages: [{ role: "user", content: "hello" }] })
        .withResponse();
      assert.equal(response.headers.get("x-keypool-model"), "small");
      assert.ok(data.choices[0].message.content);
      await api("DELETE", "/models?name=best", undefined, 204);
    });

    test("an unknown model falls back, a caller's mistake only when the alias says so", async () => {
      const { name } = await stage.pool(["mock-good-fallback-01"]);
      const missing = { status: 404, body: { error: { message: "The model `new` does not exist or you do not have access to it.", code: "model_not_found" } } };
      const long = { status: 400, body: { error: { message: "too long", code: "context_length_exceeded" } } };
      await alias({ name: "new", target: `${name}/new`, fallbacks: [`${name}/old`] });
      stage.mock.script("mock-good-fallback-01", [missing]);
      assert.deepEqual(((a) => [a.status, a.by])(await chat("new")), [200, `${name}/old`]);
      await alias({ name: "long", target: `${name}/short-context`, fallbacks: [`${name}/long-context`] });
      stage.mock.script("mock-good-fallback-01", [long]);
      assert.deepEqual(((a) => [a.status, a.body.error.code])(await chat("long")), [400, "context_length_exceeded"]);
      await alias({ name: "long", target: `${name}/short-context`, fallbacks: [`${name}/long-context`], fallback_on: ["refused"] });
      stage.mock.script("mock-good-fallback-01", [long]);
      assert.deepEqual(((a) => [a.status, a.by, a.attempts])(await chat("long")), [200, `${name}/long-context`, 2]);
      for (const alias of ["new", "long"]) await api("DELETE", `/models?name=${alias}`, undefined, 204);
    });

    test("a client key that has used up nine tenths of a budget gets the economy model", async () => {
      const { name } = await stage.pool(["mock-good-economy-001"]);
      await alias({ name: "big", target: `${name}/big-1`, fallbacks: [`${name}/big-2`], economy: `${name}/mini` });
      const usage = (prompt_tokens) => ({ body: { id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens, completion_tokens: 0, total_tokens: prompt_tokens } } });
      const { key } = (await api("POST", "/clients", { label: "frugal", day_tokens: 1000 }, 201)).body;
      const ask = async (tokens) => {
        stage.mock.script("mock-good-economy-001", [usage(tokens)]);
        const answer = await send("/v1/chat/completions", { headers: { ...json, authorization: `Bearer ${key}` }, body: chatBody({ model: "big" }) });
        return [answer.status, answer.headers["x-keypool-model"], answer.headers["x-keypool-limit"]];
      };
      assert.deepEqual(await ask(890), [200, "big-1", undefined]);
      assert.deepEqual(await ask(20), [200, "big-1", undefined]);
      assert.deepEqual(await ask(90), [200, "mini", undefined]);
      assert.deepEqual(await ask(1), [429, undefined, "day_tokens"]);
      await api("DELETE", "/models?name=big", undefined, 204);
    });

    test("patterns choose the provider, and the whole name goes before them", async () => {
      const { name } = await stage.pool(["mock-good-routing-default"]);
      await provider("special", ["mock-good-special-0001"]);
      await alias({ name: "ernie*", target: "special/*" });
      await alias({ name: "ernie-tiny", target: `${name}/tiny` });
      assert.equal((await chat("ernie-4.5")).by, "special/ernie-4.5");
      assert.equal((await chat("ERNIE-Speed")).by, "special/ERNIE-Speed");
      assert.equal((await chat("ernie-tiny")).by, `${name}/tiny`);
      assert.equal((await chat("special/ernie-tiny")).by, "special/ernie-tiny");
      const odd = `{ "model" : "ernie-tiny" ,"messages":[{"role":"user","content":"ernie-tiny"}]}`;
      await send("/v1/chat/completions", { headers: json, body: odd });
      assert.equal(stage.last().body.toString(), odd.replace('"ernie-tiny" ,', '"tiny" ,'));
      for (const alias of ["ernie*", "ernie-tiny"]) await api("DELETE", `/models?name=${encodeURIComponent(alias)}`, undefined, 204);
      await api("DELETE", "/providers/special?with_keys=true", undefined, 204);
    });

    test("an alias that cannot be is refused with the field at fault", async () => {
      for (const [body, param] of [
        [{ name: "*", target: "a/b" }, "name"],
        [{ name: "a b", target: "a/b" }, "name"],
        [{ name: "x" }, "target"],
        [{ name: "x", target: "a*b" }, "target"],
        [{ name: "x", fallbacks: Array(9).fill("y") }, "fallbacks"],
        [{ name: "x", target: "y", fallback_on: ["sometimes"] }, "fallback_on"],
      ]) {
        const { body: answer } = await api("PUT", "/models", body, 400);
        assert.equal(answer.error.param, param, JSON.stringify(body));
      }
    });
  });
}

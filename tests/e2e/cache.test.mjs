// Answers that are cached, for those who ask for it.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { eventually, started, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";
import { counted, freshKey } from "./used.mjs";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { exchange } from "./exchange.mjs";

const sse = { "content-type": "text/event-stream; charset=utf-8" };
const hour = 3_600_000;
/// When a cron clears the cache up.
const clearing = () => Math.floor(Date.now() / hour) * hour + hour + 17 * 60_000;

for (const storage of storages) {
  describe(`the cache of answers, on ${storage}`, () => {
    const stage = stageOf({ storage });
    let bearer;
    const client = async (rights = ["cache", "see_attempts"]) => {
      const { key } = (await stage.api("POST", "/clients", { label: "cached", rights }, 201)).body;
      return `Bearer ${key}`;
    };
    const ask = (body, { cache = "600", path = "/v1/chat/completions", ...more } = {}) =>
      stage.send(path, {
        headers: { ...json, authorization: bearer, ...(cache ? { "x-keypool-cache": cache } : {}), ...more },
        body,
      });
    const said = (answer) => answer.headers["x-keypool-cache"];
    /// What is kept after an answer is there a moment later.
    const hit = (body, more) =>
      eventually(async () => {
        const answer = await ask(body, more);
        assert.equal(said(answer), "hit");
        return answer;
      });
    const calls = () => stage.mock.ledger.length;
    /// Asked twice, it goes upstream twice.
    const neverKept = async (body, more, status = 200) => {
      for (let i = 0; i < 3; i++) {
        const before = calls();
        const answer = await ask(body, more);
        assert.equal(answer.status, status);
        assert.notEqual(said(answer), "hit");
        assert.equal(calls(), before + 1);
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
    };

    before(async () => {
      bearer = await client();
      await stage.pool(["mock-good-cached-000001"]);
    });

    test("what was asked before is answered without the provider, byte for byte", async () => {
      const bodies = {
        "/v1/chat/completions": chatBody(),
        "/v1/completions": '{"model":"gpt","prompt":"one"}',
        "/v1/embeddings": '{"model":"emb","input":"one"}',
        "/v1/messages": '{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"one"}]}',
      };
      for (const [path, body] of Object.entries(bodies)) {
        const first = await ask(body, { path });
        assert.equal(first.status, 200, path);
        assert.equal(said(first), "miss");
        const second = await hit(body, { path });
        const before = calls();
        const third = await ask(body, { path });
        assert.equal(calls(), before, path);
        for (const answer of [second, third]) {
          assert.equal(answer.status, 200);
          assert.deepEqual(answer.body, first.body, path);
          assert.equal(answer.headers["content-type"], first.headers["content-type"]);
          assert.match(answer.headers.age, /^\d+$/);
          assert.equal(answer.headers["x-keypool-attempts"], "0");
          assert.notEqual(answer.headers["x-request-id"], first.headers["x-request-id"]);
        }
      }
    });

    test("a stream is replayed byte for byte", async () => {
      const chunks = [": hi\n\n", 'data: {"choices":[{"index":0,"delta":{"content":"é 日本"}}]}\r\n\r\n', 30, "data: [DONE]\n\n"];
      stage.mock.script("*", [{ headers: sse, chunks }, { headers: sse, chunks }, { headers: sse, chunks }]);
      const body = chatBody({ stream: true });
      const first = await ask(body);
      assert.equal(said(first), "miss");
      const again = await hit(body);
      assert.deepEqual(again.body, first.body);
      assert.equal(again.headers["content-type"], sse["content-type"]);
      stage.mock.script("*", undefined);
      const anthropic = '{"model":"claude","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"one"}]}';
      const whole = await ask(anthropic, { path: "/v1/messages" });
      assert.deepEqual((await hit(anthropic, { path: "/v1/messages" })).body, whole.body);
    });

    test("the usage that is hidden from a client stays hidden", async () => {
      const settings = { usage_mode: "ask-and-hide" };
      await freshKey(stage, settings);
      const body = chatBody({ stream: true });
      const first = await ask(body);
      assert.ok(!/"usage":\{/.test(first.body));
      assert.deepEqual((await hit(body)).body, first.body);
    });

    test("the same question spelled otherwise is the same, another one is not", async () => {
      const body = (text) => `{"model":"gpt-4o","temperature":0.5,"messages":[{"role":"user","content":"${text}"}]}`;
      await ask(body("same é"));
      await hit(body("same é"));
      const other = '{ "messages": [ {"content": "same \\u00e9", "role": "user"} ],\n "temperature": 5e-1, "model": "gpt-4o" }';
      assert.equal(said(await ask(other)), "hit");
      assert.equal(said(await ask(body("same e"))), "miss");
      assert.equal(said(await ask(body("same é"), { path: "/v1/chat/completions?x=1" })), "miss");
      const { providers } = (await stage.api("GET", "/providers", undefined, 200)).body;
      const { name } = providers.find((provider) => provider.default);
      assert.equal(said(await ask(body("same é"), { path: `/${name}/v1/chat/completions` })), "miss");
    });

    test("one client key never sees another's", async () => {
      const body = chatBody();
      await ask(body);
      await hit(body);
      assert.equal(said(await ask(body, { authorization: await client() })), "miss");
      assert.equal(said(await ask(body, { authorization: `Bearer ${await stage.worker.token()}` })), "miss");
      assert.equal(said(await ask(body)), "hit");
    });

    test("only who has the right may ask, and only for what there is", async () => {
      for (const cache of ["60", "0"]) {
        const answer = await ask(chatBody(), { cache, authorization: await client(["see_attempts"]) });
        assert.equal(answer.status, 403);
        assert.equal(JSON.parse(answer.body).error.code, "cache_not_allowed");
      }
      for (const cache of ["soon", "-1", "60, x", "9999999"]) {
        const answer = await ask(chatBody(), { cache });
        assert.equal(answer.status, 400);
        assert.equal(JSON.parse(answer.body).error.param, "x-keypool-cache");
      }
    });

    test("without the wish, and with 0, nothing is cached or taken from there", async () => {
      const body = chatBody();
      await ask(body);
      await hit(body);
      for (const cache of [null, "0"]) {
        const before = calls();
        const answer = await ask(body, { cache });
        assert.equal(said(answer), undefined);
        assert.equal(calls(), before + 1);
      }
    });

    test("a client key's own seconds hold without a header, and not for tools", async () => {
      const made = (await stage.api("POST", "/clients", { label: "own", rights: [], cache_s: 600 }, 201)).body;
      const own = { cache: null, authorization: `Bearer ${made.key}` };
      const body = chatBody();
      assert.equal(said(await ask(body, own)), "miss");
      await hit(body, own);
      await neverKept(chatBody({ store: true }), own);
    });

    test("calls with tools or other effects are cached only when that is asked", async () => {
      const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
      for (const more of [{ tools }, { store: true }, { web_search_options: {} }, { functions: [{ name: "f" }] }]) {
        const body = chatBody(more);
        await neverKept(body);
        assert.equal(said(await ask(body, { cache: "600, tools" })), "miss");
        await hit(body, { cache: "600, tools" });
      }
      await neverKept('{"model":"gpt-4o","input":"hi"}', { path: "/v1/responses" });
    });

    test("an error is never cached, nor what is not complete", async () => {
      const broken = (chunks, more = {}) => ({ headers: sse, chunks, ...more });
      const scripts = [
        [{ status: 400, body: { error: { message: "no", type: "invalid_request_error", param: null, code: "x" } } }, 400],
        [{ body: { error: { message: "no", type: "invalid_request_error", param: null, code: "context_length_exceeded" } } }, 200],
        [{ headers: { "content-type": "text/plain" }, body: "well" }, 200],
        [{ status: 201, body: { choices: [] } }, 201],
        [broken(['data: {"choices":[]}\n\n']), 200],
        [broken(['data: {"choices":[]}\n\n', 'data: {"error":{"message":"x"}}\n\n', "data: [DONE]\n\n"]), 200],
        [{ body: JSON.stringify({ text: "x".repeat(300_000) }), headers: json }, 200],
      ];
      for (const [script, status] of scripts) {
        await freshKey(stage);
        stage.mock.script("*", script);
        await neverKept(chatBody({ stream: script.headers === sse }), {}, status);
      }
      stage.mock.script("*", undefined);
    });

    test("an answer is given for so long and no longer, whoever wants less", async () => {
      await freshKey(stage);
      const body = chatBody();
      await ask(body);
      await hit(body);
      await eventually(async () => assert.equal(said(await ask(body, { cache: "1" })), "miss"));
      const short = chatBody();
      await ask(short, { cache: "1" });
      await eventually(async () => assert.equal(said(await ask(short, { cache: "1" })), "hit"));
      await eventually(async () => assert.equal(said(await ask(short)), "miss"));
    });

    test("a hit is a request without attempts and tokens", async () => {
      const id = await freshKey(stage);
      const usage = { prompt_tokens: 1000, completion_tokens: 234, total_tokens: 1234 };
      stage.mock.script("*", [{ headers: json, body: { choices: [], usage } }]);
      const body = chatBody();
      await ask(body);
      const before = calls();
      await hit(body);
      const asked = calls() - before + 1;
      stage.mock.script("*", undefined);
      if (asked === 1) await counted(stage, id, [1000, 234], 1);
      const lines = stage.worker.logs().split("\n").filter((line) => line.includes('"event":"call"')).map((line) => JSON.parse(line));
      const { attempts, status, ending, tokens, key, cache } = lines.at(-1);
      assert.deepEqual({ attempts, status, ending, tokens, key, cache }, { attempts: [], status: 200, ending: "complete", tokens: null, key: null, cache: "hit" });
      assert.equal(lines.at(-2).cache, "miss");
    });

    test("cron keeps what there is place for, and the newest of it", async () => {
      await freshKey(stage);
      await stage.api("PATCH", "/settings", { cache_mb: 1 }, 200);
      const text = "x".repeat(250_000);
      stage.mock.script("*", () => ({ headers: json, body: JSON.stringify({ text }) }));
      const bodies = Array.from({ length: 6 }, () => chatBody());
      for (const body of bodies) {
        await ask(body, { cache: "86400" });
        await hit(body, { cache: "86400" });
      }
      // On KV ten at a time, and the cases above have left some.
      for (let i = 0; i < 6; i++) await stage.worker.scheduled(clearing());
      const found = [];
      for (const body of bodies) found.push(said(await ask(body, { cache: "86400" })));
      // Three of them have place in a megabyte.
      assert.deepEqual(found.slice(-2), ["hit", "hit"]);
      assert.deepEqual(found.slice(0, 2), ["miss", "miss"]);
      stage.mock.script("*", undefined);
      await stage.api("PATCH", "/settings", { cache_mb: null }, 200);
      if (storage !== "d1") return;
      await stage.worker.scheduled(clearing() + 40 * 24 * hour);
      const { DB } = await stage.worker.env();
      assert.equal(await DB.prepare("select count(*) as n from cache").first("n"), 0);
    });
  });

  test(`a cache that fails stops nobody, on ${storage}`, async (t) => {
    const mock = await startMockProvider();
    t.after(() => mock.close());
    const worker = await started(t, { storage, faults: true });
    const provider = { name: "mock", base_url: mock.url };
    await worker.api("POST", "/providers", provider, 201);
    await worker.api("PATCH", "/providers/mock", { default: true }, 200);
    await worker.api("POST", "/keys", { keys: [{ provider: "mock", key: "mock-good-cached-000009" }] }, 201);
    const authorization = `Bearer ${await worker.token()}`;
    const body = chatBody();
    const ask = () =>
      exchange(`${worker.url}/v1/chat/completions`, {
        method: "POST",
        headers: { ...json, authorization, "x-keypool-cache": "600" },
        body,
      });
    assert.equal((await ask()).status, 200);
    await worker.failStorage(true);
    for (let i = 0; i < 2; i++) {
      const answer = await ask();
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["x-keypool-cache"], "miss");
    }
    await eventually(() => assert.match(worker.logs(), /"event":"cache_not_written"/));
    assert.match(worker.logs(), /"event":"cache_not_read"/);
    await worker.failStorage(false);
    await eventually(async () => assert.equal((await ask()).headers["x-keypool-cache"], "hit"));
  });
}

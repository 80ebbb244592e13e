// Every line and header that is the other side's business passes, and nothing else does.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { exchange } from "./exchange.mjs";
import { clientKey, storages } from "./harness.mjs";
import { authorization, chatBody, json, stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`the proxy, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { send, last } = stage;

    let provider;
    before(async () => (provider = (await stage.pool(["mock-good-head-000001"])).name));

    test("the query passes as it was written", async () => {
      const query = "?a=1&a=2&b=%20x+y%2F&empty=&%E2%9C%93";
      await send(`/v1/things${query}`, { method: "GET" });
      assert.equal(last().query, query);
    });

    test("the path passes as it was written", async () => {
      await send("/v1/files/a%2Fb%20c/content", { method: "GET" });
      assert.match(last().path, /\/v1\/files\/a%2Fb%20c\/content$/);
    });

    test("no path leads out of the provider's base URL", async () => {
      for (const path of [
        "/v1/%2e%2e/%2e%2e/x",
        "/v1/a/..%2f../%2E%2E/%2e%2e/%2e%2e/x",
        "/v1/../../x",
        "/v1/%5c..%5c..%5cx",
        "/v1//evil.example/x",
        "/v1/@evil.example/x",
      ]) {
        const before = stage.mock.ledger.length;
        await send(path, { method: "GET" });
        for (const call of stage.mock.ledger.slice(before)) assert.match(call.path, /^\/case\d+\/v1\//, path);
      }
    });

    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      test(`${method} stays ${method}`, async () => {
        const answer = await send("/v1/things", { method });
        assert.equal(answer.status, 200);
        assert.equal(last().method, method);
        if (method === "HEAD") assert.equal(answer.body.length, 0);
      });
    }

    test("status and headers of the provider pass", async () => {
      const headers = {
        "content-type": "application/vnd.api+json; v=1",
        "x-request-id": "req_theirs",
        "openai-organization": "org-1",
        "openai-processing-ms": "77",
        "openai-version": "2020-10-01",
        "x-ratelimit-limit-tokens": "90000",
        "x-ratelimit-remaining-tokens": "89999",
        "x-ratelimit-reset-tokens": "6ms",
        "retry-after": "7",
      };
      for (const status of [200, 201, 202, 400, 422]) {
        stage.mock.script("*", [{ status, headers, body: '{"odd":true}' }]);
        const answer = await send("/v1/chat/completions", { headers: json, body: chatBody() });
        assert.equal(answer.status, status);
        for (const [name, value] of Object.entries(headers))
          assert.equal(answer.headers[name], value, `${name} with ${status}`);
        assert.equal(answer.body.toString(), '{"odd":true}');
      }
    });

    test("the answer says how many attempts it took, and a request id is made when the provider sent none", async () => {
      stage.mock.script("*", [{ body: "{}", headers: { "x-request-id": null } }]);
      const answer = await send("/v1/chat/completions", { headers: json, body: chatBody() });
      assert.equal(answer.headers["x-keypool-attempts"], "1");
      assert.ok(answer.headers["x-request-id"]);
    });

    test("a provider's cookie does not reach the client", async () => {
      stage.mock.script("*", [{ body: "{}", headers: { "set-cookie": "__cf_bm=1; Path=/" } }]);
      const answer = await send("/v1/chat/completions", { headers: json, body: chatBody() });
      assert.equal(answer.headers["set-cookie"], undefined);
    });

    test("the provider sees what it should and nothing of who called", async () => {
      const hidden = {
        cookie: "keypool_session=admin-token",
        "cf-connecting-ip": "203.0.113.9",
        "cf-ray": "1",
        "cf-access-jwt-assertion": "jwt",
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "https",
        "x-real-ip": "203.0.113.9",
        forwarded: "for=203.0.113.9",
        "x-api-key": clientKey,
        "api-key": clientKey,
        "proxy-authorization": "Basic eA==",
      };
      const passed = { accept: "application/json", "openai-beta": "assistants=v2", "user-agent": "e2e/1", ...json };
      await send("/v1/chat/completions", { headers: { ...hidden, ...passed }, body: chatBody() });
      const seen = last();
      for (const [name, value] of Object.entries(passed)) assert.equal(seen.headers[name], value, name);
      for (const name of Object.keys(hidden)) assert.equal(seen.headers[name], undefined, name);
      // cf-worker names the zone that calls; the platform adds it to every fetch, and a Worker cannot keep it off.
      const strangers = Object.keys(seen.headers).filter((name) => /^(cf-(?!worker$)|x-forwarded|cookie)/.test(name));
      assert.deepEqual(strangers, []);
      assert.equal(seen.headers.authorization, "Bearer mock-good-head-000001");
      assert.equal(seen.headers.host, `127.0.0.1:${stage.mock.port}`);
      assert.ok(!JSON.stringify(seen.rawHeaders).includes(clientKey));
    });

    test("a redirect is not followed", async () => {
      stage.mock.script("*", [{ status: 302, headers: { location: `http://127.0.0.1:${stage.mock.port}/elsewhere/v1/models` } }]);
      const before = stage.mock.ledger.length;
      await send("/v1/chat/completions", { headers: json, body: chatBody() });
      assert.ok(stage.mock.ledger.slice(before).every((call) => !call.path.startsWith("/elsewhere")));
    });

    test("a base URL without /v1 works too", async () => {
      const answer = await send("/chat/completions?x=1", { headers: json, body: chatBody() });
      assert.equal(answer.status, 200);
      assert.match(last().path, /^\/case\d+\/v1\/chat\/completions$/);
      assert.equal(last().query, "?x=1");
      assert.equal((await send("/models", { method: "GET" })).status, 200);
    });

    test("a provider is pinned by path, and by a model prefix that the provider never sees", async () => {
      stage.mock.script("*", [{ echo: true }, { echo: true }]);
      const body = chatBody();
      await send(`/${provider}/v1/chat/completions`, { headers: json, body });
      assert.equal(last().body.toString(), body);
      const odd = `{ "messages":[ ],"model" : "${provider}/gpt-4o-mini","x":"${provider}/gpt-4o-mini" }`;
      await send("/v1/chat/completions", { headers: json, body: odd });
      assert.equal(last().body.toString(), odd.replace(`${provider}/`, ""));
    });

    test("a model with a slash that is no provider's stays whole", async () => {
      stage.mock.script("*", [{ echo: true }]);
      const body = chatBody({ model: "meta-llama/llama-3.1-8b" });
      assert.equal((await send("/v1/chat/completions", { headers: json, body })).status, 200);
      assert.equal(last().body.toString(), body);
    });

    test("a path that is nobody's is a 404 of ours", async () => {
      const before = stage.mock.ledger.length;
      for (const [path, code] of [
        ["/wp-login.php", "unknown_route"],
        ["/nosuch/v1/models", "provider_not_found"],
      ]) {
        const answer = await send(path, { method: "GET" });
        assert.equal(answer.status, 404);
        assertOurs(answer, code);
      }
      assert.equal(stage.mock.ledger.length, before);
    });

    test("the client key is taken from any of three headers", async () => {
      for (const headers of [
        { authorization },
        { authorization: `bearer ${clientKey}` },
        { "x-api-key": clientKey },
        { "api-key": clientKey },
      ]) {
        assert.equal(
          (await exchange(`${stage.worker.url}/v1/models`, { headers })).status,
          200,
          JSON.stringify(Object.keys(headers)),
        );
      }
    });

    test("without a known client key nothing reaches a provider", async () => {
      const before = stage.mock.ledger.length;
      for (const headers of [
        {},
        { authorization: "Bearer nope" },
        { authorization: "Bearer " },
        { authorization: clientKey.slice(0, -1) },
        { "x-api-key": "mock-good-head-000001" },
      ]) {
        const answer = await exchange(`${stage.worker.url}/v1/chat/completions`, {
          method: "POST",
          headers: { ...json, ...headers },
          body: chatBody(),
        });
        assert.equal(answer.status, 401);
        assertOurs(answer, "invalid_api_key");
      }
      assert.equal(stage.mock.ledger.length, before);
    });

    test("health is answered to anyone", async () => {
      const answer = await exchange(`${stage.worker.url}/healthz`);
      assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { status: "ok" }]);
    });
  });
}

function assertOurs(answer, code) {
  const { error } = JSON.parse(answer.body);
  assert.deepEqual(Object.keys(error).sort(), ["code", "message", "param", "type"]);
  assert.equal(error.code, code);
  assert.ok(error.message);
  assert.ok(answer.headers["x-request-id"]);
  assert.match(answer.headers["content-type"], /^application\/json/);
}

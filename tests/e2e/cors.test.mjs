// Programs that run in a browser, on another site's page.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

const origin = "https://chat.example.com";

for (const storage of storages) {
  describe(`CORS, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { send, api } = stage;
    const ask = (path, headers = {}) =>
      fetch(stage.worker.url + path, { method: "OPTIONS", headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type,x-stainless-os", ...headers } });
    const allowed = ({ headers }) => headers.get?.("access-control-allow-origin") ?? headers["access-control-allow-origin"] ?? null;
    const call = (more) => send("/v1/chat/completions", { headers: { ...json, origin, ...more }, body: chatBody() });

    test("a browser that asks first is answered without a client key, and no provider is asked", async () => {
      await stage.pool(["mock-good-cors-0001"]);
      for (const path of ["/v1/chat/completions", "/chat/completions", "/anything/v1/files"]) {
        const answer = await ask(path);
        assert.deepEqual(
          [answer.status, allowed(answer), answer.headers.get("access-control-allow-methods"), answer.headers.get("access-control-allow-headers")],
          [204, "*", "POST", "authorization,content-type,x-stainless-os"],
        );
        assert.equal(answer.headers.get("access-control-max-age"), "86400");
      }
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("answers, streams and errors of all kinds may be read", async () => {
      stage.mock.script("*", [{ headers: { "access-control-allow-origin": "https://theirs.example", "access-control-allow-credentials": "true" }, echo: true }]);
      const first = await call();
      assert.deepEqual([first.status, allowed(first), first.headers["access-control-allow-credentials"]], [200, "*", undefined]);
      assert.equal(first.headers["access-control-expose-headers"], "*");
      const streamed = await send("/v1/chat/completions", { headers: { ...json, origin }, body: chatBody({ stream: true }) });
      assert.deepEqual([streamed.status, allowed(streamed)], [200, "*"]);
      stage.mock.script("*", [{ status: 400, body: { error: { message: "no", code: "x" } } }]);
      assert.deepEqual(((a) => [a.status, allowed(a)])(await call()), [400, "*"]);
      assert.deepEqual(((a) => [a.status, allowed(a)])(await call({ authorization: "Bearer nobody" })), [401, "*"]);
      assert.equal(allowed(await send("/nosuch/v1/things", { headers: { origin } })), "*");
      assert.equal(allowed(await fetch(`${stage.worker.url}/v1/models`, { headers: { origin } })), "*");
      const without = await send("/v1/chat/completions", { headers: json, body: chatBody() });
      assert.equal(allowed(without), null);
    });

    test("only the pages that are named may, once some are", async () => {
      await api("PATCH", "/settings", { cors_origins: `https://a.example ${origin}` }, 200);
      const mine = await ask("/v1/chat/completions");
      assert.deepEqual([allowed(mine), mine.headers.get("vary")], [origin, "origin"]);
      const theirs = await ask("/v1/chat/completions", { origin: "https://chat.example.com.evil.example" });
      assert.deepEqual([theirs.status, allowed(theirs)], [204, null]);
      assert.equal(allowed(await call({ origin: "https://b.example" })), null);
      await api("PATCH", "/settings", { cors_origins: "none" }, 200);
      assert.equal(allowed(await ask("/v1/chat/completions")), null);
      await api("PATCH", "/settings", { cors_origins: "chat.example.com" }, 400);
      await api("PATCH", "/settings", { cors_origins: null }, 200);
      assert.equal(allowed(await call()), "*");
    });

    test("the admin API is for its own page only", async () => {
      const answer = await stage.worker.admin("/keys", { headers: { origin } });
      assert.equal(allowed(answer), null);
    });
  });
}

// Calls that the admin makes through the pool on the page, and what their answers tell of the attempts.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { clientKey, eventually, password, storages } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";
import { assertBetween, parsed, rowStage, sse } from "./rows.mjs";

for (const storage of storages) {
  describe(`the playground, on ${storage}`, () => {
    const stage = rowStage(storage);
    const at = (path) => `${stage.worker.url}/admin/api/v1${path}`;
    const bearer = async () => ({ authorization: `Bearer ${await stage.worker.token()}` });
    const cookie = async () => ({ cookie: `keypool_session=${await stage.worker.token()}` });
    const post = async (body, headers = {}, path = "/chat/completions") =>
      fetch(at(path), { method: "POST", body, headers: { ...json, ...(await cookie()), ...headers } });
    const traced = (answer) => JSON.parse(answer.headers.get("x-keypool-trace"));
    const whose = (ids, call) => ids[stage.secrets().indexOf(call.key)];

    test("answers a chat, with the session's cookie as with its token, and names the attempt", async () => {
      const [id] = await stage.fresh(1);
      for (const headers of [await cookie(), await bearer()]) {
        const answer = await fetch(at("/chat/completions"), { method: "POST", body: chatBody(), headers: { ...json, ...headers } });
        assert.equal(answer.status, 200);
        const { choices } = await answer.json();
        assert.ok(choices[0].message.content);
        const [{ ms, ...attempt }, ...more] = traced(answer);
        const provider = answer.headers.get("x-keypool-provider");
        assert.deepEqual(attempt, { key: id, provider, model: "gpt-4o-mini", status: 200, class: null });
        assertBetween(ms, 0, 5000);
        assert.deepEqual([more, answer.headers.get("x-keypool-attempts"), answer.headers.get("x-keypool-key")], [[], "1", id]);
        assert.equal(answer.headers.get("access-control-allow-origin"), null);
      }
      for (const call of stage.mock.ledger) {
        assert.deepEqual([call.path.endsWith("/v1/chat/completions"), call.method], [true, "POST"]);
        assert.ok(!JSON.stringify(call.rawHeaders).includes(await stage.worker.token()));
      }
    });

    test("streams, byte for byte, and tells all attempts before the first one", async () => {
      const ids = await stage.fresh(3);
      const chunks = [": hello\n\ndata: {\"choices\":[]}\r\n\r\nda", 5, "ta: {\"choices\":[{}]}\n\n", 5, "data: [DONE]\n\n"];
      stage.mock.script("*", ["401", "429", { headers: sse, chunks }]);
      const answer = await post(chatBody({ stream: true }));
      assert.equal(answer.headers.get("content-type"), "text/event-stream");
      const tried = traced(answer);
      assert.deepEqual(tried.map((a) => [a.class, a.status]), [["key_dead", 401], ["rate_limited", 429], [null, 200]]);
      assert.deepEqual(tried.map((a) => a.key), stage.mock.ledger.map((call) => whose(ids, call)));
      assert.equal(await answer.text(), chunks.filter((chunk) => typeof chunk === "string").join(""));
    });

    test("tells the attempts of an error too: of ours, of the provider's, and none where nobody was asked", async () => {
      const ids = await stage.fresh(2);
      stage.mock.script("*", "429");
      const none = await post(chatBody());
      assert.deepEqual([none.status, (await none.json()).error.code], [429, "rate_limit_exceeded"]);
      assert.deepEqual(traced(none).map((a) => [a.class, a.status]), [["rate_limited", 429], ["rate_limited", 429]]);
      assert.deepEqual(traced(none).map((a) => a.key).sort(), [...ids].sort());

      await stage.fresh(2);
      stage.mock.script("*", { status: 400, body: '{"error":{"message":"no"}}' });
      const refused = await post(chatBody());
      assert.deepEqual([refused.status, await refused.text()], [400, '{"error":{"message":"no"}}']);
      assert.deepEqual(traced(refused).map((a) => [a.class, a.status]), [["caller", 400]]);

      const unknown = await post(chatBody(), { "x-keypool-key": "nosuchkey" });
      assert.deepEqual([unknown.status, (await unknown.json()).error.code, traced(unknown)], [404, "key_not_found", []]);
      await stage.fresh(0);
      const empty = await post(chatBody());
      assert.deepEqual([empty.status, (await empty.json()).error.code, traced(empty)], [503, "no_keys", []]);
    });

    test("takes a key, a group and a provider as a client key with all rights does", async () => {
      const ids = await stage.fresh(3, {}, [{}, {}, { group: "team" }]);
      const { provider } = (await stage.look())[0].seen;
      for (const id of ids) {
        const answer = await post(chatBody(), { "x-keypool-key": id });
        assert.deepEqual([answer.status, traced(answer).map((a) => a.key)], [200, [id]]);
      }
      for (const model of ["gpt-4o-mini@team", `${provider}/gpt-4o-mini@team`]) {
        const answer = await post(chatBody({ model }));
        assert.deepEqual(traced(answer).map((a) => [a.key, a.provider, a.model]), [[ids[2], provider, "gpt-4o-mini"]]);
        assert.equal(JSON.parse(stage.mock.ledger.at(-1).body).model, "gpt-4o-mini");
      }
    });

    test("has what else a client may ask for: models, the estimate of tokens, embeddings", async () => {
      await stage.fresh(1);
      const models = await fetch(at("/models"), { headers: await cookie() });
      assert.deepEqual([models.status, (await models.json()).object], [200, "list"]);
      assert.equal((await (await post(chatBody(), {}, "/token-count")).json()).object, "token_count");
      const vector = await post(JSON.stringify({ model: "text-embedding-3-small", input: "a" }), {}, "/embeddings");
      assert.deepEqual([vector.status, traced(vector).length], [200, 1]);
    });

    test("is closed to everybody but the admin, and to other sites", async () => {
      const [id] = await stage.fresh(1);
      const { body: client } = await stage.api("POST", "/clients", { rights: ["force_key"], groups: ["*"] }, 201);
      const ask = async (headers, path = "/chat/completions") => {
        const answer = await fetch(at(path), { method: "POST", body: chatBody(), headers: { ...json, ...headers } });
        return [answer.status, (await answer.json()).error.code, answer.headers.get("x-keypool-trace")];
      };
      for (const credential of [clientKey, client.key, password, "", "a.b.c"]) {
        for (const headers of [{ authorization: `Bearer ${credential}` }, { cookie: `keypool_session=${credential}` }])
          assert.deepEqual(await ask({ ...headers, "x-keypool-key": id }), [401, "login_required", null]);
      }
      for (const headers of [{ "x-api-key": await stage.worker.token() }, {}])
        assert.deepEqual(await ask(headers), [401, "login_required", null]);
      for (const from of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }])
        assert.deepEqual(await ask({ ...(await cookie()), ...from }), [403, "cross_site", null]);
      const preflight = { origin: "https://evil.example", "access-control-request-method": "POST" };
      const asked = await fetch(at("/chat/completions"), { method: "OPTIONS", headers: preflight });
      assert.deepEqual([asked.status, asked.headers.get("access-control-allow-origin")], [401, null]);
      assert.deepEqual(await ask(await cookie(), "//chat/completions"), [404, "unknown_route", null]);
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("ends with the session", async () => {
      await stage.fresh(1);
      const login = await fetch(`${stage.worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password }) });
      const headers = { authorization: `Bearer ${(await login.json()).token}` };
      assert.equal((await post(chatBody(), { ...headers, cookie: "" })).status, 200);
      await fetch(`${stage.worker.url}/admin/api/logout`, { method: "POST", headers });
      assert.equal((await post(chatBody(), { ...headers, cookie: "" })).status, 401);
    });

    test("is counted and logged under the name admin, and no secret is told anywhere", async () => {
      await stage.fresh(2);
      const requests = async () => {
        await stage.worker.settled();
        await stage.api("POST", "/flush", undefined, 200);
        const { by } = (await stage.api("GET", "/stats?by=client", undefined, 200)).body;
        return Object.fromEntries(by.map((row) => [row.name, row.rpd]));
      };
      const before = await requests();
      const hidden = { headers: { "x-request-id": null } };
      stage.mock.script("*", ["401", hidden]);
      const answer = await post(chatBody());
      const told = JSON.stringify([...answer.headers]) + (await answer.text());
      const line = await eventually(() => {
        const id = answer.headers.get("x-request-id");
        const lines = stage.worker.logs().split("\n").map(parsed);
        const found = lines.find((l) => l?.event === "call" && l.request === id);
        assert.ok(found);
        return found;
      });
      assert.deepEqual([line.client, line.attempts.length], ["admin", 2]);
      assert.deepEqual(await requests(), { ...before, admin: (before.admin ?? 0) + 1 });
      for (const secret of [...stage.secrets(), await stage.worker.token()])
        assert.ok(!(told + stage.worker.logs()).includes(secret));
    });

    test("an upstream that is a keypool itself tells nothing in its place", async () => {
      await stage.fresh(1);
      stage.mock.script("*", { headers: { "x-keypool-trace": "[1]", ...json }, body: '{"choices":[]}' });
      assert.equal(traced(await post(chatBody())).length, 1);
      assert.equal((await stage.chat()).headers["x-keypool-trace"], undefined);
    });
  });
}

// What goes in comes out: every byte, status and header that is the other side's business passes, and nothing else does.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { sound } from "../../scripts/mock-provider/media.mjs";
import { exchange, leaveEarly } from "./exchange.mjs";
import { clientKey, storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";
import { bytesOf, streams } from "./streams.mjs";

const authorization = `Bearer ${clientKey}`;
const sse = { "content-type": "text/event-stream; charset=utf-8" };
const MiB = 1 << 20;

for (const storage of storages) {
  describe(`the proxy, on ${storage}`, () => {
    let stage, mock, worker;
    const send = (path, options = {}) =>
      exchange(worker.url + path, { method: "POST", ...options, headers: { authorization, ...options.headers } });
    const last = () => mock.ledger.at(-1);
    before(async () => {
      stage = await startStage({ storage });
      ({ mock, worker } = stage);
    });
    after(() => stage.close());

    describe("bodies", () => {
      before(() => stage.pool(["mock-good-bytes-00001", "mock-good-bytes-00002"]));

      test("a binary answer of 4 KiB arrives byte for byte", async () => {
        const answer = await send("/v1/audio/speech", { headers: json, body: JSON.stringify({ model: "tts-1", input: "hi" }) });
        assert.equal(answer.headers["content-type"], "audio/mpeg");
        assert.deepEqual(answer.body, sound);
      });

      test("a latin-1 body passes both ways", async () => {
        mock.script("*", [{ echo: true }]);
        const body = Buffer.from('{"model":"m","note":"caf\xe9 \xff\xfe"}', "latin1");
        const headers = { "content-type": "application/json; charset=iso-8859-1" };
        const answer = await send("/v1/chat/completions", { headers, body });
        assert.deepEqual(last().body, body);
        assert.equal(last().headers["content-type"], headers["content-type"]);
        assert.deepEqual(answer.body, body);
        assert.equal(answer.headers["content-type"], headers["content-type"]);
      });

      test("bytes that are no JSON pass to a path nobody has heard of", async () => {
        mock.script("*", [{ echo: true }]);
        const body = randomBytes(70_001);
        const answer = await send("/v1/something/new?x=1", { headers: { "content-type": "application/x-strange" }, body });
        assert.deepEqual(last().body, body);
        assert.deepEqual(answer.body, body);
      });

      test("a JSON body of 20 MiB passes, and survives a failover", async () => {
        mock.script("*", ["500", { echo: true }]);
        const full = padded(chatBody({ messages: [{ role: "user", content: 'a "line"\n of é '.repeat(MiB) }] }), 20 * MiB);
        const answer = await send("/v1/chat/completions", { headers: json, body: full });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers["x-keypool-attempts"], "2");
        assert.ok(mock.ledger.slice(-2).every((call) => call.body.equals(full)));
        assert.ok(answer.body.equals(full));
      });

      test("a body of 25 MiB is streamed through in one attempt", async () => {
        const body = randomBytes(25 * MiB);
        mock.script("*", [{ echo: true }]);
        const answer = await send("/v1/files", { headers: { "content-type": "application/octet-stream" }, body });
        assert.ok(last().body.equals(body));
        assert.ok(answer.body.equals(body));

        const before = mock.ledger.length;
        mock.script("*", ["500"]);
        const failed = await send("/v1/files", { headers: { "content-type": "application/octet-stream" }, body });
        assert.ok(failed.status >= 500);
        assert.equal(mock.ledger.length, before + 1);
      });

      test("a body of unknown length passes", async () => {
        mock.script("*", [{ echo: true }]);
        const parts = ['{"model":"m",', 5, '"messages":', 5, "[]}"];
        const answer = await send("/v1/chat/completions", { headers: json, body: parts });
        assert.deepEqual(last().body, bytesOf(parts));
        assert.deepEqual(answer.body, bytesOf(parts));
      });

      test("a multipart upload passes with its boundary, and survives a failover", async () => {
        mock.script("*", ["500"]);
        const boundary = "----odd'boundary(1)+_,./:=?";
        const file = randomBytes(100_000);
        const body = Buffer.concat([
          Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n`),
          Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="t.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n`),
          file,
          Buffer.from(`\r\n--${boundary}--\r\n`),
        ]);
        const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
        const before = mock.ledger.length;
        const answer = await send("/v1/audio/transcriptions", { headers, body });
        assert.deepEqual(JSON.parse(answer.body), { text: "t.mp3: 100000 bytes" });
        assert.equal(mock.ledger.length, before + 2);
        for (const call of mock.ledger.slice(before)) {
          assert.ok(call.body.equals(body));
          assert.equal(call.headers["content-type"], headers["content-type"]);
        }
      });

      test("a compressed body passes as it is, and says so", async () => {
        mock.script("*", [{ echo: true }]);
        const body = gzipSync(chatBody());
        await send("/v1/chat/completions", { headers: { ...json, "content-encoding": "gzip" }, body });
        assert.deepEqual(last().body, body);
        assert.equal(last().headers["content-encoding"], "gzip");
      });

      test("a binary answer that falls silent is broken off, not left hanging", async () => {
        const { name } = await stage.pool(["mock-good-stall-00001"], { idle_timeout_ms: 400 });
        mock.script("*", [{ headers: { "content-type": "audio/mpeg" }, chunks: ["some", 20, "sound", "never sent"], hang: 2 }]);
        const answer = await send(`/${name}/v1/audio/speech`, { headers: json, body: "{}", patience: 10_000 });
        assert.equal(answer.body.toString(), "somesound");
        assert.equal(answer.complete, false);
      });

      test("an answer without a body stays without one", async () => {
        mock.script("*", [{ status: 204, headers: { "x-request-id": "req_empty" } }]);
        const answer = await send("/v1/things/1", { method: "DELETE" });
        assert.deepEqual([answer.status, answer.body.length, answer.headers["x-request-id"]], [204, 0, "req_empty"]);
      });

      test("a gzip answer means the same bytes", async () => {
        const plain = Buffer.from(JSON.stringify({ object: "list", data: ["é".repeat(5000)] }));
        mock.script("*", [{ body: gzipSync(plain), headers: { "content-type": "application/json", "content-encoding": "gzip" } }]);
        const answer = await send("/v1/models", { method: "GET", headers: { "accept-encoding": "gzip" } });
        assert.deepEqual(decoded(answer), plain);
      });
    });

    describe("streams", () => {
      before(() => stage.pool(["mock-good-sse-0000001", "mock-good-sse-0000002"]));

      for (const [kind, chunks] of streams) {
        test(`a stream with ${kind} arrives byte for byte`, async () => {
          mock.script("*", [{ headers: sse, chunks }]);
          const answer = await send("/v1/chat/completions", { headers: json, body: chatBody({ stream: true }) });
          assert.equal(answer.status, 200);
          assert.equal(answer.headers["content-type"], sse["content-type"]);
          assert.ok(answer.complete);
          assert.equal(answer.body.toString("latin1"), bytesOf(chunks).toString("latin1"));
        });
      }

      test("a gzip stream means the same bytes", async () => {
        const plain = bytesOf(streams[0][1]);
        const zipped = gzipSync(plain);
        mock.script("*", [{ headers: { ...sse, "content-encoding": "gzip" }, chunks: [zipped.subarray(0, 25), 5, zipped.subarray(25)] }]);
        const headers = { ...json, "accept-encoding": "gzip" };
        const answer = await send("/v1/chat/completions", { headers, body: chatBody({ stream: true }) });
        assert.deepEqual(decoded(answer), plain);
      });

      test("an event is not held back until the next one", async () => {
        const first = bytesOf(['data: {"choices":[]}\n\n']);
        mock.script("*", [{ headers: sse, chunks: [first, 60_000, "never"] }]);
        const seen = await leaveEarly(`${worker.url}/v1/chat/completions`, { headers: { authorization, ...json }, body: chatBody({ stream: true }) });
        assert.deepEqual(seen, first);
      });

      test("a JSON answer to a request for a stream passes as it is", async () => {
        const body = Buffer.from('{"choices":[{"message":{"content":"no stream here"}}]}');
        mock.script("*", [{ body, headers: { "content-type": "application/json" } }]);
        const answer = await send("/v1/chat/completions", { headers: json, body: chatBody({ stream: true }) });
        assert.deepEqual(answer.body, body);
        assert.equal(answer.headers["content-type"], "application/json");
      });
    });

    describe("lines and headers", () => {
      let provider;
      before(async () => (provider = (await stage.pool(["mock-good-head-000001"])).name));

      test("the query passes as it was written", async () => {
        const query = "?a=1&a=2&b=%20x+y%2F&empty=&%E2%9C%93";
        await send(`/v1/models${query}`, { method: "GET" });
        assert.equal(last().query, query);
      });

      test("the path passes as it was written", async () => {
        await send("/v1/files/a%2Fb%20c/content", { method: "GET" });
        assert.match(last().path, /\/v1\/files\/a%2Fb%20c\/content$/);
      });

      test("no path leads out of the provider's base URL", async () => {
        for (const path of ["/v1/%2e%2e/%2e%2e/x", "/v1/a/..%2f../%2E%2E/%2e%2e/%2e%2e/x", "/v1/../../x", "/v1/%5c..%5c..%5cx", "/v1//evil.example/x", "/v1/@evil.example/x"]) {
          const before = mock.ledger.length;
          await send(path, { method: "GET" });
          for (const call of mock.ledger.slice(before)) assert.match(call.path, /^\/case\d+\/v1\//, path);
        }
      });

      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        test(`${method} stays ${method}`, async () => {
          const answer = await send("/v1/models", { method });
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
          mock.script("*", [{ status, headers, body: '{"odd":true}' }]);
          const answer = await send("/v1/chat/completions", { headers: json, body: chatBody() });
          assert.equal(answer.status, status);
          for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value, `${name} with ${status}`);
          assert.equal(answer.body.toString(), '{"odd":true}');
        }
      });

      test("the answer says how many attempts it took, and a request id is made when the provider sent none", async () => {
        mock.script("*", [{ body: "{}", headers: { "x-request-id": null } }]);
        const answer = await send("/v1/chat/completions", { headers: json, body: chatBody() });
        assert.equal(answer.headers["x-keypool-attempts"], "1");
        assert.ok(answer.headers["x-request-id"]);
      });

      test("a provider's cookie does not reach the client", async () => {
        mock.script("*", [{ body: "{}", headers: { "set-cookie": "__cf_bm=1; Path=/" } }]);
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
        assert.equal(seen.headers.host, `127.0.0.1:${mock.port}`);
        assert.ok(!JSON.stringify(seen.rawHeaders).includes(clientKey));
      });

      test("a redirect is not followed", async () => {
        mock.script("*", [{ status: 302, headers: { location: `http://127.0.0.1:${mock.port}/elsewhere/v1/models` } }]);
        const before = mock.ledger.length;
        await send("/v1/chat/completions", { headers: json, body: chatBody() });
        assert.ok(mock.ledger.slice(before).every((call) => !call.path.startsWith("/elsewhere")));
      });

      test("a base URL without /v1 works too", async () => {
        const answer = await send("/chat/completions?x=1", { headers: json, body: chatBody() });
        assert.equal(answer.status, 200);
        assert.match(last().path, /^\/case\d+\/v1\/chat\/completions$/);
        assert.equal(last().query, "?x=1");
        assert.equal((await send("/models", { method: "GET" })).status, 200);
      });

      test("a provider is pinned by path, and by a model prefix that the provider never sees", async () => {
        mock.script("*", [{ echo: true }, { echo: true }]);
        const body = chatBody();
        await send(`/${provider}/v1/chat/completions`, { headers: json, body });
        assert.equal(last().body.toString(), body);
        const odd = `{ "messages":[ ],"model" : "${provider}/gpt-4o-mini","x":"${provider}/gpt-4o-mini" }`;
        await send("/v1/chat/completions", { headers: json, body: odd });
        assert.equal(last().body.toString(), odd.replace(`${provider}/`, ""));
      });

      test("a model with a slash that is no provider's stays whole", async () => {
        mock.script("*", [{ echo: true }]);
        const body = chatBody({ model: "meta-llama/llama-3.1-8b" });
        assert.equal((await send("/v1/chat/completions", { headers: json, body })).status, 200);
        assert.equal(last().body.toString(), body);
      });

      test("a path that is nobody's is a 404 of ours", async () => {
        const before = mock.ledger.length;
        for (const [path, code] of [["/wp-login.php", "unknown_route"], ["/nosuch/v1/models", "provider_not_found"]]) {
          const answer = await send(path, { method: "GET" });
          assert.equal(answer.status, 404);
          assertOurs(answer, code);
        }
        assert.equal(mock.ledger.length, before);
      });

      test("the client key is taken from any of three headers", async () => {
        for (const headers of [{ authorization }, { authorization: `bearer ${clientKey}` }, { "x-api-key": clientKey }, { "api-key": clientKey }]) {
          assert.equal((await exchange(`${worker.url}/v1/models`, { headers })).status, 200, JSON.stringify(Object.keys(headers)));
        }
      });

      test("without a known client key nothing reaches a provider", async () => {
        const before = mock.ledger.length;
        for (const headers of [{}, { authorization: "Bearer nope" }, { authorization: "Bearer " }, { authorization: clientKey.slice(0, -1) }, { "x-api-key": "mock-good-head-000001" }]) {
          const answer = await exchange(`${worker.url}/v1/chat/completions`, { method: "POST", headers: { ...json, ...headers }, body: chatBody() });
          assert.equal(answer.status, 401);
          assertOurs(answer, "invalid_api_key");
        }
        assert.equal(mock.ledger.length, before);
      });

      test("health is answered to anyone", async () => {
        const answer = await exchange(`${worker.url}/healthz`);
        assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { status: "ok" }]);
      });
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

/** The JSON text, filled up to `size` bytes with the white space that JSON allows. */
function padded(text, size) {
  const bytes = Buffer.from(text);
  assert.ok(bytes.length <= size && bytes.length > size - 4 * MiB);
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length, " ")]);
}

function decoded(answer) {
  return answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.body) : answer.body;
}

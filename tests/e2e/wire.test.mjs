// Whatever a client writes on the wire, and an admin into a form: an upstream gets one well-formed request at its own address, or none.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { clientKey, startWorker } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";
import { rawUpstream, readRequest, sendRaw } from "./wire.mjs";

const SECRET = "mock-good-wire-000001";
const chat = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });

describe("what goes upstream", () => {
  let upstream, canary, worker;
  before(async () => {
    [upstream, canary, worker] = await Promise.all([rawUpstream(), rawUpstream(), startWorker()]);
    const base = `http://127.0.0.1:${upstream.port}`;
    await worker.api("POST", "/providers", { name: "wire", base_url: `${base}/base/v1` }, 201);
    await worker.api("POST", "/providers", { name: "azure", base_url: `${base}/base`, layout: "azure", api_version: "2024-10-21" }, 201);
    await worker.api("PATCH", "/providers/wire", { default: true }, 200);
    for (const provider of ["wire", "azure"]) await worker.api("POST", "/keys", { text: SECRET, provider }, 201);
  });
  after(() => Promise.all([upstream.close(), canary.close(), worker.close()]));

  const head = (target, more = "", method = "POST") =>
    `${method} ${target} HTTP/1.1\r\nhost: keypool.example\r\nauthorization: Bearer ${clientKey}\r\ncontent-type: application/json\r\n${more}`;
  const whole = (target, more = "", body = chat) => `${head(target, more)}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  /** Sends, and reads what came upstream: `[statuses, requests]`. */
  async function exchanged(text) {
    upstream.seen.length = 0;
    const statuses = await sendRaw(worker.url, text);
    const requests = upstream.seen.filter((seen) => seen !== "").map(readRequest);
    assert.deepEqual(canary.seen, [], "somebody else was called");
    for (const { target, headers } of requests) {
      assert.match(target, /^\/base\/(?:v1|openai)\//);
      assert.doesNotMatch(target.split("?")[0], /[\\#\s]|\/\.\.?(?:[/?]|$)|\/(?:%2e|\.){1,2}(?:[/?]|$)/i);
      assert.deepEqual(headers.host, [`127.0.0.1:${upstream.port}`]);
      assert.ok([`Bearer ${SECRET}`, undefined].includes(headers.authorization?.[0]));
      assert.ok(!Object.keys(headers).some((name) => name.startsWith("x-evil")), "a header was smuggled in");
      assert.ok(!JSON.stringify(headers).includes(clientKey));
    }
    return [statuses, requests];
  }

  test("is what a plain call says", async () => {
    const [statuses, [request, ...more]] = await exchanged(whole("/v1/chat/completions"));
    assert.deepEqual([statuses, more.length, request.line, request.body], [[200], 0, "POST /base/v1/chat/completions HTTP/1.1", chat]);
  });

  const elsewhere = () => `127.0.0.1:${canary.port}`;
  const TARGETS = [
    "/v1/chat/completions%0d%0ax-evil:%201", "/v1/files/a%0d%0ax-evil:%201%0d%0a%0d%0a", "/v1/files/a%0ab", "/v1/files/a%00b", "/v1/files/%", "/v1/files/%zz",
    "/v1/files/../../../admin/api/keys", "/v1/files/%2e%2e/%2e%2e/%2e%2e/x", "/v1/files/.%2e/%2E./x", "/v1/files/..%2f..%2fx", "/v1/files/..;/x", "/v1/files/..\\..\\x", "/v1/files/%5c..%5cx",
    "/v1/files/.._kp0123456789abcdef/x", "/v1/files/a%0d%0a_kp0123456789abcdef0123456789abcdef", "/v1/batches/@HOST/x",
    "//HOST/v1/files/x", "/\\HOST/v1/files/x", "/v1//HOST/x", "/v1/@HOST/x", "/v1/:80@HOST/x", "/v1/https://HOST/x", "/v1/files//HOST/x", "/wire//HOST/v1/files/x", "/wire/v1/@HOST/x", "/wire/v1//HOST/x",
    "/wire%2f@HOST/v1/files", "/wire@HOST/v1/files", "/wire%0d%0ax-evil:1/v1/files", "http://HOST/v1/files/x", "https://HOST/v1/files/x", "http://a@HOST/v1/files/x",
    "/v1/files?a=%0d%0ax-evil:%201", "/v1/files?a=b#c", "/v1/files?key=x&@HOST", "/v1/files?a=\\\\HOST", "/v1/files?../../x", "/v1/chat/completions/../../../x", "*", "HOST", "v1/files",
    "/v1/files HTTP/1.1\r\nx-evil: 1\r\nx-rest:", "/v1/files\tx", "/v1/files\0x", "/v1/files\nx-evil: 1",
  ];
  for (const target of TARGETS) {
    test(`stays where it belongs, for the target ${JSON.stringify(target)}`, async () => {
      await exchanged(`${head(target.replaceAll("HOST", elsewhere()), "connection: close\r\n", "GET")}\r\n`);
      await exchanged(whole(target.replaceAll("HOST", elsewhere()), "connection: close\r\n"));
    });
  }

  for (const host of ["HOST", "a@HOST", "HOST/..", "a/v1/files?", "HOST#", "a b", "\\\\HOST", "", "[::1]", "a\0b", "a\r\nhost: HOST", "admin/api/keys?"]) {
    test(`is not led by the Host header ${JSON.stringify(host)}`, async () => {
      await exchanged(whole("/v1/files/x", "connection: close\r\n").replace("keypool.example", host.replaceAll("HOST", elsewhere())));
    });
  }

  for (const value of ["a\rx-evil: 1", "a\nx-evil: 1", "a\0b", "a\r\n x-evil: 1", "%0d%0ax-evil: 1", "é\u0080\u00ff", "a\u000bb", `${"a".repeat(9000)}`]) {
    test(`has no headers from ${JSON.stringify(value.slice(0, 30))} in a header that is forwarded`, async () => {
      for (const name of ["idempotency-key", "user-agent", "openai-beta", "x-title"]) await exchanged(whole("/v1/chat/completions", `connection: close\r\n${name}: ${value}\r\n`));
    });
  }

  for (const model of ["a\r\nx-evil: 1", "../../x", "..", "..\\..", "%2e%2e/%2e%2e/x", "a?b=c", "a#b", "//HOST", "@HOST", "a\0b", "日本", "azure//../..", "x@HOST", "wire/@HOST"]) {
    test(`is not led by the model ${JSON.stringify(model)}`, async () => {
      for (const name of [model, `azure/${model}`, `wire/${model}`]) {
        const body = JSON.stringify({ ...JSON.parse(chat), model: name.replaceAll("HOST", elsewhere()) });
        const [, requests] = await exchanged(whole("/v1/chat/completions", "connection: close\r\n", body));
        for (const { target } of requests) assert.match(target, /^\/base\/(?:v1|openai(?:\/deployments\/[^/?#]+)?)\/chat\/completions(?:\?api-version=2024-10-21)?$/);
      }
    });
  }

  const inner = "GET /v1/files/SMUGGLED HTTP/1.1\r\nhost: a\r\n\r\n";
  const chunked = `${chat.length.toString(16)}\r\n${chat}\r\n0\r\n\r\n`;
  for (const [what, more, body, expected = chat] of [
    ["Content-Length and Transfer-Encoding", `content-length: ${chunked.length}\r\ntransfer-encoding: chunked\r\n`, chunked],
    ["Content-Length that ends sooner than the chunks", "content-length: 4\r\ntransfer-encoding: chunked\r\n", chunked + inner],
    ["Content-Length that ends later than the chunks", `content-length: ${chunked.length + inner.length}\r\ntransfer-encoding: chunked\r\n`, chunked + inner],
    ["two Content-Lengths that differ", `content-length: ${chat.length}\r\ncontent-length: ${chat.length + inner.length}\r\n`, chat + inner],
    ["two Content-Lengths in one line", `content-length: ${chat.length}, ${chat.length + inner.length}\r\n`, chat + inner],
    ["two Content-Lengths that are equal", `content-length: ${chat.length}\r\ncontent-length: ${chat.length}\r\n`, chat],
    ["a Content-Length with a sign", `content-length: +${chat.length}\r\n`, chat + inner],
    ["a negative Content-Length", "content-length: -1\r\n", chat + inner],
    ["a Content-Length in hex", `content-length: 0x${chat.length.toString(16)}\r\n`, chat + inner],
    ["a Content-Length beyond 2^64", "content-length: 18446744073709551617\r\n", chat],
    ["a Content-Length with a blank before the colon", `content-length : ${chat.length}\r\n`, chat + inner],
    ["a folded Content-Length", `content-length:\r\n ${chat.length}\r\n`, chat],
    ["a folded header", `x-title: a\r\n content-length: 5\r\ncontent-length: ${chat.length}\r\n`, chat],
    ["Transfer-Encoding: xchunked", "transfer-encoding: xchunked\r\n", chunked + inner],
    ["Transfer-Encoding: identity, chunked", "transfer-encoding: identity, chunked\r\n", chunked],
    ["Transfer-Encoding: chunked, identity", "transfer-encoding: chunked, identity\r\n", chunked + inner],
    ["Transfer-Encoding: CHUNKED with a tab", "transfer-encoding:\tCHUNKED\r\n", chunked],
    ["two Transfer-Encodings", "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", chunked + inner],
    ["Transfer-Encoding with a vertical tab", "transfer-encoding: \u000bchunked\r\n", chunked + inner],
    ["Transfer-Encoding behind a bare LF", `x-title: a\ntransfer-encoding: chunked\r\ncontent-length: ${chat.length}\r\n`, chat],
    ["chunk extensions", "transfer-encoding: chunked\r\n", chunked.replace("\r\n", ";a=b;c=\"\r\"\r\n")],
    ["a chunk extension with a bare LF", "transfer-encoding: chunked\r\n", chunked.replace("\r\n", ";a\n") + inner],
    ["chunks with bare LFs", "transfer-encoding: chunked\r\n", chunked.replaceAll("\r\n", "\n") + inner],
    ["a chunk longer than it says", "transfer-encoding: chunked\r\n", `2\r\n${chat}\r\n0\r\n\r\n${inner}`],
    ["a chunk of a negative length", "transfer-encoding: chunked\r\n", `-1\r\n${chat}\r\n0\r\n\r\n${inner}`],
    ["a chunk length beyond 2^64", "transfer-encoding: chunked\r\n", `1${"0".repeat(16)}\r\n${chat}\r\n0\r\n\r\n${inner}`],
    ["trailers", "transfer-encoding: chunked\r\n", chunked.replace(/\r\n$/, "x-evil: 1\r\nauthorization: Bearer x\r\n\r\n")],
    ["a body on a GET inside of a POST", `content-length: ${chat.length}\r\nx-http-method-override: GET\r\n`, chat],
    ["no length at all", "", chat + inner, ""],
  ]) {
    test(`is one request or none, for ${what}`, async () => {
      const [statuses, requests] = await exchanged(`${head("/v1/chat/completions", more)}\r\n${body}`);
      assert.ok(requests.length <= 1, `${requests.length} requests`);
      for (const { line, body } of requests) {
        assert.equal(line, "POST /base/v1/chat/completions HTTP/1.1");
        assert.equal(body, expected, "the body is that of one request");
      }
      assert.equal(statuses.filter((status) => status === 200).length, requests.length);
    });
  }

  test("has no second request from a client that sends two at once with one login", async () => {
    const [statuses, requests] = await exchanged(whole("/v1/chat/completions") + inner);
    assert.deepEqual([statuses, requests.length], [[200, 401], 1]);
  });

  test("is refused where an admin's words could break a request", async () => {
    const refused = async (path, body) => {
      const { status } = await worker.api("POST", path, body);
      assert.equal(status, 400, JSON.stringify(body));
    };
    const base_url = `http://127.0.0.1:${upstream.port}/v1`;
    for (const name of ["a\r\nb", "a/b", "a@b", "..", "a%2fb", "a?b", "A", "admin"]) await refused("/providers", { name, base_url });
    for (const value of ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b", "é", " a"]) await refused("/providers", { name: "evil", base_url, headers: { "x-gateway": value } });
    for (const name of ["x-a: b\r\nx-evil", "x evil", "x:evil", "", "host", "content-length", "transfer-encoding", "connection", "te", "upgrade"])
      await refused("/providers", { name: "evil", base_url, headers: { [name]: "a" } });
    for (const bad of ["\r\nx-evil: 1", "\n", "\0", "?a=b", "#a", "\\..", " b", "/\u00e9"]) await refused("/providers", { name: "evil", base_url: `${base_url}/a${bad}b` });
    for (const balance_url of ["/a\r\nb", "https://b.example/x", "/a#b", "\\\\b.example", "/a b"]) await refused("/providers", { name: "evil", base_url, balance_url });
    for (const api_version of ["1&key=x", "1#", "1\r\nx"]) await refused("/providers", { name: "evil", base_url, layout: "azure", api_version });
    for (const key of ["\r\nx-evil: 1", "mock-good-a\0b-000001", "mock-good-é-000001", "mock good 000001"]) {
      const { body } = await worker.api("POST", "/keys", { keys: [{ key, provider: "wire" }] });
      assert.ok(!body.added?.some(({ masked }) => masked === key) && (body.added ?? []).length === 0, JSON.stringify([key, body]));
    }
  });

  test("does not follow an upstream that points elsewhere", async () => {
    const away = await rawUpstream(`HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:${canary.port}/v1/chat/completions\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    await worker.api("POST", "/providers", { name: "away", base_url: `http://127.0.0.1:${away.port}/v1`, balance_url: "/balance", balance_path: "a" }, 201);
    const { added } = (await worker.api("POST", "/keys", { text: SECRET, provider: "away" }, 201)).body;
    await worker.fetch("/away/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
    await worker.fetch("/away/v1/models", {});
    for (const { id } of added) await worker.api("POST", `/keys/${id}/test`);
    assert.ok(away.seen.length >= 3);
    assert.deepEqual(canary.seen, []);
    await away.close();
  });
});

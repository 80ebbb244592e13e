// What goes in comes out: every byte of a body, both ways.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { sound } from "../../scripts/mock-provider/media.mjs";
import { decoded } from "./exchange.mjs";
import { storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";
import { bytesOf } from "./streams.mjs";
import { counted, freshKey } from "./used.mjs";

const MiB = 1 << 20;

for (const storage of storages) {
  describe(`bodies through the proxy, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { send, last } = stage;

    before(() => stage.pool(["mock-good-bytes-00001", "mock-good-bytes-00002"]));

    test("a binary answer of 4 KiB arrives byte for byte", async () => {
      const answer = await send("/v1/audio/speech", {
        headers: json,
        body: JSON.stringify({ model: "tts-1", input: "hi" }),
      });
      assert.equal(answer.headers["content-type"], "audio/mpeg");
      assert.deepEqual(answer.body, sound);
    });

    test("a latin-1 body passes both ways", async () => {
      stage.mock.script("*", [{ echo: true }]);
      const body = Buffer.from('{"model":"m","note":"caf\xe9 \xff\xfe"}', "latin1");
      const headers = { "content-type": "application/json; charset=iso-8859-1" };
      const answer = await send("/v1/chat/completions", { headers, body });
      assert.deepEqual(last().body, body);
      assert.equal(last().headers["content-type"], headers["content-type"]);
      assert.deepEqual(answer.body, body);
      assert.equal(answer.headers["content-type"], headers["content-type"]);
    });

    test("bytes that are no JSON pass to a path nobody has heard of", async () => {
      stage.mock.script("*", [{ echo: true }]);
      const body = randomBytes(70_001);
      const answer = await send("/v1/something/new?x=1", {
        headers: { "content-type": "application/x-strange" },
        body,
      });
      assert.deepEqual(last().body, body);
      assert.deepEqual(answer.body, body);
    });

    test("a JSON body of 20 MiB passes, and survives a failover", async () => {
      stage.mock.script("*", ["500", { echo: true }]);
      const full = padded(
        chatBody({ messages: [{ role: "user", content: 'a "line"\n of é '.repeat(MiB) }] }),
        20 * MiB,
      );
      const answer = await send("/v1/chat/completions", { headers: json, body: full });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers["x-keypool-attempts"], "2");
      assert.ok(stage.mock.ledger.slice(-2).every((call) => call.body.equals(full)));
      assert.ok(answer.body.equals(full));
    });

    test("a body of 25 MiB is streamed through in one attempt", async () => {
      const body = randomBytes(25 * MiB);
      stage.mock.script("*", [{ echo: true }]);
      const answer = await send("/v1/files", { headers: { "content-type": "application/octet-stream" }, body });
      assert.ok(last().body.equals(body));
      assert.ok(answer.body.equals(body));

      const before = stage.mock.ledger.length;
      stage.mock.script("*", ["500"]);
      const failed = await send("/v1/files", { headers: { "content-type": "application/octet-stream" }, body });
      assert.ok(failed.status >= 500);
      assert.equal(stage.mock.ledger.length, before + 1);
    });

    test("a body of unknown length passes", async () => {
      stage.mock.script("*", [{ echo: true }]);
      const parts = ['{"model":"m",', 5, '"messages":', 5, "[]}"];
      const answer = await send("/v1/chat/completions", { headers: json, body: parts });
      assert.deepEqual(last().body, bytesOf(parts));
      assert.deepEqual(answer.body, bytesOf(parts));
    });

    test("a multipart upload passes with its boundary, and survives a failover", async () => {
      stage.mock.script("*", ["500"]);
      const boundary = "----odd'boundary(1)+_,./:=?";
      const file = randomBytes(100_000);
      const body = Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n`),
        Buffer.from(
          `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="t.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n`,
        ),
        file,
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ]);
      const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
      const before = stage.mock.ledger.length;
      const answer = await send("/v1/audio/transcriptions", { headers, body });
      assert.deepEqual(JSON.parse(answer.body), { text: "t.mp3: 100000 bytes" });
      assert.equal(stage.mock.ledger.length, before + 2);
      for (const call of stage.mock.ledger.slice(before)) {
        assert.ok(call.body.equals(body));
        assert.equal(call.headers["content-type"], headers["content-type"]);
      }
    });

    test("a compressed body passes as it is, and says so", async () => {
      stage.mock.script("*", [{ echo: true }]);
      const body = gzipSync(chatBody());
      await send("/v1/chat/completions", { headers: { ...json, "content-encoding": "gzip" }, body });
      assert.deepEqual(last().body, body);
      assert.equal(last().headers["content-encoding"], "gzip");
    });

    test("a binary answer that falls silent is broken off, not left hanging", async () => {
      const { name } = await stage.pool(["mock-good-stall-00001"], { idle_timeout_ms: 400 });
      stage.mock.script("*", [
        { headers: { "content-type": "audio/mpeg" }, chunks: ["some", 20, "sound", "never sent"], hang: 2 },
      ]);
      const answer = await send(`/${name}/v1/audio/speech`, { headers: json, body: "{}", patience: 10_000 });
      assert.equal(answer.body.toString(), "somesound");
      assert.equal(answer.complete, false);
    });

    test("a JSON answer that does not say how long it is passes whole, and its usage is counted", async () => {
      const id = await freshKey(stage);
      const usage = '"usage":{"prompt_tokens":1234,"completion_tokens":56,"total_tokens":1290}}';
      for (const size of [10, 65_535, 65_536, 65_537, 131_072, 4 * MiB, 4 * MiB + 1, 9 * MiB]) {
        const pieces = ['{"data":"', 5, "x".repeat(size - 9 - usage.length > 0 ? size - 11 - usage.length : 0), 5, '",', usage];
        stage.mock.script("*", [{ headers: json, chunks: pieces }]);
        const answer = await send("/v1/embeddings", { headers: json, body: chatBody() });
        assert.ok(answer.body.equals(bytesOf(pieces)), `${size}: ${answer.body.length}`);
        assert.equal(answer.complete, true);
      }
      await counted(stage, id, [8 * 1234, 8 * 56], 8);
    });

    test("a JSON answer without end begins before it ends", async () => {
      const { name } = await stage.pool(["mock-good-endless-00001"], { idle_timeout_ms: 400 });
      const beginning = `{"data":"${"x".repeat(6 * MiB)}`;
      stage.mock.script("*", [{ headers: json, chunks: [beginning, "never sent"], hang: 1 }]);
      const answer = await send(`/${name}/v1/embeddings`, { headers: json, body: "{}", patience: 10_000 });
      assert.equal(answer.status, 200);
      assert.equal(answer.body.length, beginning.length);
      assert.equal(answer.complete, false);
    });

    test("an answer without a body stays without one", async () => {
      stage.mock.script("*", [{ status: 204, headers: { "x-request-id": "req_empty" } }]);
      const answer = await send("/v1/things/1", { method: "DELETE" });
      assert.deepEqual([answer.status, answer.body.length, answer.headers["x-request-id"]], [204, 0, "req_empty"]);
    });

    test("a gzip answer means the same bytes", async () => {
      const plain = Buffer.from(JSON.stringify({ object: "list", data: ["é".repeat(5000)] }));
      stage.mock.script("*", [
        { body: gzipSync(plain), headers: { "content-type": "application/json", "content-encoding": "gzip" } },
      ]);
      const answer = await send("/v1/things", { method: "GET", headers: { "accept-encoding": "gzip" } });
      assert.deepEqual(decoded(answer), plain);
    });
  });
}

/** The JSON text, filled up to `size` bytes with the white space that JSON allows. */
function padded(text, size) {
  const bytes = Buffer.from(text);
  assert.ok(bytes.length <= size && bytes.length > size - 4 * MiB);
  return Buffer.concat([bytes, Buffer.alloc(size - bytes.length, " ")]);
}

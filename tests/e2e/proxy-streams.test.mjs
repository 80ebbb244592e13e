// Streams arrive as they were sent: every byte, and at once.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { decoded, leaveEarly } from "./exchange.mjs";
import { storages } from "./harness.mjs";
import { authorization, chatBody, json, stageOf } from "./pool.mjs";
import { bytesOf, streams } from "./streams.mjs";

const sse = { "content-type": "text/event-stream; charset=utf-8" };

for (const storage of storages) {
  describe(`streams through the proxy, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { send } = stage;

    before(() => stage.pool(["mock-good-sse-0000001", "mock-good-sse-0000002"]));

    for (const [kind, chunks] of streams) {
      test(`a stream with ${kind} arrives byte for byte`, async () => {
        stage.mock.script("*", [{ headers: sse, chunks }]);
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
      stage.mock.script("*", [
        { headers: { ...sse, "content-encoding": "gzip" }, chunks: [zipped.subarray(0, 25), 5, zipped.subarray(25)] },
      ]);
      const headers = { ...json, "accept-encoding": "gzip" };
      const answer = await send("/v1/chat/completions", { headers, body: chatBody({ stream: true }) });
      assert.deepEqual(decoded(answer), plain);
    });

    test("an event is not held back until the next one", async () => {
      const first = bytesOf(['data: {"choices":[]}\n\n']);
      stage.mock.script("*", [{ headers: sse, chunks: [first, 60_000, "never"] }]);
      const seen = await leaveEarly(`${stage.worker.url}/v1/chat/completions`, {
        headers: { authorization, ...json },
        body: chatBody({ stream: true }),
      });
      assert.deepEqual(seen, first);
    });

    test("a JSON answer to a request for a stream passes as it is", async () => {
      const body = Buffer.from('{"choices":[{"message":{"content":"no stream here"}}]}');
      stage.mock.script("*", [{ body, headers: { "content-type": "application/json" } }]);
      const answer = await send("/v1/chat/completions", { headers: json, body: chatBody({ stream: true }) });
      assert.deepEqual(answer.body, body);
      assert.equal(answer.headers["content-type"], "application/json");
    });
  });
}

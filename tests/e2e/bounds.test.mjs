// The wasm's memory, which never shrinks, under the most that is let in: ten thousand keys, and bodies as large as are kept and larger,
// several at a time. An isolate has 128 MB, and JavaScript holds the bodies.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { started, storages } from "./harness.mjs";
import { json } from "./pool.mjs";

const MB = 1 << 20;
const KEYS = 10_000;
/// With ten thousand keys, and for any number of bodies.
const MOST = 64 * MB;
const BODIES_MAY_ADD = 1 * MB;

for (const storage of storages) {
  test(`the wasm's memory is bounded with ${KEYS} keys and the largest bodies, on ${storage}`, async (t) => {
    const mock = await startMockProvider();
    t.after(() => mock.close());
    const worker = await started(t, { storage, faults: true });
    await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
    const text = Array.from({ length: KEYS }, (_, i) => `mock-good-bounds-${String(i).padStart(6, "0")}`).join("\n");
    await worker.api("POST", "/keys", { text, provider: "mock" }, 201);
    const chats = async (megabytes, count) => {
      const content = "x".repeat(megabytes * MB);
      const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }] });
      const answers = await Promise.all(Array.from({ length: count }, () => worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body })));
      for (const answer of answers) {
        assert.equal(answer.status, 200);
        await answer.arrayBuffer();
      }
      mock.ledger.length = 0;
      return (await worker.counts()).memory;
    };
    await chats(0, 50);
    const keys = await chats(0, 50);
    const list = [keys];
    for (const [megabytes, count] of [[1, 8], [19, 4], [19, 4], [25, 4], [19, 4]]) list.push(await chats(megabytes, count));
    t.diagnostic(`MB with the keys, and after each lot of bodies: ${list.map((bytes) => (bytes / MB).toFixed(1)).join(" ")}`);
    assert.ok(list.at(-1) <= keys + BODIES_MAY_ADD, `${keys} bytes before the bodies, ${list.at(-1)} after them`);
    // A whole load, a change and a tick with all keys.
    for (let i = 0; i < 5; i++) {
      await worker.api("PATCH", "/settings", { wait_budget_ms: 1000 + i }, 200);
      await worker.scheduled(Date.now() + i * 300_000);
      await worker.api("GET", "/keys?limit=1000", undefined, 200);
    }
    const { memory } = await worker.counts();
    t.diagnostic(`MB after changes: ${(memory / MB).toFixed(1)}`);
    assert.ok(memory <= MOST, `${memory} bytes`);
  });
}

// Encrypted records on their way from KV to D1.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { startWorker, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const [one, two] = ["1", "2"].map((n) => `e2e-encryption-key-${n.repeat(20)}`);
const minute = 60_000;

describe("stored secrets on their way from KV to D1", () => {
  for (const [what, before, after] of [
    ["stay encrypted", one, one],
    ["are encrypted there", null, one],
    ["change their key there", one, two],
  ])
    test(what, async (t) => {
      const persist = storeFolder();
      const mock = await startMockProvider();
      let worker;
      t.after(async () => {
        await worker.close();
        await mock.close();
        rmSync(persist, { recursive: true, force: true });
      });
      worker = await startWorker({ storage: "kv", persist, secrets: { ENCRYPTION_KEY: before } });
      await worker.api("POST", "/providers", { name: "own", base_url: mock.url }, 201);
      await worker.api("POST", "/keys", { text: "mock-good-moved-0001", provider: "own" }, 201);
      await worker.close();
      worker = await startWorker({ storage: "both", persist, secrets: { ENCRYPTION_KEY: after, ENCRYPTION_KEY_OLD: before } });
      const call = () => worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
      assert.equal((await call()).status, 200);
      for (let i = 0; i < 2; i++) await worker.scheduled(Date.now() + i * minute);
      const { encrypted, storage, storage_warning } = (await worker.api("GET", "/session", undefined, 200)).body;
      assert.deepEqual([encrypted, storage, storage_warning], [true, "d1", null]);
      const { DB } = await worker.env();
      const { results } = await DB.prepare("select body from records where kind = 'key'").all();
      assert.ok(results.length === 1 && !results[0].body.includes("mock-good-moved"));
      assert.equal((await call()).status, 200);
    });
});

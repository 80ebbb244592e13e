// Storage that is slow, over its quota, a minute behind or interrupted between two values: calls are served from the picture that is
// there, an admin is told, and what is counted is counted once.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, started, startWorker, storages, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function stage(t, storage, vars = {}) {
  const mock = await startMockProvider();
  t.after(() => mock.close());
  const worker = await started(t, { storage, faults: true, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "600000", ...vars } });
  await furnish(worker, mock);
  return { mock, worker };
}

async function furnish(worker, mock) {
  await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  await worker.api("PATCH", "/providers/mock", { default: true }, 200);
  await worker.api("POST", "/keys", { text: "mock-good-trouble-01\nmock-good-trouble-02", provider: "mock" }, 201);
}

async function chat(worker) {
  const init = { method: "POST", headers: json, body: chatBody(), signal: AbortSignal.timeout(20_000) };
  const answer = await worker.fetch("/v1/chat/completions", init);
  assert.equal(answer.status, 200, await answer.text());
}

const counted = async (worker) => (await worker.api("GET", "/stats", undefined, 200)).body.total.today.requests.total;
const labels = async (worker) => (await worker.api("GET", "/clients", undefined, 200)).body.clients.map(({ label }) => label).sort();

describe("storage trouble", { concurrency: 2 }, () => {
  for (const storage of storages) {
    for (const age of [MINUTE, 6 * HOUR])
      test(`a storage that takes half a minute holds up no call with a picture of ${age / MINUTE} min, on ${storage}`, async (t) => {
        const { worker } = await stage(t, storage);
        await chat(worker);
        await worker.troubleStorage("slow=30000");
        await worker.putAhead(age);
        // Held up by the storage, they would end with the limit of 20 s.
        for (let i = 0; i < 5; i++) await chat(worker);
        await worker.putAhead(0);
        await worker.troubleStorage("off");
      });

    for (const which of ["writes", "all"]) {
      test(`a quota that is used up (${which}) is told to the admin, stops no call, and costs no count, on ${storage}`, async (t) => {
        const { worker } = await stage(t, storage);
        const change = (label) => worker.api("POST", "/clients", { label });
        assert.equal((await change("before")).status, 201);
        for (let i = 0; i < 3; i++) await chat(worker);
        await worker.troubleStorage(`refuse=${which}`);
        for (let i = 0; i < 3; i++) await chat(worker);
        for (const [method, path, body] of [
          ["POST", "/clients", { label: "never" }],
          ["POST", "/keys", { text: "mock-good-trouble-03", provider: "mock" }],
          ["PATCH", "/settings", { wait_budget_ms: 1 }],
          ["POST", "/flush"],
          ["POST", "/flush"],
        ]) {
          const answer = await worker.api(method, path, body);
          assert.deepEqual([answer.status, answer.body.error?.code], [503, "storage_failed"], `${method} ${path}`);
        }
        const { status } = await worker.api("GET", "/clients");
        assert.equal(status, which === "writes" ? 200 : 503);
        await worker.scheduled(Date.now() + MINUTE);
        for (let i = 0; i < 3; i++) await chat(worker);
        await worker.troubleStorage("off");

        assert.deepEqual(await labels(worker), ["before"]);
        assert.equal((await worker.api("GET", "/keys", undefined, 200)).body.total, 2);
        for (let i = 0; i < 2; i++) await worker.api("POST", "/flush", undefined, 200);
        assert.equal(await counted(worker), 9);
        for (let later = 1; later < 4; later++) await worker.scheduled((Math.ceil(Date.now() / HOUR) + later) * HOUR);
        assert.equal(await counted(worker), 9);
      });
    }

    test(`keys that are pasted while the storage stops anywhere are all there or none, on ${storage}`, async (t) => {
      const { worker } = await stage(t, storage);
      let [expected, kinds] = [2, new Set()];
      for (let calls = 0; calls < 8; calls++) {
        const text = Array.from({ length: 40 }, (_, i) => `mock-good-half-${calls}-${String(i).padStart(4, "0")}`).join("\n");
        await worker.failStorageAfter(calls);
        const { status } = await worker.api("POST", "/keys", { text, provider: "mock" });
        await worker.failStorage(false);
        assert.ok([201, 503].includes(status), String(status));
        kinds.add(status);
        if (status === 201) expected += 40;
        await worker.api("POST", "/flush", undefined, 200);
        await worker.scheduled(Date.now() + MINUTE);
        assert.equal((await worker.api("GET", "/keys?limit=1", undefined, 200)).body.total, expected, `after ${calls} calls`);
      }
      assert.equal(kinds.size, 2);
    });
  }

  test("an isolate that sees KV as it was a minute ago serves on, loses no change of another one and none of its own", async () => {
    const [folder, mock] = [storeFolder(), await startMockProvider()];
    const start = () => startWorker({ storage: "kv", persist: folder, shared: true, faults: true, vars: { KEYPOOL_SNAPSHOT_AGE_MS: "100", KEYPOOL_FLUSH_INTERVAL_MS: "600000" } });
    const workers = [await start(), await start()];
    const [a, b] = workers;
    try {
      await furnish(a, mock);
      await eventually(async () => assert.equal((await b.api("GET", "/keys?limit=1")).body.total, 2), 20_000);
      await b.troubleStorage("stale");
      await chat(b);
      await a.api("POST", "/clients", { label: "of a" }, 201);
      for (let i = 0; i < 3; i++) await chat(a);
      await a.api("POST", "/flush", undefined, 200);
      // Written from an old document, over the newer one.
      await b.api("POST", "/clients", { label: "of b" }, 201);
      for (let i = 0; i < 2; i++) await chat(b);
      await b.api("POST", "/flush", undefined, 200);
      await b.scheduled(Math.ceil(Date.now() / HOUR) * HOUR);
      assert.ok((await labels(b)).includes("of b"), "what an isolate was told is stored, it shows");
      await b.troubleStorage("off");
      for (let minutes = 1; minutes < 40; minutes += 3) for (const worker of workers) await worker.scheduled(Math.ceil(Date.now() / HOUR) * HOUR + minutes * MINUTE);
      for (const worker of workers) {
        assert.deepEqual(await labels(worker), ["of a", "of b"]);
        assert.equal(await counted(worker), 6);
      }
    } finally {
      await Promise.all(workers.map((worker) => worker.close()));
      await mock.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

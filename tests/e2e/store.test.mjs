// Storage is the truth: two Workers over one store agree, and a failing store loses nothing.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, password, started, startWorker, storages, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const chat = (worker) => worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
const fast = { KEYPOOL_SNAPSHOT_AGE_MS: "100", KEYPOOL_FLUSH_INTERVAL_MS: "200" };

for (const storage of storages) {
  describe(`two workerd processes over one store, on ${storage}`, () => {
    const folder = storeFolder();
    let mock, a, b, ids;
    const add = async (worker, ...keys) =>
      (await worker.api("POST", "/keys", { keys: keys.map((key) => ({ key, provider: "mock" })) }, 201)).body.added.map(
        (k) => k.id,
      );
    const listed = async (worker) =>
      (await worker.api("GET", "/keys?limit=1000", undefined, 200)).body.keys.map((k) => k.id).sort();
    const used = () => new Set(mock.ledger.map((call) => call.key));
    /** B calls until `check` holds for the keys of its last calls. */
    const afterTraffic = (check) =>
      eventually(async () => {
        mock.reset();
        for (let i = 0; i < 12; i++) assert.equal((await chat(b)).status, 200);
        check(used());
      });

    before(async () => {
      mock = await startMockProvider();
      a = await startWorker({ storage, persist: folder, shared: true, vars: fast });
      b = await startWorker({ storage, persist: folder, shared: true, vars: fast });
      await a.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
      ids = await add(a, "mock-good-two-000001", "mock-good-two-000002");
    });
    after(async () => {
      await Promise.all([a.close(), b.close(), mock.close()]);
      rmSync(folder, { recursive: true, force: true });
    });

    test("a key added on A is used by B and survives B's traffic", async () => {
      await afterTraffic((keys) => assert.ok(keys.size === 2));
      ids.push(...(await add(a, "mock-good-two-000003")));
      await afterTraffic((keys) => assert.ok(keys.has("mock-good-two-000003")));
      await b.api("POST", "/flush", undefined, 200);
      assert.deepEqual(await listed(a), [...ids].sort());
      assert.deepEqual(await listed(b), [...ids].sort());
    });

    test("a key disabled on A stays disabled, and B stops using it", async () => {
      await a.api("PATCH", `/keys/${ids[1]}`, { enabled: false }, 200);
      await afterTraffic((keys) => assert.ok(!keys.has("mock-good-two-000002")));
      await b.api("POST", "/flush", undefined, 200);
      await b.scheduled(Date.now() + 60_000);
      for (const worker of [a, b]) {
        const k = (await worker.api("GET", `/keys/${ids[1]}`, undefined, 200)).body;
        assert.deepEqual([k.enabled, k.state, k.reason.class], [false, "disabled", "manual"]);
      }
    });

    test("a key deleted on A stays deleted, and B stops using it", async () => {
      await a.api("DELETE", `/keys/${ids[0]}`, undefined, 204);
      await afterTraffic((keys) => assert.ok(!keys.has("mock-good-two-000001")));
      await b.api("POST", "/flush", undefined, 200);
      await b.scheduled(Date.now() + 60_000);
      for (const worker of [a, b]) {
        assert.equal((await worker.api("GET", `/keys/${ids[0]}`)).status, 404);
        assert.deepEqual(await listed(worker), ids.slice(1).sort());
      }
    });

    test("a key that B finds dead is disabled for A", async () => {
      mock.script("mock-good-two-000003", "401");
      ids.push(...(await add(a, "mock-good-two-000004")));
      // On KV what machines note travels with the next cron tick, D1 needs none.
      await eventually(async () => {
        await chat(b);
        if (storage === "kv") await b.scheduled();
        assert.equal((await a.api("GET", `/keys/${ids[2]}`)).body.state, "disabled");
      });
      mock.reset();
    });

    test("every call of both is counted once", async () => {
      const counted = async () => {
        for (const worker of [a, b]) await worker.api("POST", "/flush", undefined, 200);
        const { keys } = (await a.api("GET", "/keys?limit=1000", undefined, 200)).body;
        return keys.reduce((sum, k) => sum + k.counters.ok, 0);
      };
      const before = await counted();
      for (let i = 0; i < 25; i++) assert.deepEqual([(await chat(a)).status, (await chat(b)).status], [200, 200]);
      assert.equal((await counted()) - before, 50);
      await a.scheduled(Date.now() + 120_000);
      assert.equal((await counted()) - before, 50);
    });

    test("what both do at the same time is all kept", async () => {
      const flush = () => Promise.all([a, b].map((worker) => worker.api("POST", "/flush", undefined, 200)));
      const ok = async (worker) =>
        (await worker.api("GET", "/keys?limit=1000", undefined, 200)).body.keys.reduce(
          (sum, k) => sum + k.counters.ok,
          0,
        );
      await flush();
      const before = { ids: await listed(a), ok: await ok(a) };
      const added = await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const worker = i % 2 ? a : b;
          const [id] = await add(worker, `mock-good-race-00000${i}`);
          assert.equal((await chat(worker)).status, 200);
          if (i > 6) await flush();
          return id;
        }),
      );
      // Hours later, when every note of it has been folded and cleared away.
      for (const hours of [0, 1, 2])
        for (const worker of [a, b]) await worker.scheduled(Date.now() + hours * 3_600_000);
      await flush();
      for (const worker of [a, b]) {
        await eventually(async () => assert.deepEqual(await listed(worker), [...before.ids, ...added].sort()));
        assert.equal((await ok(worker)) - before.ok, 10);
      }
    });

    test("a session that A ended is over for B", async () => {
      const { token } = await (
        await fetch(`${a.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password }) })
      ).json();
      const session = (worker) =>
        fetch(`${worker.url}/admin/api/session`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal((await session(b)).status, 200);
      await fetch(`${a.url}/admin/api/logout`, { method: "POST", headers: { authorization: `Bearer ${token}` } });
      await eventually(async () => assert.equal((await session(b)).status, 401));
    });

    test("a client key made on A is known to B", async () => {
      const { key, id } = (await a.api("POST", "/clients", { label: "new" }, 201)).body;
      const call = () => b.fetch("/v1/models", { headers: { authorization: `Bearer ${key}` } });
      await eventually(async () => assert.equal((await call()).status, 200));
      await a.api("DELETE", `/clients/${id}`, undefined, 204);
      await eventually(async () => assert.equal((await call()).status, 401));
    });
  });

  describe(`a Worker that starts again, on ${storage}`, () => {
    test("finds its providers, keys, client keys, sessions and counts", async (t) => {
      const folder = storeFolder();
      const mock = await startMockProvider();
      t.after(() => mock.close());
      const first = await started(t, { storage, persist: folder });
      await first.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
      await first.api("POST", "/keys", { text: "mock-good-again-00001", provider: "mock" }, 201);
      const client = (await first.api("POST", "/clients", { label: "notebook" }, 201)).body;
      assert.equal((await chat(first)).status, 200);
      await first.api("POST", "/flush", undefined, 200);
      const token = await first.token();
      await first.close();

      const second = await started(t, { storage, persist: folder });
      const session = await fetch(`${second.url}/admin/api/session`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(session.status, 200);
      const [k] = (await second.api("GET", "/keys", undefined, 200)).body.keys;
      assert.deepEqual([k.provider, k.counters.ok], ["mock", 1]);
      const answer = await second.fetch("/v1/models", { headers: { authorization: `Bearer ${client.key}` } });
      assert.equal(answer.status, 200);
      assert.equal(mock.ledger.at(-1).key, "mock-good-again-00001");
    });
  });

  describe(`a failing store, on ${storage}`, () => {
    let mock, worker;
    before(async () => {
      [mock, worker] = await Promise.all([startMockProvider(), startWorker({ storage, faults: true, vars: fast })]);
      await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
      await worker.api(
        "POST",
        "/keys",
        { text: "mock-good-fault-00001\nmock-good-fault-00002", provider: "mock" },
        201,
      );
      assert.equal((await chat(worker)).status, 200);
      await worker.failStorage(true);
    });
    after(() => Promise.all([worker.close(), mock.close()]));

    test("answers an error to the admin, who keeps what was typed", async () => {
      for (const [method, path, body] of [
        ["POST", "/keys", { text: "mock-good-lost-000001", provider: "mock" }],
        ["POST", "/providers", { name: "other", base_url: mock.url }],
        ["POST", "/clients", { label: "x" }],
      ]) {
        const answer = await worker.api(method, path, body);
        assert.deepEqual([answer.status, answer.body.error.code], [503, "storage_failed"], path);
      }
      assert.equal((await worker.api("GET", "/keys")).status, 503);
    });

    test("serves the last snapshot to clients, however old", async () => {
      for (let i = 0; i < 10; i++) {
        assert.equal((await chat(worker)).status, 200);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    });

    test("goes on where it was once storage is back, and has lost no count", async () => {
      await worker.failStorage(false);
      const added = await worker.api("POST", "/keys", { text: "mock-good-lost-000001", provider: "mock" });
      assert.deepEqual([added.status, added.body.added.length], [201, 1]);
      await worker.api("POST", "/flush", undefined, 200);
      const { keys } = (await worker.api("GET", "/keys", undefined, 200)).body;
      assert.equal(
        keys.reduce((sum, k) => sum + k.counters.ok, 0),
        11,
      );
    });
  });
}

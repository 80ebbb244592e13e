// From KV to D1: whoever binds both finds in D1 what was in KV, once.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { startWorker, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

test("keys, client keys, counts and the audit log are moved, also those that no fold has merged", async (t) => {
  const [folder, mock] = [storeFolder(), await startMockProvider()];
  t.after(() => mock.close().then(() => rmSync(folder, { recursive: true, force: true })));
  const start = async (storage) => {
    const worker = await startWorker({ storage, persist: folder });
    t.after(() => worker.close());
    return worker;
  };

  const kv = await start("kv");
  await kv.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  const text = "mock-good-moved-00001\nmock-good-moved-00002";
  const { added } = (await kv.api("POST", "/keys", { text, provider: "mock" }, 201)).body;
  const client = (await kv.api("POST", "/clients", { label: "notebook" }, 201)).body;
  const chat = await kv.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
  assert.equal(chat.status, 200);
  await kv.api("POST", "/flush", undefined, 200);
  const namespace = (await kv.env()).API_TOKENS;
  const now = String(Date.now() + 1000);
  const day = Math.floor(Date.now() / 86_400_000);
  const row = [day * 1440, day, "mock", added[0].id, "mock-model", "c", { a: 7, ao: 7, n: 7, u: Date.now() }];
  await namespace.put(`journal/counts/${now}-x`, JSON.stringify({ rows: [row] }));
  const gone = { kind: "key", id: added[1].id, body: null, changed: Number(now) };
  await namespace.put(`journal/changes/${now}-y`, JSON.stringify({ records: [gone] }));
  const names = async (namespace) => (await namespace.list()).keys.map((key) => key.name);
  const before = await names(namespace);
  const audited = (await kv.api("GET", "/audit", undefined, 200)).body.entries;
  assert.equal(audited.length, 4);
  await kv.close();

  for (const time of ["first", "second"]) {
    const both = await start("both");
    const { keys } = (await both.api("GET", "/keys", undefined, 200)).body;
    assert.deepEqual(keys.map((k) => k.id), [added[0].id], time);
    const { entries } = (await both.api("GET", "/audit", undefined, 200)).body;
    assert.deepEqual(entries.slice(-audited.length), audited, time);
    const counted = `select period, sum(line.value -> 6 ->> 'ao') as ok from rollups, json_each(body) as line
      where period <> 'f' group by period`;
    const { results } = await (await both.env()).DB.prepare(counted).all();
    assert.deepEqual(results.map(({ period, ok }) => `${period} ${ok}`), ["d 8", "e 8", "h 8", "k 8", "m 8"], time);
    const models = await both.fetch("/v1/models", { headers: { authorization: `Bearer ${client.key}` } });
    assert.equal(models.status, 200, time);
    await both.scheduled(Date.now() + 3_600_000);
    assert.deepEqual(await names((await both.env()).API_TOKENS), before, "KV's data is left in place");
    await both.close();
  }
});

test("a move that stops anywhere is begun anew, and loses nothing", async (t) => {
  const [folder, mock] = [storeFolder(), await startMockProvider()];
  t.after(() => mock.close().then(() => rmSync(folder, { recursive: true, force: true })));
  const kv = await startWorker({ storage: "kv", persist: folder });
  await kv.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  await kv.api("POST", "/keys", { text: Array.from({ length: 300 }, (_, i) => `mock-good-moved-${10_000 + i}`).join("\n"), provider: "mock" }, 201);
  for (let i = 0; i < 5; i++) assert.equal((await kv.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() })).status, 200);
  await kv.api("POST", "/flush", undefined, 200);
  await kv.close();

  let stopped = 0;
  for (let calls = 0; ; calls++) {
    const copy = storeFolder();
    cpSync(folder, copy, { recursive: true });
    const both = await startWorker({ storage: "both", persist: copy, faults: true });
    try {
      // A call is served, or refused; it never finds half of the keys.
      await both.failStorageAfter(calls, { lost: calls % 2 === 1 });
      const answer = await both.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
      const done = answer.status === 200;
      assert.ok(done || answer.status === 503, `${answer.status} after ${calls} calls`);
      await answer.arrayBuffer();
      await both.failStorage(false);
      assert.equal((await both.api("GET", "/keys?limit=1", undefined, 200)).body.total, 300, `after ${calls} calls`);
      await both.api("POST", "/flush", undefined, 200);
      const { total } = (await both.api("GET", "/stats", undefined, 200)).body;
      assert.equal(total.today.requests.ok, 5 + Number(done), `after ${calls} calls`);
      stopped += Number(!done);
      if (done && calls > stopped + 2) break;
    } finally {
      await both.close();
      rmSync(copy, { recursive: true, force: true });
    }
  }
  assert.ok(stopped >= 4, `it was stopped in ${stopped} places only`);
});

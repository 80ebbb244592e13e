// From KV to D1: whoever binds both finds in D1 what was in KV, once.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
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

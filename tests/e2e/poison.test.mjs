// Values in the storage that cannot be read: torn by a process that died while it wrote, or written by hand. They are left out and
// shown, and hold up nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, started, storages } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const vars = { KEYPOOL_FLUSH_INTERVAL_MS: "100", KEYPOOL_SNAPSHOT_AGE_MS: "100" };

async function stage(t, storage) {
  const mock = await startMockProvider();
  t.after(() => mock.close());
  const worker = await started(t, { storage, vars });
  await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  const { added } = (await worker.api("POST", "/keys", { text: "mock-good-poison-1\nmock-good-poison-2", provider: "mock" }, 201)).body;
  const chat = async () => assert.equal((await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() })).status, 200);
  const warning = async () => (await worker.api("GET", "/session", undefined, 200)).body.storage_warning;
  const total = async () => (await worker.api("GET", "/stats", undefined, 200)).body.total.today.requests.total;
  return { worker, chat, warning, total, ids: added.map(({ id }) => id) };
}

test("torn entries and rollups of KV are set aside, and counting goes on", async (t) => {
  const { worker, chat, warning, total } = await stage(t, "kv");
  const { API_TOKENS: kv } = await worker.env();
  await chat();
  await worker.api("POST", "/flush", undefined, 200);
  assert.equal(await warning(), null);
  const { keys } = await kv.list({ prefix: "usage/m/" });
  assert.equal(keys.length, 1);
  const torn = { "journal/counts/0-torn": '{"revision":0,"merged":[],"records":[],"rows":[[1,2,"p', "journal/changes/0000000000001-torn": '{"revision":0,"mer', [keys[0].name]: "" };
  // More of them than one fold takes.
  for (let i = 0; i < 20; i++) torn[`journal/counts/0-torn-${i}`] = "[";
  for (const [name, text] of Object.entries(torn)) await kv.put(name, text);
  await chat();
  await eventually(async () => assert.equal(await total(), 2));
  for (let i = 0; i < 4; i++) await worker.api("POST", "/flush", undefined, 200);
  assert.equal(await total(), 2);
  for (const name of Object.keys(torn)) assert.match(await warning(), new RegExp(`${name}\\b`));
  assert.deepEqual((await kv.list({ prefix: "journal/" })).keys.filter(({ name }) => name.includes("torn")), []);
  assert.equal(await kv.get("broken/journal/counts/0-torn"), torn["journal/counts/0-torn"]);
  assert.match(worker.logs(), /"event":"value_broken"/);
  // People's changes go on as well.
  await worker.api("POST", "/keys", { text: "mock-good-poison-3", provider: "mock" }, 201);
});

for (const storage of storages) {
  test(`a record that says nothing we know is left out and named, and the others serve, on ${storage}`, async (t) => {
    const { worker, chat, warning, ids } = await stage(t, storage);
    const env = await worker.env();
    if (storage === "d1") {
      const { revision } = await env.DB.prepare("update meta set value = value + 1 where name = 'revision' returning value as revision").first();
      await env.DB.prepare("update records set body = ?, revision = ?, changed = changed + 1 where kind = 'key' and id = ?").bind('{"weight":"many"}', revision, ids[0]).run();
    } else {
      const held = JSON.parse(await env.API_TOKENS.get("records"));
      held.records.find(({ id }) => id === ids[0]).body = { weight: "many" };
      held.revision += 1;
      await env.API_TOKENS.put("records", JSON.stringify(held), { metadata: held.revision });
    }
    await eventually(async () => assert.match(await warning(), new RegExp(`key ${ids[0]}`)));
    for (let i = 0; i < 4; i++) await chat();
    const { keys } = (await worker.api("GET", "/keys", undefined, 200)).body;
    assert.deepEqual(keys.map(({ id }) => id), [ids[1]]);
    // Pasting the key again mends it.
    await worker.api("POST", "/keys", { text: "mock-good-poison-1", provider: "mock" }, 201);
    assert.equal(await warning(), null);
  });
}

// The bench of the gateway still runs: its gateways answer what they are asked, whole, and its own parts tell the truth.
// How fast is for `npm run bench`.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FORWARDER, build } from "../../scripts/build.mjs";
import { compare } from "../../bench/gateway/compare.mjs";
import { startEnds } from "../../bench/gateway/ends.mjs";
import { gateways, named, uploaded } from "../../bench/gateway/gateways.mjs";

const KINDS = ["floor", "keypool", "keypool-kv", "js-pool", "bare", "rust"];
const chat = { model: "json-300-0", size: 300, clients: 2, requests: 6 };
const stream = { ...chat, model: "stream-20-1", stream: true };
let ends;
const stages = [];

before(async () => {
  await build(FORWARDER);
  ends = await startEnds();
  const make = gateways(ends.port, uploaded());
  for (const kind of KINDS) {
    stages.push({ ...(await make[kind]({ keys: named("ok", 3) })), label: kind });
  }
});

after(async () => {
  for (const stage of stages) await stage.close();
  await ends?.close();
});

for (const [name, request] of [["chats", chat], ["streams", stream]]) {
  test(`${name} are answered whole by every gateway, and each costs CPU`, async () => {
    await ends.tell({ do: "calls" });
    const rows = await compare(ends, stages, { request, rounds: 2, warm: { requests: 4 } });
    assert.deepEqual(rows.map((row) => row.name), KINDS);
    for (const row of rows) assert.ok(row.failed === 0 && row.cpu.p50 > 0 && row.took.p50 > 0, JSON.stringify(row));
    // One call of the provider for each request, the unmeasured ones too.
    assert.deepEqual(await ends.tell({ do: "calls" }), { calls: (4 + 3 * 6) * stages.length, refused: 0, left: 0 });
  });
}

test("a failure is told, not measured", async () => {
  const stranger = { ...stages[1], key: "not-a-client-key" };
  await assert.rejects(compare(ends, [stranger], { request: chat, rounds: 1 }), /failed: status 401/);
});

test("the wasm's memory is seen", async () => {
  for (const { memory } of stages.slice(1, 3)) assert.ok((await memory()) > 1 << 20);
});

test("a client that leaves is seen to leave", async () => {
  for (const { label, port, key } of stages) {
    const leave = { do: "leave", model: "stream-100-20", size: 300, stream: true, requests: 1, port, key };
    const { clients, noticed } = await ends.tell(leave);
    assert.deepEqual([clients, noticed], [1, 1], label);
  }
});

test("the provider holds a key to its rate, and an open loop tells of refusals", async () => {
  const asked = { do: "open", model: "json-300-0", size: 300, seed: 1, port: ends.port, key: named("rate5", 1)[0] };
  const { phases, done } = await ends.tell({ ...asked, phases: [[60, 1], [1, 1]] });
  const [{ answered, refused, waits, errors }] = phases;
  assert.ok(answered[0] >= 5 && refused[0] > 0, JSON.stringify({ answered, refused }));
  assert.ok(waits.every(([, wait, status]) => wait >= 1 && status === 429), JSON.stringify(waits));
  assert.deepEqual([errors, done.length], [[], 2]);
});

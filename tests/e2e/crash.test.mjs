// The real wasm dies, in every way it can: those who wait are told to ask again, streams go on, and what was acknowledged is there.
// What dies with it are the counts since the last flush, and those of the streams that go on.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { exchange } from "./exchange.mjs";
import { eventually, root, started, storages } from "./harness.mjs";
import { authorization, chatBody, json } from "./pool.mjs";
import { bytesOf } from "./streams.mjs";

const DEATHS = ["panic", "panic-later", "panic-borrowed", "panic-in-storage", "memory", "stack"];
const HOUR = 3_600_000;
const events = Array.from({ length: 30 }, (_, i) => [`data: {"choices":[{"index":0,"delta":{"content":"${i}"}}]}\n\n`, 40]).flat();
const stream = { headers: { "content-type": "text/event-stream" }, chunks: [...events, "data: [DONE]\n\n"] };

async function stage(t, storage, vars) {
  const mock = await startMockProvider();
  t.after(() => mock.close());
  const worker = await started(t, { storage, build: "target/contract", vars: { KEYPOOL_FLUSH_INTERVAL_MS: "600000", ...vars } });
  await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
  await worker.api("POST", "/keys", { text: "mock-good-crash-0001\nmock-good-crash-0002", provider: "mock" }, 201);
  const call = () =>
    exchange(`${worker.url}/v1/chat/completions`, { method: "POST", headers: { authorization, ...json }, body: chatBody(), patience: 20_000 });
  /** An answer whose head has come. */
  const open = async (path = "chat/completions") => {
    const init = { method: "POST", headers: json, body: chatBody({ stream: true }), signal: AbortSignal.timeout(20_000) };
    const answer = await worker.fetch(`/v1/${path}`, init);
    assert.equal(answer.status, 200);
    return answer;
  };
  const chat = async () => assert.equal((await call()).status, 200);
  const flush = () => worker.api("POST", "/flush", undefined, 200);
  const counted = async () => (await worker.api("GET", "/stats", undefined, 200)).body.total.today.requests.total;
  const die = (way) => exchange(`${worker.url}/crash/${way}`, { patience: 60_000 });
  /** Those calls have reached the provider, which is not done with them. */
  const waiting = (count) => eventually(() => assert.equal(mock.ledger.length, count));
  return { mock, worker, call, open, chat, flush, counted, die, waiting };
}

function assertRestarted(answer) {
  assert.equal(answer.status, 503, answer.body.toString());
  assert.equal(answer.headers["retry-after"], "1");
  assert.equal(JSON.parse(answer.body).error.code, "gateway_restarted");
}

describe("a death of the wasm", () => {
  before(() => promisify(execFile)(process.execPath, ["scripts/build.mjs", "--contract"], { cwd: root }));

  for (const storage of storages) {
    for (const way of DEATHS) {
      test(`(${way}) is a 503 for those who wait; streams, changes and counts that were stored outlive it, on ${storage}`, async (t) => {
        const { mock, worker, call, open, chat, flush, counted, die, waiting } = await stage(t, storage);
        for (let i = 0; i < 3; i++) await chat();
        await flush();
        const { body: client } = await worker.api("POST", "/clients", { label: "acknowledged" }, 201);
        // Two more than were flushed; only where the flush comes before the death are they there afterwards.
        for (let i = 0; i < 2; i++) await chat();
        const kept = way === "panic-in-storage" ? 5 : 3;
        mock.reset();
        mock.script("*", [stream, { delay: 5000 }, { delay: 5000 }]);
        const flowing = await open();
        const held = [call(), call()];
        await waiting(3);

        for (const answer of [await die(way), ...(await Promise.all(held))]) assertRestarted(answer);
        assert.match(worker.logs(), /"event":"wasm_died"/);
        mock.reset();
        await chat();
        assert.equal(await flowing.text(), bytesOf(stream.chunks).toString());

        const { clients } = (await worker.api("GET", "/clients", undefined, 200)).body;
        assert.deepEqual(clients.map(({ id, label }) => [id, label]), [[client.id, "acknowledged"]]);
        assert.equal((await exchange(`${worker.url}/v1/models`, { headers: { authorization: `Bearer ${client.key}` } })).status, 200);
        assert.equal(await counted(), kept, "what was stored, and nothing else, before the next flush");
        await flush();
        assert.equal(await counted(), kept + 1);
        for (let later = 1; later < 4; later++) await worker.scheduled((Math.ceil(Date.now() / HOUR) + later) * HOUR);
        assert.equal(await counted(), kept + 1, "nothing is counted twice");
      });
    }

    for (const [what, path, headers] of [
      ["a stream without the usage it was asked for", "chat/completions", stream.headers],
      ["speech", "audio/speech", { "content-type": "audio/mpeg" }],
    ]) {
      test(`cuts ${what}, which passed through the wasm, and leaves nobody waiting for its end, on ${storage}`, async (t) => {
        const { mock, worker, open, die } = await stage(t, storage);
        await worker.api("PATCH", "/providers/mock", { usage_mode: "ask-and-hide" }, 200);
        mock.script("*", [{ ...stream, headers }]);
        const cut = assert.rejects((await open(path)).text(), /terminated/);
        assertRestarted(await die("panic"));
        await cut;
      });
    }

    test(`cuts a stream that its provider breaks off later, on ${storage}`, async (t) => {
      const { mock, open, die } = await stage(t, storage);
      mock.script("*", [{ ...stream, cut: 20 }]);
      const answer = await open();
      const cut = assert.rejects(answer.text(), /terminated/);
      assertRestarted(await die("panic"));
      await cut;
    });

    test(`and the next one, again and again, on ${storage}`, async (t) => {
      const { chat, die, flush, counted } = await stage(t, storage);
      for (let i = 1; i <= 10; i++) {
        assertRestarted(await die(DEATHS[i % 4]));
        await chat();
        await flush();
        assert.equal(await counted(), i);
      }
    });
  }

  test("has no route in what is deployed", async (t) => {
    const worker = await started(t, {});
    for (const way of DEATHS) assert.equal((await worker.fetch(`/crash/${way}`)).status, 404);
  });
});

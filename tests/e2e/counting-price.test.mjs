// What counting costs of a free plan: D1 has 100,000 rows a day to write, KV 1,000 values, 1,000 deletions and 1,000 lists.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { started } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const start = Math.floor(Date.now() / DAY) * DAY;

/** What an isolate that serves a request a second flushes for the time before `now`. */
function entry(now, seconds) {
  const lines = new Map();
  for (let second = 0; second < seconds; second++) {
    const at = now - second * 1000;
    const series = ["openai", `key-${second % 10}`, `model-${second % 2}`, `client-${second % 3}`];
    const place = [Math.floor(at / MINUTE), Math.floor(at / DAY), ...series];
    const sums = lines.get(place.join()) ?? [...place, { a: 0, ao: 0, n: 0, o: 0, ti: 0, to: 0, ms: 0, l4: 0, f3: 0, u: 0 }];
    for (const name of ["a", "ao", "n", "o", "l4", "f3"]) sums[6][name] += 1;
    sums[6].ti += 812;
    sums[6].to += 97;
    sums[6].ms += 700;
    sums[6].u = at;
    lines.set(place.join(), sums);
  }
  return { id: `${now}-simulated`, lines: [...lines.values()] };
}

const dayOf = async (worker, day) => {
  const { lines, times } = (await worker.api("GET", "/stats/series?range=30d", undefined, 200)).body;
  return lines[0].requests[times.indexOf(day)];
};

describe("what counting costs", { concurrency: true }, () => {
test("a day of 100,000 requests writes less than 20,000 rows of D1", async (t) => {
  const worker = await started(t, { storage: "d1", faults: true });
  const { effective } = (await worker.api("GET", "/settings", undefined, 200)).body;
  const interval = effective.flush_interval_ms;
  const { DB } = await worker.env();
  const before = (await worker.counts()).written;
  let flushes = 0;
  for (let minute = 1; minute <= 1440; minute++) {
    const inserts = [];
    for (let at = interval; at <= MINUTE; at += interval) {
      const { id, lines } = entry(start + (minute - 1) * MINUTE + at - 1, interval / 1000);
      inserts.push(DB.prepare("insert into entries values (?, ?)").bind(id, JSON.stringify(lines)));
    }
    const answers = await DB.batch(inserts);
    flushes += answers.reduce((sum, { meta }) => sum + meta.rows_written, 0);
    await worker.scheduled(start + minute * MINUTE);
  }
  const folds = (await worker.counts()).written - before;
  assert.equal(await dayOf(worker, start), 86_400);
  // Of 86,400 requests, written as often as 100,000 would be.
  t.diagnostic(`${flushes} rows by flushes, ${folds} by folds`);
  assert.ok(flushes >= 4000 && folds >= 288, "the rows were counted");
  assert.ok(flushes + folds < 20_000, `${flushes} + ${folds} rows`);
});

test("a day of a request a second writes less than 1,000 values of KV, and no name twice in a second", async (t) => {
  const worker = await started(t, { storage: "kv", faults: true });
  const { effective } = (await worker.api("GET", "/settings", undefined, 200)).body;
  const interval = effective.flush_interval_ms;
  const { API_TOKENS } = await worker.env();
  let flushes = 0;
  // A ninth of a day, because folds that follow one another at once wait for KV's second.
  for (let minute = 1; minute <= 160; minute++) {
    const now = start + minute * MINUTE;
    if ((minute * MINUTE) % interval === 0) {
      const { id, lines } = entry(now - 1, interval / 1000);
      await API_TOKENS.put(`journal/counts/${id}`, JSON.stringify({ rows: lines }));
      flushes += 1;
    }
    await worker.scheduled(now);
  }
  assert.equal(await dayOf(worker, start), 9_600);
  const { puts } = await worker.counts();
  t.diagnostic(`${flushes} values by flushes, ${puts.length} by folds`);
  assert.ok(flushes >= 30 && puts.length >= 30, "the values were counted");
  assert.ok(9 * (flushes + puts.length) < 1000, `${flushes} + ${puts.length} values`);
  const last = new Map();
  for (const [name, at] of puts) {
    assert.ok(at - (last.get(name) ?? 0) >= 1000, `${name} is written twice in a second`);
    last.set(name, at);
  }
  const { keys: left } = await API_TOKENS.list({ prefix: "journal/" });
  assert.ok(left.length < 12, `${left.length} entries are left`);
});

for (const storage of ["d1", "kv"]) {
  test(`a request that goes well neither reads nor writes, on ${storage}`, async (t) => {
    const mock = await startMockProvider();
    t.after(() => mock.close());
    const vars = { KEYPOOL_FLUSH_INTERVAL_MS: "600000", KEYPOOL_SNAPSHOT_AGE_MS: "600000" };
    const worker = await started(t, { storage, faults: true, vars });
    await worker.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
    await worker.api("PATCH", "/providers/mock", { default: true }, 200);
    await worker.api("POST", "/keys", { text: "mock-good-price-00001", provider: "mock" }, 201);
    const chat = async (stream) => {
      const answer = await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody({ stream }) });
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
    };
    await chat(false);
    await worker.settled();
    const before = (await worker.counts()).storage;
    for (let i = 0; i < 50; i++) await chat(i % 2 === 0);
    assert.equal((await worker.counts()).storage, before);
  });
}
});

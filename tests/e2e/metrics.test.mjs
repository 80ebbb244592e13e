// /metrics: who may read it, what Prometheus' own parser makes of it, and that the dashboard asks for what is there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { root, storages } from "./harness.mjs";
import { json, stageOf } from "./pool.mjs";

// `npm test` makes the virtual environment; elsewhere any Python with the `prometheus-client` package will do.
const windows = process.platform === "win32";
const python = process.env.KEYPOOL_PYTHON || join(root, "target/python", windows ? "Scripts/python.exe" : "bin/python");
const skip = existsSync(python) ? false : "no Python with prometheus-client: run `npm test`, or set KEYPOOL_PYTHON";
const parser = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as families
print(json.dumps([[f.name, f.type, f.documentation, [[s.name, s.labels, s.value] for s in f.samples]]
                  for f in families(sys.stdin.buffer.read().decode())]))`;

/** `{families: [{name, type, help}], value(name, labels), names}` of a text in Prometheus' format. */
function parsed(text) {
  const { status, stdout, stderr } = spawnSync(python, ["-c", parser], { input: text, encoding: "utf8" });
  assert.equal(status, 0, `${stderr}\n${text}`);
  const all = JSON.parse(stdout);
  const samples = all.flatMap(([, , , samples]) => samples);
  const same = (held, labels) => Object.entries(labels).every(([name, value]) => held[name] === value);
  return {
    families: all.map(([name, type, help]) => ({ name, type, help })),
    samples,
    value: (name, labels = {}) =>
      samples.filter(([n, held]) => n === name && same(held, labels)).reduce((sum, [, , value]) => sum + value, 0),
  };
}

const token = "a-token-for-prometheus-alone";
const usage = { prompt_tokens: 1000, completion_tokens: 100 };
const answer = JSON.stringify({ object: "chat.completion", choices: [{ message: { content: "x" } }], usage });
const unusual = 'odd "name"\\with\nbreaks, {a}';

for (const storage of storages) {
  describe(`/metrics, on ${storage}`, () => {
    const stage = stageOf({ storage, secrets: { KEYPOOL_METRICS_TOKEN: token } });
    const get = (headers, init = {}) => fetch(`${stage.worker.url}/metrics`, { headers, ...init });
    const scrape = async () => {
      const response = await get({ authorization: `Bearer ${token}` });
      assert.equal(response.status, 200);
      return response.text();
    };
    const call = async (model, key = { headers: json, body: answer }) => {
      stage.mock.script("*", [key]);
      const body = JSON.stringify({ model, messages: [{ role: "user", content: model }] });
      return (await stage.send("/v1/chat/completions", { headers: json, body })).status;
    };
    let name;

    before(async () => {
      ({ name } = await stage.pool(["mock-good-metrics-00001", "mock-good-metrics-00002"]));
      await stage.api("PUT", "/prices", { model: "dear", input: 2_000_000, output: 10_000_000 }, 200);
      for (const model of ["dear", "dear", unusual]) assert.equal(await call(model), 200);
      assert.equal(await call("dear", { status: 400, headers: json, body: '{"error":{"message":"no"}}' }), 400);
      assert.equal(await call("dear", { status: 500, headers: json, body: "{}" }), 200);
      await stage.api("POST", "/flush", undefined, 200);
    });

    test("is for those with its token or an admin's session, and for nobody else", async () => {
      const session = await stage.worker.token();
      for (const [headers, expected] of [
        [{ authorization: `Bearer ${token}` }, 200],
        [{ authorization: `Bearer ${session}` }, 200],
        [{ cookie: `keypool_session=${session}` }, 200],
        [{}, 401],
        [{ authorization: `Bearer ${token}x` }, 401],
        [{ authorization: `Bearer ${token.slice(1)}` }, 401],
        [{ authorization: "Bearer kp-e2e-first-client-key" }, 401],
        [{ authorization: `Bearer ${session.slice(0, -2)}xx` }, 401],
        [{ authorization: token }, 401],
      ]) {
        const response = await get(headers);
        assert.equal(response.status, expected, JSON.stringify(headers));
        if (expected === 401) assert.equal((await response.json()).error.code, "login_required");
      }
      assert.equal((await get({ authorization: `Bearer ${token}` }, { method: "POST" })).status, 401);
      assert.equal((await get({ authorization: `Bearer ${session}` }, { method: "POST" })).status, 405);
      assert.equal((await fetch(`${stage.worker.url}/metrics?token=${token}`)).status, 401);
      const elsewhere = await fetch(`${stage.worker.url}/admin/api/keys`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(elsewhere.status, 401, "the token is good for nothing else");
    });

    test("has the content type of its format and is not kept", async () => {
      const { headers } = await get({ authorization: `Bearer ${token}` });
      assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
      assert.equal(headers.get("cache-control"), "no-store");
    });

    test("tells what was counted, as Prometheus' parser reads it", { skip }, async () => {
      const { families, samples, value } = parsed(await scrape());
      for (const { name, type, help } of families) {
        assert.ok(name.startsWith("keypool_") && help.length > 5, name);
        assert.ok(["counter", "gauge", "histogram"].includes(type), `${name} is ${type}`);
      }
      assert.equal(new Set(families.map((family) => family.name)).size, families.length);
      const series = samples.map(([name, labels]) => JSON.stringify([name, Object.entries(labels).sort()]));
      assert.equal(new Set(series).size, series.length, "no series stands twice");

      const dear = { provider: name, model: "dear" };
      assert.equal(value("keypool_requests_total", { ...dear, result: "ok" }), 3);
      assert.equal(value("keypool_requests_total", { ...dear, result: "caller" }), 1);
      assert.equal(value("keypool_requests_total", { provider: name, model: unusual, result: "ok" }), 1);
      assert.equal(value("keypool_attempts_failed_total", { provider: name, class: "transient" }), 1);
      assert.equal(value("keypool_unpriced_requests_total", { provider: name }), 1);
      // The request that failed over is answered by the mock's own words, so tokens are at least those of two.
      assert.ok(value("keypool_prompt_tokens_total", dear) >= 2000);
      assert.ok(value("keypool_cost_dollars_total", dear) >= 0.006);
      assert.equal(value("keypool_keys", { provider: name }), 2);
      for (const histogram of ["keypool_request_duration_seconds", "keypool_first_byte_seconds"]) {
        const buckets = samples.filter(([n, labels]) => n === `${histogram}_bucket` && labels.provider === name);
        const counts = buckets.map(([, , count]) => count);
        assert.deepEqual(counts, [...counts].sort((a, b) => a - b), "buckets are cumulative");
        assert.equal(counts.at(-1), value(`${histogram}_count`, { provider: name }));
        assert.ok(counts.at(-1) >= 4 && value(`${histogram}_sum`, { provider: name }) > 0);
      }
    });

    test("shows no id of a key or client key", async () => {
      const text = await scrape();
      const { keys } = await stage.list();
      for (const secret of [...keys.map((key) => key.id), "mock-good", "env", token]) assert.ok(!text.includes(secret), secret);
    });

    test("its counters never decrease, also when old counts are trimmed", { skip }, async () => {
      const counters = ({ samples }) => samples.filter(([name]) => /_(total|bucket|count|sum)$/.test(name));
      const first = counters(parsed(await scrape()));
      const today = Math.floor(Date.now() / 86_400_000);
      for (const days of [500, 501]) await stage.worker.scheduled((today + days) * 86_400_000);
      const { total } = (await stage.api("GET", "/stats/cost", undefined, 200)).body;
      // KV forgets by its own clock, which no test can set.
      if (storage === "d1") assert.equal(total.requests, 0, "days were trimmed");
      const { samples } = parsed(await scrape());
      const key = ([name, labels]) => JSON.stringify([name, labels]);
      const later = new Map(samples.map((sample) => [key(sample), sample[2]]));
      assert.ok(first.length > 50);
      for (const sample of first) assert.ok(later.get(key(sample)) >= sample[2], key(sample));
    });

    test("has every metric that the dashboard asks for", async () => {
      const text = await scrape();
      const dashboard = JSON.parse(readFileSync(join(root, "docs/grafana/keypool.json"), "utf8"));
      const queries = dashboard.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr));
      const variables = dashboard.templating.list.map((variable) => variable.query?.query ?? "");
      assert.ok(queries.length >= 10);
      for (const query of [...queries, ...variables]) {
        const asked = query.match(/\bkeypool_\w+/g) ?? [];
        if (queries.includes(query)) assert.ok(asked.length > 0, query);
        for (const metric of asked) assert.match(text, new RegExp(`^${metric}\\{`, "m"), `${query} asks for ${metric}`);
        for (const [, label] of query.matchAll(/\bby \(([^)]+)\)/g))
          for (const one of label.split(",")) assert.ok(text.includes(`${one.trim()}="`), `${query} asks for the label ${one}`);
      }
    });
  });

  describe(`/metrics without a token of its own, on ${storage}`, () => {
    const stage = stageOf({ storage });
    test("is for admins only", async () => {
      const get = (headers) => fetch(`${stage.worker.url}/metrics`, { headers });
      assert.equal((await get({ authorization: "Bearer " })).status, 401);
      assert.equal((await get({ authorization: "Bearer undefined" })).status, 401);
      assert.equal((await get({ authorization: `Bearer ${await stage.worker.token()}` })).status, 200);
    });
  });
}

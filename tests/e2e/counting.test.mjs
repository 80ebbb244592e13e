// What was counted, as the admin API tells it: requests and attempts apart, by every dimension, over time.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventually, started, storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

for (const storage of storages) {
  describe(`Counting, on ${storage}`, () => {
    let stage, worker, mock;
    const chat = (fields, init = {}) =>
      worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody(fields), ...init });
    const stats = async (query = "") => {
      await worker.api("POST", "/flush", undefined, 200);
      return (await worker.api("GET", `/stats${query}`, undefined, 200)).body;
    };
    before(async () => {
      stage = await startStage({ storage });
      ({ worker, mock } = stage);
    });
    after(() => stage.close());

    test("a request is counted once and its attempts apart, by provider, key, model and client key", async () => {
      const { name, ids } = await stage.pool(["mock-401-count-00001", "mock-good-count-0002"]);
      const model = "counted-model";
      // The dead key is tried until it is disabled, once.
      await eventually(async () => {
        assert.equal((await chat({ model })).status, 200);
        assert.ok(mock.ledger.some((call) => call.status === 401));
      });
      assert.equal((await chat({ model: `${name}/${model}` })).status, 200);
      mock.script("*", { status: 400, body: { error: { message: "no", type: "invalid_request_error" } } });
      assert.equal((await chat({ model })).status, 400);
      mock.script("*", {});
      const calls = mock.ledger.length;
      const used = mock.ledger.reduce(
        (sum, call) => ({
          prompt: sum.prompt + (call.promptTokens ?? 0),
          completion: sum.completion + (call.completionTokens ?? 0),
        }),
        { prompt: 0, completion: 0 },
      );

      const { total, by } = await stats("?by=model");
      assert.equal(total.today.attempts.total, calls);
      assert.deepEqual(total.today.attempts.failed, { key_dead: 1 });
      const { requests, tokens } = total.today;
      assert.equal(requests.total, calls - 1);
      assert.equal(requests.ok + requests.caller, requests.total);
      assert.equal(requests.caller, 1);
      assert.deepEqual([tokens.prompt, tokens.completion], [used.prompt, used.completion]);
      assert.equal(total.rpm, requests.total);
      assert.equal(total.tpm, tokens.prompt + tokens.completion);
      assert.equal(total.rpd, requests.total);
      assert.equal(total.today.success_rate, 1);
      assert.ok(total.today.latency_ms.average >= 0 && total.today.latency_ms.p95 >= total.today.latency_ms.p50);
      assert.deepEqual(by.map((line) => line.name), [model]);

      for (const [dimension, names] of [
        ["provider", [name]],
        ["client", ["env"]],
        ["key", [ids[1], ids[0]]],
      ]) {
        const found = (await stats(`?by=${dimension}`)).by.map((line) => line.name);
        assert.deepEqual(found, names, dimension);
      }
      const dead = (await stats(`?key=${ids[0]}`)).total.today;
      assert.deepEqual([dead.attempts.total, dead.requests.total], [1, 0]);

      for (const range of ["60m", "24h", "30d"]) {
        const { times, lines } = (await worker.api("GET", `/stats/series?range=${range}`, undefined, 200)).body;
        const sum = (list) => list.reduce((a, b) => a + b, 0);
        assert.equal(sum(lines[0].requests), requests.total, range);
        assert.equal(sum(lines[0].prompt_tokens), tokens.prompt, range);
        assert.equal(times.length, lines[0].requests.length);
      }

      const { keys } = (await worker.api("GET", "/keys/stats?sort=label", undefined, 200)).body;
      const good = keys.find((key) => key.id === ids[1]);
      assert.deepEqual([good.attempts, good.errors, good.today.requests], [calls - 1, 0, requests.total]);
      assert.equal(good.today.prompt_tokens, used.prompt);
      assert.ok(good.average_latency_ms >= 0 && good.last_used > 0);
      assert.equal(keys.find((key) => key.id === ids[0]).errors, 1);
    });

    test("what never came to an attempt is counted, with who asked", async () => {
      const before = (await stats("?client=env")).total.today;
      const answer = await worker.fetch("/nowhere/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
      assert.equal(answer.status, 404);
      const strangers = await worker.fetch("/v1/models", { headers: { authorization: "Bearer nobody" } });
      assert.equal(strangers.status, 401);
      const { today } = (await stats("?client=env")).total;
      assert.equal(today.requests.total, before.requests.total + 1);
      assert.equal(today.requests.caller, before.requests.caller + 1);
      assert.equal(today.attempts.total, before.attempts.total);
    });

    test("a day is that of the time zone that is set", async () => {
      // Of two zones that are 25 hours apart, one has another day than UTC.
      for (const [zone, hours] of [["Pacific/Kiritimati", 14], ["Pacific/Pago_Pago", -11]]) {
        await worker.api("PATCH", "/settings", { time_zone: zone }, 200);
        assert.equal((await chat()).status, 200);
        const { time_zone, total } = await stats();
        assert.equal(time_zone, zone);
        assert.ok(total.rpd >= 1);
        const { times, lines } = (await worker.api("GET", "/stats/series?range=30d", undefined, 200)).body;
        const start = times.at(-1);
        assert.equal((start + hours * 3_600_000) % 86_400_000, 0, zone);
        assert.ok(start <= Date.now() && Date.now() < start + 86_400_000);
        assert.equal(lines[0].requests.at(-1), total.rpd);
      }
      await worker.api("PATCH", "/settings", { time_zone: null }, 200);
    });

    test("the first cron of a new store finds nothing wrong", async (t) => {
      const fresh = await started(t, { storage });
      await fresh.scheduled(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
      assert.ok(!fresh.logs().includes("failed"), fresh.logs());
    });

    test("a log line says who asked for what, who answered, and what it took", async () => {
      assert.equal((await chat({ model: "logged-model" })).status, 200);
      const line = await eventually(() => {
        const found = worker.logs().split("\n").find((line) => line.includes('"logged-model"'));
        assert.ok(found);
        return JSON.parse(found);
      });
      for (const field of ["time", "level", "event", "request", "client", "provider", "model", "key", "status"]) {
        assert.ok(line[field], `${field} in ${JSON.stringify(line)}`);
      }
      assert.ok(Math.abs(Date.parse(line.time) - Date.now()) < 60_000);
      assert.equal(typeof line.ms, "number");
      assert.equal(typeof line.first_byte_ms, "number");
      assert.ok(line.tokens.prompt > 0 && line.attempts.length === 1);
    });
  });
}

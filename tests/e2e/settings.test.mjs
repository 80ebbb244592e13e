// Settings at run time: what is stored holds in every isolate, and what cannot be is refused with nothing changed.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, startWorker, storages, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const vars = { KEYPOOL_SNAPSHOT_AGE_MS: "100", KEYPOOL_FLUSH_INTERVAL_MS: "200", KEYPOOL_LOG_LEVEL: "error" };

for (const storage of storages) {
  describe(`settings, with two workerd processes over one store, on ${storage}`, () => {
    const folder = storeFolder();
    let mock, a, b;
    const chat = () => b.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
    const set = async (settings) => (await a.api("PATCH", "/settings", settings, 200)).body.effective;
    const lines = (event) =>
      b
        .logs()
        .split("\n")
        .filter((line) => line.includes(`"event":"${event}"`));
    /** Waits until all that B has logged so far is here: lines come in order, and this failure is one of every level. */
    const caughtUp = async () => {
      const before = lines("request_failed").length;
      await b.failStorage(true);
      assert.ok((await b.api("GET", "/keys")).status >= 500);
      await b.failStorage(false);
      await eventually(async () => assert.ok(lines("request_failed").length > before));
    };
    /** B calls until `check` holds of how many lines about calls there were before and are now. */
    const calls = (check) =>
      eventually(async () => {
        const before = lines("call").length;
        const answer = await chat();
        assert.equal(answer.status, 200);
        await answer.text();
        await b.settled();
        await caughtUp();
        check(before, lines("call").length);
      }, 30_000);

    before(async () => {
      mock = await startMockProvider();
      a = await startWorker({ storage, persist: folder, shared: true, vars });
      b = await startWorker({ storage, persist: folder, shared: true, vars, faults: true });
      await a.api("POST", "/providers", { name: "mock", base_url: mock.url }, 201);
      await a.api("POST", "/keys", { text: "mock-good-settings-01", provider: "mock" }, 201);
      await b.token();
    });
    after(async () => {
      await Promise.all([a.close(), b.close(), mock.close()]);
      rmSync(folder, { recursive: true, force: true });
    });

    test("the log's level, changed on A, is B's with its next look at the storage", async () => {
      assert.equal((await a.api("GET", "/settings", undefined, 200)).body.effective.log_level, "error");
      await calls((before, now) => assert.equal(now, before));
      assert.equal((await set({ log_level: "info" })).log_level, "info");
      await calls((before, now) => assert.ok(now > before));
      assert.deepEqual(lines("snapshot"), []);
      await set({ log_level: "debug" });
      await calls(() => assert.ok(lines("snapshot").length > 0));
      // Back to what the var says.
      assert.equal((await set({ log_level: null })).log_level, "error");
      await calls((before, now) => assert.equal(now, before));
    });

    test("the defaults are told as they are without what is stored: a var's value, or the storage's own", async () => {
      await set({ log_level: "debug", max_attempts: 3 });
      const { effective, defaults } = (await a.api("GET", "/settings", undefined, 200)).body;
      assert.deepEqual([effective.log_level, effective.max_attempts], ["debug", 3]);
      assert.deepEqual([defaults.log_level, defaults.max_attempts, defaults.flush_interval_ms], ["error", 5, 200]);
      await set({ log_level: null, max_attempts: null });
    });

    test("a time zone is one that the platform knows", async () => {
      for (const zone of ["Asia/Kathmandu", "America/St_Johns", "UTC"])
        assert.equal((await set({ time_zone: zone })).time_zone, zone);
      for (const wrong of [{ time_zone: "Mars/Olympus" }, { log_level: "loud" }, { retention_days: 0 }]) {
        const { status, body } = await a.api("PATCH", "/settings", { ...wrong, max_attempts: 2 });
        assert.deepEqual([status, body.error.code], [400, "invalid_request"]);
        assert.match(body.error.message, new RegExp(Object.keys(wrong)[0]));
      }
      const { settings, effective } = (await a.api("GET", "/settings", undefined, 200)).body;
      assert.deepEqual([settings.max_attempts, effective.time_zone], [undefined, "UTC"]);
    });
  });
}

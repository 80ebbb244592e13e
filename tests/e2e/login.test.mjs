// Guessing of the admin password: how it is slowed down in every isolate, by the storage or by the platform's limiters.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { password, startWorker, started, storages, storeFolder } from "./harness.mjs";

const login = async (worker, word, address = "192.0.2.1") => {
  const headers = { "cf-connecting-ip": address };
  const answer = await fetch(`${worker.url}/admin/api/login`, { method: "POST", headers, body: JSON.stringify({ password: word }) });
  return { status: answer.status, wait: answer.headers.get("retry-after"), body: await answer.json() };
};
const guess = (worker, address) => login(worker, "a guess", address);
const guesses = async (worker, count, address) => {
  for (let i = 0; i < count; i++) assert.equal((await guess(worker, address)).status, 401, `guess ${i + 1}`);
};

for (const storage of storages) {
  describe(`guesses of the password, on ${storage}`, () => {
    const folder = storeFolder();
    const options = { storage, persist: folder, shared: true };
    let one, other;
    before(async () => {
      one = await startWorker(options);
      other = await startWorker(options);
    });
    after(async () => {
      await other.close();
      await one.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("ten in one isolate make the address wait in another, and no other address", async () => {
      await guesses(one, 10, "192.0.2.1");
      for (const worker of [one, other]) {
        const refused = await login(worker, password, "192.0.2.1");
        assert.deepEqual([refused.status, refused.body.error.code], [429, "too_many_logins"]);
        assert.ok(Number(refused.wait) > 0 && Number(refused.wait) <= 1800, refused.wait);
        assert.match(refused.body.error.message, /\d+ (s|min)/);
      }
      assert.equal((await login(other, password, "192.0.2.2")).status, 200);
    });

    test("in turns in two isolates they add up", async (t) => {
      const shared = { storage, persist: storeFolder(), shared: true };
      const [one, other] = [await started(t, shared), await started(t, shared)];
      // KV is told of five at a time.
      const turns = storage === "d1" ? [one, other, one, other, one, other, one, other, one, other] : [one, one, one, one, one, other, other, other, other, other];
      for (const worker of turns) assert.equal((await guess(worker, "192.0.2.3")).status, 401);
      assert.deepEqual([(await guess(one, "192.0.2.3")).status, (await guess(other, "192.0.2.3")).status], [429, 429]);
    });

    test("an IPv6 address has as many as its house", async () => {
      for (let i = 0; i < 10; i++) await guesses(one, 1, `2001:db8:1:2::${i}`);
      assert.equal((await guess(one, "2001:db8:1:2:ffff::9")).status, 429);
      assert.equal((await guess(one, "2001:db8:1:3::1")).status, 401);
    });

    test("the right password clears them everywhere", async () => {
      await guesses(one, 9, "192.0.2.4");
      assert.equal((await login(other, password, "192.0.2.4")).status, 200);
      await guesses(other, 9, "192.0.2.4");
    });

    test("a flood from many addresses leaves one to each, and lets in who knows the password", async (t) => {
      const persist = storeFolder();
      const flooded = await started(t, { storage, persist, shared: true, faults: true });
      for (let i = 0; i < 50; i++) await guesses(flooded, 2, `203.0.113.${i}`);
      assert.equal((await guess(flooded, "203.0.113.1")).status, 429);
      await guesses(flooded, 1, "198.51.100.1");
      assert.equal((await guess(flooded, "198.51.100.1")).status, 429);
      assert.equal((await login(flooded, password, "198.51.100.2")).status, 200);
      const fresh = await started(t, { storage, persist, shared: true });
      assert.equal((await guess(fresh, "203.0.113.1")).status, 429);
      // A free plan's 1,000 writes a day outlast it.
      if (storage === "kv") assert.ok((await flooded.counts()).puts.filter(([name]) => name.startsWith("logins/")).length <= 8);
    });

    test("a storage that fails is said, and lets nobody in", async (t) => {
      const worker = await started(t, { storage, faults: true });
      await guesses(worker, 1);
      await worker.failStorage(true);
      const { status, body } = await login(worker, password);
      assert.deepEqual([status, body.error.code], [503, "storage_failed"]);
      await worker.failStorage(false);
      assert.equal((await login(worker, password)).status, 200);
    });

    test("where rate limiters are bound they count, and the storage is spared", async (t) => {
      const worker = await started(t, { storage, faults: true, limiters: true });
      let answer;
      for (let i = 0; i < 21; i++) answer = await login(worker, i % 5 ? "a guess" : password);
      assert.deepEqual([answer.status, answer.body.error.code], [429, "too_many_logins"]);
      assert.ok(Number(answer.wait) > 0 && Number(answer.wait) <= 60);
      assert.equal((await login(worker, password, "192.0.2.9")).status, 200);
      const { puts } = await worker.counts();
      assert.deepEqual(puts.filter(([name]) => name.startsWith("logins/")), []);
    });
  });
}

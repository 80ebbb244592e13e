// How sessions end: one by one, all at once, and with the password; in every isolate, and on every path that takes them.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { password, startWorker, started, storages, storeFolder } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

const day = 24 * 3_600_000;

for (const storage of storages) {
  describe(`the end of sessions, on ${storage}`, () => {
    const folder = storeFolder();
    const options = { storage, persist: folder, shared: true, vars: { KEYPOOL_SNAPSHOT_AGE_MS: "1" } };
    let stage, other;
    before(async () => {
      stage = await startStage(options);
      other = await startWorker(options);
      await stage.pool(["mock-good-sessions-01"]);
    });
    after(async () => {
      await other.close();
      await stage.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const login = async (worker = stage.worker, word = password) => {
      const answer = await fetch(`${worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password: word }) });
      assert.equal(answer.status, 200);
      return (await answer.json()).token;
    };
    const logout = (token, body, worker = stage.worker) =>
      fetch(`${worker.url}/admin/api/logout`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
    /** What the session gets: from the admin API, the playground and the proxy. */
    const reach = async (token, worker = stage.worker) => {
      const authorization = `Bearer ${token}`;
      const call = { method: "POST", headers: { ...json, authorization }, body: chatBody() };
      const all = [];
      for (const [path, init] of [
        ["/admin/api/session", { headers: { cookie: `keypool_session=${token}` } }],
        ["/admin/api/v1/chat/completions", call],
        ["/v1/chat/completions", call],
      ])
        all.push((await fetch(worker.url + path, init)).status);
      return all;
    };
    /** A proxy call may be served by the last picture while a new one is read. */
    const settled = async (token, worker) => {
      await reach(token, worker);
      return reach(token, worker);
    };

    test("a logout everywhere ends every session, also in another isolate, and takes the cookie back", async () => {
      const tokens = [await login(), await login(), await login(other)];
      for (const token of tokens)
        for (const worker of [stage.worker, other]) assert.deepEqual(await settled(token, worker), [200, 200, 200]);
      const answer = await logout(tokens[0], { everywhere: true });
      assert.equal(answer.status, 204);
      assert.match(answer.headers.get("set-cookie"), /^keypool_session=; .*Max-Age=0/);
      for (const token of tokens) {
        assert.deepEqual(await reach(token), [401, 401, 401]);
        assert.deepEqual(await settled(token, other), [401, 401, 401]);
      }
      const fresh = await login();
      assert.deepEqual(await settled(fresh), [200, 200, 200]);
      assert.deepEqual(await settled(fresh, other), [200, 200, 200]);
    });

    test("a logout of one, or one that is not understood, ends no other", async () => {
      const [one, two, three] = [await login(), await login(), await login()];
      for (const body of [{ everywhere: "yes" }, { everywhere: 1 }, { all: true }, "{", "[]"])
        assert.equal((await logout(one, body)).status, 400, JSON.stringify(body));
      for (const token of [one, two, three]) assert.deepEqual(await reach(token), [200, 200, 200]);
      assert.equal((await logout(one)).status, 204);
      assert.equal((await logout(two, { everywhere: false })).status, 204);
      assert.deepEqual([await reach(one), await reach(two), await reach(three)], [Array(3).fill(401), Array(3).fill(401), Array(3).fill(200)]);
      // It is the admin's alone to end the others.
      assert.equal((await logout(one, { everywhere: true })).status, 401);
      assert.deepEqual(await reach(three), [200, 200, 200]);
    });

    test("an isolate that begins later, and crons until the last session is over, know of it", async (t) => {
      const persist = storeFolder();
      const first = await started(t, { storage, persist, vars: { KEYPOOL_SESSION_MS: String(30 * day) } });
      const token = await login(first);
      assert.equal((await logout(token, { everywhere: true }, first)).status, 204);
      await first.scheduled(Date.now() + 3 * day);
      await first.scheduled(Date.now() + 29 * day);
      await first.close();
      const second = await started(t, { storage, persist });
      const ask = (path) => fetch(second.url + path, { headers: { authorization: `Bearer ${token}` } });
      assert.deepEqual([(await ask("/admin/api/session")).status, (await ask("/admin/api/v1/models")).status], [401, 401]);
    });

    for (const [what, secrets] of [
      ["JWT_SECRET signs them", { JWT_SECRET: "e2e-jwt-secret-of-more-than-32-bytes" }],
      ["nothing but the password and a stored value does", {}],
    ])
      test(`a new password ends them all, where ${what}`, async (t) => {
        const persist = storeFolder();
        const house = (word) => started(t, { storage, persist, secrets: { ...secrets, ADMIN_PASSWORD: word } });
        const first = await house("the first password");
        const tokens = [await login(first, "the first password"), await login(first, "the first password")];
        await first.close();
        const second = await house("the second password");
        const fresh = await login(second, "the second password");
        const statuses = async (token) => {
          const headers = { authorization: `Bearer ${token}` };
          const all = ["/admin/api/session", "/admin/api/v1/models", "/v1/models", "/metrics"];
          return Promise.all(all.map(async (path) => (await fetch(second.url + path, { headers })).status));
        };
        for (const token of tokens) assert.deepEqual(await statuses(token), [401, 401, 401, 401]);
        assert.deepEqual(await statuses(fresh), [200, 200, 200, 200]);
      });
  });
}

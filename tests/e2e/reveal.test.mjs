// Whole keys: shown one by one or as a file, never without an entry in the audit log, and good for another pool.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`whole keys, on ${storage}`, () => {
    const stage = stageOf({ storage, faults: true });
    const { api, list } = stage;
    const audited = async (action) => (await api("GET", `/audit?action=${action}`, undefined, 200)).body.entries;
    const file = (body) => stage.worker.admin("/keys/export", { method: "POST", body: JSON.stringify(body) });
    /** The pool as people set it, by secret. */
    const whole = async (ids) => {
      const rows = await stage.states(ids);
      const keys = await Promise.all(ids.map(async (id) => (await api("POST", `/keys/${id}/reveal`, undefined, 200)).body.key));
      return rows.map(({ provider, label, weight, group, enabled, models, rpm, tpm, concurrency, expires }, i) => ({ key: keys[i], provider, label, weight, group, enabled, models, rpm, tpm, concurrency, expires }));
    };

    test("are shown by POST alone, kept by no cache, and told of in the audit log", async () => {
      const secret = "mock-good-reveal-0001";
      const { ids: [id] } = await stage.pool([secret]);
      assert.equal((await api("GET", `/keys/${id}/reveal`)).status, 405);
      assert.equal((await api("POST", "/keys/none/reveal")).body.error.code, "key_not_found");
      assert.deepEqual(await audited("key.reveal"), []);
      const { body, headers } = await api("POST", `/keys/${id}/reveal`, undefined, 200);
      assert.deepEqual(body, { id, key: secret });
      assert.match(headers.get("cache-control"), /no-store/);
      const [{ ids, count }] = await audited("key.reveal");
      assert.deepEqual([ids, count], [[id], 1]);
      const stranger = await fetch(`${stage.worker.url}/admin/api/keys/${id}/reveal`, { method: "POST" });
      assert.equal(stranger.status, 401);
      const cookie = `keypool_session=${await stage.worker.token()}`;
      const foreign = await fetch(`${stage.worker.url}/admin/api/keys/${id}/reveal`, { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
      assert.equal(foreign.status, 403);
    });

    test("are not shown when the audit log cannot be written", async () => {
      const secret = "mock-good-reveal-0002";
      const { ids: [id] } = await stage.pool([secret]);
      const tries = { reveal: () => stage.worker.admin(`/keys/${id}/reveal`, { method: "POST" }), export: () => file({ ids: [id] }) };
      for (const [name, call] of Object.entries(tries)) {
        const before = (await audited(`key.${name}`)).length;
        // The first call of the storage is the look for changes.
        await stage.worker.failStorageAfter(1);
        const answer = await call();
        await stage.worker.failStorage(false);
        assert.equal(answer.status, 503, name);
        assert.ok(!(await answer.text()).includes(secret), name);
        assert.equal((await audited(`key.${name}`)).length, before, name);
        assert.equal((await call()).status, 200);
      }
    });

    test("are exported as lines that mean the same keys again", async () => {
      const labels = ["", "Alice's, the good one", "a|b", "number #7", "备用；一", '"quoted" \\ {x}'];
      const keys = labels.map((label, i) => ({ key: `mock-good-lines-${i}000`, weight: i * 20, label }));
      const { name, ids } = await stage.pool(keys);
      const before = await whole(ids);
      const answer = await file({ filter: { provider: name } });
      assert.equal(answer.status, 200);
      assert.match(answer.headers.get("content-type"), /^text\/plain/);
      assert.match(answer.headers.get("content-disposition"), /^attachment; filename="keypool-keys-\d{4}-\d\d-\d\d\.txt"$/);
      assert.match(answer.headers.get("cache-control"), /no-store/);
      const text = await answer.text();
      assert.equal(text.split("\n")[0], "mock-good-lines-0000|0");
      assert.equal(text.split("\n")[1], "mock-good-lines-1000|20|Alice's, the good one");
      const [{ count, fields }] = await audited("key.export");
      assert.deepEqual([count, fields], [keys.length, ["lines"]]);
      await api("POST", "/keys/bulk", { ids, action: "delete" }, 200);
      const { added, refused } = (await api("POST", "/keys", { text, provider: name }, 201)).body;
      assert.deepEqual([added.map((key) => key.id), refused], [ids, []]);
      assert.deepEqual(await whole(ids), before);
    });

    test("are exported as JSON with all that people set of them", async () => {
      const { name, ids } = await stage.pool(["mock-good-json-00001", "mock-good-json-00002", "mock-good-json-00003"]);
      await api("POST", "/providers", { name: `${name}b`, base_url: stage.mock.url }, 201);
      // The same key at another provider is another key.
      const more = { keys: [{ key: "mock-good-json-00001", provider: `${name}b`, label: "there", enabled: false }] };
      ids.push((await api("POST", "/keys", more, 201)).body.added[0].id);
      await api("PATCH", `/keys/${ids[0]}`, { label: "one", weight: 0, group: "team", models: ["gpt-*"], rpm: 3, tpm: 4, concurrency: 5, expires: Date.now() + 3_600_000 }, 200);
      await api("PATCH", `/keys/${ids[1]}`, { enabled: false }, 200);
      const before = await whole(ids);
      const answer = await file({ ids, format: "json" });
      assert.match(answer.headers.get("content-disposition"), /\.json"$/);
      const body = await answer.json();
      assert.deepEqual(body.keys, before);
      assert.ok(body.keys[0].expires > Date.now());
      await api("POST", "/keys/bulk", { ids, action: "delete" }, 200);
      const { added, refused } = (await api("POST", "/keys", body, 201)).body;
      assert.deepEqual([added.map((key) => key.id), refused], [ids, []]);
      assert.deepEqual(await whole(ids), before);
      const twice = (await api("POST", "/keys", { keys: [...body.keys, { ...body.keys[0], key: "mock-good-json-00009" }, { ...body.keys[0], key: "mock-good-json-00009" }] }, 201)).body;
      assert.deepEqual([twice.added.length, twice.known.length, twice.refused.map(({ line, reason }) => [line, reason])], [1, 4, [[6, "duplicate"]]]);
    });

    test("are chosen by ids that there are, or a filter that is one", async () => {
      const { ids } = await stage.pool(["mock-good-choice-001"]);
      const before = (await audited("key.export")).length;
      for (const [body, status] of [[{}, 400], [{ ids, filter: {} }, 400], [{ ids, format: "csv" }, 400], [{ filter: { state: "odd" } }, 400], [{ ids: [...ids, "none"] }, 404]]) {
        const answer = await file(body);
        assert.equal(answer.status, status, JSON.stringify(body));
        assert.ok(!(await answer.text()).includes("mock-good-choice-001"));
      }
      assert.equal((await audited("key.export")).length, before);
      assert.equal(await (await file({ filter: { provider: "nobody" } })).text(), "");
      assert.equal((await list()).total, 1);
    });
  });
}

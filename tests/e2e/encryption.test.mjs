// Upstream keys and the headers of providers are encrypted where they are stored, whenever there is a secret to do it with.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { eventually, password, startWorker, storages, storeFolder } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const [one, two, three] = ["1", "2", "3"].map((n) => `e2e-encryption-key-${n.repeat(20)}`);
const minute = 60_000;

for (const storage of storages) {
  describe(`stored secrets, on ${storage}`, () => {
    let mock;
    before(async () => (mock = await startMockProvider()));
    after(() => mock.close());

    /** A store of its own; `open(key, more)` starts a Worker over it, after the one before has gone. */
    const house = (t) => {
      const folder = storeFolder();
      let worker;
      t.after(async () => {
        await worker?.close();
        rmSync(folder, { recursive: true, force: true });
      });
      const open = async (key, { secrets, vars, ...more } = {}) => {
        await worker?.close();
        return (worker = await startWorker({
          storage,
          persist: folder,
          vars: { KEYPOOL_SNAPSHOT_AGE_MS: "1", ...vars },
          secrets: { ENCRYPTION_KEY: key, ...secrets },
          ...more,
        }));
      };
      return { folder, open };
    };
    const token = "gateway-token-0123456789";
    const secrets = (n) => Array.from({ length: n }, (_, i) => `mock-good-sealed-${String(i).padStart(4, "0")}`);
    const fill = async (worker, n = 3) => {
      const provider = { name: "own", base_url: mock.url, headers: { "x-gateway": token } };
      await worker.api("POST", "/providers", provider, 201);
      const keys = secrets(n).map((key, i) => ({ key, provider: "own", label: `key ${i}`, weight: (i % 99) + 1, group: "active" }));
      return (await worker.api("POST", "/keys", { keys }, 201)).body.added.map((key) => key.id);
    };
    const chat = (worker, init = {}) =>
      worker.fetch("/v1/chat/completions", { method: "POST", body: chatBody(), ...init, headers: { ...json, ...init.headers } });
    /** Each key serves, with the provider's header. */
    const assertServes = async (worker, ids, keys = secrets(ids.length)) => {
      for (const [i, id] of ids.entries()) {
        const authorization = `Bearer ${await worker.token()}`;
        const answer = await chat(worker, { headers: { authorization, "x-keypool-key": id } });
        assert.equal(answer.status, 200, await answer.text());
        const call = mock.ledger.at(-1);
        assert.deepEqual([call.key, call.headers["x-gateway"]], [keys[i], token]);
      }
    };
    const records = async (worker) => {
      const { DB, API_TOKENS } = await worker.env();
      if (storage === "kv") return JSON.parse(await API_TOKENS.get("records")).records;
      const { results } = await DB.prepare("select kind, id, body, changed from records order by kind, id").all();
      return results.map((row) => ({ ...row, body: JSON.parse(row.body) }));
    };
    const bodies = async (worker, kind) => (await records(worker)).filter((r) => r.kind === kind && r.body).map((r) => r.body);
    /** All that is stored, as one text. */
    const dump = async (worker) => {
      const { DB, API_TOKENS } = await worker.env();
      if (storage === "kv") {
        const { keys } = await API_TOKENS.list();
        const values = await Promise.all(keys.map(async ({ name }) => [name, await API_TOKENS.get(name)]));
        return JSON.stringify(values);
      }
      const tables = ["records", "meta", "entries", "rollups", "requests"];
      const found = await DB.batch(tables.map((table) => DB.prepare(`select * from ${table}`)));
      return JSON.stringify(found.map(({ results }) => results));
    };
    const assertHidden = async (worker, n = 3) => {
      const text = await dump(worker);
      for (const secret of [token, ...secrets(n)]) {
        for (const form of [secret, ...["base64", "base64url", "hex"].map((name) => Buffer.from(secret).toString(name).slice(0, -4))])
          assert.ok(!text.includes(form), `${form} is stored`);
      }
    };
    const change = async (worker, id, to) => {
      const { DB, API_TOKENS } = await worker.env();
      if (storage === "d1") {
        const sql = "update records set body = ?1, revision = revision + 1 where id = ?2 and kind in ('key', 'provider')";
        await DB.prepare(sql).bind(JSON.stringify(to), id).run();
        return;
      }
      const stored = JSON.parse(await API_TOKENS.get("records"));
      stored.records.find((r) => r.id === id && r.kind !== "disabled").body = to;
      await API_TOKENS.put("records", JSON.stringify(stored), { metadata: stored.revision + 1 });
    };
    const session = async (worker) => (await worker.api("GET", "/session", undefined, 200)).body;
    const state = async (worker) => {
      const { encrypted, storage_warning } = await session(worker);
      const left = storage_warning?.match(/(\d+) (not encrypted|still)/)?.slice(1);
      return [encrypted, left ?? storage_warning];
    };
    const shown = async (worker) => {
      const { keys } = (await worker.api("GET", "/keys?limit=1000", undefined, 200)).body;
      const { providers } = (await worker.api("GET", "/providers", undefined, 200)).body;
      return { keys: keys.map(({ counters, last_used, ...key }) => key), providers };
    };
    /** Crons, a minute apart, until nothing is left to do. */
    const crons = async (worker, from = 0) => {
      for (let i = from; i < from + 20; i++) {
        await worker.scheduled(Date.now() + i * minute);
        if ((await state(worker))[1] === null) return i + 1 - from;
      }
      throw new Error("the crons do not come to an end");
    };
    /** On KV entries of the journal are cleared away some minutes after they are in. */
    const cleared = async (worker) => {
      if (storage === "kv") for (let i = 30; i < 60; i++) await worker.scheduled(Date.now() + i * minute);
    };

    test("never stand there in clear, and serve after a restart", async (t) => {
      const { open } = house(t);
      const worker = await open(one);
      const ids = await fill(worker);
      assert.deepEqual(await state(worker), [true, null]);
      await assertServes(worker, ids);
      await worker.api("PATCH", `/keys/${ids[0]}`, { label: "changed", weight: 7 }, 200);
      await worker.api("PATCH", "/providers/own", { priority: 3 }, 200);
      await worker.api("POST", "/keys/bulk", { ids, action: "set", group: "active" }, 200);
      await worker.api("POST", "/flush", undefined, 200);
      await assertHidden(worker);
      const before = await shown(worker);
      const again = await open(one);
      assert.deepEqual(await shown(again), before);
      assert.equal(before.keys.find((k) => k.id === ids[0]).label, "changed");
      await assertServes(again, ids);
      // The same key that is pasted again is known.
      const { body } = await again.api("POST", "/keys", { text: secrets(3).join("\n"), provider: "own" }, 201);
      assert.deepEqual([body.added.length, body.known.length], [0, 3]);
      await assertHidden(again);
      assert.ok(!again.logs().includes(one));
    });

    test("are encrypted anew each time, each by itself, under a name that tells nothing of the secret", async (t) => {
      const { open } = house(t);
      const worker = await open(one);
      const ids = await fill(worker, 2);
      const before = (await bodies(worker, "key")).map((body) => body.sealed);
      await worker.api("POST", "/keys/bulk", { ids, action: "disable" }, 200);
      const sealed = [...before, ...(await bodies(worker, "key")).map((body) => body.sealed)];
      sealed.push((await bodies(worker, "provider"))[0].sealed);
      assert.equal(new Set(sealed).size, 5);
      const parts = sealed.map((text) => text.split("."));
      assert.deepEqual([...new Set(parts.map(([version, key]) => `${version} ${key}`))].length, 1);
      assert.match(parts[0][1], /^[0-9a-f]{8}$/);
      const nonces = parts.map(([, , data]) => Buffer.from(data, "base64url").subarray(0, 12).toString("hex"));
      assert.equal(new Set(nonces).size, 5);
      for (const body of await bodies(worker, "key")) assert.ok(!("secret" in body));
      for (const body of await bodies(worker, "provider")) assert.ok(!("headers" in body));
      assert.ok(!(await dump(worker)).includes(one));
    });

    test("that come from secrets of the Worker are encrypted too", async (t) => {
      const { open } = house(t);
      const worker = await open(one, { secrets: { GROQ_API_KEY_1: "gsk_mockgoodimported00001" } });
      assert.equal((await shown(worker)).keys.length, 1);
      assert.ok(!(await dump(worker)).includes("gsk_mockgoodimported"));
    });

    for (const [what, key, code, words] of [
      ["is gone", null, "encryption_key_missing", "wrangler secret put ENCRYPTION_KEY"],
      ["is another one", two, "encryption_key_wrong", "ENCRYPTION_KEY_OLD"],
      ["is too short", "short", "encryption_key_short", "openssl rand"],
    ])
      test(`are not touched when the secret ${what}: every call is refused and says so`, async (t) => {
        const { open } = house(t);
        const first = await open(one);
        const ids = await fill(first);
        await first.api("POST", "/flush", undefined, 200);
        const token = await first.token();
        const before = JSON.stringify(await records(first));
        const worker = await open(key, { faults: true, secrets: key ? {} : { ENCRYPTION_KEY_OLD: one } });
        const said = async (path, init = {}) => {
          const answer = await fetch(worker.url + path, init);
          const { error } = await answer.json();
          assert.ok(error.message.includes("ENCRYPTION_KEY") && error.message.includes(words), error.message);
          assert.ok(!error.message.includes(one) && !error.message.includes(two));
          return [answer.status, error.code, error.type];
        };
        const refused = [500, code, "keypool_error"];
        const authorization = `Bearer ${token}`;
        for (const [path, init] of [
          ["/admin/api/session", { headers: { authorization } }],
          ["/admin/api/session", { headers: { cookie: `keypool_session=${token}` } }],
          ["/admin/api/login", { method: "POST", body: JSON.stringify({ password }) }],
          ["/admin/api/keys", { method: "POST", headers: { authorization }, body: JSON.stringify({ text: "mock-good-late-0001" }) }],
          [`/admin/api/keys/${ids[0]}`, { method: "DELETE", headers: { authorization } }],
          ["/admin/api/flush", { method: "POST", headers: { authorization } }],
          ["/admin/api/v1/models", { headers: { authorization } }],
          ["/v1/chat/completions", { method: "POST", headers: { authorization }, body: chatBody() }],
          ["/v1/models", { headers: { authorization: "Bearer kp-e2e-first-client-key" } }],
        ])
          assert.deepEqual(await said(path, init), refused, path);
        assert.equal((await fetch(`${worker.url}/healthz`)).status, 200);
        assert.equal((await fetch(`${worker.url}/admin/api/session`)).status, 401);
        // The storage is not read for each of them.
        const { storage: reads } = await worker.counts();
        for (let i = 0; i < 10; i++) assert.deepEqual(await said("/v1/models", { headers: { authorization } }), refused);
        assert.ok((await worker.counts()).storage - reads < 5);
        for (let i = 0; i < 3; i++) await worker.scheduled(Date.now() + i * minute);
        assert.equal(JSON.stringify(await records(worker)), before);
        const back = await open(one);
        await assertServes(back, ids);
      });

    test("in clear are encrypted once the secret is there, and until then the page is told", async (t) => {
      const { open } = house(t);
      const plain = await open(null);
      const ids = await fill(plain);
      await plain.api("PATCH", `/keys/${ids[1]}`, { enabled: false, models: ["gpt-*"], rpm: 60 }, 200);
      assert.deepEqual(await state(plain), [false, null]);
      const before = await shown(plain);
      assert.ok((await dump(plain)).includes(secrets(1)[0]));
      const worker = await open(one);
      assert.deepEqual(await state(worker), [false, ["4", "not encrypted"]]);
      await assertServes(worker, ids);
      // What is written meanwhile is encrypted at once.
      for (const label of ["changed", "key 0"]) await worker.api("PATCH", `/keys/${ids[0]}`, { label }, 200);
      assert.deepEqual(await state(worker), [false, ["3", "not encrypted"]]);
      assert.equal(await crons(worker), 1);
      assert.deepEqual(await state(worker), [true, null]);
      assert.deepEqual(await shown(worker), before);
      await cleared(worker);
      await assertHidden(worker);
      await assertServes(await open(one), ids);
    });

    test("are encrypted in steps; an interrupted one goes on, and at the end nothing is written any more", async (t) => {
      const { open } = house(t);
      const plain = await open(null);
      const ids = await fill(plain, 1100);
      const before = await shown(plain);
      const worker = await open(one, { faults: true });
      const left = async () => Number((await state(worker))[1]?.[0] ?? 0);
      assert.equal(await left(), 1101);
      await worker.scheduled();
      assert.equal(await left(), 601);
      // The storage fails anywhere on the way.
      for (const calls of [1, 2, 3, 4]) {
        await worker.failStorageAfter(calls, { lost: calls % 2 === 0 });
        await worker.scheduled(Date.now() + calls * minute);
        await worker.failStorage(false);
      }
      assert.ok((await left()) <= 601);
      await crons(worker, 5);
      assert.deepEqual(await shown(worker), before);
      const stored = JSON.stringify(await records(worker));
      for (let i = 40; i < 43; i++) await worker.scheduled(Date.now() + i * minute);
      assert.equal(JSON.stringify(await records(worker)), stored);
      await cleared(worker);
      await assertHidden(worker, 1100);
      await assertServes(worker, ids.slice(0, 3));
    });

    test("change their key when there is a new one: the old one reads until all are done, and can go then", async (t) => {
      const { open } = house(t);
      const first = await open(one);
      const ids = await fill(first);
      const before = await shown(first);
      for (const [key, old] of [[two, one], [three, `${one}, ${two}`]]) {
        const worker = await open(key, { secrets: { ENCRYPTION_KEY_OLD: old } });
        await assertServes(worker, ids);
        assert.deepEqual(await state(worker), [true, ["4", "still"]]);
        for (const label of ["changed", "key 2"]) await worker.api("PATCH", `/keys/${ids[2]}`, { label }, 200);
        assert.deepEqual(await state(worker), [true, ["3", "still"]]);
        assert.equal(await crons(worker), 1);
        assert.deepEqual(await shown(worker), before);
        await assertServes(await open(key), ids);
      }
      await assertHidden(await open(three));
    });

    test("may be under three keys at once", async (t) => {
      const { open } = house(t);
      const plain = await open(null);
      const ids = await fill(plain);
      for (const [i, key] of [[0, one], [1, two]]) {
        const worker = await open(key, { secrets: { ENCRYPTION_KEY_OLD: one } });
        await worker.api("PATCH", `/keys/${ids[i]}`, { weight: 9 }, 200);
      }
      const worker = await open(three, { secrets: { ENCRYPTION_KEY_OLD: `${two}\n${one}` } });
      await assertServes(worker, ids);
      assert.deepEqual(await state(worker), [false, ["2", "not encrypted"]]);
      await crons(worker);
      await assertServes(await open(three), ids);
    });

    test("that are damaged, or moved to another record, are left out, shown, and stay as they are", async (t) => {
      const { open } = house(t);
      const first = await open(one);
      const ids = await fill(first, 4);
      await first.api("POST", "/providers", { name: "other", base_url: mock.url, headers: { "x-a": token } }, 201);
      const held = async (worker) => Object.fromEntries((await records(worker)).map((r) => [r.id, r.body]));
      const stored = await held(first);
      const worker = await open(one);
      const flipped = stored[ids[1]].sealed.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
      const bad = {
        [ids[0]]: { ...stored[ids[0]], sealed: stored[ids[3]].sealed },
        [ids[1]]: { ...stored[ids[1]], sealed: flipped },
        [ids[2]]: { ...stored[ids[2]], sealed: "rubbish" },
        other: { ...stored.other, sealed: stored.own.sealed },
      };
      for (const [id, body] of Object.entries(bad)) await change(worker, id, body);
      const [encrypted, warning] = await state(worker);
      assert.equal(encrypted, true);
      for (const name of [`key ${ids[0]}`, `key ${ids[1]}`, `key ${ids[2]}`, "provider other"]) assert.ok(warning.includes(name), warning);
      const { keys, providers } = await shown(worker);
      assert.deepEqual([keys.map((k) => k.id), providers.map((p) => p.name)], [[ids[3]], ["own"]]);
      await assertServes(worker, [ids[3]], [secrets(4)[3]]);
      for (let i = 0; i < 3; i++) await worker.scheduled(Date.now() + i * minute);
      await worker.api("PATCH", `/keys/${ids[3]}`, { label: "well" }, 200);
      await worker.api("PATCH", "/providers/other", { priority: 3 }, 404);
      const left = await held(worker);
      for (const [id, body] of Object.entries(bad)) assert.deepEqual(left[id], body);
      for (const secret of secrets(4)) assert.ok(!worker.logs().includes(secret));
      // A person who adds them again mends them.
      await worker.api("POST", "/keys", { text: secrets(4).join("\n"), provider: "own" }, 201);
      await worker.api("POST", "/providers", { name: "other", base_url: mock.url }, 201);
      await worker.api("GET", "/keys", undefined, 200);
      assert.deepEqual(await state(await open(one)), [true, null]);
    });

    test("of two isolates: what one encrypts the other reads, and a change at the same time holds", async (t) => {
      const { folder, open } = house(t);
      const plain = await open(null);
      const ids = await fill(plain);
      await plain.close();
      const shared = { storage, persist: folder, shared: true, vars: { KEYPOOL_SNAPSHOT_AGE_MS: "1" } };
      const workers = [];
      t.after(() => Promise.all(workers.map((worker) => worker.close())));
      for (let i = 0; i < 2; i++) workers.push(await startWorker({ ...shared, secrets: { ENCRYPTION_KEY: one } }));
      const [cron, admin] = workers;
      await shown(cron);
      await Promise.all([
        cron.scheduled(),
        admin.api("PATCH", `/keys/${ids[0]}`, { weight: 77 }, 200),
        admin.api("PATCH", "/providers/own", { priority: 9 }, 200),
      ]);
      // A storage that two ask at once may refuse a cron; the next one goes on.
      await eventually(async () => {
        if ((await state(cron))[1]) await cron.scheduled(Date.now() + minute);
        assert.deepEqual(await state(cron), [true, null], cron.logs());
      }, 20_000);
      for (const worker of workers) {
        await eventually(async () => assert.deepEqual(await state(worker), [true, null], worker.logs()));
        const { keys, providers } = await shown(worker);
        assert.deepEqual([keys.find((k) => k.id === ids[0]).weight, providers[0].priority], [77, 9]);
        await assertServes(worker, ids);
      }
    });

    test("that an isolate has read it goes on to serve, when others have encrypted them and it has no secret", async (t) => {
      const { folder, open } = house(t);
      const plain = await open(null);
      await fill(plain);
      await plain.close();
      const shared = { storage, persist: folder, shared: true, vars: { KEYPOOL_SNAPSHOT_AGE_MS: "1" } };
      const before = await startWorker(shared);
      const after = await startWorker({ ...shared, secrets: { ENCRYPTION_KEY: one } });
      t.after(() => Promise.all([before.close(), after.close()]));
      assert.equal((await chat(before)).status, 200);
      await before.token();
      await after.scheduled();
      await eventually(async () => assert.deepEqual(await state(after), [true, null]));
      for (let i = 0; i < 5; i++) assert.equal((await chat(before)).status, 200);
      const answer = await before.api("GET", "/session");
      assert.deepEqual([answer.status, answer.body.error.code], [500, "encryption_key_missing"]);
      const stored = JSON.stringify(await records(after));
      await before.scheduled(Date.now() + minute);
      assert.equal(JSON.stringify(await records(after)), stored);
    });
  });
}

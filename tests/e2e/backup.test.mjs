// Backups: what people have set goes into a file and comes back, in the other storage and in another deployment too.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { after, before, describe, test } from "node:test";
import OpenAI, { toFile } from "openai";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { clientKey, started, startWorker, storages } from "./harness.mjs";
import { chatBody, json } from "./pool.mjs";

const passphrase = "a passphrase of some length";
const header = "gateway-token-0123456789";
const secret = (n) => `mock-good-backup-${String(n).padStart(4, "0")}`;

const make = async (worker, body = { passphrase }) => {
  const answer = await worker.admin("/backup", { method: "POST", body: JSON.stringify(body) });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return { answer, text, file: JSON.parse(text) };
};
const restore = (worker, file, more) => worker.api("POST", "/backup/restore", { file, passphrase, mode: "merge", ...more });
const restored = async (...args) => {
  const { status, body } = await restore(...args);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
};
const get = async (worker, path) => (await worker.api("GET", path, undefined, 200)).body;

/** All that people have set, as the admin API shows it, less what machines add. */
async function whole(worker) {
  const [{ keys }, { providers }, { clients }, { aliases }, { rules }, { prices }, { settings }] = await Promise.all(
    ["/keys?limit=1000", "/providers", "/clients", "/models", "/rules", "/prices", "/settings"].map((path) => get(worker, path)),
  );
  const sorted = (list, name) => list.toSorted((a, b) => (a[name] < b[name] ? -1 : 1));
  const less = (list, ...names) => list.map((one) => Object.fromEntries(Object.entries(one).filter(([name]) => !names.includes(name))));
  return {
    keys: sorted(less(keys, "counters", "last_used", "state", "usable", "reason", "cooldowns", "past", "balance"), "id"),
    providers: sorted(less(providers, "keys", "cooldowns", "fetched"), "name"),
    clients: sorted(less(clients, "used"), "id"),
    aliases: sorted(aliases, "name"),
    rules,
    prices,
    settings,
  };
}

/** Something of everything. Answers a client key and the ids of the upstream keys. */
async function fill(worker, mock) {
  const { api } = worker;
  await api("POST", "/providers", { name: "own", base_url: `${mock.url}`, headers: { "x-gateway": header }, weight: 20, default: true }, 201);
  await api("POST", "/providers", { name: "groq", preset: "groq", enabled: false }, 201);
  const keys = [
    { key: secret(1), label: "one", weight: 5, models: ["gpt-*"], rpm: 60, concurrency: 3 },
    { key: secret(2), label: "two", group: "standby", enabled: false },
    { key: secret(3), label: "备用 #3" },
  ];
  const { added } = (await api("POST", "/keys", { keys, provider: "own" }, 201)).body;
  const client = (await api("POST", "/clients", { label: "phone", rpm: 50, models: ["gpt-*"], rights: ["see_attempts", "force_key"], groups: ["*"] }, 201)).body;
  await api("POST", "/clients", { label: "off", enabled: false, ips: ["10.0.0.0/8"] }, 201);
  await api("PUT", "/models", { name: "fast", target: "own/gpt-4o-mini", fallbacks: ["gpt-4.1"] }, 200);
  await api("POST", "/rules", { action: "default", name: "temperature", value: 0.5, model: "gpt-*" }, 201);
  const { rules } = await get(worker, "/rules");
  await api("PATCH", `/rules/${rules.at(-1).id}`, { enabled: false }, 200);
  await api("PUT", "/prices", { provider: "own", model: "gpt-*", input: 1, cached_input: 2, output: 3 }, 200);
  await api("PATCH", "/settings", { max_attempts: 4, time_zone: "Asia/Shanghai" }, 200);
  return { client: client.key, ids: added.map((key) => key.id) };
}

const chat = (worker, key, path = "/v1/chat/completions") =>
  worker.fetch(path, { method: "POST", headers: { ...json, authorization: `Bearer ${key}` }, body: chatBody() });

for (const storage of storages) {
  describe(`a backup made on ${storage}`, () => {
    const elsewhere = storages.find((name) => name !== storage);
    let mock, here, there, made, first, client, ids;
    before(async () => {
      [mock, here, there] = await Promise.all([startMockProvider(), startWorker({ storage, faults: true }), startWorker({ storage: elsewhere, faults: true })]);
      ({ client, ids } = await fill(here, mock));
      [made, first] = [await make(here), await whole(here)];
    });
    after(() => Promise.all([here.close(), there.close(), mock.close()]));

    test("is an encrypted attachment that says how it was made", async () => {
      const { answer, text, file } = made;
      assert.match(answer.headers.get("content-disposition"), /^attachment; filename="keypool-backup-\d{4}-\d\d-\d\d\.json"$/);
      assert.match(answer.headers.get("cache-control"), /no-store/);
      for (const word of [secret(1), secret(2), header, client, passphrase, "phone", "gpt-"]) assert.ok(!text.includes(word), word);
      assert.deepEqual([file.keypool, file.kdf.name, file.kdf.iterations, file.cipher.name], [1, "PBKDF2-HMAC-SHA-256", 100_000, "AES-256-GCM"]);
      assert.ok(Math.abs(file.made - Date.now()) < 60_000);
      const again = (await make(here)).file;
      for (const one of [(f) => f.kdf.salt, (f) => f.cipher.nonce, (f) => f.data]) assert.notEqual(one(again), one(file));
    });

    test("opens with any WebCrypto, as the documents say", async () => {
      const { kdf, cipher, data, keypool, made: at } = made.file;
      const bytes = (text) => Buffer.from(text, "base64");
      const base = await webcrypto.subtle.importKey("raw", Buffer.from(passphrase), "PBKDF2", false, ["deriveKey"]);
      const way = { name: "PBKDF2", hash: "SHA-256", salt: bytes(kdf.salt), iterations: kdf.iterations };
      const key = await webcrypto.subtle.deriveKey(way, base, { name: "AES-GCM", length: 256 }, false, ["decrypt"]);
      const bound = JSON.stringify({ keypool, made: at, kdf: kdf.name, iterations: kdf.iterations, salt: kdf.salt, cipher: cipher.name, nonce: cipher.nonce });
      const open = (additionalData) => webcrypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(cipher.nonce), additionalData }, key, bytes(data));
      await assert.rejects(open(Buffer.from(bound.replace('"keypool":1', '"keypool":2'))));
      const { records } = JSON.parse(Buffer.from(await open(Buffer.from(bound))).toString());
      const kinds = Object.groupBy(records, ({ kind }) => kind);
      const counts = Object.fromEntries(Object.entries(kinds).map(([kind, list]) => [kind, list.length]));
      assert.deepEqual(counts, { secret: 1, setting: 3, provider: 2, key: 3, alias: 1, client: 2, price: 1, rule: 2 });
      const text = JSON.stringify(records);
      assert.ok(text.includes(secret(1)) && text.includes(header), "it has keys and headers");
      assert.ok(!text.includes(client), "a client key is not even in there");
    });

    test("is restored on the other storage, client keys and all, beside what is there", async () => {
      const { key: own } = (await there.api("POST", "/clients", { label: "of there" }, 201)).body;
      await there.api("POST", "/providers", { name: "kept", base_url: mock.url }, 201);
      // The first of the keys is here already, under an id of this keypool's.
      await there.api("POST", "/providers", { name: "own", base_url: mock.url }, 201);
      const known = (await there.api("POST", "/keys", { text: secret(1), provider: "own" }, 201)).body.added[0].id;
      assert.notEqual(known, ids[0]);
      const token = await there.token();

      const counts = { secret: 1, setting: 3, provider: 2, key: 3, alias: 1, client: 2, price: 1, rule: 2 };
      const nothing = await whole(there);
      const dry = await restored(there, made.file, { dry_run: true });
      assert.deepEqual(dry, { records: counts, written: 15, deleted: 0, dry_run: true });
      assert.deepEqual(await whole(there), nothing, "a dry run writes nothing");
      const audits = async () => (await get(there, "/audit?action=backup")).entries;
      assert.deepEqual(await audits(), []);
      assert.deepEqual(await restored(there, made.file), { ...dry, dry_run: false });
      const [{ action, count, fields }] = await audits();
      assert.deepEqual([action, count, fields], ["backup.restore", 15, ["merge"]]);

      const [before, now] = [await whole(here), await whole(there)];
      const expected = before.keys.map((key) => (key.id === ids[0] ? { ...key, id: known } : key));
      assert.deepEqual(now.keys, expected.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
      assert.deepEqual(now.providers.filter(({ name }) => name !== "kept"), before.providers);
      assert.deepEqual(now.clients.filter(({ label }) => label !== "of there"), before.clients);
      for (const name of ["aliases", "rules", "prices", "settings"]) assert.deepEqual(now[name], before[name], name);
      assert.ok(now.providers.some(({ name }) => name === "kept"));

      for (const key of [client, own, clientKey]) assert.equal((await chat(there, key, "/own/v1/chat/completions")).status, 200, key);
      assert.equal(mock.ledger.at(-1).headers["x-gateway"], header, "headers are whole");
      assert.equal((await chat(there, `${client}x`)).status, 401);
      const session = await fetch(`${there.url}/admin/api/session`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(session.status, 200, "the session goes on");
      // What is pasted again is known, whichever keypool made its id.
      const pasted = (await there.api("POST", "/keys", { text: [1, 2, 3].map(secret).join("\n"), provider: "own" }, 201)).body;
      assert.deepEqual([pasted.added.length, pasted.known.map(({ id }) => id)], [0, [known, ids[1], ids[2]]]);
    });

    test("is restored twice without writing twice", async () => {
      const before = await get(there, "/audit");
      const again = await restored(there, made.file);
      assert.deepEqual([again.written, again.deleted], [0, 0]);
      assert.deepEqual(await get(there, "/audit"), before);
    });

    test("takes the place of all that is there, when that is wanted", async () => {
      const dry = await restored(there, made.file, { mode: "replace", dry_run: true });
      assert.deepEqual([dry.written, dry.deleted], [0, 2], "the provider and the client key of there");
      await there.api("PATCH", `/keys/${ids[1]}`, { label: "renamed" }, 200);
      await there.api("POST", "/keys", { text: secret(9), provider: "own" }, 201);
      const gone = await restored(there, made.file, { mode: "replace" });
      assert.deepEqual([gone.written, gone.deleted], [1, 3]);
      const [before, now] = [await whole(here), await whole(there)];
      assert.deepEqual(now.keys.map(({ label }) => label).sort(), before.keys.map(({ label }) => label).sort());
      for (const name of ["providers", "clients", "aliases", "rules", "prices", "settings"]) assert.deepEqual(now[name], before[name], name);
      assert.equal((await chat(there, client)).status, 200);
      assert.deepEqual([(await restored(there, made.file, { mode: "replace" })).written], [0]);
    });

    test("brings ids back to the key that made them", async () => {
      const sdk = (worker) => new OpenAI({ apiKey: clientKey, baseURL: `${worker.url}/own/v1`, maxRetries: 0 });
      await here.api("PATCH", `/keys/${ids[1]}`, { enabled: true, group: "active" }, 200);
      await there.api("PATCH", `/keys/${ids[1]}`, { enabled: true, group: "active" }, 200);
      const owners = new Set();
      for (let session = 0; session < 12; session++) {
        const upload = { file: await toFile(Buffer.from("{}\n"), "x.jsonl"), purpose: "batch" };
        const file = await sdk(here).files.create(upload, { headers: { "x-session-id": String(session) } });
        const owner = mock.ledger.at(-1).key;
        const marked = file.id.includes("_kp");
        assert.ok(marked, file.id);
        // The first key has another id there.
        if (owner === secret(1)) continue;
        owners.add(owner);
        const found = await sdk(there).files.retrieve(file.id);
        assert.deepEqual([found.id.split("_kp")[0], mock.ledger.at(-1).key], [file.id.split("_kp")[0], owner]);
      }
      assert.equal(owners.size, 2);
    });

    test("is refused by its reason, and nothing is written", async () => {
      const file = () => structuredClone(made.file);
      const before = [await whole(there), await get(there, "/audit")];
      const flipped = (text, at) => text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      const changed = (change) => {
        const copy = file();
        change(copy);
        return copy;
      };
      const cases = [
        ["another passphrase", [file(), { passphrase: `${passphrase}x` }], "backup_passphrase"],
        ["no passphrase", [file(), { passphrase: undefined }], "backup_passphrase"],
        ["changed data", [changed((f) => (f.data = flipped(f.data, 100)))], "backup_damaged"],
        ["cut data", [changed((f) => (f.data = f.data.slice(0, 400)))], "backup_damaged"],
        ["no data", [changed((f) => delete f.data)], "backup_damaged"],
        ["data of another kind", [changed((f) => (f.data = { records: [] }))], "backup_damaged"],
        ["another time", [changed((f) => (f.made += 1))], "backup_passphrase"],
        ["another salt", [changed((f) => (f.kdf.salt = flipped(f.kdf.salt, 0)))], "backup_passphrase"],
        ["fewer iterations", [changed((f) => (f.kdf.iterations = 1000))], "backup_passphrase"],
        ["no salt", [changed((f) => delete f.kdf.salt)], "backup_damaged"],
        ["a short nonce", [changed((f) => (f.cipher.nonce = "AAAA"))], "backup_damaged"],
        ["more iterations", [changed((f) => (f.kdf.iterations = 600_000))], "backup_version"],
        ["another cipher", [changed((f) => (f.cipher.name = "ChaCha20"))], "backup_version"],
        ["a later version", [changed((f) => (f.keypool = 2))], "backup_version"],
        ["something else", [{ hello: "world" }], "backup_damaged"],
        ["no mode", [file(), { mode: undefined }], "invalid_request"],
        ["an odd mode", [file(), { mode: "overwrite" }], "invalid_request"],
        ["no file", [undefined], "invalid_request"],
        ["an odd field", [file(), { force: true }], "invalid_request"],
      ];
      for (const [what, [one, more], code] of cases) {
        const { status, body } = await restore(there, one, more);
        assert.deepEqual([status, body.error.code], [400, code], `${what}: ${JSON.stringify(body)}`);
      }
      assert.deepEqual([await whole(there), await get(there, "/audit")], before);
    });

    test("is all there or not at all when the storage fails", async (t) => {
      const empty = await started(t, { storage: elsewhere, faults: true });
      await empty.token();
      const nothing = await whole(empty);
      let status;
      const seen = [];
      for (let calls = 0; status !== 200 && calls < 9; calls++) {
        await empty.failStorageAfter(calls);
        ({ status } = await restore(empty, made.file));
        await empty.failStorage(false);
        const now = await whole(empty);
        seen.push([status, now.keys.length]);
        assert.deepEqual(now, now.keys.length === 0 ? nothing : first, "nothing between");
      }
      assert.deepEqual(seen.at(-1), [200, 3]);
      assert.ok(seen.some(([code, count]) => code === 503 && count === 0));
      assert.deepEqual(await whole(empty), first);
      assert.equal((await restored(empty, made.file)).written, 0);
    });

    test("stands in the audit log and in no log, with its passphrase nowhere", async () => {
      const { entries } = await get(here, "/audit?action=backup.make");
      assert.ok(entries.length >= 2 && entries.every(({ count, fields }) => count === 15 && fields[0] === "encrypted"));
      const texts = [here.logs(), there.logs(), JSON.stringify(entries), JSON.stringify(await get(there, "/audit?limit=500"))];
      for (const text of texts) for (const word of [passphrase, secret(1), header, client]) assert.ok(!text.includes(word), word);
      await here.failStorageAfter(1);
      const answer = await here.admin("/backup", { method: "POST", body: JSON.stringify({ plain: true }) });
      await here.failStorage(false);
      assert.equal(answer.status, 503, "none without an entry");
    });

    test("is made with a good passphrase, or in clear by a plain word", async () => {
      for (const body of [{}, { passphrase: "short" }, { passphrase: "elevenchars" }, { plain: false }, { passphrase, plain: true }, { passphrase: 7 }, { plain: true, more: 1 }]) {
        const { status, body: answer } = await here.api("POST", "/backup", body);
        assert.deepEqual([status, answer.error.code], [400, "invalid_request"], JSON.stringify(body));
      }
      assert.equal((await here.api("GET", "/backup")).status, 405);
      assert.equal((await here.api("DELETE", "/backup/restore")).status, 405);
    });

    test("in clear is read with the same mistrust", async (t) => {
      const { file } = await make(here, { plain: true });
      assert.deepEqual([file.kdf, file.cipher, Array.isArray(file.data.records)], [null, undefined, true]);
      assert.ok(JSON.stringify(file).includes(secret(1)));
      const [{ fields }] = (await get(here, "/audit?action=backup.make")).entries;
      assert.deepEqual(fields, ["plain"]);
      const strict = await started(t, { storage: elsewhere, vars: { KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: "false" } });
      const nothing = await whole(strict);
      const bodyOf = (f, kind) => f.data.records.find((one) => one.kind === kind).body;
      const change = (kind, fields) => (f) => Object.assign(bodyOf(f, kind), fields);
      const open = (f) => f.data.records.filter((one) => one.kind === "provider").forEach((one) => (one.body.base_url = "https://llm.example.com/v1"));
      const cases = [
        [() => {}, /not a public host|https:/],
        [change("provider", { headers: { authorization: "x" } }), /credential/],
        [change("provider", { headers: { "x-a": "b\nc" } }), /one line/],
        [change("provider", { balance_url: "https://evil.example" }), /balance/],
        [(f) => (f.data.records.find((one) => one.kind === "provider").id = "admin"), /name/],
        [change("key", { secret: "" }), /secret/],
        [change("key", { secret: "a b" }), /secret/],
        [change("key", { group: "No Group" }), /group/i],
        [change("key", { weight: "many" }), /cannot be read/],
        [change("key", { rpm: 0 }), /rpm is beyond/],
        [change("client", { requests: 1, window_s: 10 ** 12 }), /window_s is beyond/],
        [change("client", { cache_s: 10 ** 9 }), /cache_s is beyond/],
        [change("provider", { answer_timeout_ms: 0 }), /answer_timeout_ms is beyond/],
        [change("client", { hash: "short" }), /digest/],
        [change("client", { ips: ["anywhere"] }), /addresses/],
        [change("price", { model: "other" }), /another name/],
        [(f) => (f.data.records.find((one) => one.kind === "setting" && one.id === "max_attempts").body = "1000"), /max_attempts/],
        [(f) => f.data.records.push({ kind: "revoked", id: "x", body: {} }), /not in a backup/],
        [(f) => f.data.records.push({ kind: "spell", id: "x", body: {} }), /no record/],
        [(f) => f.data.records.push({ kind: "rule", id: "r", body: { action: "set_header", name: "cookie", value: "x", created: 1 } }), /credential/],
        [(f) => f.data.records.push(7), /no record/],
        [(f) => (f.data = {}), /list of records/],
      ];
      for (const [damage, message] of cases) {
        const copy = structuredClone(file);
        if (cases[0][0] !== damage) open(copy);
        damage(copy);
        const { status, body } = await restore(strict, copy, { passphrase: undefined });
        assert.deepEqual([status, body.error?.code], [400, "backup_damaged"], `${message}`);
        assert.match(body.error.message, message);
        assert.ok(!body.error.message.includes(secret(1)));
      }
      assert.deepEqual(await whole(strict), nothing);
      open(file);
      assert.equal((await restored(strict, file, { passphrase: undefined })).written, 15);
    });
  });

  test(`ten thousand keys fit into a backup, from ${storage} and back`, async (t) => {
    const worker = await started(t, { storage });
    await worker.api("POST", "/providers", { name: "own", base_url: "http://127.0.0.1:9/v1" }, 201);
    const text = Array.from({ length: 10_000 }, (_, i) => `mock-good-${"0123456789abcdef".repeat(7)}-${i}|7|the key of person number ${i}`).join("\n");
    await worker.api("POST", "/keys", { text, provider: "own" }, 201);
    const { text: file } = await make(worker);
    t.diagnostic(`the file has ${(file.length / 1e6).toFixed(1)} MB`);
    await worker.api("POST", "/keys/bulk", { filter: {}, action: "delete" }, 200);
    const answer = await restored(worker, JSON.parse(file));
    assert.deepEqual([answer.records.key, answer.written], [10_000, 10_000]);
    const { total, keys } = await get(worker, "/keys?limit=1&sort=created");
    assert.deepEqual([total, keys[0].weight], [10_000, 7]);
  });
}

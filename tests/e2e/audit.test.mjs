// The audit log: every change through the admin API has its entry, which says what was done and never to what value.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { password, root, started, storages, storeFolder } from "./harness.mjs";
import { stageOf } from "./pool.mjs";

const hour = 3_600_000;
/// What is stored by nobody: these calls only look, or write down what was counted.
const harmless = ["post /flush", "post /rules/test", "post /v1/token-count"];
/// What every entry has besides what the tests name.
const common = ["id", "at", "who", "session", "ip"];

/** `news()` gives the entries that came since it was asked last, without what all have in common. */
function audit(api) {
  const seen = new Set();
  return async () => {
    const { entries } = (await api("GET", "/audit?limit=500", undefined, 200)).body;
    const fresh = entries.filter(({ id }) => !seen.has(id));
    for (const { id } of entries) seen.add(id);
    return fresh.map((entry) => Object.fromEntries(Object.entries(entry).filter(([name]) => !common.includes(name))));
  };
}

const entry = (action, ids = [], names = ids, fields = [], count = ids.length) => ({ action, count, ids, names, fields });

for (const storage of storages) {
  describe(`the audit log, on ${storage}`, () => {
    const stage = stageOf({ storage, faults: true });
    const { api } = stage;
    const secrets = [password];
    const bare = (path, init) => fetch(`${stage.worker.url}/admin/api${path}`, init);
    const login = (word, headers) => bare("/login", { method: "POST", body: JSON.stringify({ password: word }), headers });

    test("has an entry for each route that changes something, and for nothing else", async () => {
      const news = audit(api);
      await news();
      const driven = new Set();
      /** Makes a call and holds what the log says of it against `expected`, in any order. */
      const drive = async (method, path, route, body, status, ...expected) => {
        driven.add(`${method.toLowerCase()} ${route}`);
        const answer = await api(method, path, body, status);
        const by = (a, b) => a.action.localeCompare(b.action);
        assert.deepEqual((await news()).sort(by), expected.sort(by), `${method} ${path}`);
        return answer.body;
      };
      const url = stage.mock.url;
      const header = "gateway-token-0123456789";
      const [first, second] = ["mock-good-audit-000001", "mock-good-audit-000002"];
      secrets.push(header, first, second);

      // Providers.
      const provider = { name: "own", base_url: url, headers: { "x-gateway": header }, default: true };
      const settings = (...names) => entry("settings.change", names);
      await drive("POST", "/providers", "/providers", provider, 201, entry("provider.add", ["own"]), settings("default_provider"));
      await drive("PATCH", "/providers/own", "/providers/{name}", { weight: 20, priority: 3, headers: { "x-gateway": `${header}b` } }, 200, entry("provider.change", ["own"], ["own"], ["headers", "priority", "weight"]));
      secrets.push(`${header}b`);
      await drive("PATCH", "/providers/own", "/providers/{name}", { weight: 20 }, 200);
      await api("PATCH", "/providers/own", { weight: 1000 }, 400);
      assert.deepEqual(await news(), [], "what is refused has no entry");

      // A call through the pool changes nothing; the usage has it.
      await drive("POST", "/v1/token-count", "/v1/{rest}", { messages: [] }, 200);

      // Keys.
      const added = async (text, more) => (await api("POST", "/keys", { text, dry_run: true, ...more }, 200)).body.added.map(({ id, key_masked }) => [id, key_masked]);
      const text = `${first}|5|Ann's\n${second}`;
      const [[one], [two, masked]] = await added(text);
      assert.deepEqual(await news(), [], "a dry run has no entry");
      await drive("POST", "/keys", "/keys", { text }, 201, entry("key.add", [one, two], ["Ann's", masked]));
      await drive("POST", "/keys", "/keys", { text }, 201);
      const preset = { text: "gsk_abcdefghijklmnop0123", provider: "groq" };
      const [[groq, shown]] = await added(preset.text, preset);
      secrets.push(preset.text);
      await drive("POST", "/keys", "/keys", preset, 201, entry("provider.add", ["groq"]), entry("key.add", [groq], [shown]));
      await drive("PATCH", `/keys/${one}`, "/keys/{id}", { label: "Bob's", rpm: 9 }, 200, entry("key.change", [one], ["Bob's"], ["label", "rpm"]));
      await drive("PATCH", `/keys/${one}`, "/keys/{id}", { label: "Bob's", rpm: 9 }, 200);
      await drive("PATCH", `/keys/${two}`, "/keys/{id}", { label: second }, 200, entry("key.change", [two], ["[redacted]"], ["label"]));
      await drive("POST", `/keys/${one}/reset`, "/keys/{id}/reset", undefined, 200, entry("key.reset", [one], ["Bob's"]));
      await drive("POST", `/keys/${one}/test`, "/keys/{id}/test", undefined, 200);
      stage.mock.script(first, "401");
      await drive("POST", `/keys/${one}/test`, "/keys/{id}/test", undefined, 200, entry("key.test", [one], ["Bob's"]));
      stage.mock.reset();
      await api("PATCH", "/providers/own", { balance_url: "/balance", balance_path: "left" }, 200);
      await news();
      await drive("POST", `/keys/${one}/balance`, "/keys/{id}/balance", undefined, 200, entry("key.balance", [one], ["Bob's"]));
      await drive("POST", `/keys/${one}/reveal`, "/keys/{id}/reveal", undefined, 200, entry("key.reveal", [one], ["Bob's"]));
      const exported = entry("key.export", [one, two], ["Bob's", "[redacted]"], ["json"]);
      await drive("POST", "/keys/export", "/keys/export", { ids: [one, two], format: "json" }, 200, exported);
      const bulk = (more, status, ...expected) => drive("POST", "/keys/bulk", "/keys/bulk", more, status, ...expected);
      const both = (action, ...fields) => entry("key.bulk", [one, two], ["Bob's", "[redacted]"], [action, ...fields]);
      await bulk({ ids: [one, two], action: "disable" }, 200, both("disable"));
      await bulk({ ids: [one, two], action: "disable" }, 200);
      await bulk({ filter: { provider: "own" }, action: "set", weight: 7 }, 200, both("set", "weight"));
      await bulk({ filter: { provider: "nobody" }, action: "delete" }, 200);
      await bulk({ ids: [two, "none"], action: "delete" }, 200, entry("key.bulk", [two], ["[redacted]"], ["delete"]));
      await drive("DELETE", `/keys/${groq}`, "/keys/{id}", undefined, 204, entry("key.delete", [groq], [shown]));
      const many = Array.from({ length: 30 }, (_, i) => `mock-good-audit-many-${i}`).join("\n");
      await api("POST", "/keys", { text: many }, 201);
      const [{ count, ids, names }] = await news();
      assert.deepEqual([count, ids.length, names.length], [30, 20, 20]);

      // Models, of providers and by name.
      await drive("POST", "/providers/own/models", "/providers/{name}/models", undefined, 200, entry("provider.models", ["own"]));
      const alias = { name: "fast", target: "own/gpt-4o" };
      await drive("PUT", "/models", "/models", alias, 200, entry("model.add", ["fast"]));
      await drive("PUT", "/models", "/models", { ...alias, economy: "gpt-4o-mini" }, 200, entry("model.change", ["fast"], ["fast"], ["economy"]));
      await drive("DELETE", "/models?name=fast", "/models", undefined, 204, entry("model.delete", ["fast"]));

      // Client keys.
      const made = (await api("POST", "/clients", { label: "phone", rpm: 5 }, 201)).body;
      secrets.push(made.key);
      driven.add("post /clients");
      assert.deepEqual(await news(), [entry("client.add", [made.id], ["phone"])]);
      await drive("PATCH", `/clients/${made.id}`, "/clients/{id}", { rpm: 6, ips: ["10.0.0.1"] }, 200, entry("client.change", [made.id], ["phone"], ["ips", "rpm"]));
      await drive("DELETE", `/clients/${made.id}`, "/clients/{id}", undefined, 204, entry("client.delete", [made.id], ["phone"]));

      // Rules and prices.
      const value = "rule-value-0123456789";
      secrets.push(value);
      const rule = (await api("POST", "/rules", { action: "set_header", name: "x-team", value }, 201)).body;
      driven.add("post /rules");
      assert.deepEqual(await news(), [entry("rule.add", [rule.id], ["x-team"])]);
      await drive("PATCH", `/rules/${rule.id}`, "/rules/{id}", { value: `${value}b` }, 200, entry("rule.change", [rule.id], ["x-team"], ["value"]));
      await drive("DELETE", `/rules/${rule.id}`, "/rules/{id}", undefined, 204, entry("rule.delete", [rule.id], ["x-team"]));
      const shipped = (await api("GET", "/rules", undefined, 200)).body.rules.at(-1).id;
      await drive("PATCH", `/rules/${shipped}`, "/rules/{id}", { enabled: false }, 200, entry("rule.change", [shipped], [shipped], ["enabled"]));
      await drive("PATCH", `/rules/${shipped}`, "/rules/{id}", { enabled: false }, 200);
      const price = { provider: "own", model: "gpt-*", input: 1, output: 2 };
      await drive("PUT", "/prices", "/prices", price, 200, entry("price.add", ["own gpt-*"]));
      await drive("PUT", "/prices", "/prices", { ...price, output: 3 }, 200, entry("price.change", ["own gpt-*"], ["own gpt-*"], ["output"]));
      await drive("DELETE", "/prices?provider=own&model=gpt-*", "/prices", undefined, 204, entry("price.delete", ["own gpt-*"]));

      // Imports.
      const data = [{ type: 1, key: "sk-audit-import-01", name: "channel", base_url: "https://relay.example.com" }];
      secrets.push(data[0].key);
      const { added: [brought] } = (await api("POST", "/import", { data, dry_run: true }, 200)).body;
      await drive("POST", "/import", "/import", { data }, 201, entry("import.run", [brought.id], ["channel"], ["one-api"]));
      await drive("POST", "/import", "/import", { data }, 201);

      // Backups.
      const word = "the passphrase of the audit";
      secrets.push(word);
      const backup = (count, way) => ({ ...entry("backup.make", [], [], [way]), count });
      const held = (await api("POST", "/backup", { plain: true }, 200)).body;
      const size = held.data.records.length;
      driven.add("post /backup");
      assert.deepEqual(await news(), [backup(size, "plain")]);
      await drive("POST", "/backup", "/backup", { passphrase: word }, 200, backup(size, "encrypted"));
      const back = (more, ...expected) => drive("POST", "/backup/restore", "/backup/restore", { file: held, mode: "replace", ...more }, 200, ...expected);
      await back({});
      await api("PUT", "/models", { name: "slow", target: "own/gpt-4o" }, 200);
      await news();
      await back({ dry_run: true });
      await back({}, { ...entry("backup.restore", [], [], ["replace"]), count: 1 });

      // Settings, and a provider with all that hangs on it.
      await drive("PATCH", "/settings", "/settings", { max_attempts: 4, log_level: "warn" }, 200, settings("max_attempts", "log_level"));
      await drive("PATCH", "/settings", "/settings", { max_attempts: 4, log_level: null }, 200, settings("log_level"));
      await drive("PATCH", "/settings", "/settings", { max_attempts: 4, log_level: null }, 200);
      const left = (await stage.list("?provider=own&limit=1000")).keys.map(({ id }) => id);
      const whole = (await api("DELETE", "/providers/own?with_keys=true", undefined, 204)) && (await news());
      driven.add("delete /providers/{name}");
      const gone = Object.fromEntries(whole.map(({ action, count }) => [action, count]));
      assert.deepEqual(gone, { "provider.delete": 1, "key.delete": left.length, "settings.change": 1 });

      // Sessions.
      const token = (await (await login(password)).json()).token;
      driven.add("post /login");
      assert.deepEqual(await news(), [entry("session.login")]);
      await drive("POST", "/session", "/session", undefined, 200);
      assert.equal((await bare("/logout", { method: "POST", headers: { authorization: `Bearer ${token}` } })).status, 204);
      driven.add("post /logout");
      assert.deepEqual(await news(), [entry("session.logout")]);
      secrets.push(token);

      const { paths } = parse(readFileSync(join(root, "docs/openapi.yaml"), "utf8"));
      const changes = Object.entries(paths).flatMap(([path, item]) => ["post", "put", "patch", "delete"].filter((method) => item[method]).map((method) => `${method} ${path}`));
      assert.deepEqual(changes.filter((route) => !driven.has(route) && !harmless.includes(route)), [], "routes that this test does not drive");
    });

    test("says when, from where and in which session", async () => {
      const before = Date.now();
      const ip = "203.0.113.7";
      const { token } = await (await login(password, { "cf-connecting-ip": ip })).json();
      const jti = JSON.parse(Buffer.from(token.split(".")[1], "base64url")).jti;
      const headers = { authorization: `Bearer ${token}`, "cf-connecting-ip": "2001:db8::1" };
      const changed = await bare("/settings", { method: "PATCH", headers, body: '{"max_attempts":6}' });
      assert.equal(changed.status, 200);
      const { entries } = (await api("GET", "/audit?limit=2", undefined, 200)).body;
      const [change, begin] = entries.toSorted((a, b) => a.action.localeCompare(b.action)).reverse().toSorted((a, b) => b.at - a.at);
      for (const [one, action, from] of [[change, "settings.change", "2001:db8::1"], [begin, "session.login", ip]]) {
        assert.deepEqual([one.who, one.action, one.ip, one.session], ["admin", action, from, jti]);
        assert.ok(one.at >= before && one.at <= Date.now());
      }
    });

    test("is read page by page, by action, by noun and by what was changed", async () => {
      await stage.pool(["mock-good-audit-page-1", "mock-good-audit-page-2"]);
      const [{ id }] = (await stage.list()).keys;
      for (let weight = 1; weight <= 7; weight++) await api("PATCH", `/keys/${id}`, { weight }, 200);
      const look = async (query) => (await api("GET", `/audit?${query}`, undefined, 200)).body;
      const pages = async (query) => {
        const found = [];
        let cursor = "";
        do {
          const page = await look(query + cursor);
          found.push(...page.entries);
          cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
        } while (cursor);
        return found;
      };
      const all = await pages("limit=500");
      assert.ok(all.length > 20 && new Set(all.map((one) => one.id)).size === all.length);
      assert.deepEqual(all.map(({ at }) => at), all.map(({ at }) => at).toSorted((a, b) => b - a), "the newest first");
      assert.deepEqual(await pages("limit=3"), all);
      assert.deepEqual(await pages("action=key&limit=4"), all.filter(({ action }) => action.startsWith("key.")));
      assert.deepEqual(await pages("action=key.change&limit=2"), all.filter(({ action }) => action === "key.change"));
      assert.deepEqual(await pages(`id=${id}&limit=3`), all.filter(({ ids }) => ids.includes(id)));
      assert.equal((await pages(`id=${id}&action=key.change`)).length, 7);
      assert.deepEqual(await look("action=nothing"), { entries: [], next_cursor: null });
      for (const wrong of ["limit=0", "limit=501", "cursor=x", "action=key*", "colour=red"]) assert.equal((await api("GET", `/audit?${wrong}`)).status, 400, wrong);
    });

    test("is changed and deleted by no call", async () => {
      const [{ id }] = (await api("GET", "/audit?limit=1", undefined, 200)).body.entries;
      for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
        assert.equal((await api(method, "/audit", {})).status, 405, method);
        assert.equal((await api(method, `/audit/${id}`, {})).status, 404, method);
      }
      assert.equal((await api("GET", "/audit?limit=1", undefined, 200)).body.entries[0].id, id);
    });

    test("has no change without its entry when the storage fails", async () => {
      const { id } = (await api("POST", "/clients", { label: "before" }, 201)).body;
      const label = async () => (await api("GET", "/clients", undefined, 200)).body.clients.find((one) => one.id === id).label;
      const entries = async () => (await api("GET", `/audit?id=${id}&action=client.change`, undefined, 200)).body.entries.length;
      const seen = [];
      for (let calls = 0, done = false; !done; calls++) {
        const before = [await label(), await entries()];
        await stage.worker.failStorageAfter(calls);
        done = (await api("PATCH", `/clients/${id}`, { label: `try ${calls}` })).status === 200;
        await stage.worker.failStorage(false);
        const [changed, told] = [(await label()) !== before[0], (await entries()) - before[1]];
        assert.ok(told === 1 || !changed, `after ${calls} calls: changed ${changed}, entries ${told}`);
        // D1 has both or neither.
        if (storage === "d1") assert.equal(told === 1, changed, `after ${calls} calls`);
        seen.push(`${changed} ${told}`);
      }
      assert.ok(seen.includes("false 0") && seen.at(-1) === "true 1", String(seen));
      if (storage === "kv") assert.ok(seen.includes("false 1"), String(seen));
    });

    test("keeps no admin out when it cannot be written", async () => {
      await stage.worker.token();
      let answer;
      for (let calls = 1; calls <= 3 && answer?.status !== 200; calls++) {
        await stage.worker.failStorageAfter(calls);
        answer = await login(password);
        await stage.worker.failStorage(false);
      }
      assert.equal(answer.status, 200);
      assert.match(stage.worker.logs(), /"event":"audit_failed"/);
    });

    test("knows no secret", async () => {
      const all = [];
      let cursor = "";
      do {
        const page = (await api("GET", `/audit?limit=500${cursor}`, undefined, 200)).body;
        all.push(...page.entries);
        cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
      } while (cursor);
      assert.ok(secrets.length > 8);
      const text = JSON.stringify(all);
      for (const secret of secrets) assert.ok(!text.includes(secret), secret);
    });

    test("forgets what is old and what is beyond so many entries, and nothing between", async () => {
      await api("PATCH", "/settings", { audit_rows: 100 }, 200);
      for (let n = 0; n < 105; n++) await api("PATCH", "/settings", { cache_mb: 60 + (n % 2) }, 200);
      const all = async () => (await api("GET", "/audit?limit=500", undefined, 200)).body.entries.map(({ id }) => id);
      const before = await all();
      const tick = (days, hours) => stage.worker.scheduled(Math.floor(Date.now() / (6 * hour)) * 6 * hour + hours * hour + days * 24 * hour + 27 * 60_000);
      await tick(0, 2);
      assert.deepEqual(await all(), before, "there are hours of trimming");
      for (let n = 0; n < 30 && (await all()).length > 100; n++) await tick(0, 3);
      assert.deepEqual(await all(), before.slice(0, 100));
      await tick(364, 3);
      assert.equal((await all()).length, 100);
      for (let n = 0; n < 15; n++) await tick(366, 3);
      assert.deepEqual(await all(), []);
    });
  });

  test(`settings that cannot be read are mended, with an entry, on ${storage}`, async (t) => {
    const persist = storeFolder();
    const good = await started(t, { storage, persist });
    const token = await good.token();
    await good.close();
    const odd = await started(t, { storage, persist, vars: { KEYPOOL_MAX_ATTEMPTS: "many" } });
    const headers = { authorization: `Bearer ${token}` };
    const ask = (path, init) => fetch(`${odd.url}/admin/api${path}`, { headers, ...init });
    assert.equal((await ask("/settings")).status, 500);
    assert.equal((await ask("/settings", { method: "PATCH", body: '{"max_attempts":3}' })).status, 200);
    const { entries } = await (await ask("/audit?action=settings")).json();
    assert.deepEqual(entries.map(({ ids }) => ids), [["max_attempts"]]);
  });

  test(`of a flood of wrong passwords there are a few entries with counts, on ${storage}`, async (t) => {
    const worker = await started(t, { storage, faults: true });
    await worker.token();
    const wrong = (n) =>
      fetch(`${worker.url}/admin/api/login`, {
        method: "POST",
        headers: { "cf-connecting-ip": `198.51.100.${n % 250}` },
        body: JSON.stringify({ password: `guess ${n}` }),
      });
    const refused = async () => (await worker.api("GET", "/audit?action=session.refused", undefined, 200)).body.entries;
    assert.equal((await wrong(1)).status, 401);
    const [{ ip, session, count }] = await refused();
    assert.deepEqual([ip, session, count], ["198.51.100.1", null, 1]);
    for (let n = 2; n <= 150; n++) await (await wrong(n)).arrayBuffer();
    assert.deepEqual((await refused()).map((one) => one.count), [90, 9, 1]);
    // Whoever logs in is told of the rest.
    const answer = await fetch(`${worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password }) });
    assert.equal(answer.status, 200);
    assert.deepEqual((await refused()).map((one) => one.count), [50, 90, 9, 1]);
    // A failing storage keeps those out who were refused before.
    await worker.failStorage(true);
    assert.equal((await wrong(200)).status, 503);
    await worker.failStorage(false);
  });
}

// docs/openapi.yaml and the Worker say the same: every answer fits, everything described exists.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { contract } from "./contract.mjs";
import { eventually, password, storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

for (const storage of storages) {
  describe(`docs/openapi.yaml, on ${storage}`, () => {
    const { check, fits, missing } = contract();
    let stage, worker, mock;
    /** Asks, holds the answer against the document, and returns it. */
    const ask = async (method, path, body, expected) => {
      const answer = await worker.api(method, path, body);
      check(method, path, answer.status, answer.body, body);
      assert.equal(answer.status, expected, JSON.stringify(answer.body));
      return answer.body;
    };
    /** The same without a session, with the body as it is. */
    const raw = async (method, path, body, expected, headers = {}) => {
      const answer = await fetch(`${worker.url}/admin/api${path}`, { method, body, headers });
      const text = await answer.text();
      check(method, path, answer.status, text ? JSON.parse(text) : null);
      assert.equal(answer.status, expected, text);
      return text ? JSON.parse(text) : null;
    };
    const chat = () => worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
    before(async () => {
      stage = await startStage({ storage });
      ({ worker, mock } = stage);
    });
    after(() => stage.close());

    test("describes sessions", async () => {
      const { token } = await raw("POST", "/login", JSON.stringify({ password }), 200);
      await raw("POST", "/login", "{", 400);
      await raw("POST", "/login", '{"password":"no"}', 401);
      await raw("GET", "/session", undefined, 401);
      await ask("GET", "/session", undefined, 200);
      await ask("POST", "/session", undefined, 200);
      await raw("POST", "/logout", '{"everywhere":1}', 400, { authorization: `Bearer ${token}` });
      await raw("POST", "/logout", '{"everywhere":false}', 204, { authorization: `Bearer ${token}` });
    });

    test("describes providers", async () => {
      await ask("POST", "/providers", { name: "groq", preset: "groq" }, 201);
      await ask(
        "POST",
        "/providers",
        {
          name: "own",
          base_url: mock.url,
          first_byte_timeout_ms: 1000,
          idle_timeout_ms: 1000,
          overall_timeout_ms: 9000,
        },
        201,
      );
      await ask("POST", "/providers", { name: "own", base_url: mock.url }, 409);
      await ask("POST", "/providers", { name: "No Good" }, 400);
      await ask("GET", "/providers", undefined, 200);
      await ask("GET", "/providers/own", undefined, 200);
      await ask("PATCH", "/providers/own", { balance_url: "/balance", balance_path: "left" }, 200);
      await ask("PATCH", "/providers/own", { balance_url: "https://example.com" }, 400);
      await ask("GET", "/providers/none", undefined, 404);
      const place = { priority: 5, weight: 20, models: ["my-*"], headers: { "x-gateway": "token-0123456789" } };
      await ask("PATCH", "/providers/own", place, 200);
      await ask("PATCH", "/providers/own", { layout: "azure" }, 400);
      await ask("PATCH", "/providers/own", { headers: { authorization: "Bearer x" } }, 400);
      await ask("POST", "/providers", { preset: "azure" }, 400);
      await ask("POST", "/providers", { preset: "azure", base_url: mock.url }, 201);
      await ask("POST", "/providers/own/models", undefined, 409);
      await ask("POST", "/providers/none/models", undefined, 404);
      await ask("PATCH", "/providers/own", { default: true, idle_timeout_ms: null, affinity: false, usage_mode: "ask" }, 200);
      await ask("PATCH", "/providers/own", { usage_mode: "sometimes" }, 400);
      await ask("PATCH", "/providers/own", { base_url: "nonsense" }, 400);
      await ask("POST", "/keys", { text: "mock-good-openapi-001", provider: "own" }, 201);
      await ask("DELETE", "/providers/own", undefined, 409);
      await ask("DELETE", "/providers/own?with_keys=true", undefined, 204);
      await ask("DELETE", "/providers/own", undefined, 404);
    });

    test("describes models and what their names stand for", async () => {
      const { name } = await stage.pool(["mock-good-openapi-80"]);
      await ask("POST", `/providers/${name}/models`, undefined, 200);
      const alias = { name: "fast-*", target: `${name}/*`, fallbacks: ["gpt-4.1"], economy: "gpt-4o-mini", fallback_on: ["refused"] };
      await ask("PUT", "/models", alias, 200);
      await ask("PUT", "/models", { name: "x" }, 400);
      await ask("PUT", "/models", { ...alias, fallback_on: ["never"] }, 400);
      const { aliases, models } = await ask("GET", "/models", undefined, 200);
      assert.deepEqual(aliases, [alias]);
      assert.deepEqual(models.find(({ id }) => id === "tts-1").providers, [name]);
      await ask("GET", "/models?x=1", undefined, 400);
      await ask("DELETE", "/models?name=fast-*", undefined, 204);
      await ask("DELETE", "/models?name=fast-*", undefined, 404);
    });

    test("describes what was counted", async () => {
      await stage.pool(["mock-good-openapi-90"]);
      assert.equal((await chat()).status, 200);
      await ask("POST", "/flush", undefined, 200);
      await ask("GET", "/stats", undefined, 200);
      await ask("GET", "/stats?by=model&provider=none", undefined, 200);
      await ask("GET", "/stats?by=color", undefined, 400);
      await ask("GET", "/stats/series", undefined, 200);
      for (const by of ["provider", "key", "model", "client"]) {
        await ask("GET", `/stats/series?range=30d&by=${by}`, undefined, 200);
      }
      await ask("GET", "/stats/series?range=1y", undefined, 400);
      await ask("GET", "/keys/stats?limit=10", undefined, 200);
      await ask("GET", "/keys/stats?limit=none", undefined, 400);
    });

    test("describes keys in every state", async () => {
      const { name, ids } = await stage.pool([
        "mock-401-openapi-0001",
        "mock-429-openapi-0002",
        "mock-402-openapi-0003",
        "mock-good-openapi-04",
      ]);
      await eventually(async () => {
        await chat();
        const { counts } = await ask("GET", "/keys", undefined, 200);
        assert.deepEqual(counts, { active: 1, cooling: 1, disabled: 2 });
      });
      const text = "mock-good-openapi-05\nmock-401-openapi-0001\n???";
      await ask("POST", "/keys", { text, provider: name, dry_run: true }, 200);
      await ask("POST", "/keys", { text, provider: name, weight: 3, group: "standby" }, 201);
      await ask(
        "POST",
        "/keys",
        {
          keys: [
            { key: "mock-good-openapi-06", provider: name, label: "six", weight: 1, group: "active", enabled: false },
          ],
        },
        201,
      );
      await ask("POST", "/keys", { text: 1 }, 400);
      await ask("GET", "/keys?state=disabled&reason=key_dead&sort=-created&limit=1", undefined, 200);
      await ask("GET", "/keys?limit=1", undefined, 200);
      await ask("GET", "/keys?limit=none", undefined, 400);
      for (const id of ids) await ask("GET", `/keys/${id}`, undefined, 200);
      await ask("GET", "/keys/none", undefined, 404);
      await ask(
        "PATCH",
        `/keys/${ids[3]}`,
        { label: "four", weight: 4, group: "active", enabled: true, models: ["gpt-*"] },
        200,
      );
      await ask("PATCH", `/keys/${ids[3]}`, { rpm: 60, tpm: null, concurrency: 4 }, 200);
      await ask("PATCH", `/keys/${ids[3]}`, { rpm: 0 }, 400);
      await ask("PATCH", `/keys/${ids[3]}`, { weight: 1000 }, 400);
      for (const id of ids) await ask("POST", `/keys/${id}/test`, undefined, 200);
      for (const id of ids) await ask("POST", `/keys/${id}/reset`, undefined, 200);
      await ask("POST", `/keys/${ids[3]}/balance`, undefined, 409);
      await ask("POST", "/keys/none/balance", undefined, 404);
      await ask("PATCH", `/providers/${name}`, { balance_url: "balance", balance_path: "left" }, 200);
      for (const answer of [{ body: { left: "1.5", currency: "USD" } }, { status: 410, body: "gone" }, { cut: 0 }]) {
        mock.script("mock-good-openapi-04", answer);
        await ask("POST", `/keys/${ids[3]}/balance`, undefined, 200);
      }
      for (const action of ["disable", "enable", "reset"])
        await ask("POST", "/keys/bulk", { ids: [ids[0], "none"], action }, 200);
      await ask("POST", "/keys/bulk", { filter: { state: "active", provider: name }, action: "set", weight: 2 }, 200);
      await ask("GET", "/keys?balance_max=1.5", undefined, 200);
      await ask("GET", "/keys?balance_max=much", undefined, 400);
      await ask("POST", "/keys/bulk", { filter: { balance_max: 1.5, provider: name }, action: "set", weight: 2 }, 200);
      await ask("POST", "/keys/bulk", { action: "none" }, 400);
      await ask("POST", `/keys/${ids[0]}/reveal`, undefined, 200);
      await ask("POST", "/keys/none/reveal", undefined, 404);
      await ask("POST", "/keys/export", { filter: { provider: name }, format: "json" }, 200);
      await ask("POST", "/keys/export", { ids: ["none"] }, 404);
      await ask("POST", "/keys/export", { ids, format: "csv" }, 400);
      await ask("DELETE", `/keys/${ids[0]}`, undefined, 204);
      await ask("POST", "/keys/bulk", { ids: ids.slice(1), action: "delete" }, 200);
    });

    test("describes client keys", async () => {
      const { id } = await ask("POST", "/clients", { label: "one", groups: ["team", "*"] }, 201);
      await ask("PATCH", `/clients/${id}`, { rights: ["force_key"], groups: [] }, 200);
      await ask("PATCH", `/clients/${id}`, { rights: ["fly"] }, 400);
      await ask("PATCH", `/clients/${id}`, { usage_mode: "ask-and-hide" }, 200);
      await ask("PATCH", `/clients/${id}`, { usage_mode: "never" }, 400);
      await ask("PATCH", `/clients/${id}`, { usage_mode: null }, 200);
      await ask("POST", "/clients", { label: 1 }, 400);
      const bounds = {
        expires: Date.now() + 60_000,
        models: ["gpt-*"],
        ips: ["10.0.0.0/8", "2001:db8::1"],
        ...{ rpm: 60, tpm: 1000, requests: 100, window_s: 900, day_tokens: 1, month_tokens: 2, day_micros: 3, month_micros: 4 },
        ...{ pace: "batch", cache_s: 60, rights: ["paced", "cache"] },
      };
      await ask("POST", "/clients", { label: "bound", ...bounds }, 201);
      await ask("PATCH", `/clients/${id}`, bounds, 200);
      await ask("PATCH", `/clients/${id}`, { requests: null }, 400);
      await ask("GET", "/clients", undefined, 200);
      await ask("PATCH", `/clients/${id}`, { label: "two", enabled: false }, 200);
      await ask("PATCH", "/clients/none", { label: "two" }, 404);
      await ask("DELETE", `/clients/${id}`, undefined, 204);
    });

    test("describes the estimate of tokens", async () => {
      const path = "/v1/token-count";
      for (const [body, status] of [[chatBody(), 200], ["{", 400]]) {
        const answer = await worker.fetch(path, { method: "POST", headers: json, body });
        check("POST", path, answer.status, await answer.json(), JSON.parse(chatBody()));
        assert.equal(answer.status, status);
      }
    });

    test("describes the overview", async () => {
      await stage.pool([]);
      await ask("GET", "/overview", undefined, 200);
      const { ids } = await stage.pool(["mock-429-openapi-over1", "mock-402-openapi-over2", "mock-good-openapi-over"]);
      await ask("PATCH", `/keys/${ids[2]}`, { enabled: false, expires: Date.now() + 60_000 }, 200);
      await chat();
      const seen = await ask("GET", "/overview", undefined, 200);
      assert.deepEqual(seen.keys, { active: 0, cooling: 1, disabled: 1, off: 1 });
      await ask("PATCH", `/keys/${ids[2]}`, { expires: 1 }, 400);
      await raw("GET", "/overview", undefined, 401);
    });

    test("describes the playground", async () => {
      await stage.pool(["mock-good-openapi-play"]);
      const tried = (answer) => JSON.parse(answer.headers.get("x-keypool-trace"));
      for (const status of [200, 503]) {
        const sent = { model: "text-embedding-3-small", input: "a" };
        const answer = await worker.api("POST", "/v1/embeddings", sent, status);
        check("POST", "/v1/embeddings", status, answer.body, sent);
        for (const attempt of tried(answer)) fits("Attempt", attempt);
        assert.equal(tried(answer).length, status === 200 ? 1 : 0);
        await stage.pool([]);
      }
      await ask("GET", "/v1/models", undefined, 200);
      await raw("GET", "/v1/models", undefined, 401);
    });

    test("describes prices", async () => {
      await ask("PUT", "/prices", { provider: "own", model: "gpt-*", input: 1, cached_input: 0, output: 2 }, 200);
      await ask("PUT", "/prices", { model: "gpt-*", input: 1 }, 400);
      await ask("GET", "/prices", undefined, 200);
      await ask("GET", "/prices?provider=own&model=gpt-5", undefined, 200);
      await ask("DELETE", "/prices?provider=own&model=gpt-*", undefined, 204);
      await ask("DELETE", "/prices?provider=own&model=gpt-*", undefined, 404);
    });

    test("describes rules", async () => {
      const { id } = await ask("POST", "/rules", { provider: "own", model: "gpt-*", action: "force", name: "n", value: null }, 201);
      await ask("POST", "/rules", { action: "drop", name: "model" }, 400);
      const rule = await ask("PATCH", `/rules/${id}`, { action: "rename", to: "m", about: "why" }, 200);
      const { rules } = await ask("GET", "/rules", undefined, 200);
      assert.deepEqual(rules[0], rule);
      const { name: provider } = await stage.pool([]);
      await ask("POST", "/rules/test", { provider, model: "gpt-5", body: '{"n":1}', rule }, 200);
      await ask("POST", "/rules/test", { provider: "none" }, 404);
      await ask("POST", "/rules/test", { provider, rule: {} }, 400);
      await ask("DELETE", `/rules/${id}`, undefined, 204);
      await ask("DELETE", `/rules/${id}`, undefined, 404);
      await ask("PATCH", `/rules/${id}`, { enabled: false }, 404);
      await ask("PATCH", `/rules/${rules.at(-1).id}`, { enabled: false }, 200);
      await ask("DELETE", `/rules/${rules.at(-1).id}`, undefined, 409);
    });

    test("describes the cost report", async () => {
      await stage.pool(["mock-good-openapi-cost"]);
      await chat();
      await ask("POST", "/flush", undefined, 200);
      const { rows } = await ask("GET", "/stats/cost?from=2026-01-01&by=key", undefined, 200);
      assert.ok(rows.length > 0);
      await ask("GET", "/stats/cost?from=then", undefined, 400);
    });

    test("describes settings and flush", async () => {
      const { effective } = await ask("GET", "/settings", undefined, 200);
      await ask("PATCH", "/settings", { max_attempts: 3 }, 200);
      await ask("PATCH", "/settings", { log_level: "warn", time_zone: "Asia/Shanghai", retention_days: 30 }, 200);
      await ask("PATCH", "/settings", { log_level: null, time_zone: null, retention_days: null }, 200);
      assert.ok(Object.keys(effective).length > 0);
      await ask("PATCH", "/settings", { max_attempts: "many" }, 400);
      await ask("POST", "/flush", undefined, 200);
    });

    test("describes the request log", async () => {
      await ask("PATCH", "/settings", { request_log: "bodies", request_log_days: 1, request_log_rows: 100 }, 200);
      const { id: client } = await ask("POST", "/clients", { label: "logged", log: "meta" }, 201);
      await ask("PATCH", `/clients/${client}`, { log: "default" }, 200);
      await ask("PATCH", `/clients/${client}`, { log: "much" }, 400);
      await stage.pool(["mock-401-openapi-0009", "mock-good-openapi-10"]);
      for (let i = 0; i < 3; i++) await chat();
      await stage.pool([]);
      assert.notEqual((await chat()).status, 200);
      await ask("POST", "/flush", undefined, 200);
      const { requests } = await ask("GET", "/requests?limit=1000", undefined, 200);
      assert.equal(requests.length, 4);
      for (const { id } of requests) await ask("GET", `/requests/${id}`, undefined, 200);
      await ask("GET", "/requests?limit=1&status=2xx", undefined, 200);
      await ask("GET", "/requests?limit=0", undefined, 400);
      await ask("GET", "/requests/none", undefined, 404);
      await ask("PATCH", "/settings", { request_log: null, request_log_days: null, request_log_rows: null }, 200);
    });

    test("describes imports", async () => {
      const data = [{ type: 1, key: "sk-openapi-0001\nshort", base_url: mock.url }, { type: 2, key: "sk-openapi-0002" }, { type: 1, key: "" }, { type: 8, key: "sk-openapi-0003" }];
      await ask("POST", "/import", { data, dry_run: true }, 200);
      await ask("POST", "/import", { data, from: "one-api" }, 201);
      await ask("POST", "/import", { data: JSON.stringify(data) }, 201);
      await ask("POST", "/import", { data: {} }, 400);
      await ask("POST", "/import", { data, from: "litellm" }, 400);
    });

    test("describes backups", async () => {
      await stage.pool(["mock-good-openapi-backup"]);
      await ask("POST", "/clients", { label: "kept" }, 201);
      const passphrase = "a passphrase of some length";
      const plain = await ask("POST", "/backup", { plain: true }, 200);
      await ask("POST", "/backup/restore", { file: plain, mode: "merge" }, 200);
      const file = await ask("POST", "/backup", { passphrase }, 200);
      await ask("POST", "/backup", { passphrase: "short" }, 400);
      await ask("POST", "/backup/restore", { file, passphrase, mode: "replace", dry_run: true }, 200);
      await ask("POST", "/backup/restore", { file, passphrase: `${passphrase}!`, mode: "replace" }, 400);
    });

    test("describes the audit log", async () => {
      await ask("GET", "/audit?limit=500", undefined, 200);
      await ask("GET", "/audit?action=key&id=none", undefined, 200);
      await ask("GET", "/audit?limit=0", undefined, 400);
    });

    test("describes nothing that does not exist", () => {
      const lost = missing();
      assert.deepEqual(lost, []);
    });
  });
}

// What other key pools export becomes keys of ours, at the providers where they are good for something.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { started, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`an import, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, list } = stage;
    const bring = (data, more) => api("POST", "/import", { data, ...more });
    const key = (n) => `mock-good-import-${String(n).padStart(3, "0")}`;
    const refusals = ({ refused }) => refused.map(({ line, reason }) => [line, reason]);
    /** What a key looks like, less what machines add. */
    const plain = ({ provider, label, weight, group, enabled, models }) => ({ provider, label, weight, group, enabled, models });

    test("of one-api's channels makes their providers, and calls go through", async () => {
      await stage.pool([]);
      const base = `http://127.0.0.1:${stage.mock.port}`;
      const channels = [
        { id: 1, type: 1, key: `${key(1)}\n${key(2)}`, status: 1, name: "Relay", base_url: base, models: "gpt-4o-mini,gpt-4o", group: "default", weight: 30, priority: 5 },
        { id: 2, type: 1, key: key(3), status: 2, name: "Off", base_url: `${base}/`, models: "", group: "vip", priority: 9 },
        { id: 3, type: 14, key: "sk-ant-import-0001", status: 1, name: "Claude", base_url: "", models: "claude-*" },
        { id: 4, type: 15, key: "ak|sk-of-baidu", status: 1, name: "Baidu" },
        { id: 5, type: 1, key: "", status: 1, name: "Empty" },
        { id: 6, type: 1, key: "sk-private-00001", status: 1, name: "Odd", base_url: "ftp://relay.example" },
      ];
      const text = JSON.stringify({ success: true, message: "", data: channels });
      const before = (await api("GET", "/audit?limit=1", undefined, 200)).body;
      const dry = await bring(text, { dry_run: true });
      assert.equal(dry.status, 200, JSON.stringify(dry.body));
      assert.deepEqual((await api("GET", "/audit?limit=1", undefined, 200)).body, before, "a dry run has no entry");
      assert.equal((await list()).total, 0);
      const done = await bring(text);
      assert.equal(done.status, 201, JSON.stringify(done.body));
      const less = (body) => ({ ...body, added: body.added.map(({ id, ...one }) => [id, plain(one)]) });
      assert.deepEqual(less(dry.body), less(done.body), "a dry run says the same");

      const { from, providers, added, known } = done.body;
      const name = providers.find((name) => name !== "anthropic");
      assert.deepEqual([from, providers.length, known], ["one-api", 2, []]);
      assert.deepEqual(added.map(plain), [
        { provider: name, label: "Relay", weight: 30, group: "active", enabled: true, models: ["gpt-4o-mini", "gpt-4o"] },
        { provider: name, label: "Relay", weight: 30, group: "active", enabled: true, models: ["gpt-4o-mini", "gpt-4o"] },
        { provider: name, label: "Off", weight: 10, group: "vip", enabled: false, models: [] },
        { provider: "anthropic", label: "Claude", weight: 10, group: "active", enabled: true, models: ["claude-*"] },
      ]);
      assert.deepEqual(refusals(done.body), [[4, "unsupported"], [5, "no_key"], [6, "bad_address"]]);
      assert.ok(!JSON.stringify(done.body).includes("sk-private-00001") && !JSON.stringify(done.body).includes("sk-of-baidu"));
      const made = (await api("GET", `/providers/${name}`, undefined, 200)).body;
      assert.deepEqual([made.base_url, made.priority, made.preset], [`${base}/v1`, 9, null]);

      const answer = await stage.worker.fetch(`/${name}/v1/chat/completions`, { method: "POST", headers: json, body: chatBody() });
      assert.equal(answer.status, 200);
      assert.ok([key(1), key(2)].includes(stage.last().key) && stage.last().path === "/v1/chat/completions");

      const again = (await bring(text)).body;
      assert.deepEqual([again.added, again.known.length, again.providers], [[], 4, []]);
      const [{ action, count, fields }] = (await api("GET", "/audit?action=import", undefined, 200)).body.entries;
      assert.deepEqual([action, count, fields], ["import.run", 4, ["one-api"]]);
    });

    test("uses the provider that is there, whatever its name", async () => {
      const { name } = await stage.pool([]);
      const { base_url } = (await api("GET", `/providers/${name}`, undefined, 200)).body;
      const channel = { type: 8, key: key(10), name: "c", base_url: `${base_url}/chat/completions` };
      const { added, providers } = (await bring([channel, { ...channel, key: key(11) }])).body;
      assert.deepEqual([added.map((one) => one.provider), providers], [[name, name], []]);
      // Two addresses of one host are two providers.
      const hosts = ["https://llm.example.com/a", "https://llm.example.com/b", "https://api.other.example/v1", "https://admin/v1"];
      const many = hosts.map((base_url, n) => ({ type: 1, key: `sk-many-0000${n}`, base_url }));
      const made = (await bring(many)).body;
      assert.deepEqual(made.providers, ["llm-example-com", "llm-example-com-2", "other-example", "at-admin"]);
    });

    test("of gpt-load is lines, groups or tables", async () => {
      const { name } = await stage.pool([]);
      const lines = `${key(20)}\n${key(21)}\r\nshort\n`;
      const taken = (await bring(lines, { provider: name })).body;
      assert.deepEqual([taken.from, taken.added.map((one) => one.provider), refusals(taken)], ["gpt-load", [name, name], [[3, "too_short"]]]);
      assert.equal((await bring(lines, { provider: "nobody" })).body.error.code, "provider_not_found");
      const upstreams = [{ url: `http://127.0.0.1:${stage.mock.port}/group`, weight: 1 }];
      const group = { id: 1, name: "mine", display_name: "Mine", channel_type: "openai", upstreams, api_keys: [{ key_value: key(22), status: "active" }, { key_value: key(23), status: "invalid" }] };
      const grouped = (await bring({ code: 0, message: "Success", data: [group] })).body;
      assert.deepEqual(grouped.added.map((one) => [one.label, one.enabled]), [["Mine", true], ["Mine", false]]);
      const { base_url } = (await api("GET", `/providers/${grouped.providers[0]}`, undefined, 200)).body;
      assert.equal(base_url, `${upstreams[0].url}/v1`);
    });

    test("of one-balance is what Wrangler prints", async () => {
      await stage.pool([]);
      const row = (provider, secret, status = "active") => ({ id: "u", key: secret, provider, status, remark: "r", total_cooling_seconds: 0 });
      const results = [row("google-ai-studio", "AIza-balance-0001"), row("groq", "gsk_balance-0001", "blocked"), row("google-vertex-ai", "key-of-vertex-1")];
      const { from, added, providers, refused } = (await bring([{ results, success: true, meta: {} }])).body;
      assert.deepEqual([from, providers.toSorted()], ["one-balance", ["gemini", "groq"]]);
      assert.deepEqual(added.map((one) => [one.provider, one.enabled]), [["gemini", true], ["groq", false]]);
      assert.deepEqual(refusals({ refused }), [[3, "unsupported"]]);
    });

    test("of something else is refused with nothing stored", async () => {
      await stage.pool([]);
      for (const [body, code] of [
        [{ data: { hello: 1 } }, "import_unknown"],
        [{ data: "" , from: "one-api" }, "import_unknown"],
        [{ data: [] }, "import_unknown"],
        [{}, "import_unknown"],
        [{ data: 7 }, "import_unknown"],
        [{ data: [], from: "litellm" }, "invalid_request"],
        [{ data: [], more: 1 }, "invalid_request"],
      ]) {
        const { status, body: answer } = await api("POST", "/import", body);
        assert.deepEqual([status, answer.error?.code], [400, code], JSON.stringify(body));
      }
      const forged = [{ type: 1, key: { sk: 1 }, models: 7, weight: "x", status: "on", group: {} }, { type: "1", key: "sk-forged-00001" }, null, 7, "x", [[]]];
      const { added, refused } = (await bring(forged, { from: "one-api" })).body;
      assert.deepEqual([added, refusals({ refused })], [[], [[1, "no_key"], ...[2, 3, 4, 5, 6].map((n) => [n, "unsupported"])]]);
      assert.equal((await list()).total, 0);
      assert.equal((await api("GET", "/import")).status, 405);
    });

    test("makes no provider on the inside of a network", async (t) => {
      const strict = await started(t, { storage, vars: { KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: "false" } });
      const inside = ["http://169.254.169.254", "https://10.0.0.5", "https://localhost", "https://[::1]", "http://relay.example"];
      const data = inside.map((base_url, n) => ({ type: 1, key: `sk-inside-0000${n}`, base_url }));
      const { added, providers, refused } = (await strict.api("POST", "/import", { data }, 201)).body;
      assert.deepEqual([added, providers, refusals({ refused })], [[], [], inside.map((_, n) => [n + 1, "bad_address"])]);
      assert.deepEqual((await strict.api("GET", "/audit?action=import", undefined, 200)).body.entries, []);
    });
  });
}

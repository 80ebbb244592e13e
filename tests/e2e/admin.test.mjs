// The rest of the admin API, and that no answer of it shows a whole secret.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, started, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";
import { assertRefused } from "./refused.mjs";

for (const storage of storages) {
  describe(`the admin API, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, list } = stage;

    describe("providers", () => {
      test("are added, listed, changed and deleted", async () => {
        const made = (
          await api(
            "POST",
            "/providers",
            { name: "mine", base_url: "https://llm.example.com/v1", first_byte_timeout_ms: 1500 },
            201,
          )
        ).body;
        assert.deepEqual(
          [made.name, made.base_url, made.enabled, made.first_byte_timeout_ms],
          ["mine", "https://llm.example.com/v1", true, 1500],
        );
        const all = (await api("GET", "/providers", undefined, 200)).body;
        assert.ok(all.providers.some((p) => p.name === "mine"));
        for (const preset of [
          "openai",
          "openrouter",
          "gemini",
          "deepseek",
          "siliconflow",
          "dashscope",
          "qianfan",
          "groq",
          "mistral",
          "xai",
          "nvidia",
          "anthropic",
        ]) {
          assert.ok(
            all.presets.some((p) => p.name === preset && p.base_url.startsWith("https://")),
            preset,
          );
        }
        for (const enabled of [false, true])
          assert.equal((await api("PATCH", "/providers/mine", { enabled }, 200)).body.enabled, enabled);
        assert.equal((await api("PATCH", "/providers/mine", { default: true }, 200)).body.default, true);
        assert.equal((await api("GET", "/providers", undefined, 200)).body.default_provider, "mine");
        await api("DELETE", "/providers/mine", undefined, 204);
        assert.equal((await api("GET", "/providers/mine")).status, 404);
      });

      test("with keys are not deleted by accident", async () => {
        const { name } = await stage.pool(["mock-good-kept-00001"]);
        const answer = await api("DELETE", `/providers/${name}`);
        assert.deepEqual([answer.status, answer.body.error.code], [409, "provider_has_keys"]);
        assert.deepEqual((await api("GET", `/providers/${name}`, undefined, 200)).body.keys, {
          active: 1,
          cooling: 0,
          disabled: 0,
        });
        await api("DELETE", `/providers/${name}?with_keys=true`, undefined, 204);
        assert.equal((await list()).total, 0);
      });

      test("need a name and a base URL that can be used", async () => {
        for (const body of [
          {},
          { name: "x" },
          { name: "Bad Name", base_url: "https://a.example/v1" },
          { name: "v1", base_url: "https://a.example/v1" },
          { name: "a", base_url: "ftp://a.example" },
          { name: "a", base_url: "nonsense" },
          { name: "a", preset: "no-such-preset" },
        ]) {
          const answer = await api("POST", "/providers", body);
          assertRefused(answer, body);
        }
      });
    });

    describe("client keys", () => {
      test("are shown once, work at once, and stop when switched off", async () => {
        await stage.pool(["mock-good-client-0001"]);
        const made = (await api("POST", "/clients", { label: "laptop" }, 201)).body;
        assert.match(made.key, /^kp-/);
        const call = () => fetch(`${stage.worker.url}/v1/models`, { headers: { authorization: `Bearer ${made.key}` } });
        assert.equal((await call()).status, 200);
        const listed = await api("GET", "/clients", undefined, 200);
        assert.equal(listed.body.env_client, true);
        assert.ok(listed.body.clients.some((c) => c.id === made.id && c.label === "laptop"));
        assert.ok(!JSON.stringify(listed.body).includes(made.key));
        assert.equal(
          (await api("PATCH", `/clients/${made.id}`, { label: "desk", enabled: false }, 200)).body.label,
          "desk",
        );
        assert.equal((await call()).status, 401);
        await api("PATCH", `/clients/${made.id}`, { enabled: true }, 200);
        assert.equal((await call()).status, 200);
        await api("DELETE", `/clients/${made.id}`, undefined, 204);
        assert.equal((await call()).status, 401);
        assert.equal((await api("DELETE", `/clients/${made.id}`)).status, 404);
      });
    });

    describe("every answer", () => {
      test("shows a secret masked, in lists, details, previews and errors", async () => {
        const secret = "mock-401-masked-0123456789abcdef";
        const { name, ids } = await stage.pool([secret]);
        await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
        await eventually(async () => assert.equal((await list()).keys[0].state, "disabled"));
        const answers = await Promise.all([
          stage.worker.admin("/keys"),
          stage.worker.admin(`/keys/${ids[0]}`),
          stage.worker.admin(`/keys?q=${secret}`),
          stage.worker.admin("/keys", { method: "POST", body: JSON.stringify({ text: secret, provider: name }) }),
          stage.worker.admin("/keys", {
            method: "POST",
            body: JSON.stringify({ text: `${secret}|x|y\n${secret}x|y`, provider: name, dry_run: true }),
          }),
          stage.worker.admin(`/keys/${ids[0]}/test`, { method: "POST" }),
          stage.worker.admin("/providers"),
          stage.worker.admin("/clients"),
          stage.worker.admin("/settings"),
          stage.worker.admin("/session"),
        ]);
        for (const answer of answers) assert.ok(!(await answer.text()).includes(secret), answer.url);
        const { key_masked } = (await list()).keys[0];
        assert.ok(key_masked.length < secret.length && !key_masked.includes(secret.slice(8, 24)), key_masked);
      });
    });

    test("a host that is not public is no base URL, unless the operator says so", async (t) => {
      const strict = await started(t, { storage, vars: { KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: null } });
      for (const host of [
        "localhost",
        "x.localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "metadata.google.internal",
        "nas.local",
        "user:pass@llm.example.com",
      ]) {
        assertRefused(await strict.api("POST", "/providers", { name: "evil", base_url: `https://${host}/v1` }), host);
      }
      assertRefused(
        await strict.api("POST", "/providers", { name: "evil", base_url: "http://llm.example.com/v1" }),
        "http",
      );
      const { body } = await strict.api(
        "POST",
        "/providers",
        { name: "fine", base_url: "https://llm.example.com/v1" },
        201,
      );
      assertRefused(await strict.api("PATCH", "/providers/fine", { base_url: "https://127.0.0.1/v1" }), "a change");
      assert.equal(body.base_url, "https://llm.example.com/v1");
    });

    test("settings are read and changed", async () => {
      const { body } = await api("GET", "/settings", undefined, 200);
      assert.ok(body.settings && body.effective);
    });
  });
}

// The admin API: who gets in, what a paste means, what a list shows, and that no answer shows a whole secret.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { eventually, password, startWorker, storages } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

const jwtSecret = "e2e-jwt-secret-of-more-than-32-bytes";
// What tokens are signed with: the password takes part, so that a new one ends all sessions.
const signingSecret = createHmac("sha256", jwtSecret).update(`session\n${password}`).digest("hex");

for (const storage of storages) {
  describe(`the admin API, on ${storage}`, () => {
    let stage, worker, mock;
    const api = (...args) => worker.api(...args);
    const bare = (path, init) => fetch(`${worker.url}/admin/api${path}`, init);
    const login = (body) => bare("/login", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
    const withToken = (token) => bare("/session", { headers: { authorization: `Bearer ${token}` } });
    const list = async (query = "") => (await api("GET", `/keys${query}`, undefined, 200)).body;
    before(async () => {
      stage = await startStage({ storage, secrets: { JWT_SECRET: jwtSecret } });
      ({ worker, mock } = stage);
    });
    after(() => stage.close());

    describe("a session", () => {
      test("begins with the password, in a cookie that scripts and other sites cannot use", async () => {
        const answer = await login({ password });
        assert.equal(answer.status, 200);
        const { token, expires_at } = await answer.json();
        assert.ok(expires_at > Date.now());
        const cookies = answer.headers.getSetCookie();
        assert.equal(cookies.length, 1);
        const [pair, ...attributes] = cookies[0].split("; ");
        assert.equal(pair, `keypool_session=${token}`);
        for (const attribute of ["HttpOnly", "Secure", "SameSite=Strict", "Path=/admin"]) assert.ok(attributes.includes(attribute), attribute);
        const session = await bare("/session", { headers: { cookie: `other=1; ${pair}` } });
        assert.equal(session.status, 200);
        const body = await session.json();
        assert.deepEqual([body.storage, body.encrypted, body.expires_at], [storage, false, expires_at]);
      });

      test("does not begin with anything else", async () => {
        for (const [body, status, code] of [
          [{ password: "wrong" }, 401, "wrong_password"],
          [{ password: "" }, 401, "wrong_password"],
          ["{", 400, "invalid_json"],
          ["", 400, "invalid_json"],
          [{}, 400, "invalid_request"],
          [{ password: 1 }, 400, "invalid_request"],
          ["[]", 400, "invalid_request"],
        ]) {
          const answer = await login(body);
          assert.deepEqual([answer.status, (await answer.json()).error.code], [status, code], JSON.stringify(body));
          assert.deepEqual(answer.headers.getSetCookie(), []);
        }
      });

      test("is needed for every call", async () => {
        for (const [method, path] of [["GET", "/keys"], ["POST", "/keys"], ["GET", "/session"], ["POST", "/logout"], ["GET", "/providers"], ["GET", "/clients"], ["GET", "/settings"], ["POST", "/flush"], ["GET", "/no/such/route"], ["PUT", "/keys"]]) {
          const answer = await bare(path, { method });
          assert.deepEqual([answer.status, (await answer.json()).error.code], [401, "login_required"], `${method} ${path}`);
        }
      });

      test("is no use of a token that somebody else made", async () => {
        const { token } = await (await login({ password })).json();
        const [head, payload, signature] = token.split(".");
        const header = JSON.parse(Buffer.from(head, "base64url"));
        const claims = JSON.parse(Buffer.from(payload, "base64url"));
        assert.equal(header.alg, "HS256");
        // The forger below works: with the right secret it makes the very token the Worker made.
        assert.equal(sign(head, payload, signingSecret), signature);

        const old = { ...claims, exp: Math.floor(Date.now() / 1000) - 10 };
        const none = part({ ...header, alg: "none" });
        for (const [what, forged] of [
          ["alg none", `${none}.${payload}.`],
          ["alg none with the old signature", `${none}.${payload}.${signature}`],
          ["a foreign secret", `${head}.${payload}.${sign(head, payload, "another secret of more than 32 bytes")}`],
          ["JWT_SECRET itself", `${head}.${payload}.${sign(head, payload, jwtSecret)}`],
          ["an empty secret", `${head}.${payload}.${sign(head, payload, "")}`],
          ["changed claims", `${head}.${part({ ...claims, exp: claims.exp + 1000 })}.${signature}`],
          ["an expired token", `${head}.${part(old)}.${sign(head, part(old), signingSecret)}`],
          ["no expiry", `${head}.${part({ ...claims, exp: undefined })}.${sign(head, part({ ...claims, exp: undefined }), signingSecret)}`],
          ["HS512", forge({ ...header, alg: "HS512" }, claims, "sha512")],
          ["a truncated token", token.slice(0, -2)],
          ["rubbish", "a.b.c"],
          ["nothing", ""],
        ]) {
          assert.equal((await withToken(forged)).status, 401, what);
        }
        assert.equal((await withToken(token)).status, 200);
      });

      test("ends with the logout, for this token alone", async () => {
        const [one, other] = [(await (await login({ password })).json()).token, (await (await login({ password })).json()).token];
        assert.notEqual(one, other);
        const answer = await bare("/logout", { method: "POST", headers: { authorization: `Bearer ${one}` } });
        assert.equal(answer.status, 204);
        assert.equal((await withToken(one)).status, 401);
        assert.equal((await withToken(other)).status, 200);
      });
    });

    describe("a paste", () => {
      let provider;
      before(async () => (provider = (await stage.pool([])).name));
      const paste = (text, more) => api("POST", "/keys", { text, provider, ...more });

      for (const [what, text, expected] of [
        ["lines", "mock-good-lines-0001\nmock-good-lines-0002\n", ["mock-good-lines-0001", "mock-good-lines-0002"]],
        ["CRLF", "mock-good-crlf-00001\r\nmock-good-crlf-00002\r\n", ["mock-good-crlf-00001", "mock-good-crlf-00002"]],
        ["commas", "mock-good-comma-0001, mock-good-comma-0002,", ["mock-good-comma-0001", "mock-good-comma-0002"]],
        ["semicolons", "mock-good-semic-0001;mock-good-semic-0002", ["mock-good-semic-0001", "mock-good-semic-0002"]],
        ["a Bearer prefix", "Bearer mock-good-bearer-001", ["mock-good-bearer-001"]],
        ["quotes and stray spaces", `  "mock-good-quote-0001" \n\t'mock-good-quote-0002',`, ["mock-good-quote-0001", "mock-good-quote-0002"]],
        ["a JSON array", '["mock-good-array-0001", "mock-good-array-0002"]', ["mock-good-array-0001", "mock-good-array-0002"]],
        [".env lines", 'export MOCK_API_KEY_1="mock-good-dotenv-001"\n# comment\nMOCK_API_KEY_2=mock-good-dotenv-002', ["mock-good-dotenv-001", "mock-good-dotenv-002"]],
      ]) {
        test(`understands ${what}`, async () => {
          const { status, body } = await paste(text);
          assert.equal(status, 201, JSON.stringify(body));
          assert.deepEqual(body.refused, []);
          assert.deepEqual(await secretsOf(body.added), expected);
        });
      }

      test("understands key|weight|label", async () => {
        const { body } = await paste("mock-good-pipes-0001|7|my label\nmock-good-pipes-0002|0");
        assert.deepEqual(body.added.map((k) => [k.weight, k.label]), [[7, "my label"], [0, body.added[1].label]]);
      });

      test("tells what was added, known, and refused, each with its line", async () => {
        await paste("mock-good-known-0001");
        const { status, body } = await paste("mock-good-fresh-0001\nmock-good-known-0001\n\nnot a key at all!\nmock-good-fresh-0001\nmock-good-fresh-0002|999");
        assert.equal(status, 201);
        assert.deepEqual(await secretsOf(body.added), ["mock-good-fresh-0001"]);
        assert.ok(body.known.some((k) => k.line === 2));
        assert.deepEqual([...new Set(body.refused.map((r) => r.line))], [4, 5, 6]);
        for (const r of body.refused) assert.ok(r.reason && r.message);
        assert.ok(!JSON.stringify(body).includes("mock-good-known-0001"));
      });

      test("once previewed has stored nothing", async () => {
        const before = (await list()).total;
        const { status, body } = await paste("mock-good-preview-001\nmock-good-known-0001", { dry_run: true });
        assert.equal(status, 200);
        assert.deepEqual([body.added.length, body.known.length], [1, 1]);
        assert.equal((await list()).total, before);
      });

      test("of a thousand keys loses none", async () => {
        const before = (await list()).total;
        const { body } = await paste(Array.from({ length: 1000 }, (_, i) => `mock-good-many-${String(i).padStart(6, "0")}`).join("\n"));
        assert.equal(body.added.length, 1000);
        assert.equal((await list()).total, before + 1000);
      });

      test("may carry a weight and a group for all", async () => {
        const { body } = await paste("mock-good-group-0001", { weight: 42, group: "standby" });
        assert.deepEqual([body.added[0].weight, body.added[0].group], [42, "standby"]);
      });

      test("names a preset, and the provider is made from it", async () => {
        const { body } = await paste("gsk_0123456789abcdefghijklmnop", { provider: "groq" });
        assert.equal(body.added[0].provider, "groq");
        const groq = (await api("GET", "/providers/groq", undefined, 200)).body;
        assert.equal(groq.preset, "groq");
        assert.match(groq.base_url, /^https:\/\/api\.groq\.com\//);
      });

      test("that is malformed is refused as a whole", async () => {
        for (const [body, code] of [["{", "invalid_json"], ["{}", "invalid_request"], ['{"text":1}', "invalid_request"], ['{"keys":{}}', "invalid_request"]]) {
          const answer = await worker.admin("/keys", { method: "POST", body });
          assert.deepEqual([answer.status, (await answer.json()).error.code], [400, code], body);
        }
      });

      // Which secret a row holds shows when it is used alone.
      async function secretsOf(added) {
        const found = [];
        for (const k of added) {
          await api("POST", `/keys/${k.id}/test`, undefined, 200);
          found.push(mock.ledger.at(-1).key);
        }
        return found;
      }
    });

    describe("the list", () => {
      let ids;
      before(async () => {
        const rows = Array.from({ length: 25 }, (_, i) => ({ key: `mock-good-list-0000${String(i).padStart(2, "0")}`, label: `label ${String(i).padStart(2, "0")}`, weight: i + 1, group: i % 2 ? "active" : "standby" }));
        ({ ids } = await stage.pool(rows));
      });

      test("comes in pages that cover every key once", async () => {
        const seen = [];
        let cursor = "";
        for (let page = 0; page < 10 && cursor !== null; page++) {
          const body = await list(`?limit=10&sort=label${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
          assert.equal(body.total, 25);
          assert.ok(body.keys.length <= 10);
          seen.push(...body.keys.map((k) => k.label));
          cursor = body.next_cursor;
        }
        assert.deepEqual(seen, [...seen].sort());
        assert.equal(new Set(seen).size, 25);
      });

      test("is sorted as asked, both ways", async () => {
        const weights = async (sort) => (await list(`?sort=${sort}`)).keys.map((k) => k.weight);
        const ascending = Array.from({ length: 25 }, (_, i) => i + 1);
        assert.deepEqual(await weights("weight"), ascending);
        assert.deepEqual(await weights("-weight"), ascending.toReversed());
        for (const sort of ["created", "-created", "label", "-label", "provider", "state"]) assert.equal((await weights(sort)).length, 25);
      });

      test("is filtered, and counts the whole pool beside", async () => {
        await api("POST", "/keys/bulk", { ids: ids.slice(0, 4), action: "disable" }, 200);
        const disabled = await list("?state=disabled");
        assert.equal(disabled.total, 4);
        assert.deepEqual(disabled.counts, { active: 21, cooling: 0, disabled: 4 });
        assert.ok(disabled.keys.every((k) => k.reason.class === "manual"));
        assert.equal((await list("?reason=manual")).total, 4);
        assert.equal((await list("?group=standby&state=active")).total, 11);
        assert.equal((await list("?q=label%2007")).total, 1);
        assert.equal((await list(`?q=${ids[9]}`)).total, 1);
        assert.equal((await list("?provider=nobody")).total, 0);
        await api("POST", "/keys/bulk", { ids: ids.slice(0, 4), action: "enable" }, 200);
        assert.equal((await list("?state=disabled")).total, 0);
      });

      test("refuses a question it does not understand", async () => {
        for (const query of ["?limit=0", "?limit=1001", "?limit=x", "?sort=color", "?state=odd", "?cursor=%00"]) {
          const answer = await api("GET", `/keys${query}`);
          assertRefused(answer, query);
        }
      });
    });

    describe("one key", () => {
      let id;
      before(async () => ([id] = (await stage.pool(["mock-good-single-0001"])).ids));

      test("is changed field by field", async () => {
        for (const change of [{ label: "mine ✓" }, { weight: 0 }, { weight: 100 }, { group: "standby" }, { models: ["gpt-4*", "o?"] }, { enabled: false }, { enabled: true }]) {
          const { body } = await api("PATCH", `/keys/${id}`, change, 200);
          const [[name, value]] = Object.entries(change);
          assert.deepEqual(body[name], value);
          assert.deepEqual((await api("GET", `/keys/${id}`, undefined, 200)).body[name], value);
        }
      });

      test("refuses a change that makes no sense, and stays as it was", async () => {
        const before = (await api("GET", `/keys/${id}`, undefined, 200)).body;
        for (const change of [{ weight: -1 }, { weight: 101 }, { weight: 1.5 }, { weight: "5" }, { models: "gpt" }, { enabled: "yes" }, { label: 1 }]) {
          const answer = await api("PATCH", `/keys/${id}`, change);
          assertRefused(answer, change);
        }
        assert.deepEqual((await api("GET", `/keys/${id}`, undefined, 200)).body, before);
      });

      test("is tested by a call that costs nothing", async () => {
        const fine = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([fine.ok, fine.class, fine.message], [true, null, null]);
        assert.equal(mock.ledger.at(-1).method, "GET");
        mock.script("*", ["401"]);
        const dead = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([dead.ok, dead.status, dead.class, dead.key.state], [false, 401, "key_dead", "disabled"]);
        const revived = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([revived.ok, revived.key.state], [true, "active"]);
      });

      test("only serves the models it may", async () => {
        await api("PATCH", `/keys/${id}`, { models: ["gpt-4*"] }, 200);
        const chat = (model) => worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody({ model }) });
        assert.equal((await chat("gpt-4o-mini")).status, 200);
        assert.equal((await chat("claude-5")).status, 503);
      });

      test("is gone once deleted", async () => {
        await api("DELETE", `/keys/${id}`, undefined, 204);
        for (const [method, path, body] of [["GET", ""], ["PATCH", "", { weight: 1 }], ["DELETE", ""], ["POST", "/reset"], ["POST", "/test"]]) {
          assert.equal((await api(method, `/keys/${id}${path}`, body)).status, 404, method + path);
        }
      });
    });

    describe("bulk", () => {
      let ids;
      before(async () => {
        ({ ids } = await stage.pool(Array.from({ length: 6 }, (_, i) => ({ key: `mock-good-bulk-00000${i}`, group: i < 2 ? "standby" : "active" }))));
      });

      test("says what was done and which ids there are not", async () => {
        const { body } = await api("POST", "/keys/bulk", { ids: [ids[0], "no-such-id", ids[1]], action: "disable" }, 200);
        assert.deepEqual([body.done.toSorted(), body.missing], [[ids[0], ids[1]].toSorted(), ["no-such-id"]]);
        assert.equal((await list("?state=disabled")).total, 2);
      });

      test("by filter touches what the filter shows, and nothing else", async () => {
        const { body } = await api("POST", "/keys/bulk", { filter: { state: "disabled" }, action: "enable" }, 200);
        assert.deepEqual(body.done.toSorted(), [ids[0], ids[1]].toSorted());
        await api("POST", "/keys/bulk", { filter: { group: "standby" }, action: "set", weight: 9, group: "active" }, 200);
        const { keys } = await list("?sort=created");
        assert.equal(keys.filter((k) => k.weight === 9).length, 2);
        assert.ok(keys.every((k) => k.group === "active"));
      });

      test("refuses what it does not know", async () => {
        for (const body of [{}, { ids }, { ids, action: "explode" }, { ids, action: "set", weight: 101 }, { ids: "all", action: "delete" }, { filter: { colour: "red" }, action: "delete" }]) {
          const answer = await api("POST", "/keys/bulk", body);
          assertRefused(answer, body);
        }
        assert.equal((await list()).total, 6);
      });

      test("deletes exactly what was named", async () => {
        const { body } = await api("POST", "/keys/bulk", { ids: ids.slice(0, 5), action: "delete" }, 200);
        assert.equal(body.done.length, 5);
        assert.deepEqual((await list()).keys.map((k) => k.id), [ids[5]]);
        const again = (await api("POST", "/keys/bulk", { ids: ids.slice(0, 5), action: "delete" }, 200)).body;
        assert.deepEqual([again.done, again.missing.length], [[], 5]);
      });
    });

    describe("providers", () => {
      test("are added, listed, changed and deleted", async () => {
        const made = (await api("POST", "/providers", { name: "mine", base_url: "https://llm.example.com/v1", first_byte_timeout_ms: 1500 }, 201)).body;
        assert.deepEqual([made.name, made.base_url, made.enabled, made.first_byte_timeout_ms], ["mine", "https://llm.example.com/v1", true, 1500]);
        const all = (await api("GET", "/providers", undefined, 200)).body;
        assert.ok(all.providers.some((p) => p.name === "mine"));
        for (const preset of ["openai", "openrouter", "gemini", "deepseek", "siliconflow", "dashscope", "qianfan", "groq", "mistral", "xai", "nvidia", "anthropic"]) {
          assert.ok(all.presets.some((p) => p.name === preset && p.base_url.startsWith("https://")), preset);
        }
        for (const enabled of [false, true]) assert.equal((await api("PATCH", "/providers/mine", { enabled }, 200)).body.enabled, enabled);
        assert.equal((await api("PATCH", "/providers/mine", { default: true }, 200)).body.default, true);
        assert.equal((await api("GET", "/providers", undefined, 200)).body.default_provider, "mine");
        await api("DELETE", "/providers/mine", undefined, 204);
        assert.equal((await api("GET", "/providers/mine")).status, 404);
      });

      test("with keys are not deleted by accident", async () => {
        const { name } = await stage.pool(["mock-good-kept-00001"]);
        const answer = await api("DELETE", `/providers/${name}`);
        assert.deepEqual([answer.status, answer.body.error.code], [409, "provider_has_keys"]);
        assert.deepEqual((await api("GET", `/providers/${name}`, undefined, 200)).body.keys, { active: 1, cooling: 0, disabled: 0 });
        await api("DELETE", `/providers/${name}?with_keys=true`, undefined, 204);
        assert.equal((await list()).total, 0);
      });

      test("need a name and a base URL that can be used", async () => {
        for (const body of [{}, { name: "x" }, { name: "Bad Name", base_url: "https://a.example/v1" }, { name: "v1", base_url: "https://a.example/v1" }, { name: "a", base_url: "ftp://a.example" }, { name: "a", base_url: "nonsense" }, { name: "a", preset: "no-such-preset" }]) {
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
        const call = () => fetch(`${worker.url}/v1/models`, { headers: { authorization: `Bearer ${made.key}` } });
        assert.equal((await call()).status, 200);
        const listed = await api("GET", "/clients", undefined, 200);
        assert.equal(listed.body.env_client, true);
        assert.ok(listed.body.clients.some((c) => c.id === made.id && c.label === "laptop"));
        assert.ok(!JSON.stringify(listed.body).includes(made.key));
        assert.equal((await api("PATCH", `/clients/${made.id}`, { label: "desk", enabled: false }, 200)).body.label, "desk");
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
        await worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
        await eventually(async () => assert.equal((await list()).keys[0].state, "disabled"));
        const answers = await Promise.all([
          worker.admin("/keys"),
          worker.admin(`/keys/${ids[0]}`),
          worker.admin(`/keys?q=${secret}`),
          worker.admin("/keys", { method: "POST", body: JSON.stringify({ text: secret, provider: name }) }),
          worker.admin("/keys", { method: "POST", body: JSON.stringify({ text: `${secret}|x|y\n${secret}x|y`, provider: name, dry_run: true }) }),
          worker.admin(`/keys/${ids[0]}/test`, { method: "POST" }),
          worker.admin("/providers"),
          worker.admin("/clients"),
          worker.admin("/settings"),
          worker.admin("/session"),
        ]);
        for (const answer of answers) assert.ok(!(await answer.text()).includes(secret), answer.url);
        const { key_masked } = (await list()).keys[0];
        assert.ok(key_masked.length < secret.length && !key_masked.includes(secret.slice(8, 24)), key_masked);
      });

      test("to an unknown route is a 404, to a wrong method a 405 that names the right ones", async () => {
        const lost = await api("GET", "/no/such/route");
        assert.deepEqual([lost.status, lost.body.error.code], [404, "unknown_route"]);
        for (const [method, path, allowed] of [["PUT", "/keys", "GET"], ["GET", "/flush", "POST"], ["GET", "/login", "POST"], ["DELETE", "/session", "GET"]]) {
          const wrong = await api(method, path);
          assert.deepEqual([wrong.status, wrong.body.error.code], [405, "method_not_allowed"], `${method} ${path}`);
          assert.ok(wrong.headers.get("allow").includes(allowed));
        }
      });

      test("may not be kept by a cache", async () => {
        assert.match((await api("GET", "/keys")).headers.get("cache-control") ?? "", /no-store/);
      });
    });

    test("a host that is not public is no base URL, unless the operator says so", async (t) => {
      const strict = await startWorker({ storage, vars: { KEYPOOL_ALLOW_PRIVATE_UPSTREAMS: null } });
      t.after(() => strict.close());
      for (const host of ["localhost", "x.localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "metadata.google.internal", "nas.local", "user:pass@llm.example.com"]) {
        assertRefused(await strict.api("POST", "/providers", { name: "evil", base_url: `https://${host}/v1` }), host);
      }
      assertRefused(await strict.api("POST", "/providers", { name: "evil", base_url: "http://llm.example.com/v1" }), "http");
      const { body } = await strict.api("POST", "/providers", { name: "fine", base_url: "https://llm.example.com/v1" }, 201);
      assertRefused(await strict.api("PATCH", "/providers/fine", { base_url: "https://127.0.0.1/v1" }), "a change");
      assert.equal(body.base_url, "https://llm.example.com/v1");
    });

    test("settings are read and changed", async () => {
      const { body } = await api("GET", "/settings", undefined, 200);
      assert.ok(body.settings && body.effective);
    });

    test("the eleventh wrong password in a row is not looked at", async () => {
      let answer;
      for (let i = 0; i < 12; i++) answer = await login({ password: `guess ${i}` });
      assert.deepEqual([answer.status, (await answer.json()).error.code], [429, "too_many_logins"]);
      assert.ok(Number(answer.headers.get("retry-after")) > 0);
      assert.equal((await login({ password })).status, 429);
    });
  });
}

function assertRefused(answer, what) {
  const { error } = answer.body;
  assert.equal(answer.status, 400, `${JSON.stringify(what)}: ${JSON.stringify(answer.body)}`);
  assert.equal(error.type, "invalid_request_error");
  assert.ok(error.message && error.code);
}

function part(value) {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function sign(head, payload, secret, hash = "sha256") {
  return createHmac(hash, secret).update(`${head}.${payload}`).digest("base64url");
}

function forge(header, claims, hash) {
  return `${part(header)}.${part(claims)}.${sign(part(header), part(claims), signingSecret, hash)}`;
}

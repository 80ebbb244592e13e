// Rewriting: what rules make of bodies and headers, seen at the provider; what is untouched arrives byte for byte.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { json, stageOf } from "./pool.mjs";
import { assertRefused } from "./refused.mjs";

for (const storage of storages) {
  describe(`rules, on ${storage}`, () => {
    const stage = stageOf({ storage, faults: true, vars: { KEYPOOL_LOG_LEVEL: "debug" } });
    const { api, send, last } = stage;
    let provider;
    const message = { role: "user", content: "hello" };
    const body = (more) => JSON.stringify({ model: "gpt-4o", messages: [message], ...more });
    /** What reaches the provider of a chat: its bytes as text, and its headers. */
    const sent = async (text, headers = {}) => {
      const answer = await send("/v1/chat/completions", { headers: { ...json, ...headers }, body: text });
      assert.equal(answer.status, 200, String(answer.body));
      return { text: last().body.toString(), headers: last().headers };
    };
    const rules = async () => (await api("GET", "/rules", undefined, 200)).body.rules;
    const add = async (rule) => (await api("POST", "/rules", rule, 201)).body;
    const change = async (id, rule) => (await api("PATCH", `/rules/${id}`, rule, 200)).body;
    const remove = (id) => api("DELETE", `/rules/${id}`, undefined, 204);
    /** With a rule for as long as `work` takes. */
    const under = async (rule, work) => {
      const { id } = await add(rule);
      try {
        return await work(id);
      } finally {
        await remove(id);
      }
    };
    before(async () => {
      provider = (await stage.pool(["mock-good-rules-0001"], { preset: "groq" })).name;
    });

    test("parameters are dropped, renamed, forced and given where there are none", async () => {
      const untouched = body({ x: [1, { x: 2 }] });
      for (const [rule, before, after] of [
        [{ action: "drop", name: "x" }, body({ x: 1, y: 2 }), body({ y: 2 })],
        [{ action: "drop", name: "x" }, body({ y: { x: 1 } }), body({ y: { x: 1 } })],
        [{ action: "rename", name: "x", to: "y" }, untouched, untouched.replace('"x":[', '"y":[')],
        [{ action: "rename", name: "x", to: "y" }, body({ x: 1, y: 2 }), body({ y: 2 })],
        [{ action: "force", name: "x", value: { a: [null] } }, body({ x: 1 }), body({ x: { a: [null] } })],
        [{ action: "force", name: "x", value: null }, body({ x: 1 }), body({ x: null })],
        [{ action: "default", name: "x", value: 0.5 }, body({ x: 1 }), body({ x: 1 })],
        [{ action: "default", name: "x", value: 0.5 }, body(), `{"x":0.5,${body().slice(1)}`],
      ]) {
        await under({ provider: "mock*", model: "GPT-4*", ...rule }, async () => {
          assert.equal((await sent(before)).text, after, JSON.stringify(rule));
        });
      }
    });

    test("what no rule touches goes out byte for byte", async () => {
      const odd = ' {\r\n"\\u006dodel" : "gpt-4o" ,"messages":[ {"role":"user", "content":"\\u00e9 \\/ x"} ], "n":1.0 ,"n" : 1e0} \n';
      assert.equal((await sent(odd)).text, odd);
      for (const rule of [
        { action: "drop", name: "content" },
        { action: "force", name: "x", value: 1, model: "other" },
        { action: "force", name: "x", value: 1, provider: "other" },
        { action: "force", name: "x", value: 1, enabled: false },
      ])
        await under(rule, async () => assert.equal((await sent(odd)).text, odd));
    });

    test("a rule goes by what the model is called there, and the name in the body is changed with it", async () => {
      await under({ provider: "*", model: "gpt-4o", action: "drop", name: "x" }, async () => {
        const { text } = await sent(body({ model: `${provider}/gpt-4o`, x: 1, stream: true }));
        assert.equal(text, body({ stream: true }));
      });
    });

    test("a stream that is asked for its usage is rewritten as well, and a rule has the last word", async () => {
      await api("PATCH", `/providers/${provider}`, { usage_mode: "ask-and-hide" }, 200);
      const stream = body({ model: `${provider}/gpt-4o`, stream: true, x: 1 });
      await under({ action: "rename", name: "x", to: "y" }, async () => {
        const asked = '{"stream_options":{"include_usage":true},' + body({ stream: true, y: 1 }).slice(1);
        assert.equal((await sent(stream)).text, asked);
      });
      await under({ action: "drop", name: "stream_options" }, async () => {
        assert.equal((await sent(stream)).text, body({ stream: true, x: 1 }));
      });
      await api("PATCH", `/providers/${provider}`, { usage_mode: "as-is" }, 200);
    });

    test("headers are set and dropped, for bodies of any kind", async () => {
      const set = await add({ action: "set_header", name: "X-Team", value: "red; blue" });
      const drop = await add({ action: "drop_header", name: "OpenAI-Beta" });
      const { headers } = await sent(body(), { "openai-beta": "x" });
      assert.equal(headers["x-team"], "red; blue");
      assert.equal(headers["openai-beta"], undefined);
      assert.equal(headers.authorization, "Bearer mock-good-rules-0001");
      await send(`/${provider}/v1/models`, { method: "GET" });
      assert.equal(last().headers["x-team"], "red; blue");
      await remove(drop.id);
      assert.equal((await sent(body(), { "openai-beta": "x" })).headers["openai-beta"], "x");
      await remove(set.id);
      assert.equal((await sent(body())).headers["x-team"], undefined);
    });

    test("a form keeps its content type and its bytes", async () => {
      const form = new FormData();
      form.append("model", "whisper-1");
      form.append("file", new Blob(["x"]), "a.wav");
      const request = new Request("http://x", { method: "POST", body: form });
      const type = request.headers.get("content-type");
      const bytes = Buffer.from(await request.arrayBuffer());
      await under({ action: "set_header", name: "content-type", value: "text/plain" }, () =>
        under({ action: "drop", name: "file" }, async () => {
          await send("/v1/audio/transcriptions", { headers: { "content-type": type }, body: bytes });
          assert.equal(last().headers["content-type"], type);
          assert.deepEqual(last().body, bytes);
          assert.equal((await sent(body())).headers["content-type"], "text/plain");
        }),
      );
    });

    test("what is no complete JSON object is left as it is, and the log says so", async () => {
      await under({ action: "drop", name: "x" }, async () => {
        const broken = `${body({ x: 1 }).slice(0, -1)},}`;
        stage.mock.script("*", { echo: true });
        await send("/v1/chat/completions", { headers: json, body: broken });
        assert.equal(last().body.toString(), broken);
        stage.mock.script("*", {});
        assert.match(stage.worker.logs(), /"body_not_rewritten"/);
      });
    });

    test("a shipped rule holds for its preset, says where it is from, and is switched off and on", async () => {
      const id = "groq-logprobs";
      const shipped = async () => (await rules()).find((rule) => rule.id === id);
      const rule = await shipped();
      assert.deepEqual(
        [rule.shipped, rule.enabled, rule.provider, rule.model, rule.action, rule.name, rule.value, rule.to],
        [true, true, "groq", "*", "drop", "logprobs", null, null],
      );
      assert.match(rule.source, /^https:\/\/console\.groq\.com\//);
      assert.ok(rule.about);
      const before = body({ logprobs: true });
      assert.equal((await sent(before)).text, body());
      assert.equal((await change(id, { enabled: false })).enabled, false);
      assert.equal((await shipped()).enabled, false);
      assert.equal((await sent(before)).text, before);
      assert.equal((await change(id, { enabled: true })).enabled, true);
      assert.equal((await sent(before)).text, body());
      await api("PATCH", `/rules/${id}`, { enabled: true, name: "n" }, 400);
      await api("PATCH", `/rules/${id}`, {}, 400);
      assert.equal((await api("DELETE", `/rules/${id}`, undefined, 409)).body.error.code, "shipped_rule");
    });

    test("one's own rules come first, in the order in which they were made, and are changed in their place", async () => {
      const one = await add({ action: "force", name: "a", value: 1 });
      const two = await add({ action: "rename", name: "a", to: "b", about: "as it is called there" });
      assert.deepEqual(two, {
        id: two.id,
        shipped: false,
        enabled: true,
        provider: "*",
        model: "*",
        action: "rename",
        name: "a",
        value: null,
        to: "b",
        about: "as it is called there",
        source: null,
      });
      assert.match(two.id, /^[0-9a-f]{12}$/);
      assert.deepEqual((await rules()).slice(0, 2), [one, two]);
      assert.equal((await sent(body())).text, `{"b":1,${body().slice(1)}`);
      assert.deepEqual(await change(one.id, { value: [2] }), { ...one, value: [2] });
      assert.equal((await sent(body())).text, `{"b":[2],${body().slice(1)}`);
      assert.deepEqual(await change(one.id, { enabled: false }), { ...one, value: [2], enabled: false });
      assert.equal((await sent(body())).text, body());
      assert.equal((await change(one.id, { action: "drop" })).value, null);
      await remove(one.id);
      await remove(two.id);
      assert.equal((await api("DELETE", `/rules/${one.id}`, undefined, 404)).body.error.code, "rule_not_found");
      assert.equal((await api("PATCH", `/rules/${one.id}`, {}, 404)).body.error.code, "rule_not_found");
    });

    test("a dry run shows before and after, with a draft and without", async () => {
      const { id } = await add({ action: "set_header", name: "x-team", value: "red" });
      const dry = async (more) => (await api("POST", "/rules/test", { provider, ...more }, 200)).body;
      const before = body({ logprobs: true, x: 1 });
      assert.deepEqual(await dry({ body: before, rule: { action: "drop", name: "x" } }), {
        before,
        after: body(),
        applied: [id, "draft", "groq-logprobs"],
        headers: { set: { "x-team": "red" }, dropped: [] },
      });
      const renamed = await dry({ body: before, model: "llama", rule: { model: "gpt-*", action: "drop", name: "x" } });
      assert.equal(renamed.after, body({ model: "llama", x: 1 }));
      assert.deepEqual(renamed.applied, [id, "groq-logprobs"]);
      const edited = { ...(await rules()).find((rule) => rule.id === id), action: "drop_header", value: null };
      assert.deepEqual((await dry({ rule: edited })).headers, { set: {}, dropped: ["x-team"] });
      assert.equal(JSON.parse((await dry({ model: "m" })).after).model, "m");
      assert.equal((await dry({ body: "no JSON" })).after, "no JSON");
      // Nothing of it was kept, and the call itself does the same.
      assert.equal((await sent(before)).text, body({ x: 1 }));
      await remove(id);
      assertRefused(await api("POST", "/rules/test", { provider, rule: { action: "drop", name: "model" } }), "a draft");
      await api("POST", "/rules/test", { provider: "none" }, 404);
    });

    test("what cannot be a rule is refused and named", async () => {
      const drop = { action: "drop", name: "x" };
      const header = { action: "set_header", name: "x-a", value: "1" };
      for (const [rule, param] of [
        [{ name: "x" }, "action"],
        [{ action: "fly", name: "x" }, "action"],
        [{ action: "drop" }, "name"],
        [{ ...drop, name: "" }, "name"],
        [{ ...drop, name: "x".repeat(201) }, "name"],
        [{ ...drop, name: "model" }, "name"],
        [{ action: "rename", name: "stream", to: "x" }, "name"],
        [{ action: "rename", name: "x", to: "model" }, "to"],
        [{ action: "rename", name: "x", to: "x" }, "to"],
        [{ action: "rename", name: "x" }, "to"],
        [{ ...drop, to: "y" }, "to"],
        [{ ...drop, value: 1 }, "value"],
        [{ action: "force", name: "x" }, "value"],
        [{ action: "default", name: "x" }, "value"],
        [{ action: "force", name: "x", value: "y".repeat(4095) }, "value"],
        [{ ...drop, provider: "two words" }, "provider"],
        [{ ...drop, model: "" }, "model"],
        [{ ...drop, about: "two\nlines" }, "about"],
        [{ ...drop, enabled: "yes" }, "enabled"],
        [{ ...header, value: 1 }, "value"],
        [{ ...header, value: "a\r\nb: c" }, "value"],
        [{ ...header, value: "é" }, "value"],
        [{ ...header, name: "a b" }, "name"],
        [{ ...header, name: "a:b" }, "name"],
        [{ ...header, name: "content-type", value: "Multipart/form-data; boundary=x" }, "value"],
        ...["Authorization", "x-api-key", "api-key", "cookie", "host", "content-length", "transfer-encoding", "connection"].map(
          (name) => [{ ...header, name }, "name"],
        ),
        ...["x-keypool-key", "CF-Connecting-IP", "accept-encoding"].map((name) => [{ action: "drop_header", name }, "name"]),
      ]) {
        const answer = await api("POST", "/rules", rule);
        assertRefused(answer, rule);
        assert.equal(answer.body.error.param, param, JSON.stringify([rule, answer.body]));
      }
      assertRefused(await api("POST", "/rules", { ...drop, nmae: "x" }), "a name with a typo");
      assert.ok((await rules()).every((rule) => rule.shipped));
    });

    test("a body of 5 MB is rewritten wherever its parameters stand", async () => {
      const content = "é\\\"\n".repeat(700_000);
      const big = (more) => JSON.stringify({ model: "gpt-4o", ...more.first, messages: [{ role: "user", content }], ...more.last });
      await under({ action: "drop", name: "x" }, () =>
        under({ action: "force", name: "y", value: 2 }, async () => {
          assert.ok((await sent(big({ first: { x: 1 }, last: { y: 1, x: 3 } }))).text === big({ last: { y: 2 } }));
        }),
      );
      const plain = big({ last: { x: 1 } });
      assert.ok((await sent(plain)).text === plain);
    });

    test("a body that is too large to keep goes through as it is, with the headers changed", async () => {
      const large = body({ x: 1, messages: [{ role: "user", content: "y".repeat(21 << 20) }] });
      await under({ action: "drop", name: "x" }, () =>
        under({ action: "set_header", name: "x-team", value: "red" }, async () => {
          const { text, headers } = await sent(large);
          assert.ok(text === large);
          assert.equal(headers["x-team"], "red");
        }),
      );
    });

    test("bodies of 5 MB leave the wasm no more than 3 MB larger for good", async () => {
      const content = "y".repeat(5_000_000);
      const before = (await stage.worker.counts()).memory;
      assert.ok(before > 1_000_000, `${before}`);
      await under({ action: "drop", name: "x" }, () =>
        under({ action: "force", name: "y", value: "z".repeat(4000) }, async () => {
          const big = body({ x: 1, messages: [{ role: "user", content }] });
          const many = Array.from({ length: 12 }, () => send("/v1/chat/completions", { headers: json, body: big }));
          for (const { status } of await Promise.all(many)) assert.equal(status, 200);
        }),
      );
      const grown = (await stage.worker.counts()).memory - before;
      assert.ok(grown <= 3_000_000, `${grown}`);
    });

    test("each of a call's targets gets what its own rules make of the body", async () => {
      await api("POST", "/providers", { name: "other", base_url: stage.mock.url }, 201);
      await api("POST", "/keys", { text: "mock-good-rules-0002", provider: "other" }, 201);
      const alias = { name: "both", target: `${provider}/gpt-4o`, fallbacks: ["other/gpt-5"], fallback_on: ["exhausted"] };
      await api("PUT", "/models", alias, 200);
      stage.mock.script("mock-good-rules-0001", "402");
      stage.mock.ledger.length = 0;
      await under({ provider: "other", action: "rename", name: "x", to: "y" }, async () => {
        await sent(body({ model: "both", x: 1, logprobs: true }));
        const [first, second, ...more] = stage.mock.ledger.map((call) => String(call.body));
        assert.deepEqual([first, more], [body({ x: 1 }), []]);
        assert.equal(second, body({ model: "gpt-5", y: 1, logprobs: true }));
      });
      stage.mock.script("mock-good-rules-0001", {});
      await api("DELETE", "/models?name=both", undefined, 204);
      await api("DELETE", "/providers/other?with_keys=true", undefined, 204);
      const { keys } = await stage.list();
      await api("POST", `/keys/${keys[0].id}/reset`, undefined, 200);
      assert.equal((await sent(body())).text, body());
    });

    // KV takes a write a second.
    test("there are two hundred at most", { skip: storage === "kv" }, async () => {
      const ids = [];
      for (let n = 0; n < 200; n += 1) ids.push((await add({ action: "drop", name: `x${n}` })).id);
      assertRefused(await api("POST", "/rules", { action: "drop", name: "x" }), "one more");
      assert.equal((await change(ids[7], { name: "y" })).name, "y");
      assert.equal((await sent(body({ x0: 1, x199: 1 }))).text, body());
      for (const id of ids) await remove(id);
    });
  });
}

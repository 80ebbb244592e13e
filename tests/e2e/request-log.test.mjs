// The request log: nothing unless it is asked for, then what was asked for, without a secret, for as long as it is asked for.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

const hour = 3_600_000;
const chat = "/v1/chat/completions";

for (const storage of storages) {
  describe(`the request log, on ${storage}`, () => {
    // Only /flush writes.
    const stage = stageOf({ storage, faults: true, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "86400000" } });
    const { api } = stage;
    const set = (settings) => api("PATCH", "/settings", settings, 200);
    const flush = () => api("POST", "/flush", undefined, 200);
    const look = async (query = "") => (await api("GET", `/requests${query}`, undefined, 200)).body;
    const one = async (id) => (await api("GET", `/requests/${id}`, undefined, 200)).body;
    /** A call with a client key, `key` being that of another client; its id, and its answer's body. */
    const call = async (body = chatBody(), { key, path = chat, headers = {}, method = "POST" } = {}) => {
      const authorization = key ? { authorization: `Bearer ${key}` } : {};
      const answer = await stage.worker.fetch(path, { method, headers: { ...json, ...authorization, ...headers }, body });
      return { status: answer.status, text: await answer.text(), request: answer.headers.get("x-request-id") };
    };
    const clientOf = async (log) => (await api("POST", "/clients", { label: "logged", log }, 201)).body;
    /** The `count` entries of what `work` calls, oldest first. A stream's is there soon after its end, the others at once. */
    const kept = async (count, work) => {
      const before = new Set((await look("?limit=1000")).requests.map(({ id }) => id));
      await work();
      return eventually(async () => {
        await flush();
        const entries = (await look("?limit=1000")).requests.filter(({ id }) => !before.has(id)).reverse();
        assert.equal(entries.length, count);
        return entries;
      });
    };

    test("keeps nothing unless it is asked to, and costs no call of the storage then", async () => {
      await stage.pool(["mock-good-log-000001"]);
      await kept(0, () => call());
      assert.deepEqual(await look(), { requests: [], next_cursor: null });
      const cost = async () => {
        for (let i = 0; i < 20; i++) await call();
          const before = (await stage.worker.counts()).storage;
        await flush();
        return (await stage.worker.counts()).storage - before;
      };
      const off = await cost();
      await set({ request_log: "bodies" });
      assert.equal(await cost(), off + 1, "twenty calls are one write");
      assert.equal((await look()).requests.length, 20);
      await set({ request_log: null });
    });

    test("keeps a call's facts and its headers, but no credential, for all clients or for one", async () => {
      const { name, ids } = await stage.pool(["mock-good-log-000002"]);
      await api("PUT", "/prices", { provider: name, model: "gpt-4o-mini", input: 1_000_000, output: 2_000_000 }, 200);
      const headers = { "x-title": "a title", cookie: "secret=cookie", "x-api-secret": "hush", "x-session-id": "s-1" };
      await set({ request_log: "meta" });
      const [entry] = await kept(1, () => call(chatBody(), { headers, path: `${chat}?token=in-the-query` }));
      await set({ request_log: null });
      assert.deepEqual(
        [entry.client, entry.provider, entry.model, entry.key, entry.status, entry.ending, entry.method, entry.path],
        ["env", name, "gpt-4o-mini", ids[0], 200, "complete", "POST", "chat/completions"],
      );
      assert.ok(Math.abs(entry.at - Date.now()) < 60_000 && entry.ms >= 0 && entry.tokens.prompt > 0);
      assert.equal(entry.cost_nanos, 1000 * (entry.tokens.prompt + 2 * entry.tokens.completion));
      const whole = await one(entry.id);
      assert.deepEqual({ ...whole, sent: undefined, got: undefined }, { ...entry, sent: undefined, got: undefined });
      assert.deepEqual([whole.sent.headers["x-title"], whole.sent.headers["content-type"]], ["a title", "application/json"]);
      assert.equal(whole.got.headers["content-type"], "application/json");
      assert.deepEqual([whole.sent.body, whole.got.body], [null, null]);
      assert.doesNotMatch(JSON.stringify(whole), /secret=|hush|in-the-query|kp-e2e|mock-good/);

      const [own, without] = [await clientOf("meta"), await clientOf("off")];
      assert.equal(own.log, "meta");
      const mine = await kept(1, () => call(chatBody(), { key: own.key }).then(() => call()));
      assert.deepEqual(mine.map(({ client }) => client), [own.id]);
      await set({ request_log: "meta" });
      await kept(0, () => call(chatBody(), { key: without.key }));
      const changed = (await api("PATCH", `/clients/${without.id}`, { log: "default" }, 200)).body;
      assert.equal(changed.log, "default");
      await kept(1, () => call(chatBody(), { key: without.key }));
      await set({ request_log: null });
    });

    test("keeps the bodies when it is asked to: of JSON and of streams, the first 16 KiB, and only of text", async () => {
      await stage.pool(["mock-good-log-000003"]);
      const { key } = await clientOf("bodies");
      const small = chatBody();
      const streamed = chatBody({ stream: true });
      const large = chatBody({ messages: [{ role: "user", content: "é".repeat(20_000) }] });
      const answers = [];
      const entries = await kept(5, async () => {
        for (const body of [small, streamed, large]) answers.push(await call(body, { key }));
        const speech = JSON.stringify({ model: "tts-1", input: "hi", voice: "alloy" });
        answers.push(await call(speech, { key, path: "/v1/audio/speech" }));
        answers.push(await call(null, { key, path: "/v1/files", method: "GET" }));
      });
      const [plain, events, cut, audio, models] = await Promise.all(entries.map(({ id }) => one(id)));
      for (const [entry, body, n] of [
        [plain, small, 0],
        [events, streamed, 1],
      ]) {
        assert.deepEqual([entry.sent.body, entry.sent.bytes, entry.sent.cut], [body, body.length, false]);
        assert.deepEqual([entry.got.body, entry.got.bytes, entry.got.cut], [answers[n].text, answers[n].text.length, false]);
      }
      assert.match(events.got.body, /data: \[DONE\]/);
      assert.deepEqual([cut.sent.cut, cut.sent.bytes], [true, Buffer.byteLength(large)]);
      assert.ok(large.startsWith(cut.sent.body) && [16_383, 16_384].includes(Buffer.byteLength(cut.sent.body)));
      assert.deepEqual([audio.got.body, audio.got.cut], [null, false]);
      assert.deepEqual([models.sent.body, models.method], [null, "GET"]);
      assert.equal(models.got.body, answers[4].text);
    });

    test("keeps every attempt with its key's id, and no secret that a body or an answer holds", async () => {
      const secrets = ["mock-401-log-0000004", "plainsecretwithoutform", "mock-429-log-0000006"];
      const { ids } = await stage.pool(secrets);
      const { key } = await clientOf("bodies");
      for (const secret of secrets)
        stage.mock.script(secret, { status: 400, body: { error: { message: `Bad request of key ${secret}`, code: "no" } } });
      const [refused] = await kept(1, () => call(chatBody({ user: `I am ${key}` }), { key }));
      const bad = await one(refused.id);
      assert.deepEqual([bad.status, bad.attempts.length, bad.attempts[0].class], [400, 1, "caller"]);
      assert.match(bad.got.body, /Bad request of key \[redacted\]/);
      assert.match(bad.sent.body, /I am \[redacted\]/);
      stage.mock.script(secrets[0], "401");
      stage.mock.script(secrets[1], { status: 500, body: "down" });
      stage.mock.script(secrets[2], "429");
      const [tried] = await kept(1, () => call(chatBody(), { key }));
      const all = await one(tried.id);
      assert.deepEqual([...new Set(all.attempts.map((attempt) => attempt.key))].sort(), [...ids].sort());
      // One after the other, each with its place in time.
      let end = 0;
      for (const { at_ms: begin, ms } of all.attempts) {
        assert.ok(begin >= end && begin + ms <= all.ms, JSON.stringify(all.attempts));
        end = begin + ms;
      }
      for (const entry of [bad, all])
        for (const secret of [...secrets, key]) assert.ok(!JSON.stringify(entry).includes(secret), secret);
    });

    test("is read from the newest on, by client, provider, model, key, request and status, page by page", async () => {
      const { ids } = await stage.pool(["mock-good-log-000007"]);
      const { id: client, key } = await clientOf("meta");
      stage.mock.script("mock-good-log-000007", (c) => (c.body.includes("wrong") ? { status: 422, body: "{}" } : {}));
      const models = [];
      for (let batch = 0; batch < 7; batch++) {
        for (const model of [`one-${batch}`, `two-${batch}`, "wrong"]) {
          await call(chatBody({ model }), { key });
          models.unshift(model);
        }
        await flush();
      }
      const pages = async (query) => {
        const found = [];
        let cursor = "";
        do {
          const page = await look(`?client=${client}&${query}${cursor}`);
          found.push(...page.requests);
          cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : "";
        } while (cursor);
        return found;
      };
      const all = await pages("limit=1000");
      assert.deepEqual(all.map((entry) => entry.model), models);
      assert.deepEqual(await pages("limit=2"), all);
      assert.deepEqual(await pages("model=two-3"), all.filter((entry) => entry.model === "two-3"));
      assert.equal((await pages("status=4xx&limit=3")).length, 7);
      assert.equal((await pages("status=422&model=wrong")).length, 7);
      assert.equal((await pages("status=200")).length, 14);
      assert.equal((await pages("status=429")).length, 0);
      assert.deepEqual(await pages(`key=${ids[0]}&provider=${all[0].provider}`), all);
      assert.equal((await pages("provider=nobody")).length, 0);
      assert.deepEqual(await pages(`request=${all[5].request}`), [all[5]]);
      for (const wrong of ["limit=0", "cursor=x", "colour=red"]) assert.equal((await api("GET", `/requests?${wrong}`)).status, 400);
      for (const id of ["none", "none.0", `${all[0].id}9`]) {
        const { status, body } = await api("GET", `/requests/${id}`);
        assert.deepEqual([status, body.error.code], [404, "request_not_found"], id);
      }
      assert.equal((await api("DELETE", `/requests/${all[0].id}`)).status, 405);
    });

    test("is not lost when the storage fails, and not kept twice", async () => {
      await stage.pool(["mock-good-log-000008"]);
      const { id: client, key } = await clientOf("meta");
      for (let i = 0; i < 3; i++) await call(chatBody(), { key });
      const token = await stage.worker.token();
      await stage.worker.failStorage(true);
      const failed = await fetch(`${stage.worker.url}/admin/api/flush`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      await stage.worker.failStorage(false);
      assert.equal(failed.status, 503);
      await call(chatBody(), { key });
      await flush();
      await flush();
      assert.equal((await look(`?client=${client}&limit=1000`)).requests.length, 4);
    });

    test("forgets what is beyond so many calls, and what is older than so many days", async () => {
      await stage.pool(["mock-good-log-000009"]);
      await set({ request_log: "meta", request_log_rows: 100 });
      for (let batch = 0; batch < 3; batch++) {
        for (let i = 0; i < 60; i += 10) await Promise.all(Array.from({ length: 10 }, () => call()));
          await flush();
      }
      const count = async () => (await look("?limit=1000")).requests.length;
      const tick = (days) => stage.worker.scheduled(Math.floor(Date.now() / hour) * hour + days * 24 * hour + 7 * 60_000);
      // A batch stays while the newer ones are fewer.
      await tick(0);
      if (storage === "kv") await tick(0);
      assert.equal(await count(), 120);
      await tick(6);
      assert.equal(await count(), 120);
      await tick(8);
      assert.equal(await count(), 0);
      await set({ request_log: null, request_log_rows: null });
    });
  });
}

// What a newcomer does in the first ten minutes, from the login to the numbers.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { clientKey, eventually, password, startWorker, storages } from "./harness.mjs";

const pasted = "mock-good-first-000001, mock-401-dead-00000002\n\nBearer mock-good-second-00003\n";
const minute = 60_000;

for (const storage of storages) {
  describe(`a newcomer, on ${storage}`, () => {
    let mock, worker, cookie;
    const call = async (method, path, body) => {
      const init = { method, headers: { cookie }, ...(body ? { body: JSON.stringify(body) } : {}) };
      const answer = await fetch(`${worker.url}/admin/api${path}`, init);
      const text = await answer.text();
      return { status: answer.status, body: text ? JSON.parse(text) : null };
    };
    const keys = async () => (await call("GET", "/keys?sort=created")).body.keys;
    const dead = async () => (await keys()).find((k) => k.id === deadId);
    let deadId;

    before(async () => {
      [mock, worker] = await Promise.all([startMockProvider(), startWorker({ storage })]);
    });
    after(async () => {
      await worker.close();
      await mock.close();
    });

    test("finds the page behind the bare URL", async () => {
      const home = await fetch(worker.url, { redirect: "manual" });
      assert.equal(home.status, 302);
      assert.equal(new URL(home.headers.get("location"), worker.url).pathname, "/admin/");
      const page = await fetch(`${worker.url}/admin/`);
      assert.equal(page.status, 200);
      assert.match(page.headers.get("content-type"), /^text\/html/);
    });

    test("logs in", async () => {
      const answer = await fetch(`${worker.url}/admin/api/login`, {
        method: "POST",
        body: JSON.stringify({ password }),
      });
      assert.equal(answer.status, 200);
      cookie = answer.headers.getSetCookie()[0].split(";")[0];
      assert.equal((await call("GET", "/session")).body.storage, storage);
    });

    test("names a provider and sees what a paste would add before it is added", async () => {
      assert.equal((await call("POST", "/providers", { name: "mock", base_url: mock.url })).status, 201);
      const preview = await call("POST", "/keys", { text: pasted, provider: "mock", dry_run: true });
      assert.equal(preview.status, 200);
      assert.equal(preview.body.added.length, 3);
      assert.deepEqual(await keys(), []);
    });

    test("pastes three keys", async () => {
      const { status, body } = await call("POST", "/keys", { text: pasted, provider: "mock" });
      assert.equal(status, 201);
      assert.deepEqual([body.added.length, body.known.length, body.refused.length], [3, 0, 0]);
      assert.ok(body.added.every((k) => k.state === "active" && k.usable));
    });

    test("chats through the official SDK, and a dead key is nothing the client notices", async () => {
      const client = new OpenAI({ apiKey: clientKey, baseURL: `${worker.url}/v1`, maxRetries: 0 });
      for (let i = 0; i < 20; i++) {
        const messages = [{ role: "user", content: `question number ${i}` }];
        const answer = await client.chat.completions.create({ model: "gpt-4o-mini", messages });
        assert.equal(answer.choices[0].message.content, `You said: question number ${i}`);
      }
      const stream = await client.chat.completions.create({
        model: "gpt-4o-mini",
        messages: [{ role: "user", content: "and a stream" }],
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      assert.equal(text, "You said: and a stream");
      assert.equal(mock.ledger.filter((c) => c.key.includes("401")).length, 1);
    });

    test("sees the dead key disabled, and why", async () => {
      const disabled = await eventually(async () => {
        const { body } = await call("GET", "/keys?state=disabled");
        assert.equal(body.total, 1);
        assert.deepEqual(body.counts, { active: 2, cooling: 0, disabled: 1 });
        return body.keys[0];
      });
      deadId = disabled.id;
      assert.equal(disabled.usable, false);
      assert.equal(disabled.reason.class, "key_dead");
      assert.equal(disabled.reason.status, 401);
      assert.match(disabled.reason.message, /Incorrect API key/);
      assert.ok(Math.abs(disabled.reason.since - Date.now()) < minute);
      assert.ok(Math.abs(disabled.reason.next_probe - disabled.reason.since - 5 * minute) < minute);
    });

    test("cron probes the dead key when it is due, not before, and keeps it disabled while it is dead", async () => {
      const { next_probe } = (await dead()).reason;
      const before = mock.ledger.length;
      await worker.scheduled(next_probe - minute);
      assert.equal(mock.ledger.length, before);
      await worker.scheduled(next_probe + 1000);
      assert.equal(mock.ledger.length, before + 1);
      assert.deepEqual([mock.ledger.at(-1).method, mock.ledger.at(-1).path], ["GET", "/v1/models"]);
      const still = await dead();
      assert.equal(still.state, "disabled");
      assert.ok(still.reason.next_probe > next_probe + 5 * minute);
    });

    test("cron restores the key once its owner has paid", async () => {
      mock.script("mock-401-dead-00000002", "good");
      await worker.scheduled((await dead()).reason.next_probe + 1000);
      const restored = await dead();
      assert.deepEqual([restored.state, restored.usable, restored.reason], ["active", true, null]);
    });

    test("cron never wakes a key that a person switched off", async () => {
      assert.equal((await call("PATCH", `/keys/${deadId}`, { enabled: false })).body.reason.class, "manual");
      const before = mock.ledger.length;
      for (const days of [1, 30]) await worker.scheduled(Date.now() + days * 24 * 60 * minute);
      const off = await dead();
      assert.deepEqual([off.enabled, off.state, off.usable, off.reason.class], [false, "disabled", false, "manual"]);
      assert.equal(mock.ledger.length, before);
    });

    test("sees the numbers, and they are the provider's own", async () => {
      assert.equal((await call("POST", "/flush")).status, 200);
      const chats = mock.ledger.filter((c) => c.path.endsWith("/chat/completions"));
      const all = await keys();
      const sum = (field) => all.reduce((n, k) => n + k.counters[field], 0);
      const handed = (field) => chats.reduce((n, c) => n + c[field], 0);
      assert.deepEqual([sum("attempts"), sum("ok"), sum("failed")], [22, 21, 1]);
      assert.equal(sum("prompt_tokens"), handed("promptTokens"));
      assert.equal(sum("completion_tokens"), handed("completionTokens"));
      assert.ok(all.filter((k) => k.counters.ok).every((k) => Math.abs(k.last_used - Date.now()) < minute));
    });

    test("finds no key in the log", () => {
      const logs = worker.logs();
      for (const secret of [clientKey, password, ...mock.ledger.map((c) => c.key)])
        assert.ok(!logs.includes(secret), secret);
    });
  });
}

// Which key serves: a conversation's own, one that is not used up, one within its caps.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "./harness.mjs";
import { assertBetween, assertOurs, assertWell, headers, model, rowStage } from "./rows.mjs";

const user = (content) => ({ role: "user", content });
const system = { role: "system", content: "You are terse." };
const limited = { status: 429, code: "rate_limit_exceeded" };

describe("selection", () => {
  const stage = rowStage("d1");
  const keys = () => stage.mock.ledger.map((call) => call.key);
  const used = () => new Set(keys()).size;
  /** Chats with `n` different conversations. */
  const talk = async (n, more = {}) => {
    const answers = [];
    for (let i = 0; i < n; i++) answers.push(await stage.chat({ messages: [user(`question ${i}`)], ...more }));
    return answers;
  };

  describe("affinity", () => {
    test("a conversation of five turns stays with one key", async () => {
      await stage.fresh(8);
      for (let i = 0; i < 4; i++) {
        stage.mock.ledger.length = 0;
        const messages = [system, user(`question ${i}`)];
        for (let turn = 0; turn < 5; turn++) {
          assert.equal((await stage.chat({ messages })).status, 200);
          messages.push({ role: "assistant", content: `answer ${turn}` }, user(`and ${turn}?`));
        }
        assert.deepEqual([keys().length, used()], [5, 1]);
      }
    });

    for (const [what, name] of [
      ["prompt_cache_key", (ask) => [{ prompt_cache_key: "c1", ...ask }]],
      ["x-session-id", (ask) => [ask, { headers: { "x-session-id": "s1" } }]],
    ])
      test(`${what} names a conversation, whatever it says`, async () => {
        await stage.fresh(8);
        for (let i = 0; i < 12; i++) await stage.chat(...name({ messages: [user(`question ${i}`)] }));
        assert.deepEqual([keys().length, used()], [12, 1]);
      });

    test("user does where there are no messages", async () => {
      await stage.fresh(8);
      for (let i = 0; i < 12; i++) {
        const body = JSON.stringify({ model, user: "someone", prompt: `question ${i}` });
        const answer = await stage.worker.fetch("/v1/completions", { method: "POST", body, headers });
        assert.equal(answer.status, 200);
      }
      assert.deepEqual([keys().length, used()], [12, 1]);
    });

    test("a hundred conversations spread", async () => {
      await stage.fresh(5);
      await talk(100);
      const counts = new Map();
      for (const key of keys()) counts.set(key, (counts.get(key) ?? 0) + 1);
      assert.equal(counts.size, 5);
      // Twenty each, and five standard deviations.
      for (const count of counts.values()) assertBetween(count, 1, 40);
    });

    test("a conversation whose key rests goes on with another, and stays there", async () => {
      await stage.fresh(4);
      stage.mock.script("*", [{}, "429"]);
      const one = { messages: [user("the same")] };
      for (let i = 0; i < 5; i++) assert.equal((await stage.chat(one)).status, 200);
      const [first, second, third, ...rest] = keys();
      assert.deepEqual([second === first, third === first], [true, false]);
      for (const key of rest) assert.equal(key, third);
    });

    test("a provider that it is switched off for does without", async () => {
      await stage.fresh(8, { affinity: false });
      for (let i = 0; i < 40; i++) await stage.chat({ messages: [user("the same")] });
      assertBetween(used(), 5, 8);
    });
  });

  describe("a limit that an answer says is used up", () => {
    // A whole reset where the limit is one, or is not told; a bucket of three fills by one in a third of it.
    const spent = (more) => ({
      headers: {
        "x-ratelimit-limit-requests": "1",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "30s",
        ...more,
      },
    });

    for (const [what, behavior] of [
      ["requests", spent()],
      ["a bucket of three", spent({ "x-ratelimit-limit-requests": "3" })],
      ["a limit that is not told", spent({ "x-ratelimit-limit-requests": null })],
      ["tokens", { headers: { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1m0s" } }],
    ])
      test(`(${what}) rests the key for the model before it is refused, in this isolate`, async () => {
        await stage.fresh(2);
        stage.mock.script("*", [behavior]);
        for (const answer of await talk(12)) assert.equal(answer.status, 200);
        const [first, ...rest] = keys();
        assert.ok(rest.every((key) => key !== first));
        for (const { held } of await stage.look()) assertWell(held);
        await talk(16, { model: "gpt-4.1" });
        assert.ok(keys().slice(12).includes(first));
      });

    test("streams say it, too", async () => {
      await stage.fresh(2);
      stage.mock.script("*", [spent()]);
      for (const answer of await talk(8, { stream: true })) assert.equal(answer.status, 200);
      const [first, ...rest] = keys();
      assert.ok(rest.every((key) => key !== first));
    });

    test("what is left, or what says no time, changes nothing", async () => {
      for (const more of [{ "x-ratelimit-remaining-requests": "1" }, { "x-ratelimit-reset-requests": null }]) {
        await stage.fresh(1);
        stage.mock.script("*", spent(more));
        for (const answer of await talk(3)) assert.equal(answer.status, 200);
      }
    });
  });

  describe("a key's own caps", () => {
    const capped = () => keys().filter((key) => key === stage.secrets()[0]).length;
    /** So many keys, of which the first has the caps. */
    const cap = async (count, caps) => {
      const [id] = await stage.fresh(count);
      const { body } = await stage.api("PATCH", `/keys/${id}`, caps, 200);
      for (const [name, value] of Object.entries(caps)) assert.equal(body[name], value);
      return id;
    };

    test("rpm: 2 means two requests a minute; the others serve the rest", async () => {
      await cap(2, { rpm: 2 });
      for (const answer of await talk(20)) assert.equal(answer.status, 200);
      assert.deepEqual([keys().length, capped()], [20, 2]);
    });

    for (const [what, caps, most] of [
      ["rpm", { rpm: 2 }, 2],
      ["tpm", { tpm: 1 }, 1],
    ])
      test(`${what}: with no other key the client hears when, and the provider nothing`, async () => {
        await cap(1, caps);
        const answers = await talk(6);
        assert.deepEqual(answers.map((a) => a.status), [...Array(most).fill(200), ...Array(6 - most).fill(429)]);
        for (const answer of answers.slice(most)) assertOurs(answer, { ...limited, wait: [1, 60] });
        assert.equal(keys().length, most);
      });

    test("concurrency: 1 means one request at a time; the others serve the rest", async () => {
      await cap(2, { concurrency: 1 });
      const most = new Map();
      stage.mock.script("*", ({ key }) => {
        const open = stage.mock.ledger.filter((call) => call.key === key && !call.done).length;
        most.set(key, Math.max(most.get(key) ?? 0, open));
        return { delay: 150 };
      });
      const chats = Array.from({ length: 12 }, (_, i) => stage.chat({ messages: [user(`question ${i}`)] }));
      for (const { status } of await Promise.all(chats)) assert.equal(status, 200);
      assert.equal(keys().length, 12);
      assert.equal(most.get(stage.secrets()[0]), 1);
    });

    test("concurrency: 1 and no other key: who may not wait hears when to come back", async () => {
      await cap(1, { concurrency: 1 });
      stage.mock.script("*", { delay: 300 });
      const first = stage.chat();
      await eventually(() => assert.equal(keys().length, 1));
      for (const answer of await Promise.all([stage.chat(), stage.chat()])) assertOurs(answer, { ...limited, wait: [1, 1] });
      assert.deepEqual([(await first).status, keys().length], [200, 1]);
    });

    test("concurrency: 1 and no other key: who may wait has a turn", () =>
      stage.withSettings({ wait_budget_ms: 5000 }, async () => {
        await cap(1, { concurrency: 1 });
        let most = 0;
        stage.mock.script("*", () => {
          most = Math.max(most, stage.mock.ledger.filter((call) => !call.done).length);
          return { delay: 50 };
        });
        const answers = await Promise.all(Array.from({ length: 4 }, () => stage.chat()));
        assert.deepEqual([answers.map((a) => a.status), most], [Array(4).fill(200), 1]);
      }));

    test("a cap is lifted by the admin", async () => {
      const id = await cap(1, { rpm: 1 });
      assert.deepEqual((await talk(2)).map((a) => a.status), [200, 429]);
      assert.equal((await stage.api("PATCH", `/keys/${id}`, { rpm: null }, 200)).body.rpm, null);
      await stage.api("POST", `/keys/${id}/reset`, undefined, 200);
      assert.equal((await talk(1))[0].status, 200);
    });
  });
});

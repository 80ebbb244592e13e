// A stage to see one failure from all sides: the client, the provider, every key, and what the store holds of it.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before } from "node:test";
import { exchange } from "./exchange.mjs";
import { clientKey, startWorker, storeFolder } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

export const second = 1000;
export const minute = 60 * second;
export const hour = 60 * minute;
export const model = "gpt-4o-mini";
export const headers = { ...json, authorization: `Bearer ${clientKey}` };
export const sse = { "content-type": "text/event-stream" };
export const event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';

/**
 * The stage of the `describe` around it. Beside the Worker that serves there is a witness over the same store, which makes no
 * calls: what it knows of a key is what is stored. Nothing waits for a key here unless `vars` say so.
 */
export function rowStage(storage, vars = {}) {
  const folder = storeFolder();
  const shared = { storage, persist: folder, shared: true };
  const impatient = {
    KEYPOOL_WAIT_BUDGET_MS: "0",
    KEYPOOL_ANSWER_TIMEOUT_MS: "1200",
    KEYPOOL_FLUSH_INTERVAL_MS: "10",
    ...vars,
  };
  let made = 0;
  let ids = [];
  let secrets = [];
  const states = async (worker) => {
    const { keys } = (await worker.api("GET", "/keys?limit=1000", undefined, 200)).body;
    return ids.map((id) => keys.find((k) => k.id === id));
  };
  const stage = {
    api: (...args) => stage.worker.api(...args),
    /** The secrets of the last `fresh`, in the order of their ids. */
    secrets: () => secrets,
    /** A pool of `count` good keys without a history; `each` are fields of every key. What goes wrong is scripted. */
    async fresh(count, settings, each = {}) {
      secrets = Array.from({ length: count }, () => `mock-good-${String((made += 1)).padStart(8, "0")}`);
      ({ ids } = await stage.pool(
        secrets.map((key, i) => ({ key, ...(Array.isArray(each) ? each[i] : each) })),
        settings,
      ));
      return ids;
    },
    /** One chat; `text` and `error` are readings of the answer's body, `asked` and `answered` when it went and came. */
    async chat(more, init = {}) {
      const asked = Date.now();
      const request = { method: "POST", headers: { ...headers, ...init.headers }, body: chatBody(more) };
      const answer = await exchange(`${stage.worker.url}/v1/chat/completions`, request);
      const text = answer.body.toString();
      return { ...answer, text, error: parsed(text)?.error, asked, answered: Date.now() };
    },
    /** Settings that hold until `work` is over. */
    async withSettings(settings, work) {
      await stage.api("PATCH", "/settings", settings, 200);
      try {
        await work();
      } finally {
        const none = Object.fromEntries(Object.keys(settings).map((name) => [name, null]));
        await stage.api("PATCH", "/settings", none, 200);
      }
    },
    /** All keys: as the serving Worker sees them and, when all is written, as they are stored, `[{seen, held}]`. */
    async look() {
      const at = Date.now();
      const seen = await states(stage.worker);
      await stage.worker.settled();
      // On KV what machines note reaches other isolates with the next fold, a few notes at a time.
      while ((await stage.witness.api("POST", "/flush", undefined, 200)).body.folded > 0);
      const held = await states(stage.witness);
      return ids.map((_, i) => ({ seen: seen[i], held: held[i], at }));
    },
    /** That key of what `look` gave that `call` of the ledger was made with. */
    keyOf: (keys, call) => keys[secrets.indexOf(call.key)],
    /**
     * A fresh pool, one chat, and a look: `behavior` is that of the first call, or with `every` of all. `first` is the key that
     * was tried first, `others` are the rest; each as `{seen, held}`, by the serving Worker and by the witness.
     */
    async once(behavior, { keys = 3, every = false, settings, ask } = {}) {
      await stage.fresh(keys, settings);
      stage.mock.script("*", every ? behavior : [behavior]);
      const answer = await stage.chat(ask);
      const calls = [...stage.mock.ledger];
      const all = await stage.look();
      const first = calls.length > 0 ? stage.keyOf(all, calls[0]) : undefined;
      return { answer, calls, first, others: all.filter((key) => key !== first), all };
    },
  };
  before(async () => {
    Object.assign(stage, await startStage({ ...shared, faults: true, vars: impatient }));
    stage.witness = await startWorker({ ...shared, vars: impatient });
  });
  after(async () => {
    await stage.witness.close();
    await stage.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return stage;
}

/** The second key answered, without a third call. */
export function assertTakenOver({ answer, calls }) {
  assert.equal(answer.status, 200, answer.text);
  assert.equal(calls.length, 2);
  assert.notEqual(calls[0].key, calls[1].key);
  assert.equal(answer.headers["x-keypool-attempts"], "2");
}

/** No trace, neither in the isolate nor in the store. */
export function assertUntouched(keys) {
  for (const key of keys) for (const k of [key.seen, key.held]) assertWell(k);
}

/** Nobody is disabled, and nothing is stored. */
export function assertUnstored(keys) {
  for (const { seen, held } of keys) {
    assert.notEqual(seen.state, "disabled");
    assertWell(held);
  }
}

export function assertWell(k) {
  assert.deepEqual([k.state, k.usable, k.reason, k.cooldowns], ["active", true, null, []]);
}

/** Disabled by a machine, and stored so; the next probe is `ms` after the failure. */
export function assertDisabled({ seen, held }, { answer }, { class: name, status, ms }) {
  assert.deepEqual([seen.state, seen.usable, seen.cooldowns], ["disabled", false, []]);
  assert.deepEqual([seen.reason.class, seen.reason.status], [name, status]);
  assert.ok(seen.reason.message.length > 0);
  assertBetween(seen.reason.since, answer.asked, answer.answered);
  assert.equal(seen.reason.next_probe - seen.reason.since, ms);
  assert.deepEqual([held.state, held.reason], ["disabled", seen.reason]);
}

/**
 * Rests for one model, or for all with `of: null`, about `ms` from the failure on: longer by `jitter` at the most. Stored when
 * it is longer than 15 s, or `stored` says so.
 */
export function assertResting({ seen, held, at }, { answer }, expected) {
  const { class: name, status, ms, jitter = 0, of = model, stored = ms > 15_000 } = expected;
  // A busy machine may look when a rest of a second is over.
  if (at >= answer.asked + ms && !stored && seen.state === "active") return assertWell(held);
  assert.deepEqual([seen.state, seen.usable], ["cooling", false], JSON.stringify(seen));
  assert.deepEqual([seen.reason.class, seen.reason.status, seen.reason.next_probe], [name, status, null]);
  assert.deepEqual(
    seen.cooldowns.map((c) => c.model),
    [of],
  );
  assertBetween(seen.cooldowns[0].until, answer.asked + ms, answer.answered + ms + jitter);
  if (stored) assert.deepEqual([held.state, held.reason, held.cooldowns], ["cooling", seen.reason, seen.cooldowns]);
  else assertWell(held);
}

/** An error of ours, in OpenAI's shape; `wait` is the range of its Retry-After in seconds, where that is known. */
export function assertOurs(answer, { status, code, type, wait }) {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(Object.keys(JSON.parse(answer.text)), ["error"]);
  assert.deepEqual(Object.keys(answer.error).sort(), ["code", "message", "param", "type"]);
  assert.deepEqual([answer.error.code, answer.error.param], [code, null]);
  if (type) assert.equal(answer.error.type, type);
  assert.ok(answer.error.message.length > 0 && answer.headers["x-request-id"]);
  // Whoever is asked for patience hears how much.
  if (wait || status === 429 || status === 503) assert.match(answer.headers["retry-after"] ?? "", /^[1-9]\d*$/);
  if (wait) assertBetween(Number(answer.headers["retry-after"]), ...wait);
}

export function assertBetween(value, low, high) {
  assert.ok(value >= low && value <= high, `${value} is not in ${low}..${high}`);
}

export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// A fresh pool for one case: its own provider, its own base URL, so that no case inherits another's cooldowns.
import { after, before } from "node:test";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { exchange } from "./exchange.mjs";
import { clientKey, startWorker } from "./harness.mjs";

/** A Worker, a mock provider, and `pool(keys)` that replaces what the Worker's pool holds. */
export async function startStage(options) {
  const [mock, worker] = await Promise.all([startMockProvider(), startWorker(options)]);
  let n = 0;
  return {
    mock,
    worker,
    /** Fills the pool with `keys` (secrets, or rows of POST /keys) of a new default provider; `settings` are that provider's. */
    async pool(keys, settings = {}) {
      n += 1;
      mock.reset();
      const name = `mock${n}`;
      await empty(worker);
      await worker.api(
        "POST",
        "/providers",
        { name, base_url: `http://127.0.0.1:${mock.port}/case${n}/v1`, ...settings },
        201,
      );
      await worker.api("PATCH", `/providers/${name}`, { default: true }, 200);
      const rows = keys.map((key) => ({ provider: name, ...(typeof key === "string" ? { key } : key) }));
      const { body } = rows.length
        ? await worker.api("POST", "/keys", { keys: rows }, 201)
        : { body: { added: [], refused: [] } };
      if (body.added.length !== keys.length) throw new Error(`not all keys were added: ${JSON.stringify(body)}`);
      return { name, ids: body.added.map((k) => k.id) };
    },
    /** The keys' rows, in the order of their ids. */
    states: async (ids) =>
      Promise.all(ids.map(async (id) => (await worker.api("GET", `/keys/${id}`, undefined, 200)).body)),
    async close() {
      await worker.close();
      await mock.close();
    },
  };
}

/**
 * The stage of the `describe` around it, opened before the first test and closed after the last: what `startStage` gives, `api` of
 * its Worker, and more. What is a function here may be taken out of it at once; `mock` and `worker` are there once it is open.
 */
export function stageOf(options) {
  const stage = {
    api: (...args) => stage.worker.api(...args),
    list: async (query = "") => (await stage.api("GET", `/keys${query}`, undefined, 200)).body,
    /** A call of the proxy with the first client key, without fetch's helpfulness; see exchange.mjs. */
    send: (path, options = {}) =>
      exchange(stage.worker.url + path, { method: "POST", ...options, headers: { authorization, ...options.headers } }),
    /** The call that reached the provider last. */
    last: () => stage.mock.ledger.at(-1),
  };
  before(async () => Object.assign(stage, await startStage(options)));
  after(() => stage.close());
  return stage;
}

async function empty(worker) {
  for (;;) {
    const { body } = await worker.api("GET", "/keys?limit=1000", undefined, 200);
    if (body.keys.length === 0) return;
    await worker.api("POST", "/keys/bulk", { ids: body.keys.map((k) => k.id), action: "delete" }, 200);
  }
}

/** A chat body as bytes. */
let conversations = 0;

/// Each one begins a conversation of its own: those of one conversation stay with one key.
export function chatBody(more = {}) {
  const content = `hello there, ${++conversations}`;
  return JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content }], ...more });
}

export const json = { "content-type": "application/json" };
export const authorization = `Bearer ${clientKey}`;

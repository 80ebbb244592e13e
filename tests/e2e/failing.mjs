// A stage for things that go wrong: keys without a history, and a chat that keeps whatever came back.
import { exchange } from "./exchange.mjs";
import { clientKey } from "./harness.mjs";
import { chatBody, json, startStage } from "./pool.mjs";

export const headers = { ...json, authorization: `Bearer ${clientKey}` };
export const sse = { "content-type": "text/event-stream" };
export const event = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n';
export const minute = 60_000;

/** `startStage` with more: `fresh`, `chat` and `row`. Nothing waits for a key here, and nothing long for an answer. */
export async function startFailing(storage) {
  const vars = { KEYPOOL_WAIT_BUDGET_MS: "0", KEYPOOL_ANSWER_TIMEOUT_MS: "1200" };
  const stage = await startStage({ storage, vars });
  let made = 0;
  let secrets = [];
  return {
    ...stage,
    /** A pool of `count` good keys with new secrets; what goes wrong is scripted by call, not by key. Resolves to the ids. */
    async fresh(count, settings) {
      secrets = Array.from({ length: count }, () => `mock-good-${String((made += 1)).padStart(8, "0")}`);
      return (await stage.pool(secrets, settings)).ids;
    },
    /** One chat; `text` and `error` are readings of the answer's body. */
    async chat(more) {
      const request = { method: "POST", headers, body: chatBody(more) };
      const answer = await exchange(`${stage.worker.url}/v1/chat/completions`, request);
      return { ...answer, text: answer.body.toString(), error: parsed(answer.body)?.error };
    },
    /** The key that `call` of the ledger was made with. */
    row: async (ids, call) => (await stage.states(ids))[secrets.indexOf(call.key)],
    /** The secrets of the last `fresh`. */
    secrets: () => secrets,
  };
}

export function parsed(bytes) {
  try {
    return JSON.parse(bytes);
  } catch {
    return undefined;
  }
}

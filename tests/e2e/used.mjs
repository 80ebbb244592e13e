// What a call used, as the Worker counted it.
import assert from "node:assert/strict";
import { eventually } from "./harness.mjs";

let made = 0;

/** A pool of one key that no call was made with; resolves to the key's id. */
export async function freshKey(stage, settings) {
  made += 1;
  const { ids } = await stage.pool([`mock-good-tokens-${String(made).padStart(7, "0")}`], settings);
  return ids[0];
}

/** Waits until exactly these tokens are stored for the key, and `attempts` attempts. */
export function counted(stage, id, [prompt, completion], attempts = 1) {
  return eventually(async () => {
    await stage.api("POST", "/flush", undefined, 200);
    const { counters } = (await stage.api("GET", `/keys/${id}`, undefined, 200)).body;
    assert.deepEqual(
      [counters.prompt_tokens, counters.completion_tokens, counters.attempts],
      [prompt, completion, attempts],
    );
  });
}

/** The key's tokens, `[prompt, completion]`, once its only call is stored. */
export function tokensOf(stage, id) {
  return eventually(async () => {
    await stage.api("POST", "/flush", undefined, 200);
    const { counters } = (await stage.api("GET", `/keys/${id}`, undefined, 200)).body;
    assert.equal(counters.attempts, 1);
    return [counters.prompt_tokens, counters.completion_tokens];
  });
}

/** How the log tells the end of the last call. */
export function lastEnd(stage) {
  const lines = stage.worker.logs().split("\n").filter((line) => line.includes('"event":"call"'));
  const { ending, tokens } = JSON.parse(lines.at(-1));
  return { ending, tokens };
}

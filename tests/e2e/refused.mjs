// A request that was the asker's own mistake.
import assert from "node:assert/strict";

/** `answer` (as `worker.api` gives it) is a 400 in OpenAI's form; `what` was asked. */
export function assertRefused(answer, what) {
  const { error } = answer.body;
  assert.equal(answer.status, 400, `${JSON.stringify(what)}: ${JSON.stringify(answer.body)}`);
  assert.equal(error.type, "invalid_request_error");
  assert.ok(error.message && error.code);
}

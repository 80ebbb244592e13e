// Clients that leave before their answer begins, or are slow to say what they want.
import assert from "node:assert/strict";
import http from "node:http";
import { describe, test } from "node:test";
import { exchange } from "./exchange.mjs";
import { eventually } from "./harness.mjs";
import { authorization, chatBody, json } from "./pool.mjs";
import { rowStage, sse } from "./rows.mjs";

describe("clients that leave or are slow", () => {
  const stage = rowStage("d1", { KEYPOOL_ANSWER_TIMEOUT_MS: "2000" });
  const headers = { ...json, authorization };
  const url = () => `${stage.worker.url}/v1/chat/completions`;
  const once = async () => {
    const [id] = await stage.fresh(1);
    await stage.api("PATCH", `/keys/${id}`, { concurrency: 1 }, 200);
  };
  /** Long after every timeout. */
  const served = () => eventually(async () => assert.equal((await stage.chat()).status, 200), 8000);
  /** workerd on its own notices only a reset at once; a plain end of the connection shows at the next write. */
  const ask = (more, leave) => {
    const request = http.request(url(), { method: "POST", headers, agent: false }, (answer) => {
      answer.on("error", () => {});
      answer.once("data", () => leave && request.socket.resetAndDestroy());
    });
    request.on("error", () => {});
    request.end(chatBody(more));
    return request;
  };
  const closed = () => eventually(() => assert.ok(stage.mock.ledger[0]?.closedEarly));

  test("a place at a key is given back when the client leaves before the head", async () => {
    await once();
    stage.mock.script("*", [{ delay: 60_000 }, {}]);
    const request = ask({}, false);
    await eventually(() => assert.equal(stage.mock.ledger.length, 1));
    const before = stage.worker.logs().length;
    request.socket.resetAndDestroy();
    await closed();
    await served();
    // One line of its own, and no fault of ours.
    const said = stage.worker.logs().slice(before);
    assert.match(said, /"status":499,"attempts":\[\{[^\]]*"class":"client_gone"/);
    assert.doesNotMatch(said, /request_failed/);
  });

  test("a place at a key is given back when the client leaves before a JSON answer is whole", async () => {
    await once();
    stage.mock.script("*", [{ headers: json, chunks: ["{", 60_000, "}"] }, {}]);
    const request = ask({}, false);
    await eventually(() => assert.equal(stage.mock.ledger.length, 1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    request.socket.resetAndDestroy();
    await closed();
    await served();
  });

  test("a place at a key is given back when the client leaves its stream", async () => {
    await once();
    stage.mock.script("*", [{ headers: sse, chunks: ["data: 1\n\n", 60_000, "data: 2\n\n"] }, {}]);
    ask({ stream: true }, true);
    await closed();
    await served();
  });

  test("a body that takes longer to come than the deadline is served", () =>
    stage.withSettings({ failover_deadline_ms: 1000 }, async () => {
      await stage.fresh(3);
      const body = chatBody();
      const slow = () => exchange(url(), { method: "POST", headers, body: [body.slice(0, 20), 1500, body.slice(20)] });
      const answers = await Promise.all([slow(), slow(), slow()]);
      assert.deepEqual(answers.map((a) => a.status), [200, 200, 200]);
    }));
});

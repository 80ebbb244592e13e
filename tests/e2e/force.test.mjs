// Who may choose the key, who may see how a call went, and the line that the log has of it.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, password, storages } from "./harness.mjs";
import { assertBetween, assertOurs, assertUntouched, parsed, rowStage, sse } from "./rows.mjs";

const broken = { headers: sse, chunks: ["data: 1\n\n", "data: 2\n\n"], hang: 1 };

describe("rights", () => {
  const stage = rowStage("d1");
  const client = async (rights) => {
    const { body } = await stage.api("POST", "/clients", { label: "someone", ...(rights ? { rights } : {}) }, 201);
    assert.deepEqual(body.rights, rights ?? ["see_attempts"]);
    return { authorization: `Bearer ${body.key}` };
  };
  const session = async () => {
    const answer = await fetch(`${stage.worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password }) });
    return { authorization: `Bearer ${(await answer.json()).token}` };
  };
  const shown = ({ headers }) => ["attempts", "provider", "key"].map((name) => headers[`x-keypool-${name}`]);
  const whose = (ids, call) => ids[stage.secrets().indexOf(call.key)];

  describe("force", () => {
    const force = async (who, id, ask) => stage.chat(ask, { headers: { ...who, "x-keypool-key": id } });

    for (const [what, who] of [
      ["a client with the right", () => client(["force_key"])],
      ["the admin's session", session],
    ])
      test(`${what} gets the key that it names, and no other`, async () => {
        const ids = await stage.fresh(4);
        const credentials = await who();
        for (const id of [...ids, ...ids]) assert.equal((await force(credentials, id)).status, 200);
        assert.deepEqual(stage.mock.ledger.map((call) => whose(ids, call)), [...ids, ...ids]);
        assert.ok(stage.mock.ledger.every((call) => !("x-keypool-key" in call.headers)));
      });

    for (const behavior of [
      { status: 401, headers: { "x-request-id": "req_1" }, body: '{ "error": {"message": "no such key"} }\n' },
      { status: 429, headers: { "retry-after": "30" }, body: '{"error":{"message":"slow","code":"rate_limit_exceeded"}}' },
      { status: 500, headers: {}, body: "<html>oh</html>" },
      { status: 404, headers: {}, body: '{"error":{"code":"model_not_found","message":"no"}}' },
    ])
      test(`a ${behavior.status} is told in the provider's words, after one attempt`, async () => {
        const ids = await stage.fresh(3);
        stage.mock.script("*", behavior);
        const answer = await force(await client(["see_attempts", "force_key"]), ids[1]);
        assert.deepEqual([answer.status, answer.text], [behavior.status, behavior.body]);
        for (const [name, value] of Object.entries(behavior.headers)) assert.equal(answer.headers[name], value);
        assert.deepEqual(stage.mock.ledger.map((call) => whose(ids, call)), [ids[1]]);
        assert.deepEqual([shown(answer)[0], shown(answer)[2]], ["1", ids[1]]);
        const keys = await stage.look();
        assertUntouched([keys[0], keys[2]]);
      });

    test("a key that a person switched off is tried, and stays off", async () => {
      const [id] = await stage.fresh(1);
      await stage.api("PATCH", `/keys/${id}`, { enabled: false }, 200);
      assert.equal((await force(await client(["force_key"]), id)).status, 200);
      const [{ seen, held }] = await stage.look();
      for (const k of [seen, held]) assert.deepEqual([k.state, k.reason.class], ["disabled", "manual"]);
    });

    test("a client without the right gets a 403, an id that is not there a 404; nobody is called", async () => {
      const ids = await stage.fresh(2);
      for (const who of [{}, await client(), await client([])])
        assertOurs(await force(who, ids[0]), { status: 403, code: "force_not_allowed", type: "permission_error" });
      for (const who of [await client(["force_key"]), await session()])
        assertOurs(await force(who, "nosuchkey"), { status: 404, code: "key_not_found" });
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("a session that has ended calls no more", async () => {
      await stage.fresh(1);
      const credentials = await session();
      assert.equal((await stage.chat({}, { headers: credentials })).status, 200);
      await fetch(`${stage.worker.url}/admin/api/logout`, { method: "POST", headers: credentials });
      assertOurs(await stage.chat({}, { headers: credentials }), { status: 401, code: "invalid_api_key" });
    });
  });

  describe("see the attempts", () => {
    test("by default: how many, with whom, and with which key, on an answer and on an error of ours", async () => {
      const ids = await stage.fresh(3);
      const { provider } = (await stage.look())[0].seen;
      for (const who of [{}, await client()]) {
        stage.mock.script("*", ["500"]);
        const answer = await stage.chat({}, { headers: who });
        assert.deepEqual(shown(answer), ["2", provider, whose(ids, stage.mock.ledger.at(-1))]);
        for (const secret of stage.secrets()) assert.ok(!JSON.stringify(answer.headers).includes(secret));
        for (const id of ids) await stage.api("POST", `/keys/${id}/reset`, undefined, 200);
      }
      stage.mock.script("*", "429");
      const answer = await stage.chat();
      assert.equal(answer.status, 429);
      assert.deepEqual(shown(answer), ["3", provider, whose(ids, stage.mock.ledger.at(-1))]);
    });

    test("not without the right", async () => {
      await stage.fresh(2);
      const headers = await client([]);
      for (const behavior of ["good", ["500"], { status: 400, body: {} }, "429"]) {
        stage.mock.script("*", behavior);
        assert.deepEqual(shown(await stage.chat({}, { headers })), [undefined, undefined, undefined]);
      }
    });
  });

  describe("the log", () => {
    const line = (id) =>
      eventually(() => {
        const lines = stage.worker.logs().split("\n").map(parsed);
        const found = lines.filter((l) => l?.event === "call" && l.request === id);
        assert.equal(found.length, 1);
        return found[0];
      });

    for (const [what, ask, behaviors, outcome] of [
      ["a call that went well", {}, [], [["ok", 200]]],
      ["two failures and a success", {}, ["429", "500"], [["rate_limited", 429], ["transient", 500], ["ok", 200]]],
      ["a stream", { stream: true }, ["401"], [["key_dead", 401], ["ok", 200]]],
      ["the caller's mistake", {}, [{ status: 400, body: {} }], [["caller", 400]]],
      ["an end without success", {}, ["402", "402", "402"], Array(3).fill(["key_broke", 402])],
      ["a stream that breaks", { stream: true }, [broken], [["broken_stream", 200]]],
    ])
      test(`has one line of ${what}, with each attempt's key, class, status and duration`, async () => {
        const ids = await stage.fresh(3, { idle_timeout_ms: 300 });
        const hidden = { "x-request-id": null };
        const named = (b) => (typeof b === "string" ? b : { ...b, headers: { ...b.headers, ...hidden } });
        stage.mock.script("*", [...behaviors.map(named), { headers: hidden }]);
        const answer = await stage.chat(ask);
        const { attempts, ...call } = await line(answer.headers["x-request-id"]);
        assert.deepEqual(
          attempts.map((a) => [a.class, a.status]),
          outcome,
        );
        assert.deepEqual(
          attempts.map((a) => a.key),
          stage.mock.ledger.map((c) => whose(ids, c)),
        );
        for (const { ms } of attempts) assertBetween(ms, 0, call.ms);
        assert.deepEqual([call.status, call.client, call.model], [answer.status, "env", "gpt-4o-mini"]);
        for (const secret of stage.secrets()) assert.ok(!stage.worker.logs().includes(secret));
      });
  });
});

for (const storage of storages)
  describe(`a forced key that is well again, on ${storage}`, () => {
    const stage = rowStage(storage);

    for (const [what, behavior] of [
      ["rested", "429"],
      ["was disabled", "401"],
    ])
      test(`wakes if it ${what}`, async () => {
        const { first } = await stage.once(behavior, { keys: 1 });
        assert.equal(first.seen.usable, false);
        const authorization = `Bearer ${await stage.worker.token()}`;
        const answer = await stage.chat({}, { headers: { authorization, "x-keypool-key": first.seen.id } });
        assert.equal(answer.status, 200);
        assertUntouched(await stage.look());
      });
  });

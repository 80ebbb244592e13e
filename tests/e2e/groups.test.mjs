// Groups of keys: active ones serve everybody, standby ones a share and then all, any other who asks and may.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertBetween, assertOurs, model, rowStage } from "./rows.mjs";

describe("groups", () => {
  const stage = rowStage("d1");
  let made = 0;
  /** A new client key that may ask for these groups; resolves to what its calls carry. */
  const client = async (groups) => {
    const label = `client ${(made += 1)}`;
    const { body } = await stage.api("POST", "/clients", groups ? { label, groups } : { label }, 201);
    assert.deepEqual(body.groups, groups ?? []);
    return { authorization: `Bearer ${body.key}` };
  };
  /** A pool with a key in each of these groups. */
  const fill = (...groups) =>
    stage.fresh(
      groups.length,
      {},
      groups.map((group) => ({ group })),
    );
  /** The groups whose keys were asked, in order. */
  const asked = async () => {
    const keys = await stage.look();
    return stage.mock.ledger.map((call) => stage.keyOf(keys, call).seen.group);
  };
  const sent = () => JSON.parse(stage.mock.ledger.at(-1).body).model;
  const percent = (n, work) => stage.withSettings({ standby_percent: n }, work);

  test("without being asked, a named group serves nobody", async () => {
    await fill("vip");
    assertOurs(await stage.chat(), { status: 503, code: "no_keys" });
    assert.equal(stage.mock.ledger.length, 0);
  });

  for (const [share, group] of [
    [0, "active"],
    [100, "standby"],
  ])
    test(`standby keys take ${share} % of the traffic where it is set so`, () =>
      percent(share, async () => {
        await fill("active", "standby", "vip");
        for (let i = 0; i < 8; i++) await stage.chat({}, { headers: { "x-session-id": `s${i}` } });
        assert.deepEqual(await asked(), Array(8).fill(group));
      }));

  test("standby keys take a tenth by default, and who is theirs stays theirs", async () => {
    await fill("active", "standby");
    const sessions = Array.from({ length: 60 }, (_, i) => ({ headers: { "x-session-id": `session ${i}` } }));
    for (let turn = 0; turn < 3; turn++) for (const session of sessions) await stage.chat({}, session);
    const groups = await asked();
    const turns = [0, 1, 2].map((turn) => groups.slice(turn * 60, turn * 60 + 60));
    assert.deepEqual(turns[1], turns[0]);
    assert.deepEqual(turns[2], turns[0]);
    // Four standard deviations of 60 draws.
    assertBetween(turns[0].filter((group) => group === "standby").length, 1, 15);
  });

  describe("standby keys take all that active ones leave", () => {
    test("when these are switched off", () =>
      percent(0, async () => {
        const [id] = await fill("active", "standby");
        await stage.api("PATCH", `/keys/${id}`, { enabled: false }, 200);
        for (let i = 0; i < 5; i++) assert.equal((await stage.chat()).status, 200);
        assert.deepEqual(await asked(), Array(5).fill("standby"));
      }));

    test("when these fail, in the same request", () =>
      percent(0, async () => {
        await fill("active", "active", "standby", "vip");
        stage.mock.script("*", ["429", "401"]);
        assert.equal((await stage.chat()).headers["x-keypool-attempts"], "3");
        assert.equal((await stage.chat()).headers["x-keypool-attempts"], "1");
        assert.deepEqual(await asked(), ["active", "active", "standby", "standby"]);
      }));

    test("and active ones take all that standby ones leave", () =>
      percent(100, async () => {
        await fill("active", "standby");
        stage.mock.script("*", ["429"]);
        assert.equal((await stage.chat()).status, 200);
        assert.deepEqual(await asked(), ["standby", "active"]);
      }));

    test("but not the keys of a named group", async () => {
      await fill("active", "vip");
      stage.mock.script("*", "429");
      assertOurs(await stage.chat(), { status: 429, code: "rate_limit_exceeded", wait: [30, 31] });
      assert.deepEqual(await asked(), ["active"]);
    });
  });

  describe("a client that may asks for a group and gets that or none", () => {
    for (const [how, group, headers, asks] of [
      ["X-Gray-Group: vip", "vip", { "x-gray-group": "vip" }, {}],
      ["X-Gray-Group: treatment", "standby", { "x-gray-group": "treatment" }, {}],
      ["X-Gray-Group: control", "active", { "x-gray-group": "control" }, {}],
      ["model@vip", "vip", {}, { model: `${model}@vip` }],
      ["model@treatment", "standby", {}, { model: `${model}@treatment` }],
    ])
      test(how, async () => {
        await fill("active", "standby", "vip");
        for (const groups of [["vip", "standby", "active"], ["*"]]) {
          const credentials = await client(groups);
          assert.equal((await stage.chat(asks, { headers: { ...credentials, ...headers } })).status, 200);
          assert.equal(sent(), model);
          const { body, headers: passed } = stage.mock.ledger.at(-1);
          assert.deepEqual(Object.keys(JSON.parse(body)), ["model", "messages"]);
          assert.match(String(body), /"content":"hello there/);
          assert.ok(!("x-gray-group" in passed));
        }
        assert.deepEqual(await asked(), [group, group]);
      });

    test("a group without a key left helps itself to no other", async () => {
      await fill("active", "standby", "vip");
      const headers = { ...(await client(["*"])), "x-gray-group": "vip" };
      stage.mock.script("*", ["429"]);
      assertOurs(await stage.chat({}, { headers }), { status: 429, code: "rate_limit_exceeded", wait: [30, 31] });
      headers["x-gray-group"] = "nobody";
      assertOurs(await stage.chat({}, { headers }), { status: 503, code: "no_keys" });
      assert.deepEqual(await asked(), ["vip"]);
    });

    test("one that may not gets a 403, and nobody is called", async () => {
      await fill("active", "standby", "vip");
      for (const credentials of [{}, await client(), await client(["other"])]) {
        for (const [headers, asks] of [
          [{ "x-gray-group": "vip" }, {}],
          [{ "x-gray-group": "treatment" }, {}],
          [{}, { model: `${model}@vip` }],
        ]) {
          const answer = await stage.chat(asks, { headers: { ...credentials, ...headers } });
          assertOurs(answer, { status: 403, code: "group_not_allowed", type: "permission_error" });
        }
      }
      assert.equal(stage.mock.ledger.length, 0);
    });

    test("a model whose own name has an @ keeps it", async () => {
      await fill("active");
      for (const name of ["@cf/meta/llama-3.1-8b", "claude-sonnet-4@20250514"]) {
        assert.equal((await stage.chat({ model: name })).status, 200);
        assert.equal(sent(), name);
      }
    });
  });

  test("a key that is promoted serves everybody at once", () =>
    percent(0, async () => {
      const [, id] = await fill("active", "vip");
      stage.mock.script("*", ["429"]);
      assert.equal((await stage.chat()).status, 429);
      await stage.api("PATCH", `/keys/${id}`, { group: "active" }, 200);
      assert.equal((await stage.chat()).status, 200);
    }));
});

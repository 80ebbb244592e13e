// The keys in the admin API: listed, changed, tested, and dealt with in bulk.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";
import { assertRefused } from "./refused.mjs";

for (const storage of storages) {
  describe(`keys, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, list } = stage;

    describe("the list", () => {
      let ids;
      before(async () => {
        const rows = Array.from({ length: 25 }, (_, i) => ({
          key: `mock-good-list-0000${String(i).padStart(2, "0")}`,
          label: `label ${String(i).padStart(2, "0")}`,
          weight: i + 1,
          group: i % 2 ? "active" : "standby",
        }));
        ({ ids } = await stage.pool(rows));
      });

      test("comes in pages that cover every key once", async () => {
        const seen = [];
        let cursor = "";
        for (let page = 0; page < 10 && cursor !== null; page++) {
          const body = await list(`?limit=10&sort=label${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
          assert.equal(body.total, 25);
          assert.ok(body.keys.length <= 10);
          seen.push(...body.keys.map((k) => k.label));
          cursor = body.next_cursor;
        }
        assert.deepEqual(seen, [...seen].sort());
        assert.equal(new Set(seen).size, 25);
      });

      test("is sorted as asked, both ways", async () => {
        const weights = async (sort) => (await list(`?sort=${sort}`)).keys.map((k) => k.weight);
        const ascending = Array.from({ length: 25 }, (_, i) => i + 1);
        assert.deepEqual(await weights("weight"), ascending);
        assert.deepEqual(await weights("-weight"), ascending.toReversed());
        for (const sort of ["created", "-created", "label", "-label", "provider", "state"])
          assert.equal((await weights(sort)).length, 25);
      });

      test("is filtered, and counts the whole pool beside", async () => {
        await api("POST", "/keys/bulk", { ids: ids.slice(0, 4), action: "disable" }, 200);
        const disabled = await list("?state=disabled");
        assert.equal(disabled.total, 4);
        assert.deepEqual(disabled.counts, { active: 21, cooling: 0, disabled: 4 });
        assert.ok(disabled.keys.every((k) => k.reason.class === "manual"));
        assert.equal((await list("?reason=manual")).total, 4);
        assert.equal((await list("?group=standby&state=active")).total, 11);
        assert.equal((await list("?q=label%2007")).total, 1);
        assert.equal((await list(`?q=${ids[9]}`)).total, 1);
        assert.equal((await list("?provider=nobody")).total, 0);
        await api("POST", "/keys/bulk", { ids: ids.slice(0, 4), action: "enable" }, 200);
        assert.equal((await list("?state=disabled")).total, 0);
      });

      test("refuses a question it does not understand", async () => {
        for (const query of ["?limit=0", "?limit=1001", "?limit=x", "?sort=color", "?state=odd", "?cursor=%00"]) {
          const answer = await api("GET", `/keys${query}`);
          assertRefused(answer, query);
        }
      });
    });

    describe("one key", () => {
      let id;
      before(async () => ([id] = (await stage.pool(["mock-good-single-0001"])).ids));

      test("is changed field by field", async () => {
        for (const change of [
          { label: "mine ✓" },
          { weight: 0 },
          { weight: 100 },
          { group: "standby" },
          { models: ["gpt-4*", "o?"] },
          { enabled: false },
          { enabled: true },
        ]) {
          const { body } = await api("PATCH", `/keys/${id}`, change, 200);
          const [[name, value]] = Object.entries(change);
          assert.deepEqual(body[name], value);
          assert.deepEqual((await api("GET", `/keys/${id}`, undefined, 200)).body[name], value);
        }
      });

      test("refuses a change that makes no sense, and stays as it was", async () => {
        const before = (await api("GET", `/keys/${id}`, undefined, 200)).body;
        for (const change of [
          { weight: -1 },
          { weight: 101 },
          { weight: 1.5 },
          { weight: "5" },
          { models: "gpt" },
          { enabled: "yes" },
          { label: 1 },
        ]) {
          const answer = await api("PATCH", `/keys/${id}`, change);
          assertRefused(answer, change);
        }
        assert.deepEqual((await api("GET", `/keys/${id}`, undefined, 200)).body, before);
      });

      test("is tested by a call that costs nothing", async () => {
        const fine = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([fine.ok, fine.class, fine.message], [true, null, null]);
        assert.equal(stage.mock.ledger.at(-1).method, "GET");
        stage.mock.script("*", ["401"]);
        const dead = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([dead.ok, dead.status, dead.class, dead.key.state], [false, 401, "key_dead", "disabled"]);
        const revived = (await api("POST", `/keys/${id}/test`, undefined, 200)).body;
        assert.deepEqual([revived.ok, revived.key.state], [true, "active"]);
      });

      test("only serves the models it may", async () => {
        await api("PATCH", `/keys/${id}`, { models: ["gpt-4*"] }, 200);
        const chat = (model) =>
          stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody({ model }) });
        assert.equal((await chat("gpt-4o-mini")).status, 200);
        assert.equal((await chat("claude-5")).status, 503);
      });

      test("is gone once deleted", async () => {
        await api("DELETE", `/keys/${id}`, undefined, 204);
        for (const [method, path, body] of [
          ["GET", ""],
          ["PATCH", "", { weight: 1 }],
          ["DELETE", ""],
          ["POST", "/reset"],
          ["POST", "/test"],
        ]) {
          assert.equal((await api(method, `/keys/${id}${path}`, body)).status, 404, method + path);
        }
      });
    });

    describe("bulk", () => {
      let ids;
      before(async () => {
        ({ ids } = await stage.pool(
          Array.from({ length: 6 }, (_, i) => ({
            key: `mock-good-bulk-00000${i}`,
            group: i < 2 ? "standby" : "active",
          })),
        ));
      });

      test("says what was done and which ids there are not", async () => {
        const { body } = await api(
          "POST",
          "/keys/bulk",
          { ids: [ids[0], "no-such-id", ids[1]], action: "disable" },
          200,
        );
        assert.deepEqual([body.done.toSorted(), body.missing], [[ids[0], ids[1]].toSorted(), ["no-such-id"]]);
        assert.equal((await list("?state=disabled")).total, 2);
      });

      test("by filter touches what the filter shows, and nothing else", async () => {
        const { body } = await api("POST", "/keys/bulk", { filter: { state: "disabled" }, action: "enable" }, 200);
        assert.deepEqual(body.done.toSorted(), [ids[0], ids[1]].toSorted());
        await api(
          "POST",
          "/keys/bulk",
          { filter: { group: "standby" }, action: "set", weight: 9, group: "active" },
          200,
        );
        const { keys } = await list("?sort=created");
        assert.equal(keys.filter((k) => k.weight === 9).length, 2);
        assert.ok(keys.every((k) => k.group === "active"));
      });

      test("switches a key on without waking what rests, when it is set and not enabled", async () => {
        stage.mock.script("mock-good-bulk-000003", "401");
        await api("POST", `/keys/${ids[3]}/test`, undefined, 200);
        stage.mock.reset();
        const shown = async () => (await api("GET", `/keys/${ids[3]}`, undefined, 200)).body;
        const dead = await shown();
        assert.equal(dead.state, "disabled");
        await api("POST", "/keys/bulk", { ids: [ids[3]], action: "disable" }, 200);
        await api("POST", "/keys/bulk", { ids: [ids[3]], action: "set", enabled: true }, 200);
        const back = await shown();
        assert.deepEqual([back.enabled, back.state, back.reason.class], [true, "disabled", dead.reason.class]);
        await api("POST", "/keys/bulk", { ids: [ids[3]], action: "enable" }, 200);
        assert.equal((await shown()).state, "active");
      });

      test("refuses what it does not know", async () => {
        for (const body of [
          {},
          { ids },
          { ids, action: "explode" },
          { ids, action: "set", weight: 101 },
          { ids: "all", action: "delete" },
          { filter: { colour: "red" }, action: "delete" },
        ]) {
          const answer = await api("POST", "/keys/bulk", body);
          assertRefused(answer, body);
        }
        assert.equal((await list()).total, 6);
      });

      test("deletes exactly what was named", async () => {
        const { body } = await api("POST", "/keys/bulk", { ids: ids.slice(0, 5), action: "delete" }, 200);
        assert.equal(body.done.length, 5);
        assert.deepEqual(
          (await list()).keys.map((k) => k.id),
          [ids[5]],
        );
        const again = (await api("POST", "/keys/bulk", { ids: ids.slice(0, 5), action: "delete" }, 200)).body;
        assert.deepEqual([again.done, again.missing.length], [[], 5]);
      });
    });
  });
}

// What a client key may know of the pool: GET /v1/providers and GET /v1/user/info.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually, storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`what clients may know, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api } = stage;
    const get = async (path, key, method = "GET") => {
      const headers = key ? { authorization: `Bearer ${key}` } : {};
      const answer = await stage.worker.fetch(path, { method, headers });
      return { status: answer.status, headers: answer.headers, body: await answer.json() };
    };
    const clientOf = async (groups) => (await api("POST", "/clients", { label: "one", groups }, 201)).body.key;

    test("GET /v1/providers counts the keys that the client may use, by state, and tells no address or secret", async () => {
      const { name } = await stage.pool([
        "mock-good-about-001",
        "mock-401-about-0002",
        { key: "mock-good-about-003", group: "standby", enabled: false },
        { key: "mock-good-about-004", group: "team" },
      ]);
      await eventually(async () => {
        await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
        assert.equal((await stage.list()).counts.disabled, 2);
      });
      await api("POST", "/providers", { preset: "groq", enabled: false }, 201);
      const { status, body } = await get("/v1/providers");
      assert.equal(status, 200);
      assert.deepEqual(body, {
        object: "list",
        data: [
          { id: name, object: "provider", enabled: true, default: true, keys: { active: 1, cooling: 0, disabled: 2 } },
          { id: "groq", object: "provider", enabled: false, default: false, keys: { active: 0, cooling: 0, disabled: 0 } },
        ],
      });
      const mine = await get("/v1/providers", await clientOf(["team"]));
      assert.deepEqual(mine.body.data[0].keys, { active: 2, cooling: 0, disabled: 2 });
      assert.doesNotMatch(JSON.stringify(mine.body), /http|127\.0\.0\.1|mock-good/);
      await api("DELETE", "/providers/groq", undefined, 204);
    });

    test("a client key bound to providers learns of these and no others", async () => {
      const { name } = await stage.pool(["mock-good-about-005"]);
      const { key } = (await api("POST", "/clients", { label: "bound", providers: [name] }, 201)).body;
      await api("POST", "/providers", { preset: "groq" }, 201);
      assert.deepEqual((await get("/v1/providers", key)).body.data.map(({ id }) => id), [name]);
      await api("DELETE", "/providers/groq", undefined, 204);
    });

    test("GET /v1/user/info is the pool's, in SiliconFlow's shape, and no key owner's", async () => {
      const owner = (balance, currency) => ({
        body: { data: { name: "Ada Owner", email: "ada@example.com", totalBalance: balance, ...(currency ? { currency } : {}) } },
      });
      const secrets = ["mock-good-info-0001", "mock-good-info-0002", "mock-good-info-0003", "mock-good-info-0004"];
      const { name, ids } = await stage.pool([...secrets.slice(0, 3), { key: secrets[3], group: "team" }], {
        balance_url: "user/info",
        balance_path: "data.totalBalance",
      });
      const empty = (await get("/v1/user/info")).body;
      assert.deepEqual([empty.code, empty.status, empty.data.totalBalance, empty.data.balances], [20000, true, null, []]);
      const [one, two, three, team] = [owner("0.10", "CNY"), owner(0.2, "CNY"), owner("7", "USD"), owner("5", "CNY")];
      [one, two, three, team].forEach((answer, n) => stage.mock.script(secrets[n], answer));
      for (const id of ids) await api("POST", `/keys/${id}/balance`, undefined, 200);
      stage.mock.ledger.length = 0;
      for (const path of ["/v1/user/info", `/${name}/v1/user/info`]) {
        const { status, body } = await get(path);
        assert.equal(status, 200);
        assert.deepEqual(body.data.balances, [
          { currency: "CNY", amount: 0.3, keys: 2 },
          { currency: "USD", amount: 7, keys: 1 },
        ]);
        assert.deepEqual([body.data.id, body.data.balance, body.data.totalBalance, body.data.email], ["env", "0.3", "0.3", ""]);
        assert.doesNotMatch(JSON.stringify(body), /Ada|ada@|mock-good/);
      }
      assert.equal((await get("/v1/user/info", await clientOf(["*"]))).body.data.totalBalance, "5.3");
      await api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
      assert.equal((await get("/v1/user/info")).body.data.balances[0].amount, 0.2);
      assert.deepEqual(stage.mock.ledger, []);
    });

    test("both need a client key, and are only read", async () => {
      for (const path of ["/v1/providers", "/v1/user/info"]) {
        assert.equal((await get(path, "kp-nobody")).status, 401);
        const { status, headers } = await get(path, undefined, "POST");
        assert.deepEqual([status, headers.get("allow")], [405, "GET"]);
      }
      assert.equal((await get("/nobody/v1/user/info")).status, 404);
    });
  });
}

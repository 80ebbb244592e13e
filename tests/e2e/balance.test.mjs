// What is left on a key's account: asked for where the provider says, for nothing, and never to the key's harm.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { chatBody, json, stageOf } from "./pool.mjs";

const hour = 3_600_000;
/** The beginning of a ten minutes, `hours` from now: those are the ticks that ask for balances. */
const tickAt = (hours) => Math.ceil(Date.now() / 600_000) * 600_000 + hours * hour;
const deepseek = (amount, currency = "CNY") => ({
  body: { is_available: true, balance_infos: [{ currency, total_balance: amount, granted_balance: "10.00" }] },
});
const fields = { balance_url: "/user/balance", balance_path: "balance_infos.0.total_balance" };

for (const storage of storages) {
  describe(`balances, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, pool } = { api: stage.api, pool: (...args) => stage.pool(...args) };
    const shown = async (id) => (await api("GET", `/keys/${id}`, undefined, 200)).body;
    const refresh = async (id) => (await api("POST", `/keys/${id}/balance`, undefined, 200)).body.balance;
    const asked = () => stage.mock.ledger.filter((call) => call.path === "/user/balance");
    const say = (key, behavior) => stage.mock.script(key, (call) => (call.path === "/user/balance" ? behavior : {}));

    test("are asked for now, with the key itself, at the provider's own host", async () => {
      const { ids } = await pool(["mock-good-balance-01"], fields);
      assert.deepEqual((await shown(ids[0])).balance, { amount: null, currency: null, at: null, failed: null });
      say("mock-good-balance-01", deepseek("110.00"));
      const balance = await refresh(ids[0]);
      assert.deepEqual([balance.amount, balance.currency, balance.failed], [110, "CNY", null]);
      assert.ok(Math.abs(balance.at - Date.now()) < 60_000);
      assert.deepEqual(
        asked().map((call) => [call.method, call.path, call.key, call.body.length]),
        [["GET", "/user/balance", "mock-good-balance-01", 0]],
      );
      assert.deepEqual((await shown(ids[0])).balance, balance);
    });

    test("choose keys: those whose balance is known and at most so much", async () => {
      const secrets = [0, 1, 2, 3].map((i) => `mock-good-balance-max-${i}`);
      const { ids, name } = await pool(secrets, fields);
      for (const [i, left] of ["0.00", "1.5", "20"].entries()) {
        say(secrets[i], deepseek(left));
        await refresh(ids[i]);
      }
      const chosen = async (most) => (await stage.list(`?balance_max=${most}&provider=${name}`)).keys.map((k) => k.id).sort();
      for (const [most, places] of [["0", [0]], ["1.49", [0]], ["1.5", [0, 1]], ["1e3", [0, 1, 2]], ["-1", []], ["", [0, 1, 2, 3]]])
        assert.deepEqual(await chosen(most), places.map((i) => ids[i]).sort(), most);
      for (const wrong of ["much", "NaN", "Infinity", "1,5", "[]"])
        assert.equal((await api("GET", `/keys?balance_max=${wrong}`, undefined, 400)).body.error.param, "balance_max");
      for (const wrong of [[], {}, true])
        await api("POST", "/keys/bulk", { filter: { balance_max: wrong }, action: "disable" }, 400);
      const { body } = await api("POST", "/keys/bulk", { filter: { balance_max: 1.5, provider: name }, action: "disable" }, 200);
      assert.deepEqual(body.done.sort(), [ids[0], ids[1]].sort());
      assert.deepEqual((await Promise.all(ids.map(shown))).map((k) => k.enabled), [false, false, true, true]);
      // What the page does not show any more chooses nothing.
      await api("PATCH", `/providers/${name}`, { balance_url: "" }, 200);
      assert.deepEqual(await chosen("1000"), []);
    });

    test("of 0 are 0", async () => {
      const { ids } = await pool(["mock-good-balance-02"], fields);
      say("mock-good-balance-02", deepseek("0.00"));
      assert.equal((await refresh(ids[0])).amount, 0);
    });

    test("that cannot be told leave the last one, and the key as it was", async () => {
      const { ids } = await pool(["mock-good-balance-03"], fields);
      say("mock-good-balance-03", deepseek("1.50", "USD"));
      const first = await refresh(ids[0]);
      for (const [behavior, code, status] of [
        [{ status: 410, body: { message: "gone for good" } }, "unsupported", 410],
        [{ status: 401, body: { error: { message: "Incorrect API key provided" } } }, "refused", 401],
        [{ status: 402, body: { error: { message: "Insufficient Balance" } } }, "refused", 402],
        [{ status: 302, headers: { location: "https://example.com/" }, body: "" }, "refused", 302],
        [{ body: { nothing: "here" } }, "unreadable", 200],
        [{ cut: 0 }, "unreachable", null],
      ]) {
        say("mock-good-balance-03", behavior);
        const { failed, ...kept } = await refresh(ids[0]);
        assert.deepEqual(kept, { amount: 1.5, currency: "USD", at: first.at }, code);
        assert.deepEqual([failed.code, failed.status], [code, status]);
        assert.ok(failed.at >= first.at && !failed.message.includes("mock-good-balance-03"));
        const key = await shown(ids[0]);
        assert.deepEqual([key.state, key.reason, key.cooldowns, key.past], ["active", null, [], null], code);
      }
      const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: json, body: chatBody() });
      assert.equal(answer.status, 200);
      say("mock-good-balance-03", deepseek("2", "USD"));
      assert.deepEqual([(await refresh(ids[0])).amount, (await shown(ids[0])).balance.failed], [2, null]);
    });

    test("are refreshed by cron, each key every six hours, a few at a time, and kept", async () => {
      const secrets = Array.from({ length: 10 }, (_, n) => `mock-good-balance-1${n}`);
      const { ids } = await pool(secrets, fields);
      stage.mock.script("*", (call) => (call.path === "/user/balance" ? deepseek(call.key.slice(-1)) : {}));
      const tick = async (time) => {
        stage.mock.ledger.length = 0;
        await stage.worker.scheduled(time);
        return asked().map((call) => call.key);
      };
      assert.deepEqual(await tick(tickAt(0) + 60_000), []);
      const first = await tick(tickAt(0));
      assert.equal(first.length, 8);
      const second = await tick(tickAt(0) + 600_000);
      assert.deepEqual([...first, ...second].sort(), secrets);
      assert.deepEqual(await tick(tickAt(5)), []);
      assert.equal((await tick(tickAt(6))).length, 8);
      // On KV what machines note is merged by the next tick.
      await stage.worker.scheduled(tickAt(6) + 60_000);
      assert.deepEqual(
        await Promise.all(ids.map(async (id) => (await shown(id)).balance.amount)),
        secrets.map((secret) => Number(secret.slice(-1))),
      );
    });

    test("of a provider that tells none, or is off, are nobody's question", async () => {
      const { name, ids } = await pool(["mock-good-balance-20"], fields);
      await api("PATCH", `/providers/${name}`, { balance_url: "" }, 200);
      const { status, body } = await api("POST", `/keys/${ids[0]}/balance`);
      assert.deepEqual([status, body.error.code], [409, "no_balance_url"]);
      assert.equal((await shown(ids[0])).balance, null);
      assert.equal((await api("POST", "/keys/none/balance")).status, 404);
      await api("PATCH", `/providers/${name}`, { ...fields, enabled: false }, 200);
      await stage.worker.scheduled(tickAt(0));
      await api("PATCH", `/providers/${name}`, { enabled: true }, 200);
      await api("PATCH", `/keys/${ids[0]}`, { enabled: false }, 200);
      await stage.worker.scheduled(tickAt(0));
      assert.deepEqual(asked(), []);
    });

    test("have a path at the provider's own host and a place in its answer, or the provider is refused", async () => {
      const { name } = await pool([], fields);
      for (const wrong of [{ balance_url: "https://example.com/x" }, { balance_url: "a b" }, { balance_path: "" }]) {
        const { status, body } = await api("PATCH", `/providers/${name}`, wrong);
        assert.deepEqual([status, body.error.param], [400, Object.keys(wrong)[0]]);
      }
      const { balance_url, balance_path } = (await api("GET", `/providers/${name}`, undefined, 200)).body;
      assert.deepEqual({ balance_url, balance_path }, fields);
      const made = (await api("POST", "/providers", { preset: "siliconflow" }, 201)).body;
      assert.deepEqual([made.balance_url, made.balance_path], ["user/info", "data.totalBalance"]);
      await api("DELETE", "/providers/siliconflow", undefined, 204);
    });
  });
}

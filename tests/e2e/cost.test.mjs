// The cost report: what calls cost, by each thing they can be told apart by, as JSON and as CSV.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { json, stageOf } from "./pool.mjs";
import { assertRefused } from "./refused.mjs";

const DAY = 86_400_000;
const date = (days = 0) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);
const around = `from=${date(-1)}&to=${date(1)}`;
const usage = { prompt_tokens: 1000, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 400 } };
// 600 fresh tokens at $2, 400 cached at $0.50, 100 out at $10.
const rates = { input: 2_000_000, cached_input: 500_000, output: 10_000_000 };
const micros = 600 * 2 + 400 * 0.5 + 100 * 10;
const tokens = { prompt_tokens: 1000, cached_tokens: 400, completion_tokens: 100, reasoning_tokens: 0 };

/** Such a row of as many calls. */
function row(name, label, calls, { priced = calls } = {}) {
  const counts = Object.fromEntries(Object.entries(tokens).map(([field, count]) => [field, count * calls]));
  const marked = { estimated_requests: 0, partial_requests: 0, unpriced_requests: calls - priced };
  return { name, label, requests: calls, ...counts, ...marked, cost_micros: priced * micros };
}

for (const storage of storages) {
  describe(`the cost report, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api } = stage;
    const formula = '=HYPERLINK("http://x"),"1"';
    let [name, ids, client] = [];

    before(async () => {
      ({ name, ids } = await stage.pool([{ key: "mock-good-cost-000001", label: formula }]));
      await api("PUT", "/prices", { provider: name, model: "dear*", ...rates }, 200);
      const made = (await api("POST", "/clients", { label: "accounts, payable" }, 201)).body;
      client = made.id;
      const answer = JSON.stringify({ object: "chat.completion", choices: [{ message: { content: "x" } }], usage });
      for (const [model, authorization] of [
        ["dear-1", `Bearer ${made.key}`],
        ["dear-1", `Bearer ${made.key}`],
        ["dear-2", undefined],
        ["@cf/unheard-of", undefined],
      ]) {
        stage.mock.script("*", [{ headers: json, body: answer }]);
        const body = JSON.stringify({ model, messages: [{ role: "user", content: model }] });
        const headers = { ...json, ...(authorization ? { authorization } : {}) };
        assert.equal((await stage.send("/v1/chat/completions", { headers, body })).status, 200);
      }
      await api("POST", "/flush", undefined, 200);
    });

    const report = async (query) => (await api("GET", `/stats/cost?${around}&${query}`, undefined, 200)).body;
    const total = () => row(null, null, 4, { priced: 3 });

    test("tells providers apart when nothing is said, and adds them up", async () => {
      const answer = await report("");
      assert.deepEqual(answer.rows, [row(name, null, 4, { priced: 3 })]);
      assert.deepEqual(answer.total, total());
      assert.deepEqual([answer.by, answer.from, answer.to], ["provider", date(-1), date(1)]);
      assert.equal(answer.time_zone, "UTC");
    });

    test("tells keys, models, client keys and days apart, the dearest first", async () => {
      for (const [by, rows] of [
        ["key", [row(ids[0], formula, 4, { priced: 3 })]],
        ["model", [row("dear-1", null, 2), row("dear-2", null, 1), row("@cf/unheard-of", null, 1, { priced: 0 })]],
        ["client", [row(client, "accounts, payable", 2), row("env", null, 2, { priced: 1 })]],
        ["day", [row(date(), null, 4, { priced: 3 })]],
      ]) {
        const answer = await report(`by=${by}`);
        assert.deepEqual(answer.rows, rows, by);
        assert.deepEqual(answer.total, total(), by);
      }
    });

    test("is of the last 30 days when it is not said of which, and of nothing where nothing was", async () => {
      const { body } = await api("GET", "/stats/cost", undefined, 200);
      assert.deepEqual([body.from, body.to, body.total], [date(-29), date(), total()]);
      const before = await api("GET", `/stats/cost?from=2020-01-01&to=${date(-1)}`, undefined, 200);
      assert.deepEqual([before.body.rows, before.body.total.cost_micros], [[], 0]);
    });

    test("a price that is set later changes nothing of what was counted", async () => {
      await api("PUT", "/prices", { provider: name, model: "dear*", input: 0, output: 0 }, 200);
      assert.deepEqual((await report("")).total, total());
      await api("PUT", "/prices", { provider: name, model: "dear*", ...rates }, 200);
    });

    test("is a table for spreadsheets too, without formulas", async () => {
      const head =
        "label,requests,prompt_tokens,cached_tokens,completion_tokens,reasoning_tokens," +
        "estimated_requests,partial_requests,unpriced_requests,cost_usd";
      const table = async (by) => {
        const answer = await stage.worker.admin(`/stats/cost?${around}&by=${by}&format=csv`);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get("content-type"), /^text\/csv; charset=utf-8/);
        const file = `attachment; filename="keypool-cost-${date(-1)}-${date(1)}-by-${by}.csv"`;
        assert.equal(answer.headers.get("content-disposition"), file);
        return answer.text();
      };
      assert.equal(
        await table("model"),
        `model,${head}\r\n` +
          "dear-1,,2,2000,800,200,0,0,0,0,0.004800\r\n" +
          "dear-2,,1,1000,400,100,0,0,0,0,0.002400\r\n" +
          "'@cf/unheard-of,,1,1000,400,100,0,0,0,1,0.000000\r\n",
      );
      const lines = (await table("key")).split("\r\n");
      assert.equal(lines[1], `${ids[0]},"'=HYPERLINK(""http://x""),""1""",4,4000,1600,400,0,0,0,1,0.007200`);
      const clients = (await table("client")).split("\r\n");
      assert.equal(clients[1], `${client},"accounts, payable",2,2000,800,200,0,0,0,0,0.004800`);
    });

    test("what it is asked must make sense", async () => {
      for (const [query, param] of [
        ["from=yesterday", "from"],
        ["to=2026-02-30", "to"],
        ["from=2026-11-02&to=2026-11-01", "from"],
        ["by=color", "by"],
        ["format=xlsx", "format"],
        ["form=csv", null],
      ]) {
        const answer = await api("GET", `/stats/cost?${query}`);
        assertRefused(answer, query);
        assert.equal(answer.body.error.param, param, query);
      }
      assert.equal((await api("POST", "/stats/cost", {})).status, 405);
    });
  });
}

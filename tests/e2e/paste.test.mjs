// What a paste means: every form that people paste, and not a line lost without a word.
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { storages } from "./harness.mjs";
import { stageOf } from "./pool.mjs";

for (const storage of storages) {
  describe(`the paste box, on ${storage}`, () => {
    const stage = stageOf({ storage });
    const { api, list } = stage;

    let provider;
    before(async () => (provider = (await stage.pool([])).name));
    const paste = (text, more) => api("POST", "/keys", { text, provider, ...more });

    for (const [what, text, expected] of [
      ["lines", "mock-good-lines-0001\nmock-good-lines-0002\n", ["mock-good-lines-0001", "mock-good-lines-0002"]],
      ["CRLF", "mock-good-crlf-00001\r\nmock-good-crlf-00002\r\n", ["mock-good-crlf-00001", "mock-good-crlf-00002"]],
      ["commas", "mock-good-comma-0001, mock-good-comma-0002,", ["mock-good-comma-0001", "mock-good-comma-0002"]],
      ["semicolons", "mock-good-semic-0001;mock-good-semic-0002", ["mock-good-semic-0001", "mock-good-semic-0002"]],
      ["a Bearer prefix", "Bearer mock-good-bearer-001", ["mock-good-bearer-001"]],
      [
        "quotes and stray spaces",
        `  "mock-good-quote-0001" \n\t'mock-good-quote-0002',`,
        ["mock-good-quote-0001", "mock-good-quote-0002"],
      ],
      [
        "a JSON array",
        '["mock-good-array-0001", "mock-good-array-0002"]',
        ["mock-good-array-0001", "mock-good-array-0002"],
      ],
      [
        ".env lines",
        'export MOCK_API_KEY_1="mock-good-dotenv-001"\n# comment\nMOCK_API_KEY_2=mock-good-dotenv-002',
        ["mock-good-dotenv-001", "mock-good-dotenv-002"],
      ],
    ]) {
      test(`understands ${what}`, async () => {
        const { status, body } = await paste(text);
        assert.equal(status, 201, JSON.stringify(body));
        assert.deepEqual(body.refused, []);
        assert.deepEqual(await secretsOf(body.added), expected);
      });
    }

    test("understands key|weight|label", async () => {
      const { body } = await paste("mock-good-pipes-0001|7|my label\nmock-good-pipes-0002|0");
      assert.deepEqual(
        body.added.map((k) => [k.weight, k.label]),
        [
          [7, "my label"],
          [0, body.added[1].label],
        ],
      );
    });

    test("tells what was added, known, and refused, each with its line", async () => {
      await paste("mock-good-known-0001");
      const { status, body } = await paste(
        "mock-good-fresh-0001\nmock-good-known-0001\n\nnot a key at all!\nmock-good-fresh-0001\nmock-good-fresh-0002|999",
      );
      assert.equal(status, 201);
      assert.deepEqual(await secretsOf(body.added), ["mock-good-fresh-0001"]);
      assert.ok(body.known.some((k) => k.line === 2));
      assert.deepEqual([...new Set(body.refused.map((r) => r.line))], [4, 5, 6]);
      for (const r of body.refused) assert.ok(r.reason && r.message);
      assert.ok(!JSON.stringify(body).includes("mock-good-known-0001"));
    });

    test("once previewed has stored nothing", async () => {
      const before = (await list()).total;
      const { status, body } = await paste("mock-good-preview-001\nmock-good-known-0001", { dry_run: true });
      assert.equal(status, 200);
      assert.deepEqual([body.added.length, body.known.length], [1, 1]);
      assert.equal((await list()).total, before);
    });

    test("of a thousand keys loses none", async () => {
      const before = (await list()).total;
      const { body } = await paste(
        Array.from({ length: 1000 }, (_, i) => `mock-good-many-${String(i).padStart(6, "0")}`).join("\n"),
      );
      assert.equal(body.added.length, 1000);
      assert.equal((await list()).total, before + 1000);
    });

    test("may carry a weight and a group for all", async () => {
      const { body } = await paste("mock-good-group-0001", { weight: 42, group: "standby" });
      assert.deepEqual([body.added[0].weight, body.added[0].group], [42, "standby"]);
    });

    test("names a preset, and the provider is made from it", async () => {
      const { body } = await paste("gsk_0123456789abcdefghijklmnop", { provider: "groq" });
      assert.equal(body.added[0].provider, "groq");
      const groq = (await api("GET", "/providers/groq", undefined, 200)).body;
      assert.equal(groq.preset, "groq");
      assert.match(groq.base_url, /^https:\/\/api\.groq\.com\//);
    });

    test("that is malformed is refused as a whole", async () => {
      for (const [body, code] of [
        ["{", "invalid_json"],
        ["{}", "invalid_request"],
        ['{"text":1}', "invalid_request"],
        ['{"keys":{}}', "invalid_request"],
      ]) {
        const answer = await stage.worker.admin("/keys", { method: "POST", body });
        assert.deepEqual([answer.status, (await answer.json()).error.code], [400, code], body);
      }
    });

    // Which secret a row holds shows when it is used alone.
    async function secretsOf(added) {
      const found = [];
      for (const k of added) {
        await api("POST", `/keys/${k.id}/test`, undefined, 200);
        found.push(stage.mock.ledger.at(-1).key);
      }
      return found;
    }
  });
}

// Every key is blocked: how the provider is spared, what the client is told, and who gets through again.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import OpenAI from "openai";
import { clientKey, eventually, root, started, storages } from "./harness.mjs";
import { assertOurs, assertResting, assertUntouched, model, rowStage } from "./rows.mjs";

const limited = (headers) => ({ status: 429, headers, body: { error: { message: "slow", code: "rate_limit_exceeded" } } });
const python = process.env.KEYPOOL_PYTHON || join(root, "target/python/bin/python");

for (const storage of storages) {
  describe(`every key at its limit, on ${storage}`, () => {
    const stage = rowStage(storage);
    const rate = { status: 429, code: "rate_limit_exceeded", type: "rate_limit_error" };
    /** All keys rest, each as long as it was told in its turn; resolves to the answer of the call that found out. */
    const exhaust = async (keys, headers) => {
      await stage.fresh(keys);
      stage.mock.script("*", typeof headers === "function" ? (call) => limited(headers(call)) : limited(headers));
      return stage.chat();
    };

    for (const together of [1, 59])
      test(`60 calls, ${together} at a time, cost at most 36 upstream calls, and all hear the true time`, async () => {
        await exhaust(5, { "retry-after": "30" });
        for (let asked = 0; asked < 59; asked += together) {
          const answers = await Promise.all(Array.from({ length: together }, () => stage.chat()));
          for (const answer of answers) assertOurs(answer, { ...rate, wait: [20, 31] });
        }
        assert.ok(stage.mock.ledger.length <= 36, `${stage.mock.ledger.length} upstream calls`);
      });

    test("the time is that of the key that is back first", async () => {
      let rest = 60;
      const answer = await exhaust(3, () => ({ "retry-after": String((rest -= 10)) }));
      assertOurs(answer, { ...rate, wait: [30, 31] });
      assert.deepEqual([stage.mock.ledger.length, answer.headers["x-keypool-attempts"]], [3, "3"]);
    });

    test("the time of another model's rest is not told", async () => {
      await exhaust(1, { "retry-after": "30" });
      stage.mock.script("*", limited({ "retry-after": "90" }));
      assertOurs(await stage.chat({ model: "gpt-4.1" }), { ...rate, wait: [90, 91] });
    });

    test("OpenAI's SDK for Node waits as it is told and succeeds by itself", { skip: storage !== "d1" }, async () => {
      await stage.fresh(2);
      stage.mock.script("*", back(1500));
      const sdk = new OpenAI({ apiKey: clientKey, baseURL: `${stage.worker.url}/v1` });
      const messages = [{ role: "user", content: "hello there" }];
      const { choices } = await sdk.chat.completions.create({ model, messages });
      assert.equal(choices[0].message.content, "You said: hello there");
      assert.equal(stage.mock.ledger.length, 3);
    });

    test("OpenAI's SDK for Python, too", { skip: storage !== "d1" || !existsSync(python) }, async () => {
      await stage.fresh(2);
      stage.mock.script("*", back(1500));
      const code = `from openai import OpenAI
chat = OpenAI().chat.completions.create(model="${model}", messages=[{"role": "user", "content": "hi"}])
print(chat.choices[0].message.content)`;
      const env = { ...process.env, OPENAI_BASE_URL: `${stage.worker.url}/v1`, OPENAI_API_KEY: clientKey };
      assert.equal(await output(python, ["-c", code], env), "You said: hi\n");
      assert.equal(stage.mock.ledger.length, 3);
    });
  });
}

describe("a soonest reset that fits the wait budget", () => {
  const stage = rowStage("d1", { KEYPOOL_WAIT_BUDGET_MS: "2500" });

  test("is waited for, and the call succeeds", async () => {
    await stage.fresh(2);
    stage.mock.script("*", [limited({ "retry-after": "60" }), limited({ "retry-after-ms": "1000" })]);
    const answer = await stage.chat();
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers["x-keypool-attempts"], "3");
    const [first, second, third] = stage.mock.ledger;
    assert.deepEqual([third.key === second.key, first.key === second.key], [true, false]);
    const keys = await stage.look();
    const expected = { class: "rate_limited", status: 429, ms: 60_000, jitter: 500 };
    assertResting(stage.keyOf(keys, first), { answer }, expected);
    assertUntouched([stage.keyOf(keys, second)]);
  });

  test("when it is over, one call goes first, and the others follow its success", async () => {
    await stage.fresh(1);
    const { ledger } = stage.mock;
    let firstWasDone;
    stage.mock.script("*", (call) => {
      if (call === ledger[0]) return limited({ "retry-after-ms": "1000" });
      if (call === ledger[2]) firstWasDone = ledger[1].done;
      return { delay: 200 };
    });
    const first = stage.chat();
    await eventually(() => assert.ok(ledger[0]?.done));
    const others = Array.from({ length: 8 }, () => stage.chat());
    for (const { status } of await Promise.all([first, ...others])) assert.equal(status, 200);
    assert.deepEqual([ledger.length, firstWasDone], [10, true]);
  });

  test("and one that does not is told at once", async () => {
    await stage.fresh(2);
    stage.mock.script("*", limited({ "retry-after": "4" }));
    assertOurs(await stage.chat(), { status: 429, code: "rate_limit_exceeded", wait: [4, 5] });
    assert.equal(stage.mock.ledger.length, 2);
  });
});


test("a storage that is down when an isolate starts is a 503 with a Retry-After, too", async (t) => {
  const worker = await started(t, { faults: true });
  await worker.failStorage(true);
  const answer = await worker.fetch("/v1/models");
  assert.deepEqual([answer.status, (await answer.json()).error.code], [503, "storage_failed"]);
  assert.match(answer.headers.get("retry-after"), /^[1-9]\d*$/);
});

/** Limited until so many ms after the first call, and well from then on. */
function back(ms) {
  let at;
  return () => {
    at ??= Date.now() + ms;
    return Date.now() < at ? limited({ "retry-after-ms": String(at - Date.now()) }) : {};
  };
}

function output(program, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => (text += part));
    child.on("error", reject).on("close", () => resolve(text));
  });
}

// The official Python SDK, pointed at the Worker. The cases are in sdk.py; this runs it and reads one line a case.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clientKey, root, storages } from "./harness.mjs";
import { startStage } from "./pool.mjs";

// `npm test` makes the virtual environment; elsewhere any Python with the `openai` package will do.
const windows = process.platform === "win32";
const python = process.env.KEYPOOL_PYTHON || join(root, "target/python", windows ? "Scripts/python.exe" : "bin/python");
const skip = existsSync(python) ? false : "no Python with the openai package: run `npm test`, or set KEYPOOL_PYTHON";

for (const storage of storages) {
  describe(`the OpenAI SDK for Python, on ${storage}`, { skip }, () => {
    let stage;
    before(async () => (stage = await startStage({ storage, vars: { KEYPOOL_WAIT_BUDGET_MS: "0" } })));
    after(() => stage.close());

    for (const [keys, cases] of [
      [["mock-good-python-0001", "mock-good-python-0002"], "works"],
      [["mock-429-python-00001"], "limited"],
      [["mock-500-python-00001"], "failing"],
      [["mock-401-python-00001"], "dead"],
      [["mock-cut-python-00001"], "cut"],
    ]) {
      test(`with ${cases} keys`, async (t) => {
        await stage.pool(keys);
        const { code, output } = await run(cases);
        const lines = output.split("\n").filter((line) => /^(ok|failed) /.test(line));
        for (const line of lines)
          await t.test(line.replace(/^\w+ /, ""), () => assert.ok(line.startsWith("ok"), output));
        assert.ok(lines.length > 0, output);
        assert.equal(code, 0, output);
      });
    }

    function run(cases) {
      return new Promise((resolve, reject) => {
        const env = {
          ...process.env,
          OPENAI_BASE_URL: `${stage.worker.url}/v1`,
          OPENAI_API_KEY: clientKey,
          PYTHONUTF8: "1",
        };
        const child = spawn(python, [join(root, "tests/e2e/sdk.py"), cases], { env });
        let output = "";
        for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
        child.on("error", reject).on("close", (code) => resolve({ code, output }));
      });
    }
  });
}

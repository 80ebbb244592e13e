// One contract for all stores, src/store/contract.rs, held against real D1 and KV by a build that is never deployed.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { root, startWorker, storages } from "./harness.mjs";

describe("the contract of the store", () => {
  before(() => promisify(execFile)(process.execPath, ["scripts/build.mjs", "--contract"], { cwd: root }));

  for (const storage of storages) {
    test(`is kept by ${storage}`, async (t) => {
      const worker = await startWorker({ storage, build: "target/contract" });
      t.after(() => worker.close());
      const answer = await worker.fetch("/contract");
      assert.equal(await answer.text(), "kept");
    });
  }

  test("has no route in what is deployed", async (t) => {
    const worker = await startWorker();
    t.after(() => worker.close());
    assert.equal((await worker.fetch("/contract")).status, 404);
  });
});

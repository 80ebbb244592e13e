// What the Worker makes of what is bound to it: which store, whose schema, and what it says when something is missing.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { root, started, storeFolder } from "./harness.mjs";

describe("the schema", () => {
  // Wrangler's own program, on the folder that the Worker wrote or is about to write.
  const wrangler = async (folder, ...args) => {
    const program = join(root, "node_modules/wrangler/bin/wrangler.js");
    const options = { cwd: root, env: { ...process.env, CI: "1", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" } };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [program, "d1", "migrations", ...args, "--local", "--persist-to", folder],
      options,
    );
    return stdout;
  };
  const alive = async (worker) => {
    await worker.api("POST", "/providers", { name: "mock", base_url: "http://127.0.0.1:9/v1" }, 201);
    await worker.api("POST", "/keys", { text: "mock-good-schema-0001", provider: "mock" }, 201);
    assert.equal((await worker.api("GET", "/keys", undefined, 200)).body.total, 1);
  };

  test("that the Worker applied leaves wrangler nothing to apply", async (t) => {
    const folder = storeFolder();
    const worker = await started(t, { persist: folder });
    await alive(worker);
    await worker.close();
    assert.match(await wrangler(folder, "list", "DB"), /No migrations to apply/i);
  });

  test("that wrangler applied is the one the Worker wants", async (t) => {
    const folder = storeFolder();
    await wrangler(folder, "apply", "DB");
    const worker = await started(t, { persist: folder });
    await alive(worker);
    const db = (await worker.env()).DB;
    const { results } = await db.prepare("select name, count(*) as n from d1_migrations group by name").all();
    assert.ok(results.length > 0 && results.every((row) => row.n === 1));
    assert.match(await wrangler(folder, "list", "DB"), /No migrations to apply/i);
  });
});

describe("bindings", () => {
  test("with none bound every request names them", async (t) => {
    const worker = await started(t, { storage: "none" });
    for (const path of ["/v1/models", "/admin/api/session"]) {
      const answer = await worker.fetch(path);
      assert.equal(answer.status, 500);
      const { error } = await answer.json();
      assert.equal(error.code, "no_storage");
      assert.match(error.message, /\bDB\b/);
      assert.match(error.message, /\bAPI_TOKENS\b/);
    }
  });

  test("with both bound D1 wins, and KV's keys are moved over once", async (t) => {
    const folder = storeFolder();
    const kv = await started(t, { storage: "kv", persist: folder });
    await kv.api("POST", "/providers", { name: "mock", base_url: "http://127.0.0.1:9/v1" }, 201);
    const { added } = (
      await kv.api("POST", "/keys", { text: "mock-good-move-00001\nmock-good-move-00002", provider: "mock" }, 201)
    ).body;
    await kv.close();

    let both = await started(t, { storage: "both", persist: folder });
    assert.equal((await both.api("GET", "/session", undefined, 200)).body.storage, "d1");
    assert.equal((await both.api("GET", "/keys", undefined, 200)).body.total, 2);
    await both.api("DELETE", `/keys/${added[0].id}`, undefined, 204);
    await both.close();

    both = await started(t, { storage: "both", persist: folder });
    const { keys } = (await both.api("GET", "/keys", undefined, 200)).body;
    assert.deepEqual(
      keys.map((k) => k.id),
      [added[1].id],
    );
  });

  test("without ADMIN_PASSWORD nobody is let in, and the answer says how to set it", async (t) => {
    const worker = await started(t, { secrets: { ADMIN_PASSWORD: null } });
    for (const [path, init] of [
      ["/login", { method: "POST", body: '{"password":""}' }],
      ["/session", {}],
      ["/keys", { headers: { authorization: "Bearer x" } }],
    ]) {
      const answer = await fetch(`${worker.url}/admin/api${path}`, init);
      const { error } = await answer.json();
      assert.deepEqual([answer.status, error.code], [503, "admin_password_missing"], path);
      assert.match(error.message, /wrangler secret put ADMIN_PASSWORD/);
    }
  });
});

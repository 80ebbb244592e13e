// scripts/entry.mjs in workerd, around a stand-in for the wasm: what a caller sees when the instance dies.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const { Miniflare, convertV4MiniflareOptions } = createRequire(createRequire(import.meta.url).resolve("wrangler"))("miniflare");

// Behaves like wasm-bindgen's glue: work of a dead instance never settles, and its timers are refused.
const GLUE = `
  let instance = 1;
  const state = { criticalError: false };
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const trap = () => { throw new WebAssembly.RuntimeError("unreachable"); };
  const refused = () => { throw new Error("Cannot invoke closure from previous WASM instance"); };
  export const __worker_init_state = () => state;
  export const __wbg_reset_state = () => { instance++; };
  export async function fetch(request) {
    const mine = instance;
    const path = new URL(request.url).pathname;
    if (path === "/slow") { await sleep(400); if (mine !== instance) await new Promise(() => {}); }
    if (path === "/rejects") trap();
    if (path === "/traps") { setTimeout(() => queueMicrotask(trap), 20); await new Promise(() => {}); }
    if (path === "/leftover") {
      setTimeout(() => queueMicrotask(refused), 20);
      await sleep(60);
    }
    if (path === "/stream") {
      const { readable, writable } = new IdentityTransformStream();
      (async () => {
        const writer = writable.getWriter();
        for (const part of ["one ", "two ", "three"]) { await writer.write(new TextEncoder().encode(part)); await sleep(100); }
        await writer.close();
      })();
      return new Response(readable);
    }
    return new Response("instance " + instance);
  }
  export async function scheduled() { trap(); }
`;

let worker;
let url;

before(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("../../scripts/entry.mjs", import.meta.url))],
    plugins: [{ name: "glue", setup: standIn }],
    bundle: true,
    format: "esm",
    write: false,
  });
  const script = outputFiles[0].text;
  worker = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      handleStructuredLogs: () => {},
      workers: [{ name: "crash", modules: true, script, compatibilityDate: "2026-11-01" }],
    }),
  );
  url = await worker.ready;
});

after(() => worker.dispose());

function standIn(esbuild) {
  esbuild.onResolve({ filter: /^\.\/index\.js$/ }, () => ({ path: "glue", namespace: "glue" }));
  esbuild.onLoad({ filter: /.*/, namespace: "glue" }, () => ({ contents: GLUE }));
}

async function get(path) {
  const answer = await fetch(new URL(path, url));
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

function assertRestarted(answer) {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("retry-after"), "1");
  assert.ok(answer.headers.get("x-request-id"));
  const { error } = JSON.parse(answer.text);
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
  assert.equal(error.code, "gateway_restarted");
}

for (const path of ["/traps", "/rejects"]) {
  test(`a crash (${path}) answers every request in work, and the next one finds a new instance`, async () => {
    const slow = get("/slow");
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [crashed, bystander] = await Promise.all([get(path), slow]);
    assertRestarted(crashed);
    assertRestarted(bystander);
    assert.match((await get("/")).text, /^instance [23]$/);
  });
}

test("what a dead instance left behind kills nobody", async () => {
  const answer = await get("/leftover");
  assert.equal(answer.status, 200);
});

test("an answer that is already being streamed goes on", async () => {
  const stream = get("/stream");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertRestarted(await get("/traps"));
  assert.equal((await stream).text, "one two three");
});

test("a crash during cron is reported as a failed run", async () => {
  const { outcome } = await (await worker.getWorker()).scheduled({ cron: "* * * * *" });
  assert.equal(outcome, "exception");
});

// What the build makes, as it is uploaded; `npm test` has just built it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const wasm = readFileSync(new URL("../../build/index_bg.wasm", import.meta.url), "latin1");

test("no path of the machine that built it is uploaded, and our own files keep their names for panics", () => {
  assert.equal(wasm.match(/(?<!\w)\/[\w.-]+\/[\w./-]*\.rs/g), null);
  assert.match(wasm, /src\/proxy\/mod\.rs\0/);
  assert.match(wasm, /elsewhere\0/);
});

test("nothing of wasm-streams is uploaded", () => {
  assert.ok(WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(wasm, "latin1"))).length < 20);
  assert.doesNotMatch(wasm, /intounderlying/i);
});

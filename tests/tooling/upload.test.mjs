// What is uploaded, as `npm test` has just built it, and how it was linked.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const wasm = readFileSync(new URL("../../build/index_bg.wasm", import.meta.url), "latin1");

test("no path of the machine that built it is uploaded, and our own files keep their names for panics", () => {
  assert.equal(wasm.match(/(?<!\w)\/[\w.-]+\/[\w./-]*\.rs/g), null);
  assert.match(wasm, /src\/proxy\/mod\.rs\0/);
  assert.match(wasm, /elsewhere\0/);
});

test("the linker is not told of exports that only wasm-streams would use", () => {
  const folder = mkdtempSync(join(tmpdir(), "keypool-"));
  // Stands in for rustc's linker, and tells what it was told.
  writeFileSync(join(folder, "rust-lld"), '#!/bin/sh\necho "$@"\nexit 3\n', { mode: 0o755 });
  const unused = ["intounderlyingsink_abort_1", "__wbg_intounderlyingsink_free_1", "__wbindgen_describe_intounderlyingsource_pull_1"];
  const args = ["-flavor", "wasm", "--export", "fetch_1", ...unused.flatMap((name) => ["--export", name]), "--export", "last", "-o", "x"];
  const link = fileURLToPath(new URL("../../scripts/link.mjs", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [link, ...args], {
    env: { ...process.env, PATH: [folder, process.env.PATH].join(delimiter) },
    encoding: "utf8",
  });
  rmSync(folder, { recursive: true });
  assert.deepEqual([status, stdout.trim()], [3, "-flavor wasm --export fetch_1 --export last -o x"]);
});

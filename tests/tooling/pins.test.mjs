// Versions that must agree, and a lock file that installs anywhere.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const locked = (path) => read(path).match(/name = "wasm-bindgen-shared"\nversion = "(.+)"/)[1];

test("the Worker and tools/bindgen use one wasm-bindgen", () => {
  // The shared crate is the format that both ends speak.
  assert.equal(locked("Cargo.lock"), locked("tools/bindgen/Cargo.lock"));
});

test("npm packages are pinned exactly", () => {
  for (const [name, version] of Object.entries(JSON.parse(read("package.json")).devDependencies)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("package-lock.json names no registry", () => {
  const { packages } = JSON.parse(read("package-lock.json"));
  assert.deepEqual(Object.keys(packages).filter((path) => packages[path].resolved), []);
});

test("package-lock.json has every optional package, also those of other systems", () => {
  // `npm ci` refuses a lock file without them, and a registry that lacks one makes npm write such a file.
  const { packages } = JSON.parse(read("package-lock.json"));
  const missing = Object.values(packages)
    .flatMap((each) => Object.keys(each.optionalDependencies ?? {}))
    .filter((name) => !Object.keys(packages).some((path) => path.endsWith(`node_modules/${name}`)));
  assert.deepEqual(missing, []);
});

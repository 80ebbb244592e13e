// What the upload is made of: the functions of the wasm by the module they belong to, each group compressed for itself.
// The wasm has its names and is not made smaller for it, so a part's share is what is told, of what is uploaded.
import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { CODE, CUSTOM, DATA, FUNCTION_NAMES, Reader, sectionsOf, vector } from "../../scripts/wasm.mjs";
import { withNames } from "./profile.mjs";

/// Of the standard library, wherever it is.
const STANDARD = new Set(["core", "alloc", "std", "hashbrown", "dlmalloc", "compiler_builtins", "rustc_demangle"]);
/// Lighter parts are told together.
const LIGHT = 2 * 1024;

/// `{name, bytes}` of each part, the heaviest first; together they are the upload.
export async function weight(world) {
  const [glue, wasm] = (await withNames()).map((path) => readFileSync(path));
  const groups = new Map();
  const add = (name, bytes) => (groups.get(name) ?? groups.set(name, []).get(name)).push(bytes);
  const sections = [...sectionsOf(wasm)];
  const names = functionNames(sections);
  const bodies = vector(sections.find(({ id }) => id === CODE).content);
  // Functions that are imported come before.
  const first = Math.max(...names.keys()) + 1 - bodies.length;
  bodies.forEach((body, index) => add(partOf(names.get(first + index) ?? ""), body));
  for (const { id, content } of sections) {
    if (id === DATA) add("texts and tables", content);
    else if (id !== CODE && id !== CUSTOM) add("the wasm's own lists", content);
  }
  add("JavaScript", glue);
  const packed = [...groups].map(([name, parts]) => ({ name, bytes: gzipSync(Buffer.concat(parts)).length }));
  const all = packed.reduce((sum, { bytes }) => sum + bytes, 0);
  const rows = packed.map(({ name, bytes }) => ({ name, bytes: (bytes / all) * world.upload })).toSorted((a, b) => b.bytes - a.bytes);
  const light = rows.filter(({ bytes }) => bytes < LIGHT);
  const rest = { name: `${light.length} smaller ones`, bytes: light.reduce((sum, { bytes }) => sum + bytes, 0) };
  return { rows: [...rows.filter(({ bytes }) => bytes >= LIGHT), rest] };
}

/// By the functions' indices.
function functionNames(sections) {
  for (const { id, content } of sections) {
    const reader = new Reader(content);
    if (id !== CUSTOM || reader.text() !== "name") continue;
    while (reader.at < content.length) {
      const [kind] = reader.take(1);
      const part = new Reader(reader.take(reader.number()));
      if (kind === FUNCTION_NAMES) return new Map(Array.from({ length: part.number() }, () => [part.number(), part.text()]));
    }
  }
  throw new Error("The wasm has no names.");
}

/// Of a function that was made of generic code: the module of ours for which it was made.
function partOf(name) {
  for (const [, module] of name.matchAll(/\bkeypool(?:\[[0-9a-f]+\])?::(\w+)/g)) {
    if (existsSync(`src/${module}.rs`) || existsSync(`src/${module}`)) return `\`${module}\``;
  }
  if (name.includes("keypool")) return "`lib`";
  const crate = /(?:^|[^\w:])([a-z]\w*)(?:\[[0-9a-f]+\])?::/.exec(name)?.[1];
  return crate === undefined || STANDARD.has(crate) ? "the standard library, most of it generic code made for a type of ours" : `the crate ${crate}`;
}

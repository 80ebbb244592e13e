// What a compiler leaves undone, because it does not know what comes after it: the glue's unused half, the long names
// between wasm and glue, and an order of functions that compresses well. Between wasm-bindgen and wasm-opt.
// The format: https://webassembly.github.io/spec/core/binary/modules.html

import { CODE, CUSTOM, DATA, FUNCTION_NAMES, IMPORT, Reader, sectionsOf, vector } from "./wasm.mjs";

const EXPORT = 7;
/// Kinds of what is imported.
const FUNCTION = 0;
const TAG = 4;
/// One of the functions that the glue gives to the wasm: its name and code.
const IMPORTED = /^ {8}(\w+): (function\([^)]*\) \{\n.*?^ {8}\}),\n/gms;
/// The path of a source file, as panics name it; the 0 at its end counts, in newer compilers.
const SOURCE = /^[\x20-\x7e]+\.rs\0?$/;
const LONGEST_PATH = 300;
/// What panics in other people's files name instead.
const ELSEWHERE = "elsewhere";

/// The module `wasm` and its `glue`, smaller. Function names are lost, but for the sake of the order: see `orderNames`.
export function shrink(wasm, glue) {
  const { compact, shortened } = shortenImports(withoutClasses(glue));
  const used = new Set([...compact.matchAll(/\bwasm\.(\w+)/g)].map(([, name]) => name));
  let firstIndex = 0;
  const sections = [...sectionsOf(wasm)].filter(({ id }) => id !== CUSTOM);
  for (const section of sections) {
    if (section.id === IMPORT) {
      const imports = importsOf(section.content);
      firstIndex = imports.filter(({ kind }) => kind === FUNCTION).length;
      section.content = written(imports.map((each) => ({ ...each, name: shortened.get(each.name) ?? each.name })));
    }
    if (section.id === EXPORT) section.content = exportsAmong(used, section.content);
    if (section.id === DATA) withoutForeignPlaces(section.content);
  }
  const bodies = vector(sections.find(({ id }) => id === CODE).content);
  const names = orderNames(bodies, firstIndex);
  const parts = [...sections, names].map(({ id, content }) => Buffer.concat([Buffer.from([id]), sized(content)]));
  return { wasm: Buffer.concat([wasm.subarray(0, 8), ...parts]), glue: compact };
}

/// A class stands here for each struct that a crate hands to JavaScript. We have none and use none, but what a class
/// calls could not be left out of the wasm.
function withoutClasses(glue) {
  const classes = [];
  const rest = glue
    .replace(/^(?:export )?class (\w+) \{$.*?^\}$/gms, (_, name) => void classes.push(name) ?? "")
    .replace(/^if \(Symbol\.dispose\) .*$/gm, "")
    .replace(/^const \w+Finalization = .*?^\}\);$/gms, "");
  const missed = classes.find((name) => rest.includes(name));
  if (missed) throw new Error(`The glue needs its class ${missed}, which shrink.mjs takes out.`);
  return rest;
}

/// Every import has 16 random digits in its name, which nothing compresses, and many do what another does.
function shortenImports(glue) {
  const shortened = new Map();
  const known = new Map();
  const compact = glue.replace(IMPORTED, (_, name, code) => {
    const like = known.get(code);
    const short = like ?? `_${known.size.toString(36)}`;
    known.set(code, short);
    shortened.set(name, short);
    return like ? "" : `        ${short}: ${code},\n`;
  });
  return { compact, shortened };
}

/// The `glue` without what `wasm` no longer imports, once wasm-opt has seen what is never called.
export function withoutUnused(glue, wasm) {
  const { content } = [...sectionsOf(wasm)].find(({ id }) => id === IMPORT);
  const used = new Set(importsOf(content).map(({ name }) => name));
  return glue.replace(IMPORTED, (entry, name) => (used.has(name) ? entry : ""));
}

function importsOf(section) {
  const reader = new Reader(section);
  return Array.from({ length: reader.number() }, () => {
    const [module, name] = [reader.text(), reader.text()];
    const [kind] = reader.take(1);
    if (kind !== FUNCTION && kind !== TAG) throw new Error(`An import of a kind not known here: ${module} ${name}`);
    if (kind === TAG) reader.take(1);
    return { module, name, kind, type: reader.number() };
  });
}

function written(imports) {
  const entries = imports.map(({ module, name, kind, type }) => {
    const what = kind === TAG ? [TAG, 0] : [FUNCTION];
    return Buffer.concat([text(module), text(name), Buffer.from(what), number(type)]);
  });
  return Buffer.concat([number(entries.length), ...entries]);
}

function exportsAmong(used, section) {
  const reader = new Reader(section);
  const kept = [];
  for (let left = reader.number(); left > 0; left--) {
    const start = reader.at;
    const name = reader.text();
    reader.take(1);
    reader.number();
    if (used.has(name)) kept.push(section.subarray(start, reader.at));
  }
  return Buffer.concat([number(kept.length), ...kept]);
}

/// Every panic that a library may raise has its place in the data: a path of the machine that builds, a line and a
/// column. They become one place without a number; those in our own files stay. No address changes.
function withoutForeignPlaces(section) {
  const segments = segmentsOf(section);
  const bytesAt = (address, length) => {
    const { start, bytes } = segments.find(({ start, bytes }) => start <= address && address < start + bytes.length) ?? {};
    return bytes?.subarray(address - start, address - start + length) ?? Buffer.alloc(0);
  };
  const places = [];
  for (const { bytes } of segments) {
    for (let at = 0; at + 16 <= bytes.length; at += 4) {
      const [path, length] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)];
      if (length > LONGEST_PATH || !SOURCE.test(bytesAt(path, length))) continue;
      places.push({ at: bytes.subarray(at), path, length, text: Buffer.from(bytesAt(path, length)) });
    }
  }
  const isForeign = ({ text }) => text.toString().startsWith("/");
  const foreign = places.filter(isForeign);
  for (const { path, length } of foreign) bytesAt(path, length).fill(0);
  // A path of ours may have been the end of another.
  for (const { path, text } of places.filter((place) => !isForeign(place))) text.copy(bytesAt(path, text.length));
  const free = foreign.find(({ path, length }) => bytesAt(path, length).every((byte) => byte === 0));
  if (!free) throw new Error("shrink.mjs finds no place of a panic: has the form of core::panic::Location changed?");
  const ending = free.text.subarray(free.text.lastIndexOf(".rs") + 3);
  const elsewhere = Buffer.concat([Buffer.from(ELSEWHERE), ending]);
  elsewhere.copy(bytesAt(free.path, elsewhere.length));
  for (const { at } of foreign) {
    [free.path, elsewhere.length, 0, 0].forEach((number, index) => at.writeUInt32LE(number, 4 * index));
  }
}

/// Names by which wasm-opt shall order the functions: each is followed by the one most like it, so that gzip, which
/// sees 32 KiB at a time, finds again what it has just seen.
function orderNames(bodies, firstIndex) {
  const names = new Array(bodies.length);
  let place = 0;
  for (const index of byLikeness(bodies)) names[index] = `f${String(place++).padStart(6, "0")}`;
  const entries = names.map((name, index) => Buffer.concat([number(firstIndex + index), text(name)]));
  const map = Buffer.concat([number(entries.length), ...entries]);
  return { id: CUSTOM, content: Buffer.concat([text("name"), Buffer.from([FUNCTION_NAMES]), sized(map)]) };
}

/// Indices of `bodies`, from the longest on. Like is what shares many runs of four bytes, measured by what both have.
function byLikeness(bodies) {
  const runs = bodies.map(runsOfFour);
  const having = new Map();
  runs.forEach((own, index) => own.forEach((run) => (having.get(run) ?? having.set(run, []).get(run)).push(index)));

  const left = new Set(bodies.keys());
  const order = [];
  let next = bodies.reduce((longest, body, index) => (body.length > bodies[longest].length ? index : longest), 0);
  while (next !== undefined) {
    order.push(next);
    left.delete(next);
    const shared = new Uint32Array(bodies.length);
    for (const run of runs[next]) for (const index of having.get(run)) shared[index]++;
    const own = runs[next].size;
    let best = -1;
    next = undefined;
    for (const index of left) {
      const likeness = shared[index] / (own + runs[index].size + 1);
      if (likeness > best) [best, next] = [likeness, index];
    }
  }
  return order;
}

function runsOfFour(body) {
  const runs = new Set();
  for (let at = 0; at + 4 <= body.length; at++) runs.add(body.readInt32LE(at));
  return runs;
}

/// What the memory holds at the start; `bytes` are those of the section itself.
function segmentsOf(section) {
  const reader = new Reader(section);
  return Array.from({ length: reader.number() }, () => {
    const [kind, opcode] = reader.take(2);
    const start = reader.number();
    const [end] = reader.take(1);
    if (kind !== 0 || opcode !== 0x41 || end !== 0x0b) throw new Error("A data segment of a kind not known here.");
    return { start, bytes: reader.take(reader.number()) };
  });
}

function number(value) {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
}

function sized(content) {
  return Buffer.concat([number(content.length), content]);
}

function text(name) {
  return sized(Buffer.from(name));
}

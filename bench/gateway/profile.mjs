// `npm run bench -- --profile <scenario>`: where V8 sees keypool's time go under a scenario's requests, function by function.
// The wasm has its names and is not made smaller for it, so its times are a little longer than the deployed one's.
import { join } from "node:path";
import { NAMED, build } from "../../scripts/build.mjs";
import { inspect } from "../measure.mjs";
import { named } from "./gateways.mjs";

const SHOWN = 30;
/// Microseconds between two looks.
const INTERVAL = 100;

/// The modules to start keypool with.
export async function withNames() {
  await build(NAMED);
  return ["index.js", "index_bg.wasm"].map((name) => join(NAMED.out, name));
}

/// A scenario's `probe` is what is asked and of which keys; most are closed loops. With `fresh`, so many new processes are asked
/// once each. Returns what the floor, a Worker in Rust that forwards, and keypool do with a request: `{name, all, kinds, functions}`, the last two
/// `[name, time]`, times in µs, the most first.
export async function profile(world, { name, request, probe = request && { command: { do: "closed", ...request } } }) {
  if (!probe) throw new Error(`${name} has no requests of one kind`);
  const make = await world.makeNamed();
  const rows = [];
  for (const kind of ["floor", "rust", "keypool"]) {
    const stage = await make[kind]({ keys: probe.keys ?? named("ok", 10), inspector: true });
    const ask = ({ port }) => world.tell({ ...probe.command, port, key: stage.key });
    try {
      rows.push({ name: kind, ...(probe.fresh ? await first(stage, ask, probe) : await warm(stage, ask, probe)) });
    } finally {
      await stage.close();
    }
  }
  return { rows };
}

/// Rounds until it is fast, then some under the profiler.
async function warm(stage, ask, { command, rounds = 6 }) {
  const run = async () => {
    for (let i = 0; i < rounds; i++) await ask(stage);
  };
  await run();
  const found = await under(stage.inspector, run);
  const each = command.requests ?? command.phases.reduce((sum, [rate, seconds]) => sum + rate * seconds, 0);
  return taken([found], rounds * each);
}

/// The first request of a process.
async function first(stage, ask, { fresh }) {
  const found = [];
  for (let i = 0; i < fresh; i++) {
    const { ports, close } = await stage.start();
    try {
      found.push(await under(ports.inspector, () => ask({ port: ports.main })));
    } finally {
      await close();
    }
  }
  return taken(found, fresh);
}

/// What V8's profiler sees while `run` runs.
async function under(inspector, run) {
  const ask = await inspect(inspector);
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: INTERVAL });
  await ask("Profiler.start");
  await run();
  return (await ask("Profiler.stop")).profile;
}

function taken(profiles, requests) {
  const each = (called) => selfTimes(profiles, called).map(([name, time]) => [name, time / requests]);
  const kinds = each(kindOf);
  return { all: kinds.reduce((sum, [, time]) => sum + time, 0), kinds, functions: each(nameOf).slice(0, SHOWN) };
}

/// Microseconds in the functions themselves, by what `called` makes of them; the most first.
function selfTimes(profiles, called) {
  const times = new Map();
  for (const { nodes, samples, timeDeltas } of profiles) {
    const busy = nodes.filter(({ callFrame }) => callFrame.functionName !== "(idle)");
    const names = new Map(busy.map(({ id, callFrame }) => [id, called(callFrame)]));
    samples.forEach((id, i) => {
      if (names.has(id)) times.set(names.get(id), (times.get(names.get(id)) ?? 0) + timeDeltas[i]);
    });
  }
  return [...times].toSorted(([, a], [, b]) => b - a);
}

function kindOf({ functionName, url }) {
  if (functionName === "(program)") return "the runtime, outside of JavaScript";
  if (functionName === "(garbage collector)") return "the garbage collector";
  if (url === "") return "the runtime's functions, as called";
  return url.includes("wasm") ? "wasm" : "JavaScript: the Worker's, or the glue between it and wasm";
}

function nameOf({ functionName, url, lineNumber }) {
  const file = url.split("/").at(-1);
  const name = functionName || `(anonymous, line ${lineNumber + 1})`;
  // Rust adds a hash to some, and the compiler to crates.
  const plain = name.replace(/::h[0-9a-f]{16}$/, "").replace(/\[[0-9a-f]{16}\]/g, "");
  return file && !url.includes("wasm") ? `${plain} (${file})` : plain;
}

// `npm run bench -- --profile <scenario>`: where V8 sees keypool's time go under a scenario's requests, function by function.
// The wasm has its names and is not made smaller for it, so its times are a little longer than the deployed one's.
import { join } from "node:path";
import { NAMED, build } from "../../scripts/build.mjs";
import { named } from "./gateways.mjs";

const SHOWN = 45;
/// Microseconds between two looks.
const INTERVAL = 100;

/// The modules to start keypool with.
export async function withNames() {
  await build(NAMED);
  return ["index.js", "index_bg.wasm"].map((name) => join(NAMED.out, name));
}

/// A scenario's `probe` is what is asked and of which keys; most are closed loops.
export async function profile(world, { name, request, probe = request && { command: { do: "closed", ...request } } }) {
  if (!probe) throw new Error(`${name} has no requests of one kind`);
  for (const kind of ["floor", "keypool"]) {
    const stage = await world.make[kind]({ keys: probe.keys ?? named("ok", 10), inspector: true });
    try {
      print(`${kind}, ${name}`, await profiled(world, stage, probe));
    } finally {
      await stage.close();
    }
  }
}

/// Rounds until it is fast, then some under the profiler. Returns V8's profile, and how many `requests` those were.
async function profiled(world, { port, key, inspector }, { command, rounds = 6 }) {
  const run = async () => {
    for (let i = 0; i < rounds; i++) await world.tell({ ...command, port, key });
  };
  const ask = await inspect(inspector);
  await run();
  await ask("Profiler.enable");
  await ask("Profiler.setSamplingInterval", { interval: INTERVAL });
  await ask("Profiler.start");
  await run();
  const { profile } = await ask("Profiler.stop");
  const asked = command.requests ?? command.phases.reduce((sum, [rate, seconds]) => sum + rate * seconds, 0);
  return { ...profile, requests: rounds * asked };
}

/// A function that gives the isolate's debugger a command.
async function inspect(port) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    waiting.get(id)?.(result);
  };
  let last = 0;
  return (method, params = {}) => {
    const id = (last += 1);
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}

function print(title, profile) {
  const kinds = selfTimes(profile, kindOf);
  const all = kinds.reduce((sum, [, time]) => sum + time, 0);
  const line = ([name, time]) =>
    `${((time / all) * 100).toFixed(1).padStart(5)} % ${(time / profile.requests).toFixed(1).padStart(7)} µs  ${name}`;
  console.log(`\n${title}: ${(all / profile.requests).toFixed(0)} µs of a request in this isolate\n`);
  console.log(kinds.map(line).join("\n"));
  console.log(`\n${selfTimes(profile, nameOf).slice(0, SHOWN).map(line).join("\n")}`);
}

/// Microseconds in the functions themselves, by what `called` makes of them; the most first.
function selfTimes({ nodes, samples, timeDeltas }, called) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName === "(idle)" ? null : called(callFrame)]));
  const times = new Map();
  samples.forEach((id, i) => times.set(names.get(id), (times.get(names.get(id)) ?? 0) + timeDeltas[i]));
  times.delete(null);
  return [...times].toSorted(([, a], [, b]) => b - a);
}

function kindOf({ functionName, url }) {
  if (functionName.startsWith("(")) return functionName;
  if (url === "") return "the runtime's own functions";
  return url.includes("wasm") ? "wasm" : "JavaScript";
}

function nameOf({ functionName, url, lineNumber }) {
  const file = url.split("/").at(-1);
  return `${functionName || `(anonymous, line ${lineNumber + 1})`}${file && !file.includes("wasm") ? `  ${file}` : ""}`;
}

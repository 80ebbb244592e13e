// What is measured, in the order of the page. Each scenario answers `{name, title, ...}`; what they may ask of `world` is in
// main.mjs.
import { compare } from "./compare.mjs";
import { cold, firstChat } from "./cold.mjs";
import { named } from "./gateways.mjs";
import { leaving } from "./leaving.mjs";
import { overload, probe } from "./overload.mjs";
import { profile } from "./profile.mjs";
import { sustained } from "./sustained.mjs";
import { weight } from "./weight.mjs";

const KEYS = 10;
const chat = { model: "json-300-0", size: 300, clients: 32, requests: 500 };
const all = [
  { kind: "floor" },
  { kind: "keypool", label: "keypool on D1" },
  { kind: "keypool-kv", label: "keypool on KV" },
  { kind: "js-pool", label: "a common pool" },
  { kind: "bare", label: "what the runtime takes" },
];
/// With JSON it does all that; streams it hands through.
const withRust = [...all, { kind: "rust", label: "the same in Rust" }];
const failing = [...named("ok", 10), ...named("revoked", 4), ...named("limited", 3), ...named("broken", 3)];

/// What the runtime takes, one thing more in each row.
function ladder(first, steps) {
  const rows = steps.map(([, label], i) => ({ kind: "bare", label, parts: [first, ...steps.slice(0, i + 1).map(([word]) => word)].join(" ") }));
  return [{ kind: "floor" }, ...rows, { kind: "keypool", label: "keypool on D1" }];
}

const COMPARED = [
  { name: "small-1", title: "small chats, one at a time", request: { ...chat, clients: 1, requests: 150 }, rounds: 30, gateways: withRust },
  { name: "small-32", title: "small chats, 32 at a time", request: chat, rounds: 30, gateways: withRust },
  { name: "json-20k", title: "answers of 20 KB, 32 at a time", request: { ...chat, model: "json-20000-0" }, rounds: 24, gateways: withRust },
  {
    name: "stream-fast",
    title: "streams of 1,000 chunks back to back, 4 at a time, CPU of a chunk",
    request: { ...chat, model: "stream-1000-0", stream: true, clients: 4, requests: 8 },
    units: 1000,
    rounds: 24,
  },
  {
    name: "stream-5ms",
    title: "streams of 200 chunks, one each 5 ms, 4 at a time, CPU of a chunk",
    request: { ...chat, model: "stream-200-5", stream: true, clients: 4, requests: 4 },
    units: 200,
    rounds: 12,
  },
  {
    name: "stream-first",
    title: "streams of 20 chunks, one each 5 ms, one at a time, CPU of a stream",
    request: { ...chat, model: "stream-20-5", stream: true, clients: 1, requests: 10 },
    rounds: 24,
  },
  {
    name: "steps-json",
    title: "small chats, 32 at a time: what the runtime takes, one thing more in each row",
    request: chat,
    rounds: 24,
    gateways: ladder("", [
      ["", "forwarding with headers of its own"],
      ["question", "the question read whole"],
      ["answer", "the answer read whole"],
      ["signals", "a signal that heeds the client's"],
      ["timer", "a timer"],
      ["behind", "work behind the answer"],
      ["log", "a log line"],
    ]),
  },
  {
    name: "steps-stream",
    title: "streams of 1,000 chunks back to back, CPU of a chunk: the same",
    request: { ...chat, model: "stream-1000-0", stream: true, clients: 4, requests: 8 },
    units: 1000,
    rounds: 16,
    gateways: ladder("question signals timer behind log", [
      ["", "all of the above"],
      ["gate", "a gate, through which an error event can follow"],
      ["copy", "a copy, from which the usage is read"],
    ]),
  },
  { name: "body-1m", title: "bodies of 1 MB, 4 at a time", request: { ...chat, size: 1_000_000, clients: 4, requests: 24 }, rounds: 16, gateways: withRust },
  {
    name: "body-20m",
    title: "bodies of 20 MB, 2 at a time",
    request: { ...chat, size: 20_000_000, clients: 2, requests: 4 },
    rounds: 6,
  },
  {
    name: "pools",
    title: "pools of 10, 1, 1,000 and 10,000 keys, 32 at a time",
    request: chat,
    rounds: 48,
    gateways: [10, 1, 1000, 10_000].map((count) => ({
      kind: "keypool",
      label: `keypool, ${count.toLocaleString("en")} ${count === 1 ? "key" : "keys"}`,
      keys: named("ok", count),
    })),
  },
  {
    name: "pools-common",
    title: "the common pool of 10 and of 1,000 keys, 8 at a time",
    request: { ...chat, clients: 8, requests: 60 },
    rounds: 12,
    gateways: [10, 1000].map((count) => ({ kind: "js-pool", label: `a common pool, ${count.toLocaleString("en")} keys`, keys: named("ok", count) })),
  },
  {
    name: "half-failing",
    title: "20 keys: all well, and half of them revoked, over their limit or broken, 32 at a time",
    request: chat,
    rounds: 24,
    gateways: [
      { kind: "keypool", label: "keypool, all keys well", keys: named("ok", 20) },
      { kind: "keypool", label: "keypool, half of them failing", keys: failing },
      { kind: "js-pool", label: "a common pool, half of them failing", keys: failing, mayFail: true },
    ],
  },
];

/// In quick mode the machine is tried, not keypool.
const shortened = (scenario) => ({
  ...scenario,
  rounds: 3,
  warm: { size: 300, clients: 4, requests: 40 },
  request: { ...scenario.request, requests: Math.max(scenario.request.clients, Math.ceil(scenario.request.requests / 5)) },
});

async function compared(world, scenario) {
  const { name, title, gateways = all, ...how } = world.quick ? shortened(scenario) : scenario;
  const stages = [];
  try {
    for (const { kind, label = kind, keys = named("ok", KEYS), parts, mayFail } of gateways) {
      stages.push({ ...(await world.make[kind]({ keys, parts })), label, mayFail });
    }
    await world.tell({ do: "calls" });
    const rows = await compare(world, stages, how);
    const { calls } = await world.tell({ do: "calls" });
    const memory = await Promise.all(stages.map((stage) => stage.memory?.() ?? null));
    return { name, title, kind: "compared", rows: rows.map((row, i) => ({ ...row, memory: memory[i] })), calls };
  } finally {
    for (const stage of stages) await stage.close();
  }
}

const special = (name, title, run, more = {}) => ({
  name,
  title,
  ...more,
  run: async (world) => ({ name, title, kind: name, ...(await run(world)) }),
});

export const SCENARIOS = [
  ...COMPARED.map((scenario) => ({ ...scenario, run: (world) => compared(world, scenario) })),
  special("cold", "cold start: from the process's start to the first answer", cold, { probe: firstChat }),
  special("weight", "what the upload is made of", weight),
  special("sustained", "50,000 requests, 32 at a time", sustained),
  special("leaving", "clients that leave in the middle of a stream", leaving),
  special("overload", "ten keys of 20 requests a second, one revoked, one failing half the time", overload, { probe }),
  special("profile", "where V8 sees the time go, small chats, 32 at a time", (world) => profile(world, { request: chat })),
];

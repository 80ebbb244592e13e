// Ten keys, each good for 20 requests a second. In the bad pool one is revoked and one fails half of the time. Requests come
// by themselves, as from many clients, below and above of what the keys give. The answers take 20 ms.
import { sum } from "./compare.mjs";
import { named } from "./gateways.mjs";

const RATE = 20;
const MODEL = { model: "json-300-20", size: 300 };
const WELL = named(`rate${RATE}`, 10);
const BAD = [...named(`rate${RATE}`, 8), ...named("revoked", 1), ...named(`half${RATE}`, 1)];
/// Eight keys, and half of one.
const CAPACITY = 8.5 * RATE;
const SHARES = [0.6, 0.9, 1.5];
/// The longest that a service may take to be whole again.
const AFTER = 8;

export async function overload(world) {
  const seconds = world.quick ? 3 : 12;
  const pools = {};
  for (const [name, keys] of [["well", WELL], ["bad", BAD]]) {
    const stage = await world.make.keypool({ keys });
    try {
      pools[name] = await phases(world, stage, seconds);
    } finally {
      await stage.close();
    }
  }
  return { capacity: CAPACITY, seconds, rows: SHARES.map((share, i) => row(share, pools.bad[i], pools.well[i], seconds)), after: recovery(pools.bad.at(-1)) };
}

/// The shares in turn, then again what can be borne.
async function phases(world, { port, key }, seconds) {
  const found = [];
  const run = async (share, length) => {
    const rate = Math.round(CAPACITY * share);
    await world.tell({ do: "calls" });
    const heard = await world.tell({ do: "open", ...MODEL, port, key, rate, seconds: length, seed: 7 + found.length });
    found.push({ rate, ...heard, calls: (await world.tell({ do: "calls" })).calls });
  };
  // The pool learns which of its keys are bad.
  await run(0.5, 3);
  found.pop();
  for (const share of SHARES) await run(share, seconds);
  await run(0.9, AFTER);
  return found;
}

function row(share, bad, well, seconds) {
  const [answered, refused] = [sum(bad.answered), sum(bad.refused)];
  return {
    share,
    rate: bad.rate,
    requests: answered + refused + bad.errors.length,
    errors: bad.errors.length,
    refused,
    calls: bad.calls / answered,
    p99: bad.took.p99 / 1000,
    wellP99: well.took.p99 / 1000,
    goodput: answered / seconds / Math.min(bad.rate, CAPACITY),
    refusal: bad.refusal.p50 === null ? null : { p50: bad.refusal.p50 / 1000, p99: bad.refusal.p99 / 1000 },
    waits: waits(bad),
    answeredEach: bad.answered,
    refusedEach: bad.refused,
  };
}

/// What the refused were told: how many were told something, how long, and whether an answer was to be had by then: whether
/// the second in which they would have come back was one in which requests were answered at the pool's full rate.
function waits({ waits, answered }) {
  const told = waits.filter(([, wait]) => wait !== null);
  const back = told.map(([at, wait]) => answered[Math.floor(at / 1000 + wait)]).filter((count) => count !== undefined);
  const held = back.filter((count) => count >= CAPACITY * 0.9).length;
  const longest = Math.max(0, ...told.map(([, wait]) => wait));
  return { told: told.length, of: waits.length, longest, judged: back.length, held };
}

/// Seconds after the overload until everything is answered, for good.
function recovery({ answered, refused, rate }) {
  const bad = refused.findLastIndex((count) => count > 0);
  return { seconds: bad + 1, answered, refused, rate };
}

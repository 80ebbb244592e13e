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
/// Seconds of 60 % behind an overload.
const AFTER = 10;
/// Seconds until an overload has used up what the keys had saved.
const SAVED = 4;

/// What a profile looks at.
export const probe = { keys: BAD, rounds: 1, command: { do: "open", ...MODEL, phases: [[CAPACITY * 1.5, 6]], seed: 7 } };

export async function overload(world) {
  const seconds = world.quick ? 6 : 14;
  const pools = [];
  for (const keys of [BAD, WELL]) {
    const stage = await world.make.keypool({ keys });
    try {
      pools.push(await phases(world, stage, seconds));
    } finally {
      await stage.close();
    }
  }
  const [bad, well] = pools;
  const [, , over, again] = bad;
  return {
    capacity: CAPACITY,
    seconds,
    rows: [0.6, 0.9, 1.5].map((share, i) => row(share, bad[i], well[i])),
    goodput: sum(over.done.slice(SAVED, seconds)) / (seconds - SAVED) / CAPACITY,
    waits: waits(over),
    after: { rate: again.rate, ...each(again, seconds), seconds: recovered(again, seconds) },
  };
}

/// What can be borne, in two steps; then too much, and without a pause what can be borne.
async function phases(world, { port, key }, seconds) {
  let seed = 7;
  const run = async (...steps) => {
    await world.tell({ do: "calls" });
    const rates = steps.map(([share, length]) => [Math.round(CAPACITY * share), length]);
    const { done, phases } = await world.tell({ do: "open", ...MODEL, port, key, phases: rates, seed: (seed += 1) });
    const { calls } = await world.tell({ do: "calls" });
    return phases.map((phase, i) => ({ ...phase, done, calls, rate: rates[i][0] }));
  };
  // The pool learns which of its keys are bad.
  await run([0.5, 3]);
  return [...(await run([0.6, seconds])), ...(await run([0.9, seconds])), ...(await run([1.5, seconds], [0.6, AFTER]))];
}

function row(share, bad, well) {
  const [answered, refused] = [sum(bad.answered), sum(bad.refused)];
  const ms = (us) => (us === null ? null : us / 1000);
  return {
    share,
    rate: bad.rate,
    requests: answered + refused + bad.errors.length,
    errors: bad.errors.length,
    refused,
    // An overload's calls are counted together with those behind it.
    calls: share < 1 ? bad.calls / answered : null,
    p50: ms(bad.took.p50),
    p99: ms(bad.took.p99),
    wellP99: ms(well.took.p99),
    refusal: refused > 0 ? { p50: ms(bad.refusal.p50), p99: ms(bad.refusal.p99) } : null,
    ...each(bad),
  };
}

/// What became of the requests of each second of a phase, which begins `from` seconds after its run.
function each({ answered, refused, errors }, from = 0) {
  const failed = answered.map(() => 0);
  for (const [ms] of errors) failed[Math.min(Math.floor(ms / 1000) - from, failed.length - 1)] += 1;
  return { answeredEach: answered, refusedEach: refused, failedEach: failed };
}

/// What the refused were told: how many were told a time, the longest, and whether the pool answered at its full rate in the
/// second in which they would have come back.
function waits({ waits, done }) {
  const told = waits.filter(([, wait]) => wait !== null);
  const back = told.map(([at, wait]) => Math.floor(at / 1000 + wait)).filter((second) => second < done.length - AFTER);
  const held = back.filter((second) => done[second] >= CAPACITY * 0.9).length;
  return { told: told.length, of: waits.length, longest: Math.max(0, ...told.map(([, wait]) => wait)), judged: back.length, held };
}

/// Seconds behind the overload until everything was answered.
function recovered(phase, from) {
  const { refusedEach, failedEach } = each(phase, from);
  return refusedEach.findLastIndex((count, i) => count + failedEach[i] > 0) + 1;
}

// Gateways in turn, round by round, under the same requests. A round is charged with all that its workerd runs until its next
// one begins: what is written down after the answers belongs to them.
import { quantile, ran, turned } from "../measure.mjs";

/// Unmeasured, before any round: code becomes fast by being run, and some rounds are few requests.
const WARM = { size: 300, clients: 8, requests: 600 };

/**
 * `stages` are gateways (the first is what the others are compared with), `request` a command of `src/closed.rs`, `units` is
 * what a request is divided by; a stage that `mayFail` may answer with errors. Returns a row for each: `{name, failed, cpu, ratio, whole, took, delay, first}`, of which `cpu` (µs of
 * a unit), `ratio` (to the first's of the same round) and the times (µs) are `{p10, p50, p90}`, and `whole` is the ratio of
 * all rounds together.
 */
export async function compare(world, stages, { request, units = 1, rounds, warm = WARM }) {
  const one = async (stage, request, allowed) => {
    const heard = await world.tell({ do: "closed", ...request, port: stage.port, key: stage.key });
    if (heard.failed > allowed) throw new Error(`${stage.label}: ${heard.failed} of ${request.requests} failed: ${heard.failure}`);
    return heard;
  };
  const model = request.stream ? "stream-10-0" : "json-300-0";
  // A pool that has yet to learn which of its keys are bad may fail a few.
  for (const stage of stages) await one(stage, { ...request, ...warm, model }, (warm.requests ?? request.requests) / 10);
  // And once as it is measured.
  for (const stage of stages) await one(stage, request, most(stage));
  const measured = stages.map((stage) => ({ stage, marks: [], heard: [] }));
  for (let i = 0; i < rounds; i++) {
    for (const each of turned(measured, i)) {
      each.marks.push(ran(each.stage.pid));
      each.heard.push(await one(each.stage, request, most(each.stage)));
    }
  }
  for (const { stage, marks } of measured) marks.push(ran(stage.pid));
  const per = request.requests * units * 1000;
  const costs = measured.map(({ marks }) => marks.slice(1).map((mark, i) => (mark - marks[i]) / per));
  return measured.map(({ stage, heard }, i) => row(stage, heard, costs[i], costs[0]));
}

const most = ({ mayFail }) => (mayFail ? Infinity : 0);

function row({ label }, heard, costs, base) {
  const times = (what) => spread(heard.map((one) => one[what].p50).filter((time) => time !== null));
  return {
    name: label,
    failed: sum(heard.map(({ failed }) => failed)),
    cpu: spread(costs),
    ratio: spread(costs.map((cost, i) => cost / base[i])),
    whole: sum(costs) / sum(base),
    took: times("took"),
    delay: times("delay"),
    first: times("first"),
  };
}

/// Null of none.
export function spread(values) {
  if (values.length === 0) return null;
  return { p10: quantile(values, 0.1), p50: quantile(values, 0.5), p90: quantile(values, 0.9) };
}

export const sum = (values) => values.reduce((all, value) => all + value, 0);

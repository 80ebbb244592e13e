// The pictures of docs/PERFORMANCE.md.
import { sum } from "./compare.mjs";
import { WIDTH, bar, legend, mark, path, picture, text } from "./svg.mjs";
import { targets } from "./targets.mjs";

const LEFT = 270;
const RIGHT = WIDTH - 40;

/// `{file: svg}` of a whole run.
export function plots(results) {
  const of = (name) => results.find((result) => result.name === name);
  return {
    "performance-cpu.svg": cpu(results),
    "performance-load.svg": load(of("overload")),
    "performance-sustained.svg": sustained(of("sustained")),
  };
}

/// A lane for each scenario that has a floor: ratios to it, on a logarithmic axis.
function cpu(results) {
  const [top, lane] = [104, 46];
  const names = ["keypool on D1", "keypool on KV", "a common pool"];
  const shown = results.filter(({ kind, rows }) => kind === "compared" && names.every((name, i) => rows[i + 1].name === name));
  const bottom = top + lane * shown.length;
  const most = Math.max(...shown.flatMap(({ rows }) => rows.map(({ ratio }) => ratio.p90)), 5);
  const place = (ratio) => LEFT + 20 + ((RIGHT - LEFT - 20) * Math.log(Math.max(ratio, 0.9) / 0.9)) / Math.log(most / 0.85);
  const marks = [1, 1.5, 2, 3, 4, 6, 8, 10].filter((ratio) => ratio <= most);
  const grid = marks.flatMap((ratio) => [
    path([[place(ratio), top - 6], [place(ratio), bottom]], "grid"),
    text(place(ratio), bottom + 20, ratio === 1 ? "floor" : `× ${ratio}`, "faint", "middle"),
  ]);
  const lanes = shown.flatMap((result, i) => scenario(result, top + lane * i, lane, place, goal(results, result)));
  return picture(bottom + 36, "CPU of workerd, to the floor's (further left is better)", [
    ...legend(62, names),
    path([[30, 74], [30, 88]], "goal"),
    text(42, 86, "the most that the target allows; lines go from the 10th to the 90th percentile of rounds", "faint"),
    ...grid,
    ...lanes,
  ]);
}

function scenario({ name, title, rows }, y, height, place, most) {
  const parts = [path([[24, y], [WIDTH - 24, y]], "grid"), text(24, y + 19, name, "text bold"), text(24, y + 35, short(title), "faint")];
  if (most) parts.push(path([[place(most), y + 3], [place(most), y + height - 3]], "goal"));
  rows.slice(1, 4).forEach(({ ratio }, series) => {
    const line = y + 10 + series * 13;
    parts.push(path([[place(ratio.p10), line], [place(ratio.p90), line]], `line s${series}`), mark(series, place(ratio.p50), line));
  });
  return parts;
}

const short = (title) => title.replace(/, CPU of a chunk$/, "").replace(/^streams of /, "").slice(0, 42);

/// The ratio that a scenario's target allows.
function goal(results, { name }) {
  const found = targets(results).find(({ of, what }) => of === name && what.startsWith("CPU"));
  return found?.most;
}

/// Ten keys below and above of what they give: what became of the requests of each second.
function load({ capacity, rows, after }) {
  const [left, top, height, bottom] = [70, 92, 220, 312];
  const phases = [...rows.map((row) => ({ ...row, name: `${Math.round(row.share * 100)} %` })), { ...after, name: "60 % again" }];
  const columns = phases.flatMap(({ answeredEach, refusedEach, failedEach }) => answeredEach.map((count, i) => [count, refusedEach[i], failedEach[i]]));
  const most = Math.max(...columns.map(sum), capacity) * 1.05;
  const wide = (RIGHT - left) / columns.length;
  const level = (count) => bottom - (height * count) / most;
  const across = (count, kind) => path([[left, level(count)], [RIGHT, level(count)]], kind);
  const steps = [0, 50, 100, 150, 200, 250, 300, 350].filter((count) => count < most);
  return picture(bottom + 40, "What became of the requests of each second, by when they came", [
    ...[["answered", "f0"], ["refused with 429 or 503", "f2"], ["failed", "f3"]].flatMap(([name, kind], i) => [
      bar(24 + [0, 100, 300][i], 54, 10, 10, kind),
      text(40 + [0, 100, 300][i], 63, name),
    ]),
    ...steps.flatMap((count) => [across(count, "grid"), text(left - 8, level(count) + 4, count, "faint", "end")]),
    ...columns.flatMap((counts, i) => column(counts, left + i * wide + 1, wide - 2, level)),
    ...dividers(phases, left, wide, top, bottom),
    across(capacity, "goal"),
    text(RIGHT, level(capacity) - 6, `what the keys give: ${capacity}`, "faint", "end"),
  ]);
}

/// Counts on top of each other.
function column(counts, x, width, level) {
  let below = 0;
  return counts.map((count, i) => {
    below += count;
    return count > 0 ? bar(x, level(below), width, level(below - count) - level(below), ["f0", "f2", "f3"][i]) : "";
  });
}

function dividers(phases, left, wide, top, bottom) {
  let x = left;
  return phases.flatMap(({ name, rate, answeredEach }) => {
    const [begin, end] = [x, (x += answeredEach.length * wide)];
    const words = answeredEach.length * wide > 150 ? `${name}: ${rate} a second` : name;
    return [text((begin + end) / 2, bottom + 20, words, "faint", "middle"), path([[end, top], [end, bottom + 6]], "grid")];
  });
}

/// CPU of a request, and the wasm's memory, in each tenth.
function sustained({ tenths, requests }) {
  const [top, bottom] = [92, 260];
  const most = Math.max(...tenths.map(({ cpu }) => cpu)) * 1.1;
  const level = (us) => bottom - ((bottom - top) * us) / most;
  const x = (i) => 120 + (i * (RIGHT - 140)) / (tenths.length - 1);
  const step = most > 1000 ? 250 : 100;
  const steps = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
  const line = (what, series) => [
    path(tenths.map((tenth, i) => [x(i), level(tenth[what])]), `line s${series}`),
    ...tenths.map((tenth, i) => mark(series, x(i), level(tenth[what]))),
  ];
  return picture(bottom + 62, `CPU of a request in each tenth of ${requests.toLocaleString("en")}, µs`, [
    ...legend(62, ["keypool on D1", "floor"]),
    ...steps.flatMap((us) => [path([[70, level(us)], [RIGHT, level(us)]], "grid"), text(62, level(us) + 4, us, "faint", "end")]),
    ...line("cpu", 0),
    ...line("floor", 1),
    text(24, bottom + 44, "wasm, MiB", "faint"),
    ...tenths.flatMap(({ memory }, i) => [
      text(x(i), bottom + 20, i + 1, "faint", "middle"),
      text(x(i), bottom + 44, (memory / 1024 / 1024).toFixed(1), "faint", "middle"),
    ]),
  ]);
}

// Results as tables of Markdown, for the terminal and for the page.
import { targets } from "./targets.mjs";

/// A scenario's heading and table.
export function described(result) {
  return `**${result.title}** (\`${result.name}\`)\n\n${TABLES[result.kind](result)}`;
}

/// What was aimed at and what was found.
export function goals(results) {
  const rows = targets(results).map(({ group, what, bound, found, possible, met }) => [`${group}. ${what}`, bound, possible, found, met ? "met" : "**not met**"]);
  return table(["Target", "", "the least possible", "found", ""], rows);
}

const TABLES = {
  compared: ({ rows }) => {
    const isStream = rows.some(({ delay }) => delay);
    const more = isStream ? ["a chunk under way, µs", "first chunk, ms"] : ["an answer, ms"];
    return table(
      ["", "CPU, µs", "p10", "p90", "to the first", "p10", "p90", "all rounds", ...more, "wasm, MiB"],
      rows.map(({ name, cpu, ratio, whole, took, delay, first, memory }) => [
        name,
        ...[cpu.p50, cpu.p10, cpu.p90].map((us) => us.toFixed(us < 100 ? 1 : 0)),
        ...[ratio.p50, ratio.p10, ratio.p90, whole].map((ratio) => ratio.toFixed(2)),
        ...(isStream ? [delay.p50.toFixed(0), ms(first.p50)] : [ms(took.p50)]),
        memory ? mib(memory) : "",
      ]),
    );
  },
  cold: ({ rows }) =>
    table(
      ["", "start to answer, ms", "p10", "p90", "more than the floor, ms", "of it after listening, ms", "CPU, ms"],
      rows.map(({ name, ms, more, first, cpu }) => [name, ...[ms.p50, ms.p10, ms.p90, more.p50, first.p50, cpu.p50].map((ms) => ms.toFixed(1))]),
    ),
  weight: ({ rows }) => table(["", "KiB of gzip"], rows.map(({ name, bytes }) => [name, (bytes / 1024).toFixed(1)])),
  sustained: ({ tenths, grown }) =>
    `${table(
      ["tenth", "CPU of a request, µs", "the floor's", "ratio", "wasm, MiB", "process, MiB", "the floor's"],
      tenths.map(({ cpu, floor, ratio, memory, process, floorProcess }, i) => [
        i + 1,
        cpu.toFixed(0),
        floor.toFixed(0),
        ratio.toFixed(2),
        mib(memory),
        ...[process, floorProcess].map((bytes) => (bytes / 2 ** 20).toFixed(0)),
      ]),
    )}\n\nThe last to the second: CPU ${grown.cpu.toFixed(3)}, ratio ${grown.ratio.toFixed(3)}, wasm ${grown.memory} bytes more, process ${grown.process.toFixed(3)}.`,
  leaving: ({ rows }) =>
    table(
      ["", "clients that left", "upstream calls closed", "after, median, ms", "at the latest, ms"],
      rows.map(({ name, clients, noticed, after }) => [name, clients, noticed, noticed ? ms(after.p50) : "", noticed ? ms(after.max) : ""]),
    ),
  overload: ({ capacity, rows, goodput, waits, after }) =>
    `${table(
      ["load", "requests", "errors", "refused", "upstream calls of an answer", "median, ms", "p99, ms", "p99 with ten good keys, ms", "a refusal, median, ms", "p99, ms"],
      rows.map(({ share, requests, errors, refused, calls, p50, p99, wellP99, refusal }) => [
        `${Math.round(share * 100)} %`,
        requests,
        errors,
        refused,
        calls?.toFixed(3) ?? "",
        ...[p50, p99, wellP99].map((ms) => ms.toFixed(0)),
        ...(refusal ? [refusal.p50.toFixed(1), refusal.p99.toFixed(1)] : ["", ""]),
      ]),
    )}

The keys give ${capacity} answers a second; at 150 % there were ${(goodput * 100).toFixed(1)} % of that. Of ${waits.of} that were refused \
${waits.told} were told when to come back, in ${waits.longest} s at the most; of the ${waits.judged} who would have been back before the end, \
${waits.held} would have found the pool at its full rate. After the overload, at ${after.rate} a second, the last was refused in second ${after.seconds}.`,
  profile: ({ rows: [floor, rust, keypool] }) => {
    const us = (kinds, name) => (kinds.find(([found]) => found === name)?.[1] ?? 0).toFixed(0);
    const kinds = keypool.kinds.map(([name]) => [name, us(floor.kinds, name), us(rust.kinds, name), us(keypool.kinds, name)]);
    const all = ["together", floor.all.toFixed(0), rust.all.toFixed(0), keypool.all.toFixed(0)];
    const functions = keypool.functions.map(([name, time]) => [`\`${name}\``, time.toFixed(1), ((100 * time) / keypool.all).toFixed(1)]);
    return `${table(["µs of a request in the isolate", "floor", "a Worker in Rust that forwards", "keypool"], [...kinds, all])}

${table(["keypool's functions themselves", "µs", "%"], functions)}`;
  },
};

export function table(heads, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [line(heads), `|${heads.map((_, i) => (i === 0 ? "---" : "--:")).join("|")}|`, ...rows.map(line)].join("\n");
}

const ms = (us) => (us / 1000).toFixed(us < 10_000 ? 2 : 0);
const mib = (bytes) => (bytes / 1024 / 1024).toFixed(2);

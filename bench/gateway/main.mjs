// `npm run bench`: what a request through keypool costs, next to a floor and to the common way; docs/PERFORMANCE.md says what
// the numbers mean. Names after `--` choose scenarios, `--quick` only tries them, `--write` writes the page and its plots,
// `--profile <scenario>` shows where the time goes. Linux only: the CPU time is read from /proc.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { FORWARDER, build } from "../../scripts/build.mjs";
import { stop } from "../../scripts/ready.mjs";
import { startEnds } from "./ends.mjs";
import { forwarding, gateways, uploaded } from "./gateways.mjs";
import { write } from "./page.mjs";
import { profile, withNames } from "./profile.mjs";
import { SCENARIOS } from "./scenarios.mjs";
import { described, goals } from "./tables.mjs";

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, write: { type: "boolean" }, profile: { type: "boolean" } },
});
const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown) stop(`There is no scenario "${unknown}". The scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}.`);
if (options.write && (options.quick || options.profile || names.length > 0)) stop("What is written down comes from one whole run.");

await build();
await build(FORWARDER);
const ends = await startEnds();
const modules = uploaded();
const gzipped = (modules) => modules.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
/// `make` starts gateways by their kind, `tell` commands clients and provider.
const world = {
  make: gateways(ends.port, modules),
  makeNamed: async () => gateways(ends.port, await withNames()),
  tell: ends.tell,
  quick: options.quick ?? false,
  upload: gzipped(modules),
  leastUpload: gzipped(forwarding),
};
const results = [];
const begun = performance.now();
try {
  for (const scenario of SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name))) {
    results.push(await measured(options.profile ? seen(scenario) : scenario));
  }
} finally {
  await ends.close();
}
if (results.length > 0) keep();
// Connections of fetch stay open for a while.
process.exit(0);

/// The same scenario under the profiler.
function seen({ name, title, ...scenario }) {
  const run = async () => ({ name, title, kind: "profile", ...(await profile(world, { name, ...scenario })) });
  return { run };
}

async function measured(scenario) {
  const start = performance.now();
  const result = await scenario.run(world);
  console.log(`\n${described(result)}\n(${((performance.now() - start) / 1000).toFixed(0)} s)`);
  return result;
}

/// For whoever wants to look at them otherwise.
function keep() {
  mkdirSync("target/bench-gateway", { recursive: true });
  writeFileSync("target/bench-gateway/results.json", JSON.stringify(results, null, 1));
  if (!options.profile) console.log(`\n${goals(results)}`);
  if (options.write) write(results);
  console.log(`\n${((performance.now() - begun) / 60_000).toFixed(1)} minutes in all.`);
}

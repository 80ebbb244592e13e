// `npm run bench:choice`: what it costs to choose one key of many, natively and in workerd. Prints two tables;
// docs/PERFORMANCE.md says what they mean. Linux only: the CPU time is read from /proc.
import { spawnSync } from "node:child_process";
import { build } from "../../scripts/build.mjs";
import { env, stop } from "../../scripts/ready.mjs";

await build();
const { status } = spawnSync("cargo", ["bench", "--quiet", "--locked", "--bench", "choice"], { env, stdio: "inherit" });
if (status !== 0) stop("This failed: cargo bench --bench choice");
console.log("");
await (await import("./workerd.mjs")).measure();

// `npm run bench:rewrite`: the CPU time that workerd spends on a chat with a body of 5 MB, with a rule and without, and by
// how much the wasm's memory grows for good. What is compared are the whole processes, all threads of them;
// docs/PERFORMANCE.md says what the numbers mean. Linux only: it reads /proc.
import http from "node:http";
import { build } from "../../scripts/build.mjs";
import { startWorker } from "../../tests/e2e/harness.mjs";
import { quantile, ran, turned, workerds } from "../measure.mjs";

// The first two are alike: what lies between them is what this machine cannot tell.
const CASES = [
  { name: "no rule", rules: [] },
  { name: "no rule, once more", rules: [] },
  { name: "a parameter dropped", rules: [{ action: "drop", name: "x" }] },
  {
    name: "dropped, renamed, forced and given, before the messages and behind",
    rules: [
      { action: "drop", name: "x" },
      { action: "rename", name: "max_tokens", to: "max_completion_tokens" },
      { action: "force", name: "temperature", value: 1 },
      { action: "default", name: "top_p", value: 0.9 },
    ],
  },
];
const ROUNDS = 20;
const CALLS = 8;
const AT_ONCE = 2;
const words = 'Some words that a person may have written, "quoted" here and there.\n';
const content = JSON.stringify(words.repeat(Math.ceil(5_000_000 / JSON.stringify(words).length)));
const body = `{"model":"gpt-4o","x":1,"messages":[{"role":"user","content":${content}}],"max_tokens":9,"temperature":0}`;

await build();
const upstream = await startUpstream();
const stages = [];
try {
  for (const each of CASES) stages.push(await startStage(each));
  // Code becomes fast by being run.
  for (const stage of stages) for (let i = 0; i < 3; i++) await round(stage);
  for (const stage of stages) stage.rounds = [];
  for (let i = 0; i < ROUNDS; i++) for (const stage of turned(stages, i)) stage.rounds.push(await round(stage));
  report();
  await memory(CASES.at(-1));
} finally {
  for (const stage of stages) await stage.worker.close();
  await upstream.close();
}

/// It answers when it has the whole body.
async function startUpstream() {
  const answer = JSON.stringify({
    choices: [{ index: 0, message: { role: "assistant", content: "Read." }, finish_reason: "stop" }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { "content-type": "application/json" }).end(answer));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/v1`, close };
}

async function startStage({ name, rules }, options) {
  const before = new Set(workerds());
  const worker = await startWorker(options);
  const [pid, ...others] = workerds().filter((pid) => !before.has(pid));
  if (!pid || others.length > 0) throw new Error("which workerd is it?");
  await worker.api("POST", "/providers", { name: "bench", base_url: upstream.url }, 201);
  await worker.api("PATCH", "/providers/bench", { default: true }, 200);
  await worker.api("POST", "/keys", { text: "bench-key-00000001", provider: "bench" }, 201);
  for (const rule of rules) await worker.api("POST", "/rules", rule, 201);
  return { name, worker, pid };
}

/// Milliseconds of CPU for one call.
async function round({ worker, pid }, calls = CALLS, atOnce = AT_ONCE) {
  const start = ran(pid);
  let left = calls;
  const one = async () => {
    while (left-- > 0) {
      const init = { method: "POST", headers: { "content-type": "application/json" }, body };
      const answer = await worker.fetch("/v1/chat/completions", init);
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a call was answered ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return (ran(pid) - start) / calls / 1e6;
}

function report() {
  const [first] = stages;
  console.log(`| 5 MB, ${ROUNDS} rounds of ${CALLS} calls | CPU of a call, median, ms | p10 | p90 | more than the first, median, ms | p10 | p90 | ratio, median |`);
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|");
  for (const { name, rounds } of stages) {
    const all = (values, digits) => [0.5, 0.1, 0.9].map((q) => quantile(values, q).toFixed(digits));
    const more = rounds.map((time, i) => time - first.rounds[i]);
    const ratio = quantile(rounds.map((time, i) => time / first.rounds[i]), 0.5).toFixed(3);
    console.log(`| ${[name, ...all(rounds, 1), ...all(more, 1), ratio].join(" | ")} |`);
  }
}

async function memory(each) {
  const stage = await startStage(each, { faults: true });
  try {
    const at = async () => (await stage.worker.counts()).memory;
    const before = await at();
    await round(stage, 32, 16);
    console.log(`\nThe wasm's memory: ${before} bytes before, ${await at()} after 32 calls, 16 at a time.`);
  } finally {
    await stage.worker.close();
  }
}

// `npm run bench:streams`: the CPU time that workerd spends on a chat stream in each usage mode, and paced. What is
// compared are the whole processes, all threads of them; docs/TOKENS.md and docs/PERFORMANCE.md say what the numbers
// mean. Linux only: it reads /proc.
import http from "node:http";
import { build } from "../../scripts/build.mjs";
import { startWorker } from "../../tests/e2e/harness.mjs";
import { quantile, ran, turned, workerds } from "../measure.mjs";

// The first two are alike: what lies between them is what this machine cannot tell.
const MODES = ["as-is", "as-is", "ask", "ask-and-hide"];
/// Of streams as they are.
const PACES = ["batch", "character"];
const ROUNDS = 15;
const STREAMS = 8;
const AT_ONCE = 4;
const CHUNKS = 500;
const delta = (n) => {
  const choices = [{ index: 0, delta: { content: ` word${n}` }, logprobs: null, finish_reason: null }];
  return `data: ${JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o", choices, usage: null })}\n\n`;
};
const usage = { prompt_tokens: 12, completion_tokens: CHUNKS, total_tokens: CHUNKS + 12 };
const end = `data: ${JSON.stringify({ id: "chatcmpl-1", choices: [], usage })}\n\n`;
const body = JSON.stringify({ model: "gpt-4o", stream: true, messages: [{ role: "user", content: "Count, please." }] });

await build();
const upstream = await startUpstream();
const stages = [];
try {
  for (const mode of MODES) stages.push(await startStage(mode));
  for (const pace of PACES) stages.push(await startStage("as-is", pace));
  // Code becomes fast by being run.
  for (const stage of stages) for (let i = 0; i < 3; i++) await round(stage);
  for (const stage of stages) stage.rounds = [];
  for (let i = 0; i < ROUNDS; i++) for (const stage of turned(stages, i)) stage.rounds.push(await round(stage));
  report();
} finally {
  for (const stage of stages) await stage.worker.close();
  await upstream.close();
}

/// One event a millisecond, each in a packet of its own, as models give them.
async function startUpstream() {
  const server = http.createServer((request, response) => {
    let asked = "";
    request.on("data", (part) => (asked += part));
    request.on("end", () => {
      response.socket.setNoDelay(true);
      response.writeHead(200, { "content-type": "text/event-stream" });
      let sent = 0;
      const timer = setInterval(() => {
        response.write(delta(sent++));
        if (sent < CHUNKS) return;
        clearInterval(timer);
        response.end(`${asked.includes("include_usage") ? end : ""}data: [DONE]\n\n`);
      }, 1);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections());
  return { url: `http://127.0.0.1:${server.address().port}/v1`, close };
}

async function startStage(usage_mode, pace) {
  const before = new Set(workerds());
  const worker = await startWorker();
  const [pid, ...others] = workerds().filter((pid) => !before.has(pid));
  if (!pid || others.length > 0) throw new Error("which workerd is it?");
  await worker.api("POST", "/providers", { name: "bench", base_url: upstream.url, usage_mode }, 201);
  await worker.api("PATCH", "/providers/bench", { default: true }, 200);
  await worker.api("POST", "/keys", { text: "bench-key-00000001", provider: "bench" }, 201);
  // An admin may do all; the first client key may not pace.
  const asked = pace ? { authorization: `Bearer ${await worker.token()}`, "x-keypool-pace": pace } : {};
  return { name: pace ?? usage_mode, worker, pid, asked };
}

/// Microseconds of CPU for one chunk.
async function round({ name, worker, pid, asked }) {
  const start = ran(pid);
  let left = STREAMS;
  const one = async () => {
    while (left-- > 0) {
      const init = { method: "POST", headers: { "content-type": "application/json", ...asked }, body };
      const text = await (await worker.fetch("/v1/chat/completions", init)).text();
      if (!text.endsWith("data: [DONE]\n\n")) throw new Error("a stream did not end");
      if (text.includes('"prompt_tokens"') !== (name === "ask")) throw new Error(`usage was shown or not in mode ${name}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return (ran(pid) - start) / STREAMS / CHUNKS / 1000;
}

function report() {
  console.log(`| usage mode or pace, ${ROUNDS} rounds of ${STREAMS} streams of ${CHUNKS} chunks | CPU of a chunk, median, µs | p10 | p90 |`);
  console.log("|---|--:|--:|--:|");
  for (const { name, rounds } of stages) {
    console.log(`| ${[`\`${name}\``, ...[0.5, 0.1, 0.9].map((q) => quantile(rounds, q).toFixed(1))].join(" | ")} |`);
  }
}

// The CPU time that workerd spends on one chat call, with ten keys in the pool and with ten thousand. What is compared
// are the whole processes, all threads of them, so nothing that many keys make dearer can hide.
import http from "node:http";
import { startWorker } from "../../tests/e2e/harness.mjs";
import { quantile, ran, turned, workerds } from "../measure.mjs";

// The first two are alike: what lies between them is what this machine cannot tell. The last chooses nothing, asks
// nobody and writes nothing: what workerd takes for a call as such.
const CASES = [
  { name: "a chat, 10 keys", keys: 10 },
  { name: "a chat, 10 keys, once more", keys: 10 },
  { name: "a chat, 10,000 keys", keys: 10_000 },
  { name: "`/healthz`", keys: 10, path: "/healthz" },
];
const ROUNDS = 30;
const CALLS = 300;
const AT_ONCE = 4;
const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "What does a choice cost?" }] });

export async function measure() {
  const upstream = await startUpstream();
  const stages = [];
  try {
    for (const each of CASES) stages.push(await startStage(each, upstream.url));
    // Code becomes fast by being run.
    for (const stage of stages) for (let i = 0; i < 5; i++) await round(stage);
    for (const stage of stages) stage.rounds = [];
    for (let i = 0; i < ROUNDS; i++) for (const stage of turned(stages, i)) stage.rounds.push(await round(stage));
    report(stages);
  } finally {
    for (const stage of stages) await stage.worker.close();
    await upstream.close();
  }
}

/// An upstream that answers every chat at once, and does nothing else.
async function startUpstream() {
  const answer = JSON.stringify({
    id: "chatcmpl-1",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: "Little." }, finish_reason: "stop" }],
    usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
  });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(answer) };
  const server = http.createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, headers).end(answer));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    close: () => new Promise((resolve) => server.close(resolve) && server.closeAllConnections()),
  };
}

async function startStage({ name, keys, path = "/v1/chat/completions" }, base_url) {
  const before = new Set(workerds());
  const worker = await startWorker();
  const [pid, ...others] = workerds().filter((pid) => !before.has(pid));
  if (!pid || others.length > 0) throw new Error("which workerd is it?");
  await worker.api("POST", "/providers", { name: "bench", base_url }, 201);
  await worker.api("PATCH", "/providers/bench", { default: true }, 200);
  const text = Array.from({ length: keys }, (_, i) => `bench-key-${String(i).padStart(8, "0")}`).join("\n");
  const { body } = await worker.api("POST", "/keys", { text, provider: "bench" }, 201);
  if (body.added.length !== keys) throw new Error(`${body.added.length} of ${keys} keys were added`);
  return { name, path, worker, pid };
}

/// Microseconds of CPU for one call.
async function round({ path, worker, pid }) {
  const start = ran(pid);
  let left = CALLS;
  const one = async () => {
    while (left-- > 0) {
      const init = { method: "POST", headers: { "content-type": "application/json" }, body };
      const answer = await worker.fetch(path, init);
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a call was answered ${answer.status}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return (ran(pid) - start) / CALLS / 1000;
}

function report(stages) {
  const [first] = stages;
  console.log(`| in workerd, ${ROUNDS} rounds of ${CALLS} calls | CPU of a call, median, µs | p10 | p90 | to the first, median | p10 | p90 |`);
  console.log("|---|--:|--:|--:|--:|--:|--:|");
  for (const { name, rounds } of stages) {
    const ratios = rounds.map((time, i) => time / first.rounds[i]);
    const cells = [...[0.5, 0.1, 0.9].map((q) => quantile(rounds, q).toFixed(0)), ...[0.5, 0.1, 0.9].map((q) => quantile(ratios, q).toFixed(3))];
    console.log(`| ${name} | ${cells.join(" | ")} |`);
  }
}

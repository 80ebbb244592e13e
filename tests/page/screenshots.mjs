// Makes the README's pictures: `node tests/page/screenshots.mjs` writes docs/screenshots/*.png from a pool with some life in it.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const FOLDER = join(root, "docs/screenshots");
const KEYS = {
  openai: [["good", "research", 20], ["good", "prod-eu", 50], ["429", "ci-runner", 10], ["401", "left in march", 10]],
  gemini: [["good", "free tier 1", 10], ["429", "free tier 2", 10], ["good", "free tier 3", 10]],
  openrouter: [["good", "shared", 10], ["402", "trial credit", 5]],
  deepseek: [["good", "batch jobs", 30]],
};

const stage = await startStage({ bare: true });
try {
  await furnish();
  mkdirSync(FOLDER, { recursive: true });
  for (const theme of ["light", "dark"]) await shoot(theme);
} finally {
  await stage.close();
}

async function furnish() {
  const { worker, upstream } = stage;
  for (const [name, keys] of Object.entries(KEYS)) {
    await worker.api("POST", "/providers", { name, preset: name, base_url: `http://127.0.0.1:${upstream.port}/${name}/v1` }, 201);
    const rows = keys.map(([behavior, label, weight], i) => ({ key: `mock-${behavior}-${name}-${i}${Math.random().toString(36).slice(2, 8)}`, provider: name, label, weight }));
    await worker.api("POST", "/keys", { keys: rows }, 201);
  }
  await worker.api("POST", "/keys", { keys: [{ key: "mock-good-openai-spare-77e1", provider: "openai", label: "spare", weight: 10, enabled: false }] }, 201);
  for (let i = 0; i < 60; i++) for (const name of Object.keys(KEYS)) await chat(name);
  for (const { id, attempts } of (await stage.list()).keys.map((key) => ({ id: key.id, attempts: key.counters.attempts }))) {
    if (attempts === 0) await worker.api("POST", `/keys/${id}/test`);
  }
  await worker.api("POST", "/flush", undefined, 200);
}

async function chat(provider) {
  const body = JSON.stringify({ model: `${provider}/gpt-4o-mini`, messages: [{ role: "user", content: "Say something kind about edge workers." }] });
  const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
  await answer.arrayBuffer();
}

async function shoot(theme) {
  const page = await stage.open("#/keys", { theme, width: 1280, height: 820, scale: 2 });
  await page.locator(".keys .chip").first().waitFor();
  await page.mouse.move(0, 0);
  const file = join(FOLDER, `keys-${theme}.png`);
  await page.screenshot({ path: file });
  await page.checked();
  console.log(file.slice(root.length));
}

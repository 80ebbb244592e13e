// `npm run screenshots` writes docs/screenshots/*.png, the README's pictures: every screen, of a pool with some life in it.
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

/// What stands there when a screen is ready to be looked at, and what is done before.
const SCREENS = {
  overview: { ready: ".plot" },
  keys: { ready: ".keys .chip" },
  requests: { ready: "tbody tr", act: openFailedOver },
  providers: { ready: "tbody tr" },
  models: { ready: "tbody tr" },
  rules: { ready: "details" },
  prices: { ready: "tbody tr" },
  clients: { ready: "tbody tr" },
  connect: { ready: "pre" },
  playground: { ready: "textarea", act: say },
  settings: { ready: "form" },
  audit: { ready: "tbody tr" },
  backup: { ready: "form" },
};
/// Of these there is more than one picture.
const ALSO = [["overview", { theme: "dark" }], ["keys", { theme: "dark" }], ["overview", { phone: true }], ["keys", { phone: true, theme: "dark" }], ["playground", { phone: true }], ["overview", { language: "zh" }]];

const stage = await startStage({ bare: true, vars: { KEYPOOL_REQUEST_LOG: "meta" } });
try {
  await furnish();
  mkdirSync(FOLDER, { recursive: true });
  for (const name of Object.keys(SCREENS)) await shoot(name);
  for (const [name, options] of ALSO) await shoot(name, options);
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
  await worker.api("POST", "/clients", { label: "laptop", rights: ["see_attempts"], day_micros: 5_000_000 }, 201);
  await worker.api("POST", "/clients", { label: "night jobs", group: "standby", rpm: 60, models: ["gpt-4o*"] }, 201);
  await worker.api("PUT", "/models", { name: "fast", target: "gemini/gpt-4o-mini", fallbacks: ["openai/gpt-4o-mini"] }, 200);
  await worker.api("POST", "/flush", undefined, 200);
}

async function chat(provider) {
  const body = JSON.stringify({ model: `${provider}/gpt-4o-mini`, messages: [{ role: "user", content: "Say something kind about edge workers." }] });
  const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
  await answer.arrayBuffer();
}

async function shoot(name, { theme = "light", phone = false, language = "en" } = {}) {
  const page = await stage.open(`#/${name}`, { theme, phone, language, width: 1280, height: 860, scale: phone ? 2 : 1 });
  await page.locator(SCREENS[name].ready).first().waitFor();
  await SCREENS[name].act?.(page);
  await page.mouse.move(0, 0);
  const file = join(FOLDER, `${[name, phone && "phone", theme === "dark" && theme, language === "zh" && language].filter(Boolean).join("-")}.png`);
  await page.screenshot({ path: file });
  await page.checked();
  console.log(file.slice(root.length));
}

/** A request that went to more than one key. */
async function openFailedOver(page) {
  const { requests } = (await stage.worker.api("GET", "/requests?limit=1000", undefined, 200)).body;
  const { id } = requests.find(({ attempts }) => attempts.length > 1) ?? requests[0];
  await page.evaluate((hash) => (location.hash = hash), `#/requests/${id}`);
  await page.locator(".timeline").first().waitFor();
}

async function say(page) {
  await page.locator(".composer input").first().fill("openai/gpt-4o-mini");
  await page.locator("form textarea").first().fill("Why do people pool their keys?");
  await page.locator("form textarea").first().press("Enter");
  await page.locator(".turn summary").first().click();
}

// Every screen in both themes, both languages, desktop and phone: no axe-core violation, nothing wider than the screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { chat, startStage } from "./browser.mjs";
import { FLOWS } from "./looks-flows.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Set it to look at a few screens while they are made. */
const ONLY = new RegExp(process.env.KEYPOOL_LOOKS ?? "");

const SCREENS = {
  login: { out: true, ready: "form" },
  keys: { hash: "#/keys", ready: ".keys .chip.disabled" },
  "keys, some picked": { hash: "#/keys", ready: ".keys .chip", act: (page) => page.locator(".keys tbody input").first().check() },
  "keys, bulk dialog": { hash: "#/keys", ready: ".keys .chip", act: async (page) => (await page.locator(".keys tbody input").first().check(), await page.locator(".bulk .danger-quiet").click()) },
  "keys, promotion": { hash: "#/keys?group=standby", ready: ".keys .chip", act: async (page) => (await page.locator(".keys tbody input").first().check(), await page.locator(".bulk .acts button").first().click()) },
  "keys, by balance": { hash: "#/keys?sort=-label", ready: ".keys td.balance", act: (page) => page.locator(".filters [type=number]").fill("5") },
  "keys, tested": { hash: "#/keys", ready: ".keys .chip", act: async (page) => (await page.locator(".head button").nth(1).click(), await page.locator("dialog .primary").click(), await page.locator("dialog .pool").waitFor(), await page.locator("dialog .danger").waitFor({ state: "detached" })) },
  "keys, exported": { hash: "#/keys", ready: ".keys .chip", act: (page) => page.locator(".head button").nth(2).click() },
  "keys, to be undone": { hash: "#/keys?sort=-label", ready: ".keys .chip", act: async (page) => (await page.locator(".keys tbody input").first().check(), await page.locator(".bulk .acts button").nth(4).click(), await page.locator("dialog .primary").click(), await page.locator(".toast .link").waitFor()) },
  "keys, disabled ones": { hash: "#/keys?state=disabled", ready: ".keys .chip.disabled" },
  paste: { hash: "#/keys/add", ready: "dialog textarea", act: async (page) => (await page.locator("dialog textarea").fill("mock-good-looks-9\nshort"), await page.locator(".preview[aria-busy=false] li").first().waitFor()) },
  "paste of another pool's": { hash: "#/keys/add", ready: "dialog textarea", act: (page) => page.locator("dialog select").first().selectOption("export") },
  "a key": { hash: (ids) => `#/keys/${ids[1]}`, ready: ".facts .note.bad" },
  "a key that came back": { hash: (ids) => `#/keys/${ids[4]}`, ready: ".facts ol" },
  "a key, shown": { hash: (ids) => `#/keys/${ids[0]}`, ready: ".facts .plot, .facts .chip", act: async (page) => (await page.locator(".facts > .row button").last().click(), await page.locator("dialog .primary").last().click(), await page.locator(".secret").waitFor()) },
  overview: { hash: "#/overview", ready: ".needs", act: (page) => page.locator(".pool a").first().waitFor() },
  "overview, in need": { hash: "#/overview", ready: ".needs", act: beInNeed },
  "the other screens": { hash: "#/overview", ready: ".needs", act: async (page) => (await page.locator(".more").isVisible()) && page.locator(".more").click() },
  "a key's form": { hash: (ids) => `#/keys/${ids[0]}?edit=1`, ready: "dialog form", act: (page) => page.locator("summary").click() },
  "usage by model": { hash: "#/overview?by=model", ready: ".figures", act: (page) => page.locator(".plot").focus() },
  "latency by key": { hash: "#/overview?by=key&figure=latency&range=30d", ready: ".figures", act: (page) => page.locator(".plot").hover() },
  "a model's usage": { hash: "#/overview?by=model&only=gpt-4o", ready: ".figures .link" },
  "no usage": { hash: "#/overview?by=model&only=nobody", ready: ".empty" },
  prices: { hash: "#/prices", ready: ".chip.plain" },
  "a price's form": { hash: "#/prices", ready: ".chip.plain", act: async (page) => (await page.locator("tbody a.small").first().click(), await page.locator("dialog form").waitFor()) },
  settings: { hash: "#/settings", ready: "form", act: (page) => page.locator("form input").first().fill("7") },
  providers: { hash: "#/providers", ready: "table" },
  "a provider at rest": { hash: "#/providers", ready: "table", act: letRest },
  "a provider's form": { hash: "#/providers/new", ready: "dialog form", act: unfold },
  "Azure's form": { hash: "#/providers/new", ready: "dialog form", act: (page) => page.locator("dialog select").first().selectOption("azure") },
  models: { hash: "#/models", ready: "tbody .chip" },
  "an alias's form": { hash: "#/models/fast", ready: "dialog form" },
  rules: { hash: "#/rules", ready: "details", act: async (page) => (await page.locator("main summary").click(), await page.locator(".trial").waitFor()) },
  "a rule's form, tried": { hash: "#/rules/new", ready: "dialog form", act: tryRule },
  clients: { hash: "#/clients", ready: "table" },
  "a client key's form": { hash: "#/clients", ready: "table", act: async (page) => (await page.locator("tbody a").first().click(), await page.locator("dialog form").waitFor(), await unfold(page)) },
  "a new client key": { hash: "#/clients/new", ready: "dialog form", act: async (page) => (await page.locator("dialog input").first().fill("axe"), await page.locator("dialog .primary").click(), await page.locator(".secret").waitFor()) },
  connect: { hash: "#/connect", ready: "pre" },
  ...FLOWS,
};

/** The screens in one language; two files, so that two cores look at them. */
export const looks = (language) => describe(`looks, ${language}`, () => {
  let stage;
  let ids;
  before(async () => {
    stage = await startStage();
    const keys = await stage.keys([{ key: "mock-good-looks-1", label: "fine" }, { key: "mock-401-looks-2", label: "dead" }, { key: "mock-good-looks-3", enabled: false }, { key: "mock-429-looks-4", label: "tired" }, { key: "mock-401-looks-5", label: "back", group: "standby" }]);
    ids = keys.map(({ id }) => id);
    for (const id of [ids[1], ids[3]]) await stage.worker.api("POST", `/keys/${id}/test`, undefined, 200);
    await stage.worker.api("PATCH", `/keys/${ids[4]}`, { rpm: 60, tpm: 90_000, concurrency: 4 }, 200);
    stage.upstream.script("mock-401-looks-5", ["401", "good"]);
    for (const ok of [false, true]) assert.equal((await stage.worker.api("POST", `/keys/${ids[4]}/test`, undefined, 200)).body.ok, ok);
    await stage.worker.api("POST", "/clients", { label: "laptop", rights: ["see_attempts", "force_key"], groups: ["night", "*"], ...LIMITS }, 201);
    await stage.worker.api("POST", "/clients", { label: "late", expires: Date.now() + 60_000, requests: 100, window_s: 900 }, 201);
    stage.upstream.script("mock-429-looks-4", (call) => (call.path === "/left" ? { body: { left: "12.5" } } : "429"));
    await stage.worker.api("PATCH", "/providers/mock", { balance_url: "/left", balance_path: "left" }, 200);
    await stage.worker.api("POST", `/keys/${ids[3]}/balance`, undefined, 200);
    await stage.worker.api("PATCH", "/providers/mock", { priority: 5, weight: 20, models: ["gpt-4o", "gpt-4o-mini"], headers: { "x-team": "blue" } }, 200);
    await stage.worker.api("PUT", "/models", { name: "fast", target: "mock/gpt-4o-mini", fallbacks: ["mock/gpt-4o", "mock/*"], economy: "gpt-4o-mini" }, 200);
    await stage.worker.api("POST", "/rules", { provider: "mock", action: "rename", name: "max_tokens", to: "max_completion_tokens", about: "It knows only the new name." }, 201);
    await stage.worker.api("PUT", "/prices", { model: "night-*", input: 1, output: 2_000_000 }, 200);
    await stage.worker.api("PATCH", "/settings", { request_log: "bodies" }, 200);
    for (const model of ["gpt-4o", "unpriced"]) await chat(stage, model);
    await stage.worker.api("POST", "/flush", undefined, 200);
  });
  after(() => stage?.close());

  for (const phone of [false, true]) {
    test(`${language}, ${phone ? "phone" : "desktop"}, light and dark`, async (t) => {
      for (const [name, { hash, ready, act, out }] of Object.entries(SCREENS).filter(([name]) => ONLY.test(name))) {
        await t.test(name, async () => {
          const page = await stage.open(typeof hash === "function" ? hash(ids) : hash ?? "", { language, phone, out });
          await page.locator(ready).first().waitFor();
          await act?.(page);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, "wider than the screen");
          assert.equal(await page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-CN" : "en");
          for (const colorScheme of ["light", "dark"]) {
            await page.emulateMedia({ colorScheme });
            assert.deepEqual(await violations(page), [], colorScheme);
          }
          await page.checked();
        });
      }
    });
  }

  if (language !== "en") return;

  test("language and theme are chosen on the page and remembered", async () => {
    const page = await stage.open("#/connect");
    await page.getByLabel("Language").selectOption("zh");
    await page.getByRole("heading", { name: "接入", level: 1 }).waitFor();
    await page.getByLabel("主题").selectOption("dark");
    await page.reload();
    await page.getByRole("heading", { name: "接入", level: 1 }).waitFor();
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).colorScheme), "dark");
    await page.checked();
  });

  test("the keyboard alone signs in and skips to the content", async () => {
    const page = await stage.open("#/keys", { out: true });
    await page.locator("form").waitFor();
    await page.keyboard.type("correct horse battery staple");
    await page.keyboard.press("Enter");
    await page.row("fine").waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.checked();
  });
});

const LIMITS = { rpm: 60, tpm: 90_000, day_tokens: 100_000, month_micros: 5_000_000, models: ["gpt-4*"], providers: ["mock"], ips: ["10.0.0.0/8"], pace: "batch", cache_s: 60 };

/** Everything at once, which no pool can have. */
async function beInNeed(page) {
  const kinds = ["no_keys", "no_usable_key", "provider_down", "cron_late", "keys_dead", "no_clients", "balance_empty", "keys_expiring", "clients_expiring", "budget", "unpriced"];
  await page.route("**/admin/api/overview", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    body.attention = kinds.map((kind, i) => ({ kind, level: i < 4 ? "bad" : "warn", count: i + 1, names: i % 2 ? ["one", "two", "three"].slice(0, i) : [] }));
    Object.assign(body.providers[0], { rests_until: Date.now() + 3_600_000 });
    await route.fulfill({ response, json: body });
  });
  await page.reload();
  await page.locator(".needs a").nth(8).waitFor();
}

async function unfold(page) {
  await page.locator("dialog details").evaluateAll((folds) => folds.forEach((fold) => (fold.open = true)));
}

async function tryRule(page) {
  const form = page.locator("dialog form");
  await form.locator("select").first().selectOption("force");
  await form.locator("input").first().fill("temperature");
  await form.locator("input").nth(1).fill("0.2");
  await page.locator("dialog .trial ins").first().waitFor();
}

/** A real rest is over too soon to be looked at in both themes; flows.test.mjs has one. */
async function letRest(page) {
  await page.route("**/admin/api/providers", async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const until = Date.now() + 3_600_000;
    body.providers[0].cooldowns = [{ model: null, until, class: "transient", message: "The server had an error." }, { model: "gpt-4o-mini", until, class: "model_busy", message: "" }];
    await route.fulfill({ response, json: body });
  });
  await page.reload();
  await page.locator(".rests").waitFor();
}

/** In the debugger's world, where the page's own CSP does not keep axe out. */
async function violations(page) {
  const debug = await page.context().newCDPSession(page);
  await debug.send("Runtime.evaluate", { expression: axe });
  const run = `axe.run(document).then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => ({ id, where: nodes.map(({ html, failureSummary }) => html.slice(0, 160) + " :: " + failureSummary) }))))`;
  const { result } = await debug.send("Runtime.evaluate", { expression: run, awaitPromise: true, returnByValue: true });
  return JSON.parse(result.value);
}

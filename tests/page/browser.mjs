// A Chromium in front of the real Worker, and what every page test asks of a page: no error, no CSP violation, no other host.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chromium } from "playwright-core";
import { startMockProvider } from "../../scripts/mock-provider.mjs";
import { password, startWorker } from "../e2e/harness.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** A Worker with a mock provider named "mock" as its default, and a browser. `bare` leaves the pool without a provider. */
export async function startStage({ bare = false, ...options } = {}) {
  const [upstream, worker, browser] = await Promise.all([startMockProvider(), startWorker(options), startBrowser()]);
  if (!bare) {
    await worker.api("POST", "/providers", { name: "mock", base_url: upstream.url }, 201);
    await worker.api("PATCH", "/providers/mock", { default: true }, 200);
  }
  return {
    upstream,
    worker,
    /** A signed-in page (unless `out`) of its own context, at `hash`. */
    open: (hash = "#/keys", settings = {}) => openPage(browser, worker, hash, settings),
    /** Replaces all keys by these rows of POST /keys; answers the new ones. */
    async keys(rows) {
      await worker.api("POST", "/keys/bulk", { filter: {}, action: "delete" }, 200);
      const { body } = await worker.api("POST", "/keys", { keys: rows.map((row) => ({ provider: "mock", ...row })) }, 201);
      assert.equal(body.added.length, rows.length, JSON.stringify(body.refused));
      return body.added;
    },
    async list(query = "") {
      return (await worker.api("GET", `/keys?limit=1000&${query}`, undefined, 200)).body;
    },
    async close() {
      await browser.close();
      await worker.close();
      await upstream.close();
    },
  };
}

export function startBrowser() {
  return chromium.launch({ executablePath: executable(), args: FLAGS });
}

/** `checked()` ends every test: it fails if the page complained about anything. */
async function openPage(browser, worker, hash, { out = false, theme = "light", language = "en", phone = false, width = 1280, height = 900, scale = 1 } = {}) {
  const context = await browser.newContext({
    baseURL: worker.url,
    viewport: phone ? { width: 390, height: 844 } : { width, height },
    deviceScaleFactor: scale,
    colorScheme: theme,
    locale: language === "zh" ? "zh-CN" : "en-US",
    reducedMotion: "reduce",
  });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints = [];
  const foreign = [];
  await page.exposeFunction("complain", (text) => complaints.push(text));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.complain(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
    addEventListener("unhandledrejection", (event) => window.complain(`rejected: ${event.reason?.stack ?? event.reason}`));
  });
  page.on("pageerror", (error) => complaints.push(`page error: ${error.stack}`));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => new URL(request.url()).origin === worker.url || request.url().startsWith("data:") || foreign.push(request.url()));
  if (!out) await context.addCookies([{ name: "keypool_session", value: await worker.token(), url: `${worker.url}/admin`, httpOnly: true }]);
  await page.goto(`/admin/${hash}`);
  return Object.assign(page, {
    async checked() {
      assert.deepEqual(complaints, []);
      assert.deepEqual(foreign, [], "the page asked another host");
      await context.close();
    },
    signIn: async () => {
      await page.getByLabel("Admin password").fill(password);
      await page.getByRole("button", { name: "Sign in" }).click();
    },
    row: (name) => page.locator(".keys tbody tr").filter({ has: page.getByRole("link", { name, exact: true }) }),
    said: (text) => page.getByRole("status").getByText(text).first().waitFor(),
  });
}

/** One request of a client, answered with 200. */
export async function chat({ worker }, model) {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Say something kind." }] });
  const answer = await worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** The number of rows the table says it has, without its head. */
export const rowCount = async (page) => Number(await page.locator(".keys").getAttribute("aria-rowcount")) - 1;

function executable() {
  const named = process.env.CHROMIUM || process.env.KEYPOOL_CHROMIUM;
  if (named) return named;
  for (const name of NAMES) {
    try {
      return execFileSync("which", [name], { encoding: "utf8" }).trim();
    } catch {
      // the next name
    }
  }
  throw new Error(`no Chromium found (${NAMES.join(", ")}); set CHROMIUM to the path of one`);
}

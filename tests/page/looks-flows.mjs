// What looks.mjs looks at of the first run, the logs, a chat and backups.

const TRACE = [{ key: "a", provider: "mock", model: "gpt-4o", status: 429, class: "rate_limited", ms: 80 }, { key: "b", provider: "mock", model: "gpt-4o", status: 200, class: null, ms: 200 }];
const SAID = `data: ${JSON.stringify({ choices: [{ delta: { content: "Edge workers are kind.", reasoning_content: "Are they?" } }] })}\n\ndata: ${JSON.stringify({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 5 } })}\n\ndata: [DONE]\n\n`;
const entry = (action, more) => ({ id: action, at: Date.now() - 60_000, who: "admin", session: "s", ip: "203.0.113.7", action, count: 1, ids: ["a"], names: ["laptop"], fields: [], ...more });
const AUDITED = [entry("key.change", { fields: ["weight", "label"] }), entry("provider.add", { ids: ["mock"], names: ["mock"] }), entry("key.add", { count: 30, ids: [..."abcdef"], names: [..."abcdef"] }), entry("session.refused", { ids: [], names: [] })];

/** The pool as if it had nothing but what `found` says. */
async function emptied(page, found) {
  for (const name of ["providers", "keys", "clients"]) {
    await page.route(new RegExp(`/admin/api/${name}(\\?.*)?$`), async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      const counts = { active: (found.keys ?? []).length, cooling: 0, disabled: 0 };
      await route.fulfill({ response, json: { ...body, ...(name === "keys" ? { counts } : { env_client: false }), [name]: found[name] ?? [] } });
    });
  }
  await page.addInitScript((state) => localStorage.setItem("keypool.guide", state), found.state ?? "");
  await page.reload();
  await page.locator(".guide .now").waitFor();
}

const KEY = { id: "k", label: "mine", key_masked: "sk-…1234", provider: "mock", group: "active", weight: 10, enabled: true, state: "active", usable: true, reason: null, cooldowns: [], counters: { attempts: 0, ok: 0, failed: 0, prompt_tokens: 0, completion_tokens: 0 }, last_used: null, created: 1, models: [] };
const MOCK = { name: "mock", base_url: "http://127.0.0.1:1/v1", keys: { active: 1, cooling: 0, disabled: 0 }, cooldowns: [] };

async function chat(page) {
  const chats = "**/admin/api/v1/chat/completions";
  await page.locator("#app main details").waitFor();
  await page.locator(".composer input").first().fill("gpt-4o");
  const say = async (answer) => {
    await page.route(chats, (route) => route.fulfill({ headers: { "x-keypool-trace": JSON.stringify(TRACE) }, ...answer }));
    await page.locator(".composer textarea").first().fill("Say something kind.");
    await page.keyboard.press("Enter");
  };
  await say({ headers: { "content-type": "text/event-stream", "x-keypool-trace": JSON.stringify(TRACE) }, body: SAID });
  await page.locator(".turn .timeline").waitFor();
  await page.unroute(chats);
  await say({ status: 503, json: { error: { message: "All keys rest.", code: "no_key_available" } } });
  await page.locator(".turn .failure").waitFor();
}

async function lookInside(page, sure) {
  await page.route("**/admin/api/backup/restore", (route) => route.fulfill({ json: { records: { provider: 3, key: 120, client: 4, setting: 2, secret: 1 }, written: 128, deleted: 7, dry_run: true } }));
  await page.locator("input[type=file]").setInputFiles({ name: "backup.json", mimeType: "application/json", buffer: Buffer.from("{}") });
  await page.locator(".segments button").nth(1).click();
  await page.locator("form").nth(1).locator("[type=submit]").click();
  await page.locator(".tile").first().waitFor();
  if (sure) await page.locator("form .danger").click();
}

export const FLOWS = {
  "first run, provider": { hash: "#/overview", ready: "h1", act: async (page) => (await emptied(page, {}), await page.locator(".guide select").selectOption("other")) },
  "first run, keys": { hash: "#/keys", ready: "h1", act: async (page) => (await emptied(page, { providers: [MOCK] }), await page.locator(".guide textarea").fill("mock-good-looks-9\nshort"), await page.locator(".preview[aria-busy=false] li").first().waitFor()) },
  "first run, test": { hash: "#/keys", ready: "h1", act: async (page) => {
    await page.route("**/test", (route) => route.fulfill({ json: { ok: false, status: 401, class: "key_dead", message: "Incorrect API key provided.", key: KEY } }));
    await emptied(page, { providers: [MOCK], keys: [KEY] });
    await page.locator(".guide .now button").first().click();
    await page.locator(".guide .lines li").waitFor();
  } },
  "first run, client key": { hash: "#/keys", ready: "h1", act: (page) => emptied(page, { providers: [MOCK], keys: [KEY], state: "tested" }) },
  "first run, snippet": { hash: "#/keys", ready: "h1", act: (page) => emptied(page, { providers: [MOCK], keys: [KEY], clients: [{ id: "c", label: "c" }], state: "tested" }) },
  requests: { hash: "#/requests", ready: ".log .chip" },
  "requests, filtered": { hash: "#/requests?status=5xx&model=none", ready: ".empty" },
  "requests, off": { hash: "#/requests", ready: ".log .chip", act: async (page) => {
    await page.route("**/admin/api/settings", async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      await route.fulfill({ response, json: { ...body, effective: { ...body.effective, request_log: "off" } } });
    });
    await page.reload();
    await page.locator("main .primary").waitFor();
  } },
  "a request": { hash: "#/requests", ready: ".log .chip", act: async (page) => (await page.locator(".log tbody a").first().click(), await page.locator("dialog .timeline").waitFor(), await page.locator("dialog details").evaluateAll((folds) => folds.forEach((fold) => (fold.open = true)))) },
  playground: { hash: "#/playground", ready: ".composer", act: (page) => page.locator(".composer summary").click() },
  "a chat": { hash: "#/playground", ready: ".composer", act: chat },
  audit: { hash: "#/connect", ready: "pre", act: async (page) => {
    await page.route("**/admin/api/audit?*", (route) => route.fulfill({ json: { entries: AUDITED, next_cursor: "more" } }));
    await page.goto("/admin/#/audit");
    await page.locator("tbody tr").first().waitFor();
  } },
  backup: { hash: "#/backup", ready: "form", act: (page) => page.locator("form input").first().fill("correct horse battery") },
  "a backup, looked into": { hash: "#/backup", ready: "form", act: (page) => lookInside(page, false) },
  "a restore, confirmed": { hash: "#/backup", ready: "form", act: (page) => lookInside(page, true) },
  "end of all logins": { hash: "#/settings", ready: "form", act: (page) => page.locator("main .danger-quiet").click() },
};

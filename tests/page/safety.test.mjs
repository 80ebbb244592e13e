// What must never happen: markup that runs, a key that shows, ten thousand rows that freeze the page.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { rowCount, startStage } from "./browser.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><b>bold</b>`;

describe("safety", () => {
  let stage;
  before(async () => (stage = await startStage()));
  after(() => stage?.close());

  test("a label, an upstream message, a client's name and a refused line made of HTML stay text", async () => {
    stage.upstream.script("mock-good-markup-1", { status: 401, body: { error: { message: `bad key ${MARKUP}`, type: "invalid_request_error", code: "invalid_api_key" } } });
    const [{ id }] = await stage.keys([{ key: "mock-good-markup-1", label: MARKUP }]);
    await stage.worker.api("POST", `/keys/${id}/test`, undefined, 200);
    const { body: client } = await stage.worker.api("POST", "/clients", { label: MARKUP }, 201);
    const page = await stage.open();
    await page.getByRole("link", { name: MARKUP, exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("heading", { name: MARKUP }).waitFor();
    await dialog.getByText("bad key <img").first().waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: `Test ${MARKUP}` }).click();
    await page.getByRole("alert").getByText(MARKUP).first().waitFor();
    await page.getByRole("link", { name: "Client keys" }).click();
    await page.getByRole("rowheader", { name: MARKUP }).waitFor();
    await stage.worker.api("POST", "/rules", { action: "drop", name: MARKUP, about: MARKUP }, 201);
    await page.getByRole("link", { name: "Rules" }).click();
    await page.getByRole("cell", { name: MARKUP, exact: true }).waitFor();
    assert.equal(await injected(page), 0);
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await page.getByRole("link", { name: "Add keys" }).click();
    await page.getByLabel("Paste keys").fill(MARKUP);
    await page.getByText(/\d refused/).waitFor();
    assert.equal(await injected(page), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    await stage.worker.api("DELETE", `/clients/${client.id}`, undefined, 204);
    await page.checked();
  });

  test("a model's name, a body, an answer, an audited label and a file's name made of HTML stay text", async () => {
    const key = "mock-good-markup-2";
    await stage.worker.api("PATCH", "/settings", { request_log: "bodies" }, 200);
    stage.upstream.script(key, ({ path }) => (path.endsWith("/models") ? { body: { object: "list", data: [{ id: MARKUP, object: "model" }] } } : { body: { choices: [{ message: { role: "assistant", content: MARKUP, reasoning_content: MARKUP } }] } }));
    await stage.keys([{ key, label: MARKUP }]);
    const body = JSON.stringify({ model: MARKUP, messages: [{ role: "user", content: MARKUP }] });
    const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
    assert.equal(answer.status, 200, await answer.text());
    await stage.worker.api("POST", "/flush", undefined, 200);
    const page = await stage.open("#/requests");
    const still = async () => {
      assert.equal(await injected(page), 0);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
    };
    const row = page.locator(".log tbody tr").filter({ hasText: MARKUP }).first();
    await row.waitFor();
    await row.getByRole("rowheader").getByRole("link").click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("listitem").getByText(MARKUP, { exact: true }).waitFor();
    for (const way of ["What the client sent", "What the client got"]) await dialog.getByLabel(way).getByText("<b>bold</b>", { exact: false }).waitFor();
    await still();
    await dialog.getByRole("button", { name: "Close" }).click();
    await page.getByRole("link", { name: "Playground" }).click();
    await page.getByLabel("Model").fill(MARKUP);
    await page.getByLabel("Message").fill(MARKUP);
    await page.getByLabel("Message").press("Enter");
    const said = page.getByRole("article").filter({ hasText: "1 attempt" });
    await said.getByText("Thoughts").click();
    await said.getByText(/1 attempt/).click();
    for (const nth of [0, 1, 2]) await said.getByText(MARKUP, { exact: true }).nth(nth).waitFor();
    await still();
    await page.getByRole("link", { name: "Connect" }).click();
    await page.getByLabel("Model").fill(MARKUP);
    await page.getByText("window.hacked", { exact: false }).waitFor();
    await still();
    await page.getByRole("link", { name: "Audit log" }).click();
    await page.getByRole("cell").getByText(MARKUP, { exact: true }).first().waitFor();
    await still();
    await page.getByRole("link", { name: "Backup" }).click();
    await page.getByLabel("Backup file").setInputFiles({ name: `${MARKUP}.json`, mimeType: "application/json", buffer: Buffer.from(`{"keypool":"${"<b>x</b>"}"}`) });
    await page.getByRole("button", { name: "Look inside" }).click();
    await page.getByRole("alert").getByText(/./).first().waitFor();
    await still();
    await stage.worker.api("PATCH", "/settings", { request_log: null }, 200);
    await page.checked();
  });

  test("no whole key is in the document, its attributes, the address or the browser's storage", async () => {
    const secret = "mock-good-very-secret-0123456789abcdef";
    await stage.keys([{ key: secret }]);
    const page = await stage.open("#/keys/add");
    await page.getByRole("dialog").getByLabel("Provider").selectOption("mock");
    await page.getByLabel("Paste keys").fill("mock-good-second-secret-9876543210");
    await page.getByText("1 new").waitFor();
    await page.getByRole("button", { name: "Add 1 key", exact: true }).click();
    await page.said("1 key added.");
    await page.getByRole("link", { name: /…/ }).first().click();
    await page.getByRole("dialog").getByRole("heading", { name: /…/ }).waitFor();
    const everything = await page.evaluate(() => [document.documentElement.outerHTML, location.href, JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie].join("\n"));
    for (const part of [secret, "second-secret"]) assert.ok(!everything.includes(part), part);
    await page.checked();
  });

  test("ten thousand keys: few rows exist, the last is reached, and all are deleted only after their number is typed", async (t) => {
    await stage.keys([]);
    for (let i = 0; i < 10_000; i += 5000) {
      const text = Array.from({ length: 5000 }, (_, n) => `mock-good-many-${String(i + n).padStart(5, "0")}|10|n${String(i + n).padStart(5, "0")}`).join("\n");
      const { body } = await stage.worker.api("POST", "/keys", { text, provider: "mock" }, 201);
      assert.equal(body.added.length, 5000);
    }
    const page = await stage.open("#/keys?sort=label");
    await page.row("n00000").waitFor();
    assert.equal(await rowCount(page), 10_000);
    assert.ok((await page.locator(".keys tbody tr").count()) < 80);
    const start = performance.now();
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await page.row("n09999").waitFor();
    t.diagnostic(`the last row after ${Math.round(performance.now() - start)} ms`);
    assert.ok((await page.locator(".keys tbody tr").count()) < 80);
    await page.getByRole("searchbox").fill("n0012");
    await page.row("n00120").waitFor();
    await page.row("n09999").waitFor({ state: "detached" });
    assert.equal(await rowCount(page), 10);
    await page.getByRole("searchbox").fill("");
    await page.evaluate(() => scrollTo(0, 0));
    await page.row("n00000").waitFor();
    await page.getByRole("checkbox", { name: /^Select the \d+ keys loaded$/ }).check();
    await page.getByText("200 selected").waitFor();
    await page.getByRole("button", { name: "Select all 10,000 that match the filter" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    const dialog = page.getByRole("dialog");
    const go = dialog.getByRole("button", { name: "Delete 10,000 keys" });
    assert.ok(await go.isDisabled());
    await dialog.getByText("none, so every key in the pool").waitFor();
    await dialog.getByLabel("Type 10,000 to confirm").fill("10000");
    await go.click();
    await page.said("10,000 keys deleted.");
    assert.equal((await stage.list()).total, 0);
    await page.checked();
  });
});

/** Elements that only a text could have made: the page has no image but its own mark. */
const injected = (page) => page.evaluate(() => [...document.querySelectorAll("#app img:not([src='/admin/favicon.svg']), #app b:not(.chart b, .timeline b), #app script")].length);

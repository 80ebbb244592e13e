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
const injected = (page) => page.evaluate(() => [...document.querySelectorAll("#app img:not([src='/admin/favicon.svg']), #app b, #app script")].length);

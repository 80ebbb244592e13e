// The audit log on the page, once on D1 and once on KV.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><b>bold</b>`;

for (const storage of storages) {
  describe(`audit log, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    const api = (...order) => stage.worker.api(...order);
    const rows = (page) => page.getByRole("main").locator("tbody tr");

    test("says who did what to which, from where, links what is still there, and is filtered by the kind of thing", async () => {
      const [kept, gone] = await stage.keys([{ key: "mock-good-audit-1", label: MARKUP }, { key: "mock-good-audit-2", label: "gone" }]);
      await api("PATCH", `/keys/${kept.id}`, { weight: 30 }, 200);
      await api("DELETE", `/keys/${gone.id}`, undefined, 204);
      const { body: client } = await api("POST", "/clients", { label: "laptop" }, 201);
      await api("PATCH", "/settings", { max_attempts: 4 }, 200);
      const page = await stage.open("#/audit");
      const row = (what, which) => rows(page).filter({ hasText: what }).filter({ hasText: which }).first();
      await row("Keys · changed", MARKUP).getByText("Weight").waitFor();
      await row("Keys · changed", MARKUP).getByText("admin", { exact: true }).waitFor();
      await row("Settings · changed", "Tries of a request").waitFor();
      await row("Client keys · added", "laptop").getByRole("link", { name: "laptop" }).waitFor();
      await row("Keys · deleted", "gone").waitFor();
      assert.equal(await row("Keys · deleted", "gone").getByRole("link").count(), 0);
      assert.equal(await page.evaluate(() => document.querySelectorAll("#app img:not(.mark), main td b").length), 0);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      // Newest first.
      const texts = await rows(page).allTextContents();
      assert.ok(texts.findIndex((text) => text.includes("Settings")) < texts.findIndex((text) => text.includes("laptop")));

      await page.getByLabel("What").selectOption("client");
      await row("Keys", MARKUP).waitFor({ state: "detached" });
      await row("Client keys · added", "laptop").waitFor();
      assert.match(page.url(), /#\/audit\?action=client$/);
      await page.reload();
      await row("Client keys · added", "laptop").waitFor();
      assert.equal(await rows(page).count(), 1);
      await page.getByLabel("What").selectOption("import");
      await page.getByText("Nothing fits this filter so far.").waitFor();
      await page.getByLabel("What").selectOption("");
      await row("Keys · changed", MARKUP).getByRole("link", { name: MARKUP }).click();
      await page.getByRole("dialog").getByRole("heading", { name: MARKUP }).waitFor();
      await api("DELETE", `/clients/${client.id}`, undefined, 204);
      await page.checked();
    });

    test("older entries are loaded by hand, and a wrong password is in it", async () => {
      const [{ id }] = await stage.keys([{ key: "mock-good-audit-3", label: "busy" }]);
      for (let i = 0; i < 60; i++) await api("PATCH", `/keys/${id}`, { weight: 1 + (i % 9) }, 200);
      await fetch(`${stage.worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password: "wrong" }) });
      const page = await stage.open("#/audit?action=key");
      await rows(page).nth(49).waitFor();
      assert.equal(await rows(page).count(), 50);
      await page.getByRole("button", { name: "Load more" }).click();
      await rows(page).nth(59).waitFor();
      await page.getByLabel("What").selectOption("session");
      await rows(page).filter({ hasText: "Logins · wrong password" }).first().waitFor();
      await rows(page).filter({ hasText: "Logins · signed in" }).first().waitFor();
      await page.checked();
    });

    test("a log that cannot be read says so, and one click tries again", async () => {
      const page = await stage.open("#/connect");
      await page.getByRole("heading", { name: "Connect", level: 1 }).waitFor();
      await page.route("**/admin/api/audit?*", (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "D1 is resting", code: "storage_failed" } }) }));
      await page.getByRole("link", { name: "Audit log" }).click();
      await page.getByRole("alert").getByText("D1 is resting").waitFor();
      assert.equal(await page.getByText("Nothing fits this filter so far.").count(), 0);
      await page.unroute("**/admin/api/audit?*");
      await page.getByRole("button", { name: "Try again" }).click();
      await rows(page).first().waitFor();
      await page.context().setOffline(true);
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByText("The server could not be reached.", { exact: false }).waitFor();
      assert.ok((await rows(page).count()) > 0);
      await page.context().setOffline(false);
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      await page.checked();
    });
  });
}

// When something goes wrong it is seen, what was typed is still there, and one click tries again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startStage } from "./browser.mjs";

const broken = (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "D1 is resting", type: "server_error", param: null, code: "storage_failed" } }) });

describe("failures", () => {
  let stage;
  before(async () => (stage = await startStage()));
  after(() => stage?.close());

  test("a paste survives a storage error, and the next click stores it", async () => {
    await stage.keys([{ key: "mock-good-there-1" }]);
    const page = await stage.open("#/keys/add");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Provider").selectOption("mock");
    await dialog.getByLabel("Paste keys").fill("mock-good-kept-1\nmock-good-kept-2");
    await dialog.getByText("2 new").waitFor();
    await page.route("**/admin/api/keys", broken);
    await dialog.getByRole("button", { name: "Add 2 keys" }).click();
    await dialog.getByRole("alert").getByText("The keys are still here. The storage did not answer. D1 is resting").waitFor();
    assert.equal(await dialog.getByLabel("Paste keys").inputValue(), "mock-good-kept-1\nmock-good-kept-2");
    assert.equal(await page.getByRole("status").textContent(), "", "a success was announced");
    await page.unroute("**/admin/api/keys");
    await dialog.getByRole("button", { name: "Add 2 keys" }).click();
    await page.said("2 keys added.");
    await page.checked();
  });

  test("a paste survives a look at another screen", async () => {
    await stage.keys([{ key: "mock-good-there-2" }]);
    const page = await stage.open("#/keys/add");
    await page.getByLabel("Paste keys").fill("half a thought");
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Providers" }).click();
    await page.getByRole("link", { name: "Keys", exact: true }).click();
    await page.getByRole("link", { name: "Add keys" }).click();
    assert.equal(await page.getByLabel("Paste keys").inputValue(), "half a thought");
    await page.checked();
  });

  test("offline is said, the edit form is kept, and saving again works", async () => {
    const [{ id }] = await stage.keys([{ key: "mock-good-offline", label: "before" }]);
    const page = await stage.open(`#/keys/${id}?edit=1`);
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Label").fill("after");
    await page.context().setOffline(true);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").getByText("The server could not be reached.").waitFor();
    assert.equal(await dialog.getByLabel("Label").inputValue(), "after");
    await page.context().setOffline(false);
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.said("Saved.");
    assert.equal((await stage.list()).keys[0].label, "after");
    await page.checked();
  });

  test("a list that cannot be refreshed keeps its rows and its time, and says so", async () => {
    await stage.keys([{ key: "mock-good-stale-1", label: "still here" }]);
    const page = await stage.open();
    await page.row("still here").waitFor();
    const asOf = await page.getByText(/^As of/).textContent();
    await page.route("**/admin/api/keys?*", broken);
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByRole("alert").getByText("This could not be loaded.").waitFor();
    assert.equal(await page.getByText(/^As of/).textContent(), asOf);
    await page.row("still here").waitFor();
    await page.unroute("**/admin/api/keys?*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
    await page.checked();
  });

  test("a bulk delete that fails deletes nothing, and the dialog stays to try again", async () => {
    await stage.keys([{ key: "mock-good-bulk-1", label: "one" }, { key: "mock-good-bulk-2", label: "two" }]);
    const page = await stage.open();
    await page.getByRole("checkbox", { name: "Select the 2 keys loaded" }).check();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.route("**/admin/api/keys/bulk", broken);
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "Delete 2 keys" }).click();
    await dialog.getByText("D1 is resting").waitFor();
    assert.equal((await stage.list()).total, 2);
    await page.unroute("**/admin/api/keys/bulk");
    await dialog.getByRole("button", { name: "Delete 2 keys" }).click();
    await page.said("2 keys deleted.");
    await page.checked();
  });

  test("an ended session asks for the password over the form, which is kept and can be sent", async () => {
    await stage.keys([{ key: "mock-good-session-1" }]);
    const page = await stage.open("#/keys/add");
    const dialog = page.getByRole("dialog", { name: "Add keys" });
    const box = dialog.getByLabel("Paste keys");
    await dialog.getByLabel("Provider").selectOption("mock");
    await box.fill("mock-good-session-2");
    await page.getByText("1 new").waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Add 1 key", exact: true }).click();
    await page.getByRole("heading", { name: "Sign in again" }).waitFor();
    await page.keyboard.press("Escape");
    await page.signIn();
    await page.getByRole("heading", { name: "Sign in again" }).waitFor({ state: "detached" });
    assert.equal(await box.inputValue(), "mock-good-session-2");
    await page.getByRole("button", { name: "Add 1 key", exact: true }).click();
    await page.said("1 key added.");
    await page.checked();
  });

  test("what somebody else deleted meanwhile says so, and the form is kept", async () => {
    await stage.worker.api("POST", "/providers", { name: "short-lived", base_url: stage.upstream.url }, 201);
    const page = await stage.open("#/providers/short-lived");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Base URL").fill(`${stage.upstream.url}/typed`);
    await stage.worker.api("DELETE", "/providers/short-lived", undefined, 204);
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("alert").getByText("This is gone: someone may have deleted it.").waitFor();
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.getByRole("rowheader", { name: "short-lived" }).waitFor({ state: "detached" });
    assert.equal(await dialog.getByLabel("Base URL").inputValue(), `${stage.upstream.url}/typed`);
    await page.checked();
  });

  test("an answer that is no JSON is a failure, not an empty list", async () => {
    const page = await stage.open("#/clients");
    await page.getByRole("heading", { name: "Client keys", level: 1 }).waitFor();
    await page.route("**/admin/api/clients", (route) => route.fulfill({ status: 200, contentType: "text/html", body: "<h1>proxy</h1>" }));
    await page.reload();
    await page.getByText("This could not be loaded.").waitFor();
    assert.equal(await page.getByText("No client keys yet.").count(), 0);
    await page.unroute("**/admin/api/clients");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
    await page.checked();
  });

  test("signing out while offline says that it did not happen", async () => {
    const page = await stage.open("#/connect");
    await page.getByRole("heading", { name: "Connect", level: 1 }).waitFor();
    await page.context().setOffline(true);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("alert").getByText("You are still signed in.").waitFor();
    await page.checked();
  });
});

describe("a Worker that is not set up yet", () => {
  test("without a password the page says how to set one", async () => {
    const stage = await startStage({ bare: true, secrets: { ADMIN_PASSWORD: null } });
    try {
      const page = await stage.open("", { out: true });
      await page.getByRole("heading", { name: "Set an admin password first" }).waitFor();
      await page.getByText("npx wrangler secret put ADMIN_PASSWORD").waitFor();
      await page.getByRole("button", { name: "I have done that" }).click();
      await page.getByRole("heading", { name: "Set an admin password first" }).waitFor();
      await page.checked();
    } finally {
      await stage.close();
    }
  });

  test("without storage the page names the bindings", async () => {
    const stage = await startStage({ bare: true, storage: "none" });
    try {
      const page = await stage.open("", { out: true });
      await page.getByRole("heading", { name: "Give this Worker a storage first" }).waitFor();
      await page.getByText('binding = "API_TOKENS"').waitFor();
      await page.checked();
    } finally {
      await stage.close();
    }
  });
});

// What a person does on the page, against the real Worker, once on D1 and once on KV.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { rowCount, startStage } from "./browser.mjs";

for (const storage of storages) {
  describe(`on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    test("a wrong password is refused with its reason, the right one opens the keys, sign out closes them", async () => {
      const page = await stage.open("", { out: true });
      await page.getByLabel("Admin password").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("That password is not right.").waitFor();
      assert.equal(await page.getByLabel("Admin password").inputValue(), "wrong");
      await page.signIn();
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      await page.getByText(`Stored in ${storage.toUpperCase()}, version`).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Admin password").waitFor();
      await page.reload();
      await page.getByLabel("Admin password").waitFor();
      await page.checked();
    });

    test("an empty pool leads by the hand, past what is there already: a provider, and a client key in a secret", async () => {
      await stage.keys([]);
      const page = await stage.open();
      const guide = page.getByRole("region", { name: "Five steps and it works" });
      assert.equal(await guide.getByLabel("Provider").inputValue(), "mock");
      await guide.getByLabel("Paste keys").fill("mock-good-first-1\nmock-good-first-2");
      await guide.getByText("2 new").waitFor();
      await guide.getByRole("button", { name: "Add 2 keys" }).click();
      await page.said("2 keys added.");
      await guide.getByRole("button", { name: "Test 2 keys" }).click();
      await guide.getByText(`curl ${stage.worker.url}/v1/chat/completions`).waitFor();
      await guide.getByText("kp-your-client-key", { exact: false }).waitFor();
      await page.checked();
    });

    test("a paste is previewed by line, and only what was stored leaves the box", async () => {
      const [{ key_masked: known }] = await stage.keys([{ key: "mock-good-known-1" }]);
      const page = await stage.open("#/keys/add");
      const dialog = page.getByRole("dialog");
      const box = dialog.getByLabel("Paste keys");
      await dialog.getByLabel("Provider").selectOption("mock");
      await box.fill("mock-good-new-1|20|first\nshort\nmock-good-known-1\nmock-good-new-2");
      for (const sum of ["2 new", "1 already here", "1 refused"]) await dialog.getByText(sum, { exact: true }).waitFor();
      const refused = dialog.getByRole("listitem").filter({ hasText: "line 2" });
      await refused.getByText("A key has at least 8 characters.").waitFor();
      await dialog.getByRole("listitem").filter({ hasText: known }).getByText("already in the pool").waitFor();
      assert.equal((await stage.list()).total, 1, "a preview stored something");
      await dialog.getByRole("button", { name: "Add 2 keys" }).click();
      await page.getByText("1 line was refused and is still in the box.").waitFor();
      assert.equal(await box.inputValue(), "short");
      await box.fill("mock-good-new-3");
      await dialog.getByRole("button", { name: "Add 1 key", exact: true }).click();
      await dialog.waitFor({ state: "detached" });
      await page.row("first").waitFor();
      const { keys } = await stage.list();
      assert.deepEqual(keys.map(({ label, weight }) => `${label} ${weight}`).sort(), [" 10", " 10", " 10", "first 20"]);
      await page.checked();
    });

    test("the filter shows what it says, and a bulk action touches exactly what is shown", async () => {
      await stage.keys(["a", "b", "c", "d", "e", "f", "g", "h"].map((name) => ({ key: `mock-good-bulk-${name}`, label: name, enabled: name > "b" })));
      const page = await stage.open();
      await page.row("a").waitFor();
      assert.equal(await rowCount(page), 8);
      await page.getByRole("checkbox", { name: "Select the 8 keys loaded" }).check();
      await page.getByText("8 selected").waitFor();
      await page.getByRole("button", { name: /^Disabled/ }).click();
      await page.getByText("8 selected").waitFor({ state: "detached" });
      await page.row("c").waitFor({ state: "detached" });
      assert.equal(await rowCount(page), 2);
      await page.getByRole("checkbox", { name: "Select the 2 keys loaded" }).check();
      await page.getByRole("button", { name: "Delete", exact: true }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("heading", { name: "Delete 2 keys?" }).waitFor();
      await dialog.getByRole("button", { name: "Delete 2 keys" }).click();
      await page.said("2 keys deleted.");
      const { keys } = await stage.list();
      assert.deepEqual(keys.map(({ label }) => label).sort(), ["c", "d", "e", "f", "g", "h"]);
      await page.checked();
    });

    test("weight, group, disable and enable reach the keys that were picked, and the news is the server's count", async () => {
      const rows = await stage.keys(["a", "b", "c"].map((name) => ({ key: `mock-good-set-${name}`, label: name })));
      const page = await stage.open();
      const dialog = page.getByRole("dialog");
      const pick = (name) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();
      await pick("a");
      await pick("b");
      await page.getByRole("button", { name: "Weight", exact: true }).last().click();
      await dialog.getByLabel("Weight").fill("35");
      await dialog.getByRole("button", { name: "Set for 2 keys" }).click();
      await page.said("Weight set for 2 keys.");
      await page.getByRole("button", { name: "Group", exact: true }).click();
      await dialog.getByLabel("Group").fill("night");
      await dialog.getByRole("button", { name: "Move 2 keys" }).click();
      await page.said("2 keys moved.");
      await page.getByRole("button", { name: "Disable", exact: true }).click();
      await stage.worker.api("DELETE", `/keys/${rows[1].id}`, undefined, 204);
      await dialog.getByRole("button", { name: "Disable 2 keys" }).click();
      await page.said("1 key disabled.");
      await page.said("1 key was not found: it may have been deleted already.");
      await page.row("a").getByText("Switched off").waitFor();
      const [a] = (await stage.list("sort=label")).keys;
      assert.deepEqual([a.weight, a.group, a.enabled], [35, "night", false]);
      await page.row("a").getByRole("button", { name: "Enable a" }).click();
      await page.said("a is enabled.");
      await page.row("a").getByText("Active", { exact: true }).waitFor();
      await page.checked();
    });

    test("a dead key says why, can be tested, edited, reset and deleted", async () => {
      await stage.keys([{ key: "mock-401-dead-key", label: "dead" }, { key: "mock-good-other-1", label: "fine" }]);
      const page = await stage.open();
      await page.row("dead").getByRole("button", { name: "Test dead" }).click();
      await page.getByRole("alert").getByText(/dead does not work: 401/).waitFor();
      await page.getByRole("link", { name: "dead", exact: true }).click();
      const drawer = page.getByRole("dialog");
      await drawer.getByText("Why it is not used").waitFor();
      await drawer.getByText("Incorrect API key provided", { exact: false }).first().waitFor();
      await drawer.getByText("upstream status 401").waitFor();
      await drawer.getByText(/^\d+:\d\d$/).first().waitFor();
      await drawer.getByRole("button", { name: "Edit" }).click();
      await drawer.getByLabel("Label").fill("gone soon");
      await drawer.getByLabel("Models").fill("gpt-4*\no3");
      await drawer.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      await drawer.getByRole("heading", { name: "gone soon" }).waitFor();
      const { keys } = await stage.list("q=gone");
      assert.deepEqual(keys[0].models, ["gpt-4*", "o3"]);
      await drawer.getByRole("button", { name: "Reset" }).click();
      await drawer.getByText("Active", { exact: true }).first().waitFor();
      await drawer.getByRole("button", { name: "Delete key" }).click();
      await page.getByRole("dialog").last().getByRole("button", { name: "Delete key" }).click();
      await page.said("1 key deleted.");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.deepEqual((await stage.list()).keys.map(({ label }) => label), ["fine"]);
      await page.checked();
    });

    test("a resting key counts down, per model", async () => {
      await stage.keys([{ key: "mock-429-resting-1", label: "tired" }]);
      await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] }) });
      const page = await stage.open();
      const cell = page.row("tired").getByRole("cell").filter({ hasText: "Cooling" });
      await cell.getByText("gpt-4o-mini").waitFor();
      const seconds = async () => Number((await cell.getByRole("time").textContent()).split(":")[1]);
      const first = await seconds();
      assert.ok(first > 0 && first <= 31, `${first}`);
      await page.waitForFunction((was) => Number(document.querySelector(".keys .state time")?.textContent.split(":")[1]) < was, first);
      await page.checked();
    });

    test("a key that gets no requests although it is well says why", async () => {
      await stage.keys([{ key: "mock-good-weightless", label: "weightless", weight: 0 }, { key: "mock-good-providerless", label: "providerless" }]);
      const page = await stage.open();
      await page.row("weightless").getByText("gets no requests: weight 0").waitFor();
      await page.getByRole("link", { name: "Providers" }).click();
      await page.getByRole("button", { name: "Disable mock" }).click();
      await page.said("mock is disabled.");
      await page.getByRole("link", { name: "Keys", exact: true }).click();
      await page.row("providerless").getByText("gets no requests: its provider is off").waitFor();
      await stage.worker.api("PATCH", "/providers/mock", { enabled: true }, 200);
      await page.checked();
    });

    test("a provider is added by hand, made the default, edited, and deleted only with its keys named", async () => {
      await stage.keys([]);
      const page = await stage.open("#/providers");
      await page.getByRole("link", { name: "Add provider" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill("second");
      await dialog.getByLabel("Base URL").fill(stage.upstream.url);
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("second added.");
      await page.getByRole("button", { name: "Make default: second" }).click();
      await page.said("second is the default now.");
      await page.getByRole("link", { name: "Edit second" }).click();
      await dialog.getByText("Timeouts").click();
      await dialog.getByLabel("First byte").fill("2.5");
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const shown = await stage.worker.api("GET", "/providers/second", undefined, 200);
      assert.equal(shown.body.first_byte_timeout_ms, 2500);
      assert.equal(shown.body.default, true);
      await stage.worker.api("POST", "/keys", { keys: ["1", "2", "3"].map((n) => ({ key: `mock-good-of-second-${n}`, provider: "second" })) }, 201);
      await page.getByRole("button", { name: "Delete second" }).click();
      await dialog.getByRole("button", { name: "Delete", exact: true }).click();
      await dialog.getByText("It still has 3 keys").waitFor();
      await dialog.getByRole("button", { name: "Delete provider and 3 keys" }).click();
      await page.said("second and its keys deleted.");
      assert.equal((await stage.list()).total, 0);
      await stage.worker.api("PATCH", "/providers/mock", { default: true }, 200);
      await page.checked();
    });

    test("a secret's client key is named, and nobody is told that no program gets in", async () => {
      const page = await stage.open("#/clients");
      await page.getByText("A client key comes from the secret PROXY_API_KEY").waitFor();
      assert.equal((await stage.worker.api("GET", "/clients", undefined, 200)).body.clients.length, 0);
      assert.equal(await page.getByText("No client keys yet.").count(), 0);
      await page.checked();
    });

    test("a client key is shown once, works, can be switched off and deleted", async () => {
      await stage.keys([{ key: "mock-good-for-clients" }]);
      const page = await stage.open("#/clients/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Label").fill("laptop");
      await dialog.getByRole("button", { name: "Create" }).click();
      await dialog.getByText("This is shown once.").waitFor();
      await dialog.getByRole("button", { name: "Copy key" }).click();
      const key = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(key, /^kp-/);
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await dialog.getByText(key, { exact: true }).waitFor();
      const status = async () => (await stage.worker.fetch("/v1/models", { headers: { authorization: `Bearer ${key}` } })).status;
      assert.equal(await status(), 200);
      await dialog.getByRole("button", { name: "I have stored it" }).click();
      await dialog.waitFor({ state: "detached" });
      assert.doesNotMatch(await page.content(), new RegExp(key));
      await page.getByRole("button", { name: "Disable laptop" }).click();
      await page.said("laptop is disabled.");
      assert.equal(await status(), 401);
      await page.getByRole("button", { name: "Delete laptop" }).click();
      await dialog.getByRole("button", { name: "Delete", exact: true }).click();
      await page.said("laptop deleted.");
      await page.getByText("laptop", { exact: true }).waitFor({ state: "detached" });
      await page.checked();
    });
  });
}

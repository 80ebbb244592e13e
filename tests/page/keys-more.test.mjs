// What else is done to keys: many tested, taken back, revealed, exported, imported, chosen by balance; what one key did before.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { rowCount, startStage } from "./browser.mjs";

const broken = (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "The storage is resting", type: "server_error", param: null, code: "storage_failed" } }) });
const MARKUP = `<img src=x onerror="window.hacked=1">`;
const pick = (page, name) => page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).check();

for (const storage of storages) {
  describe(`on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    /** Requests of different conversations, whatever comes of them, until `done`. */
    const askUntil = async (done, model = "gpt-4o-mini") => {
      for (let n = 0; !(await done()); n++) {
        assert.ok(n < 60, "it never happened");
        const body = JSON.stringify({ model, messages: [{ role: "user", content: `hi ${n}` }] });
        await (await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body })).arrayBuffer();
      }
    };
    const keys = async (query = "sort=label") => (await stage.list(query)).keys;

    test("selected keys are tested, what failed is told by reason, and can be selected", async () => {
      await stage.keys([["a", "good"], ["b", "401"], ["c", "402"], ["d", "good"], ["e", "401"]].map(([label, does]) => ({ key: `mock-${does}-trial-${label}`, label })));
      const page = await stage.open("#/keys?sort=label");
      for (const name of ["a", "b", "c", "e"]) await pick(page, name);
      await page.getByRole("region", { name: "Bulk actions" }).getByRole("button", { name: "Test" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("heading", { name: "Test 4 keys?" }).waitFor();
      assert.equal(stage.upstream.ledger.filter(({ key }) => key.includes("-trial-")).length, 0, "nothing is tested before it is said");
      await dialog.getByRole("button", { name: "Test 4 keys" }).click();
      await dialog.getByText("4 of 4 tested: 1 work, 3 failed.").waitFor();
      const reasons = await dialog.getByRole("listitem").allInnerTexts();
      assert.deepEqual(reasons.map((text) => text.replace(/\s+/g, " ").replace("e and b", "b and e").trim()), ["Key rejected · 401 b and e 2", "Out of credit · 402 c 1"]);
      await dialog.getByRole("button", { name: "Select the 3 that failed" }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByText("3 selected").waitFor();
      for (const [name, on] of [["a", false], ["b", true], ["c", true], ["d", false], ["e", true]]) assert.equal(await page.getByRole("checkbox", { name: `Select ${name}`, exact: true }).isChecked(), on, name);
      await page.getByRole("button", { name: "Delete", exact: true }).click();
      await dialog.getByRole("button", { name: "Delete 3 keys" }).click();
      await page.said("3 keys deleted.");
      assert.deepEqual((await keys()).map(({ label }) => label), ["a", "d"]);
      await page.checked();
    });

    test("those that failed stay selected although the filter no longer shows them", async () => {
      await stage.keys([["a", "good"], ["b", "401"]].map(([label, does]) => ({ key: `mock-${does}-filtered-${label}`, label })));
      const page = await stage.open("#/keys?state=active&sort=label");
      await page.row("b").waitFor();
      await page.locator("header.head").getByRole("button", { name: "Test 2 keys" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("Filter: State: Active").waitFor();
      await dialog.getByRole("button", { name: "Test 2 keys" }).click();
      await dialog.getByText("2 of 2 tested: 1 work, 1 failed.").waitFor();
      await dialog.getByRole("button", { name: "Select the one that failed" }).click();
      await page.row("b").waitFor({ state: "detached" });
      await page.getByText("1 selected").waitFor();
      await page.getByRole("button", { name: "Weight", exact: true }).last().click();
      await dialog.getByLabel("Weight").fill("3");
      await dialog.getByRole("button", { name: "Set for 1 key" }).click();
      await page.said("Weight set for 1 key.");
      assert.deepEqual((await keys()).map(({ weight }) => weight), [10, 3]);
      await page.checked();
    });

    test("a test of many is stopped, goes on, and each key is tried once", async () => {
      await stage.keys(Array.from({ length: 30 }, (_, n) => ({ key: `mock-good-many-${n}`, label: `n${n}` })));
      const tried = () => stage.upstream.ledger.filter(({ key }) => key.startsWith("mock-good-many-")).length;
      stage.upstream.script("*", () => (tried() <= 5 ? {} : { delay: 1500 }));
      const page = await stage.open();
      await page.locator("header.head").getByRole("button", { name: "Test 30 keys" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Test 30 keys" }).click();
      await dialog.getByText("5 of 30 tested: 5 work, 0 failed.").waitFor();
      await dialog.getByRole("button", { name: "Stop" }).click();
      await dialog.getByText("9 of 30 tested: 9 work, 0 failed.").waitFor(); // the four on their way are counted
      assert.equal(tried(), 9, "it went on although it was stopped");
      stage.upstream.script("*", {});
      await dialog.getByRole("button", { name: "Test the other 21" }).click();
      await dialog.getByText("30 of 30 tested: 30 work, 0 failed.").waitFor();
      assert.equal(tried(), 30);
      assert.equal(await dialog.getByRole("button", { name: /Select/ }).count(), 0);
      stage.upstream.reset();
      await page.checked();
    });

    test("a test of many halts when the server cannot tell, and one click goes on with the same key", async () => {
      await stage.keys(Array.from({ length: 9 }, (_, n) => ({ key: `mock-good-halted-${n}`, label: `n${n}` })));
      const page = await stage.open();
      await page.row("n1").waitFor();
      let left = 5;
      await page.route("**/admin/api/keys/*/test", (route) => (left-- > 0 ? route.continue() : broken(route)));
      await page.locator("header.head").getByRole("button", { name: "Test 9 keys" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Test 9 keys" }).click();
      await dialog.getByRole("alert").getByText("The storage is resting").waitFor();
      await page.unroute("**/admin/api/keys/*/test");
      await dialog.getByText("5 of 9 tested: 5 work, 0 failed.").waitFor();
      await dialog.getByRole("button", { name: "Test the other 4" }).click();
      await dialog.getByText("9 of 9 tested: 9 work, 0 failed.").waitFor();
      await page.checked();
    });

    test("a test of many goes on by itself after a new login", async () => {
      await stage.keys(Array.from({ length: 3 }, (_, n) => ({ key: `mock-good-login-${n}`, label: `n${n}` })));
      const page = await stage.open();
      await page.row("n1").waitFor();
      await page.locator("header.head").getByRole("button", { name: "Test 3 keys" }).click();
      const dialog = page.getByRole("dialog", { name: "Test 3 keys" });
      await page.context().clearCookies();
      await dialog.getByRole("button", { name: "Test 3 keys" }).click();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor();
      await page.signIn();
      await dialog.getByText("3 of 3 tested: 3 work, 0 failed.").waitFor();
      await page.checked();
    });

    test("what many keys were is given back to each of them", async () => {
      await stage.keys([["a", 5, "active", true], ["b", 20, "night", true], ["c", 20, "standby", false]].map(([label, weight, group, enabled]) => ({ key: `mock-good-undone-${label}`, label, weight, group, enabled })));
      const was = async () => (await keys()).map(({ label, weight, group, enabled }) => [label, weight, group, enabled].join(" "));
      const first = await was();
      const page = await stage.open("#/keys?sort=label");
      const dialog = page.getByRole("dialog");
      const bar = page.getByRole("region", { name: "Bulk actions" });
      const undone = async (changed) => {
        assert.deepEqual(await was(), changed);
        await page.getByRole("status").getByRole("button", { name: "Undo" }).last().click();
        await page.said("As it was before.");
        assert.deepEqual(await was(), first);
        for (let n = await page.getByRole("button", { name: "Dismiss" }).count(); n > 0; n--) await page.getByRole("button", { name: "Dismiss" }).first().click();
      };
      await page.getByRole("checkbox", { name: "Select the 3 keys loaded" }).check();
      await bar.getByRole("button", { name: "Weight" }).click();
      await dialog.getByLabel("Weight").fill("1");
      await dialog.getByRole("button", { name: "Set for 3 keys" }).click();
      await page.said("Weight set for 3 keys.");
      await undone(["a 1 active true", "b 1 night true", "c 1 standby false"]);
      await bar.getByRole("button", { name: "Group" }).click();
      await dialog.getByLabel("Group").fill("day");
      await dialog.getByRole("button", { name: "Move 3 keys" }).click();
      await page.said("3 keys moved.");
      await page.route("**/keys/bulk", broken);
      await page.getByRole("status").getByRole("button", { name: "Undo" }).last().click();
      const alert = page.getByRole("alert").filter({ hasText: "Not undone. The storage did not answer." });
      await alert.waitFor();
      await page.unroute("**/keys/bulk");
      assert.deepEqual(await was(), ["a 5 day true", "b 20 day true", "c 20 day false"]);
      await alert.getByRole("button", { name: "Undo" }).click();
      await page.said("As it was before.");
      assert.deepEqual(await was(), first);
      for (let n = await page.getByRole("button", { name: "Dismiss" }).count(); n > 0; n--) await page.getByRole("button", { name: "Dismiss" }).first().click();
      await bar.getByRole("button", { name: "Promote" }).click();
      await dialog.getByRole("button", { name: "Promote 1 key" }).click();
      await page.said("1 key promoted.");
      await undone(["a 5 active true", "b 20 night true", "c 20 active false"]);
      await bar.getByRole("button", { name: "Disable" }).click();
      await dialog.getByRole("button", { name: "Disable 3 keys" }).click();
      await page.said("3 keys disabled.");
      await undone(["a 5 active false", "b 20 night false", "c 20 standby false"]);
      await bar.getByRole("button", { name: "Enable" }).click();
      await dialog.getByRole("button", { name: "Enable 3 keys" }).click();
      await page.said("3 keys enabled.");
      await undone(["a 5 active true", "b 20 night true", "c 20 standby true"]);
      await bar.getByRole("button", { name: "Delete" }).click();
      await dialog.getByRole("button", { name: "Delete 3 keys" }).click();
      await page.said("3 keys deleted.");
      assert.equal(await page.getByRole("button", { name: "Undo" }).count(), 0, "what is gone cannot be given back");
      await page.checked();
    });

    test("keys are chosen by why they are as they are", async () => {
      // In words of its own: many keys refused in the same ones are taken for the provider's fault.
      stage.upstream.script("mock-401-why-b", { status: 401, body: { error: { message: "This key was revoked.", type: "invalid_request_error", code: "invalid_api_key" } } });
      await stage.keys([["a", "good"], ["b", "401"], ["c", "402"], ["d", "429"]].map(([label, does]) => ({ key: `mock-${does}-why-${label}`, label })));
      for (const { id } of (await keys()).slice(1, 3)) await stage.worker.api("POST", `/keys/${id}/test`, undefined, 200);
      await askUntil(async () => (await keys("state=cooling")).length > 0);
      const page = await stage.open("#/keys?sort=label");
      const only = async (name) => {
        await page.getByText("1 of 4 keys match.").waitFor();
        await page.row(name).waitFor();
        assert.equal(await rowCount(page), 1);
      };
      const reason = page.getByLabel("Reason");
      await page.getByRole("button", { name: /^Disabled/ }).click();
      await reason.selectOption({ label: "Out of credit" });
      await only("c");
      await reason.selectOption({ label: "Key rejected" });
      await only("b");
      await page.getByRole("button", { name: /^Cooling/ }).click();
      await reason.selectOption({ label: "Rate limited" });
      await only("d");
      await page.getByRole("button", { name: /^Active/ }).click();
      assert.equal(await reason.count(), 0);
      await only("a");
      await page.checked();
    });

    test("a key tells its requests over time, and its errors once the log is on", async () => {
      await stage.worker.api("PATCH", "/settings", { request_log: "off" }, 200);
      const [{ id }] = await stage.keys([{ key: "mock-500-errors-1", label: "shaky", weight: 100 }, { key: "mock-good-errors-2", label: "fine", weight: 1 }]);
      const page = await stage.open(`#/keys/${id}`);
      const drawer = page.getByRole("dialog");
      await drawer.getByText("The request log is off").waitFor();
      assert.equal(await drawer.getByRole("link", { name: "Settings" }).getAttribute("href"), "#/settings");
      await drawer.getByText("Nothing was counted yet.").waitFor();
      await stage.worker.api("PATCH", "/settings", { request_log: "meta" }, 200);
      await askUntil(() => stage.upstream.ledger.some(({ key }) => key === "mock-500-errors-1"), "<b>shaky</b>");
      await stage.worker.api("POST", "/flush", undefined, 200);
      await page.reload();
      const errors = drawer.locator("section").filter({ has: page.getByRole("heading", { name: "Last errors" }) });
      await errors.getByRole("link", { name: "Upstream error · 500" }).first().waitFor();
      await errors.getByText("<b>shaky</b>").first().waitFor();
      assert.match(await errors.getByRole("listitem").getByRole("link").first().getAttribute("href"), /^#\/requests\/.+/);
      assert.equal(await errors.getByRole("link", { name: "Requests" }).getAttribute("href"), `#/requests?key=${id}`);
      await page.goto(`/admin/#/keys/${(await keys("q=fine"))[0].id}`);
      await drawer.getByRole("heading", { name: "fine" }).waitFor();
      await drawer.getByText("None among the last requests in the log.").waitFor();
      const chart = drawer.getByRole("slider", { name: "Requests" });
      assert.match(await chart.getAttribute("aria-valuetext"), /^24 hours, Succeeded [1-9]/);
      await drawer.getByRole("button", { name: "30 days" }).click();
      await drawer.locator("[role=slider][aria-valuemax='29']").waitFor();
      await stage.worker.api("PATCH", "/settings", { request_log: null }, 200);
      await page.checked();
    });

    test("a whole key is shown by two clicks, in one dialog, and the audit log knows", async () => {
      const secret = "mock-good-whole-0123456789abcdef";
      const [{ id }] = await stage.keys([{ key: secret, label: "whole" }]);
      const shown = async () => (await page.evaluate(() => document.documentElement.outerHTML)).includes(secret);
      const entries = async () => (await stage.worker.api("GET", `/audit?action=key.reveal&id=${id}`, undefined, 200)).body.entries.length;
      const page = await stage.open(`#/keys/${id}`);
      await page.getByRole("button", { name: "Reveal" }).click();
      const dialog = page.getByRole("dialog", { name: "The key of whole" });
      await dialog.getByText("The audit log notes it.").waitFor();
      assert.deepEqual([await shown(), await entries()], [false, 0]);
      await page.route("**/reveal", broken);
      await dialog.getByRole("button", { name: "Reveal" }).click();
      await dialog.getByRole("alert").getByText("The storage is resting").waitFor();
      await page.unroute("**/reveal");
      await dialog.getByRole("button", { name: "Reveal" }).click();
      await dialog.getByText(secret, { exact: true }).waitFor();
      await dialog.getByRole("button", { name: "Copy key" }).click();
      await dialog.getByRole("button", { name: "Copied" }).waitFor();
      assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
      assert.equal(await entries(), 1);
      assert.ok(!page.url().includes(secret));
      await dialog.getByRole("button", { name: "Close" }).last().click();
      await dialog.waitFor({ state: "detached" });
      assert.equal(await shown(), false);
      await page.getByRole("button", { name: "Reveal" }).click();
      await dialog.getByText("The audit log notes it.").waitFor();
      assert.equal(await shown(), false, "it is asked for anew each time");
      await page.checked();
    });

    test("keys are exported after saying how many, as lines or JSON, and come back from the file", async () => {
      await stage.keys([["alpha", 5], ["beta", 20], ["gamma", 30]].map(([label, weight]) => ({ key: `mock-good-exported-${label}`, label, weight })));
      const page = await stage.open("#/keys?sort=label");
      const dialog = page.getByRole("dialog");
      const download = async (button) => {
        const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: button }).click()]);
        return { name: file.suggestedFilename(), path: await file.path() };
      };
      await pick(page, "alpha");
      await pick(page, "gamma");
      await page.getByRole("region", { name: "Bulk actions" }).getByRole("button", { name: "Export" }).click();
      await dialog.getByText("2 secrets leave keypool in plain text. The audit log notes it.").waitFor();
      await page.route("**/keys/export", broken);
      await dialog.getByRole("button", { name: "Export 2 keys" }).click();
      await dialog.getByText("The storage is resting").waitFor();
      await page.unroute("**/keys/export");
      const lines = await download("Export 2 keys");
      await page.said("2 keys exported.");
      assert.match(lines.name, /^keypool-keys-\d{4}-\d\d-\d\d\.txt$/);
      assert.deepEqual(readFileSync(lines.path, "utf8").trim().split("\n").sort(), ["mock-good-exported-alpha|5|alpha", "mock-good-exported-gamma|30|gamma"]);

      await page.getByRole("searchbox").fill("beta");
      await page.getByText("1 of 3 keys match.").waitFor();
      await page.locator("header.head").getByRole("button", { name: "Export 1 key", exact: true }).click();
      await dialog.getByText("Filter: Search: beta").waitFor();
      await dialog.getByLabel("Format").selectOption("json");
      const json = await download("Export 1 key");
      const written = JSON.parse(readFileSync(json.path, "utf8")).keys;
      assert.deepEqual(written.map(({ key, label, weight }) => [key, label, weight]), [["mock-good-exported-beta", "beta", 20]]);
      assert.equal((await stage.worker.api("GET", "/audit?action=key.export", undefined, 200)).body.entries.length, 2);

      const was = (await keys()).map(({ label, weight }) => `${label} ${weight}`);
      await stage.keys([{ key: "mock-good-remains-1", label: "remains" }]);
      await page.goto("/admin/#/keys/add");
      await page.reload();
      const choosing = page.waitForEvent("filechooser");
      await dialog.getByRole("button", { name: "Choose a file" }).click();
      await (await choosing).setFiles(lines.path);
      await dialog.getByLabel("Provider").selectOption("mock");
      await dialog.getByText("2 new").waitFor();
      // Dropped, where the first one is already.
      await page.evaluate((text) => {
        const files = new DataTransfer();
        files.items.add(new File([text], "keys.txt", { type: "text/plain" }));
        document.querySelector("dialog textarea").dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: files }));
      }, "mock-good-exported-beta|20|beta");
      await dialog.getByText("3 new").waitFor();
      await dialog.getByRole("button", { name: "Add 3 keys" }).click();
      await page.said("3 keys added.");
      assert.deepEqual((await keys()).filter(({ label }) => label !== "remains").map(({ label, weight }) => `${label} ${weight}`), was);
      await page.checked();
    });

    test("another pool's export is previewed, makes its providers, and stays while something of it is refused", async () => {
      await stage.keys([{ key: "mock-good-here-1", label: "here" }]);
      const page = await stage.open("#/keys/add");
      const dialog = page.getByRole("dialog");
      const channel = { type: 1, key: "mock-good-foreign-1\nmock-good-foreign-2", status: 1, name: MARKUP, base_url: `http://127.0.0.1:${stage.upstream.port}/foreign`, weight: 30 };
      const box = dialog.getByLabel("Paste keys");
      await dialog.getByLabel("What it is").selectOption({ label: "Another pool's export" });
      assert.equal(await dialog.getByLabel("Weight").count(), 0, "the file says it");
      await box.fill('{"hello": 1}');
      await dialog.getByRole("alert").getByText("No preview.").waitFor();
      const text = JSON.stringify([channel, { type: 14, key: "", status: 1, name: "Empty" }]);
      await box.fill(text);
      await dialog.getByText("New provider: ").waitFor();
      for (const sum of ["2 new", "1 refused"]) await dialog.getByText(sum, { exact: true }).waitFor();
      assert.equal((await stage.list()).total, 1, "a preview stored something");
      await page.route("**/admin/api/import", broken);
      await dialog.getByRole("button", { name: "Add 2 keys" }).click();
      await dialog.getByText("The keys are still here.").waitFor();
      assert.equal(await box.inputValue(), text);
      await page.unroute("**/admin/api/import");
      await dialog.getByRole("button", { name: "Add 2 keys" }).click();
      await page.said("2 keys added.");
      await dialog.getByText("2 already here").waitFor();
      assert.equal(await box.inputValue(), text);
      const added = (await keys()).filter(({ label }) => label === MARKUP);
      assert.deepEqual(added.map(({ weight }) => weight), [30, 30]);
      assert.notEqual(added[0].provider, "mock");
      await stage.worker.api("DELETE", `/providers/${added[0].provider}?with_keys=true`, undefined, 204);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await page.checked();
    });

    test("keys are chosen by what is left on their accounts", async () => {
      await stage.worker.api("PATCH", "/providers/mock", { balance_url: "/left", balance_path: "left" }, 200);
      const amounts = { "mock-good-rich-a": "0", "mock-good-rich-b": "1.5", "mock-good-rich-c": "20" };
      for (const [key, left] of Object.entries(amounts)) stage.upstream.script(key, (call) => (call.path === "/left" ? { body: { left } } : {}));
      const added = await stage.keys([...Object.keys(amounts), "mock-good-rich-d"].map((key) => ({ key, label: key.at(-1) })));
      for (const { id } of added.filter(({ label }) => label !== "d")) await stage.worker.api("POST", `/keys/${id}/balance`, undefined, 200);
      const page = await stage.open("#/keys?sort=label");
      await page.row("c").getByRole("cell").getByText("20", { exact: true }).waitFor();
      await page.row("d").getByRole("cell").getByText("–", { exact: true }).waitFor();
      const most = page.getByLabel("Balance at most");
      await most.fill("1.5");
      await most.press("Enter");
      await page.getByText("2 of 4 keys match.").waitFor();
      await page.getByRole("checkbox", { name: "Select the 2 keys loaded" }).check();
      await page.getByRole("region", { name: "Bulk actions" }).getByRole("button", { name: "Disable" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("button", { name: "Disable 2 keys" }).click();
      await page.said("2 keys disabled.");
      assert.deepEqual((await keys()).map(({ label, enabled }) => [label, enabled]), [["a", false], ["b", false], ["c", true], ["d", true]]);
      // All that match, by the filter itself.
      await page.locator("header.head").getByRole("button", { name: "Export 2 keys" }).click();
      await dialog.getByText("Filter: Balance at most: 1.5").waitFor();
      const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Export 2 keys" }).click()]);
      assert.equal(readFileSync(await file.path(), "utf8").trim().split("\n").length, 2);
      await page.goto("/admin/#/overview");
      await page.getByRole("link", { name: /nothing left on/ }).waitFor({ state: "detached" }); // those are switched off
      await stage.worker.api("POST", "/keys/bulk", { filter: {}, action: "enable" }, 200);
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByRole("link", { name: "1 key has nothing left on its account. a" }).click();
      await page.row("a").waitFor();
      assert.equal(await rowCount(page), 1);
      await stage.worker.api("PATCH", "/providers/mock", { balance_url: "" }, 200);
      stage.upstream.reset();
      await page.checked();
    });
  });
}

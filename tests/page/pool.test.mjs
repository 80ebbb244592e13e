// How the pool is steered from the page: caps, groups, promotion, what client keys may ask for, providers at rest.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const CAPS = ["rpm", "tpm", "concurrency"];

for (const storage of storages) {
  describe(`on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    const groups = async () => (await stage.list("sort=label")).keys.map(({ label, group }) => `${label} ${group}`);

    test("caps are set, shown and taken away, and said to be approximate", async () => {
      const [{ id }] = await stage.keys([{ key: "mock-good-capped-1", label: "capped" }]);
      const caps = async () => {
        const [key] = (await stage.list()).keys;
        return CAPS.map((name) => key[name]);
      };
      const page = await stage.open(`#/keys/${id}?edit=1`);
      const drawer = page.getByRole("dialog");
      await drawer.getByText("Caps", { exact: true }).click();
      await drawer.getByText("Each isolate of the Worker counts for itself, so caps are approximate.").waitFor();
      await drawer.getByLabel("Requests/min").fill("60");
      await drawer.getByLabel("In parallel").fill("4");
      await drawer.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      assert.deepEqual(await caps(), [60, null, 4]);
      assert.equal(await fact(drawer, "Requests/min").textContent(), "60");
      assert.equal(await fact(drawer, "In parallel").textContent(), "4");
      assert.equal(await fact(drawer, "Tokens/min").count(), 0);
      await drawer.getByRole("button", { name: "Edit" }).click();
      await drawer.getByLabel("Requests/min").fill("");
      await drawer.getByLabel("Tokens/min").fill("90000");
      await drawer.getByRole("button", { name: "Save" }).click();
      await fact(drawer, "Tokens/min").getByText("90,000").waitFor();
      assert.deepEqual(await caps(), [null, 90_000, 4]);
      assert.equal(await fact(drawer, "Requests/min").count(), 0);
      await page.checked();
    });

    test("a key that came back tells what it had been disabled for, and when", async () => {
      stage.upstream.script("mock-good-back-1", ["401", "good"]);
      const [{ id }] = await stage.keys([{ key: "mock-good-back-1", label: "back" }]);
      const page = await stage.open(`#/keys/${id}`);
      const drawer = page.getByRole("dialog");
      await drawer.getByRole("button", { name: "Test" }).click();
      await drawer.getByRole("heading", { name: "Why it is not used" }).waitFor();
      await drawer.getByRole("button", { name: "Test" }).click();
      const events = drawer.locator("section").filter({ has: page.getByRole("heading", { name: "History" }) }).getByRole("listitem");
      await events.nth(1).waitFor();
      for (const [i, said] of [/^Back\s+\S.*\d:\d\d:\d\d/, /^Disabled Key rejected · 401\s+.*\d:\d\d:\d\d [AP]M\s+Incorrect API key provided/].entries()) assert.match(await events.nth(i).innerText(), said);
      await drawer.getByText("Active", { exact: true }).waitFor();
      await page.checked();
    });

    test("a balance is asked for where the provider's form says, and its failures stand beside the last one", async () => {
      const [{ id }] = await stage.keys([{ key: "mock-good-balance-1", label: "saver" }]);
      const says = (behavior) => stage.upstream.script("mock-good-balance-1", (call) => (call.path === "/left" ? behavior : {}));
      const page = await stage.open(`#/keys/${id}`);
      const drawer = page.getByRole("dialog");
      await drawer.getByRole("heading", { name: "Details" }).waitFor();
      assert.equal(await drawer.getByRole("heading", { name: "Balance" }).count(), 0);
      await page.goto("/admin/#/providers/mock");
      await drawer.getByText("Balance", { exact: true }).click();
      await drawer.getByLabel("Path", { exact: true }).fill("/left");
      await drawer.getByLabel("Place in the answer").fill("data.0.left");
      await drawer.getByRole("button", { name: "Save" }).click();
      await drawer.waitFor({ state: "detached" });
      await page.goto(`/admin/#/keys/${id}`);
      const section = drawer.locator("section").filter({ has: page.getByRole("heading", { name: "Balance" }) });
      const ask = section.getByRole("button", { name: "Ask now" });
      await section.getByText("–", { exact: true }).waitFor();
      says({ body: { data: [{ left: "0.00", currency: "CNY" }] } });
      await ask.click();
      await section.getByText("0 CNY", { exact: true }).waitFor();
      says({ status: 410, body: "gone" });
      await ask.click();
      await section.getByText("The provider no longer tells balances").waitFor();
      await section.getByText("0 CNY", { exact: true }).waitFor();
      await drawer.getByText("Active", { exact: true }).waitFor();
      await stage.worker.api("PATCH", "/providers/mock", { balance_url: "" }, 200);
      await page.checked();
    });

    test("wherever a group is chosen its meaning is said, and active and standby are offered", async () => {
      const [{ id }] = await stage.keys([{ key: "mock-good-night-1", label: "night owl", group: "night" }]);
      const page = await stage.open("#/keys/add");
      const dialog = page.getByRole("dialog");
      const field = dialog.getByLabel("Group");
      const says = async () => {
        await field.waitFor();
        const [hint, offered] = await field.evaluate((input) => [document.getElementById(input.getAttribute("aria-describedby")).textContent, [...input.list.options].map(({ value }) => value)]);
        assert.match(hint, /^active serves everyone\. standby takes a share, and everything when no active key is left\. .* only requests that ask for it\.$/);
        assert.deepEqual(offered, ["active", "standby", "night"]);
      };
      await page.getByRole("link", { name: "night owl", exact: true }).waitFor();
      await says();
      await page.goto(`/admin/#/keys/${id}?edit=1`);
      await dialog.getByRole("button", { name: "Save" }).waitFor();
      await says();
      await page.keyboard.press("Escape");
      await page.getByRole("checkbox", { name: "Select night owl" }).check();
      await page.getByRole("button", { name: "Group", exact: true }).click();
      await says();
      await page.checked();
    });

    test("a key on standby is promoted in its detail", async () => {
      const [{ id }] = await stage.keys([{ key: "mock-good-spare-1", label: "spare", group: "standby" }]);
      const page = await stage.open(`#/keys/${id}`);
      const drawer = page.getByRole("dialog");
      await fact(drawer, "Group").getByRole("button", { name: "Promote" }).click();
      await page.said("1 key promoted.");
      await fact(drawer, "Group").getByText("active", { exact: true }).waitFor();
      assert.equal(await drawer.getByRole("button", { name: "Promote" }).count(), 0);
      assert.deepEqual(await groups(), ["spare active"]);
      await page.checked();
    });

    test("of many selected keys those on standby are promoted, and the dialog names their number", async () => {
      await stage.keys([["a", "active"], ["b", "standby"], ["c", "standby"], ["d", "night"]].map(([label, group]) => ({ key: `mock-good-promoted-${label}`, label, group })));
      const page = await stage.open();
      const dialog = page.getByRole("dialog");
      const promote = page.getByRole("button", { name: "Promote" });
      await page.getByRole("checkbox", { name: "Select a", exact: true }).check();
      await page.getByRole("checkbox", { name: "Select d", exact: true }).check();
      await page.getByText("2 selected").waitFor();
      assert.equal(await promote.count(), 0, "there is nothing to promote");
      await page.getByRole("checkbox", { name: "Select the 4 keys loaded" }).check();
      await promote.click();
      await dialog.getByRole("heading", { name: "Promote 2 keys?" }).waitFor();
      await dialog.getByRole("button", { name: "Promote 2 keys" }).click();
      await page.said("2 keys promoted.");
      await promote.waitFor({ state: "detached" });
      assert.deepEqual(await groups(), ["a active", "b active", "c active", "d night"]);
      await page.checked();
    });

    test("of all that match the filter those on standby are promoted, loaded or not", async () => {
      await stage.keys(Array.from({ length: 210 }, (_, n) => ({ key: `mock-good-crowd-${n}`, label: `n${n}`, group: n % 10 ? "active" : "standby" })));
      const page = await stage.open();
      const dialog = page.getByRole("dialog");
      await page.getByRole("checkbox", { name: "Select the 200 keys loaded" }).check();
      await page.getByRole("button", { name: "Select all 210 that match the filter" }).click();
      await page.getByRole("button", { name: "Promote" }).click();
      await dialog.getByText("Filter: Group: standby").waitFor();
      await dialog.getByRole("button", { name: "Promote 21 keys" }).click();
      await page.said("21 keys promoted.");
      assert.equal((await stage.list("group=active")).total, 210);
      await page.checked();
    });

    test("a client key may do what the page says, and what it may can be changed", async () => {
      const [spare, night] = await stage.keys([{ key: "mock-good-allowed-1", group: "standby" }, { key: "mock-good-allowed-2", group: "night" }]);
      const page = await stage.open("#/clients/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Label").fill("batch");
      assert.ok(await dialog.getByLabel("See attempts and keys used").isChecked());
      await dialog.getByLabel("Choose the key by x-keypool-key").check();
      await dialog.getByText("What it may use, and from where").click();
      await dialog.getByLabel("Groups it may ask for").fill("night");
      await dialog.getByRole("button", { name: "Create" }).click();
      const key = await dialog.locator(".secret code").textContent();
      await dialog.getByRole("button", { name: "I have stored it" }).click();
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "batch" }) });
      for (const text of ["See attempts and keys used", "Choose the key by x-keypool-key", "Groups: night"]) await row.getByText(text, { exact: true }).waitFor();

      const ask = async (headers, model = "gpt-4o-mini") => {
        const body = JSON.stringify({ model, messages: [{ role: "user", content: "hi" }] });
        const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers }, body });
        return [answer.status, answer.headers.get("x-keypool-key"), (await answer.json()).error?.code];
      };
      assert.deepEqual(await ask({ "x-gray-group": "night" }), [200, night.id, undefined]);
      assert.deepEqual(await ask({}, "gpt-4o-mini@standby"), [403, null, "group_not_allowed"]);
      assert.deepEqual(await ask({ "x-keypool-key": spare.id }), [200, spare.id, undefined]);

      await page.getByRole("link", { name: "Edit batch" }).click();
      assert.equal(await dialog.getByLabel("Groups it may ask for").inputValue(), "night");
      assert.ok(await dialog.getByRole("button", { name: "Save" }).isDisabled(), "nothing was changed");
      await dialog.getByLabel("Label").fill("nightly");
      await dialog.getByLabel("See attempts and keys used").uncheck();
      await dialog.getByLabel("Choose the key by x-keypool-key").uncheck();
      await dialog.getByLabel("Groups it may ask for").fill("standby, *");
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      await dialog.waitFor({ state: "detached" });
      await page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "nightly" }) }).getByText("Groups: standby, *").waitFor();
      const [{ id, label, rights, groups: asked }] = (await stage.worker.api("GET", "/clients", undefined, 200)).body.clients;
      assert.deepEqual([label, rights, asked], ["nightly", [], ["standby", "*"]]);
      assert.deepEqual(await ask({}, "gpt-4o-mini@standby"), [200, null, undefined]);
      assert.deepEqual(await ask({ "x-keypool-key": spare.id }), [403, null, "force_not_allowed"]);
      await stage.worker.api("DELETE", `/clients/${id}`, undefined, 204);
      await page.checked();
    });

    test("a client key's groups that cannot be are not sent", async () => {
      const page = await stage.open("#/clients/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Label").fill("wrong");
      await dialog.getByText("What it may use, and from where").click();
      await dialog.getByLabel("Groups it may ask for").fill("Night Shift!");
      await dialog.getByRole("button", { name: "Create" }).click();
      assert.ok(await dialog.getByLabel("Groups it may ask for").evaluate((input) => input.validity.patternMismatch));
      assert.deepEqual((await stage.worker.api("GET", "/clients", undefined, 200)).body.clients, []);
      await page.checked();
    });

    test("a conversation's key is kept by a provider, unless it is told not to", async () => {
      const affinity = async () => (await stage.worker.api("GET", "/providers/mock", undefined, 200)).body.affinity;
      const page = await stage.open("#/providers/mock");
      const dialog = page.getByRole("dialog");
      const box = dialog.getByLabel("Keep a conversation on one key, for the prompt cache");
      assert.ok(await box.isChecked());
      for (const on of [false, true]) {
        await box.setChecked(on);
        await dialog.getByRole("button", { name: "Save" }).click();
        await dialog.waitFor({ state: "detached" });
        assert.equal(await affinity(), on);
        await page.getByRole("link", { name: "Edit mock" }).click();
      }
      await page.goto("/admin/#/providers/new");
      assert.ok(await dialog.getByRole("button", { name: "Add", exact: true }).isDisabled(), "nothing was said yet");
      await dialog.getByLabel("Name").fill("fickle");
      await dialog.getByLabel("Base URL").fill(stage.upstream.url);
      await box.uncheck();
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("fickle added.");
      assert.equal((await stage.worker.api("GET", "/providers/fickle", undefined, 200)).body.affinity, false);
      await stage.worker.api("DELETE", "/providers/fickle", undefined, 204);
      await page.checked();
    });

    test("streams are asked for their usage as the provider, or the client key, says", async () => {
      const mode = async () => (await stage.worker.api("GET", "/providers/mock", undefined, 200)).body.usage_mode;
      const page = await stage.open("#/providers/mock");
      const dialog = page.getByRole("dialog");
      const select = dialog.getByLabel("Tokens of streams");
      assert.equal(await select.inputValue(), "as-is");
      for (const chosen of ["ask", "as-is"]) {
        await select.selectOption(chosen);
        await dialog.getByRole("button", { name: "Save" }).click();
        await dialog.waitFor({ state: "detached" });
        assert.equal(await mode(), chosen);
        await page.getByRole("link", { name: "Edit mock" }).click();
      }
      const { id } = (await stage.worker.api("POST", "/clients", { label: "asker" }, 201)).body;
      await page.goto(`/admin/#/clients/${id}`);
      for (const [chosen, stored] of [["ask-and-hide", "ask-and-hide"], ["", null]]) {
        if (chosen) await dialog.getByText("Answers and log").click();
        await select.selectOption(chosen);
        await dialog.getByRole("button", { name: "Save" }).click();
        await dialog.waitFor({ state: "detached" });
        const { clients } = (await stage.worker.api("GET", "/clients", undefined, 200)).body;
        assert.equal(clients.find((client) => client.id === id).usage_mode, stored);
        await page.getByRole("link", { name: "Edit asker" }).click();
      }
      await stage.worker.api("DELETE", `/clients/${id}`, undefined, 204);
      await page.checked();
    });

    test("a provider that rests as a whole says why, and counts down", async () => {
      await stage.keys(Array.from({ length: 8 }, (_, n) => ({ key: `mock-500-outage-${n}` })));
      const page = await stage.open("#/providers");
      await page.getByRole("link", { name: "Edit mock" }).waitFor();
      assert.equal(await page.getByText("Rests as a whole:").count(), 0);
      const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] });
      const headers = { "content-type": "application/json" };
      const call = () => stage.worker.fetch("/v1/chat/completions", { method: "POST", headers, body });
      // The failures of one request are not enough; the next one waits for the provider, but not we for it.
      await call();
      const second = call();
      const rests = async () => (await stage.worker.api("GET", "/providers/mock", undefined, 200)).body.cooldowns.length > 0;
      while (!(await rests())) await new Promise((resolve) => setTimeout(resolve, 50));
      await page.evaluate(() => dispatchEvent(new Event("online"))); // asks at once: the rest takes ten seconds only
      const note = page.getByRole("row").filter({ hasText: "Rests as a whole:" });
      await note.getByText("Upstream error · all models").waitFor();
      await note.getByText("The server had an error while processing your request.", { exact: false }).waitFor();
      const seconds = async () => Number((await note.getByRole("time").textContent()).split(":")[1]);
      const first = await seconds();
      assert.ok(first > 0 && first <= 10, `${first}`);
      await page.waitForFunction((was) => Number(document.querySelector(".rests time")?.textContent.split(":")[1]) < was, first);
      await page.checked();
      await second;
    });

    test("the connect screen says how to ask for a group and for a key", async () => {
      const page = await stage.open("#/connect");
      await page.getByRole("listitem").filter({ hasText: "gpt-4o-mini@standby" }).filter({ hasText: "X-Gray-Group" }).waitFor();
      await page.getByRole("listitem").filter({ hasText: "x-keypool-key" }).waitFor();
      await page.checked();
    });
  });
}

/** What a list of names and values says of `name`. */
const fact = (where, name) => where.getByRole("term").filter({ hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd[1]");

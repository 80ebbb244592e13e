// The first screen: what needs a person, how the keys are, what happens next, and counts over time, told apart.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { storages } from "../e2e/harness.mjs";
import { chat, startStage } from "./browser.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1">`;
const broken = (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "The storage is resting", type: "server_error", param: null, code: "storage_failed" } }) });

for (const storage of storages) {
  describe(`Overview, on ${storage}`, () => {
    let stage;
    before(async () => {
      stage = await startStage({ storage });
      await stage.worker.api("PUT", "/prices", { model: "*", input: 1_000_000, output: 2_000_000 }, 200); // or each model wants one
    });
    after(() => stage?.close());

    const open = async (hash = "#/overview", settings) => {
      const page = await stage.open(hash, settings);
      await page.evaluate(() => localStorage.setItem("keypool.guide", "done"));
      await page.reload();
      return page;
    };
    const needs = (page) => page.getByRole("region", { name: "What needs you" });
    const probe = ({ id }) => stage.worker.api("POST", `/keys/${id}/test`, undefined, 200);
    /** A refusal in words of its own: many in the same ones are taken for the provider's fault. */
    const refuse = (key, status = 401, code = "invalid_api_key") => stage.upstream.script(key, { status, body: { error: { message: `No, ${key}.`, type: "invalid_request_error", code } } });

    test("it is what opens, and with all well it says so", async () => {
      await stage.keys([{ key: "mock-good-well-1", label: "fine" }]);
      const page = await open("");
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      await page.getByText("All is well.").waitFor();
      assert.equal(await needs(page).count(), 0);
      assert.equal(await page.getByRole("link", { name: "1 Active" }).count(), 2, "of the pool, and of its provider");
      await page.getByText("Nothing is due.").waitFor();
      await page.checked();
    });

    test("what needs a person comes first, and leads to where it is mended", async () => {
      refuse("mock-401-needs-1");
      const [one] = await stage.keys([{ key: "mock-401-needs-1", label: "dead" }]);
      await probe(one);
      const page = await open();
      const main = page.getByRole("main");
      await needs(page).getByText("No key can be used right now.").waitFor();
      await needs(page).getByText("1 provider has no key that works. mock").waitFor();
      const [first, second] = await main.evaluate((main) => [".needs", ".tiles"].map((name) => main.querySelector(name).getBoundingClientRect().top));
      assert.ok(first < second);
      await needs(page).getByRole("link", { name: /no key that works/ }).click();
      await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
      assert.equal(new URL(page.url()).hash, "#/keys?provider=mock");
      await page.row("dead").waitFor();

      // Three probes have found it dead; it expires soon; another has nothing left.
      for (let i = 0; i < 3; i++) await probe(one);
      await stage.worker.api("PATCH", `/keys/${one.id}`, { expires: Date.now() + 86_400_000 }, 200);
      await page.getByRole("link", { name: "Overview" }).click();
      await needs(page).getByText("1 key expires within 7 days. dead").waitFor();
      await needs(page).getByRole("link", { name: /refused again and again/ }).click();
      await page.row("dead").waitFor();
      assert.equal(new URL(page.url()).hash, "#/keys?state=disabled&reason=key_dead");
      await page.getByRole("link", { name: "Overview" }).click();
      await needs(page).getByRole("link", { name: /expires within 7 days/ }).click();
      await page.row("dead").waitFor();
      assert.equal(await page.getByRole("searchbox").inputValue(), "dead");
      await page.checked();
    });

    test("the keys' states are those of the list, by reason and by provider, and lead to it", async () => {
      await stage.worker.api("POST", "/providers", { name: "second", base_url: stage.upstream.url }, 201);
      refuse("mock-401-states-3");
      refuse("mock-402-states-4", 402, "insufficient_quota");
      await stage.keys([
        { key: "mock-good-states-1", label: "one" }, { key: "mock-good-states-2", label: "two", enabled: false },
        { key: "mock-401-states-3", label: "three" }, { key: "mock-402-states-4", label: "four", provider: "second" }, { key: "mock-good-states-5", label: "five", provider: "second" },
      ]);
      for (const key of (await stage.list()).keys.filter(({ label }) => ["three", "four"].includes(label))) await probe(key);
      const page = await open();
      const pool = page.locator("section").filter({ has: page.getByRole("heading", { name: "Keys in the pool" }) });
      const found = async (link, query, names) => {
        await pool.getByRole("link", { name: link, exact: true }).first().click();
        assert.equal(new URL(page.url()).hash, `#/keys?${query}`);
        for (const name of names) await page.row(name).waitFor();
        assert.equal(await page.locator(".keys tbody tr[role=row]").count(), names.length);
        await page.getByRole("link", { name: "Overview" }).click();
      };
      await found("2 Active", "state=active", ["one", "five"]);
      await found("1 Switched off", "state=disabled&reason=manual", ["two"]);
      await found("Key rejected", "state=disabled&reason=key_dead", ["three"]);
      await found("Out of credit", "state=disabled&reason=key_broke", ["four"]);
      const second = pool.getByRole("listitem").filter({ has: page.getByRole("link", { name: "second" }) });
      await second.waitFor();
      assert.deepEqual(await second.getByRole("link").evaluateAll((links) => links.map((link) => link.getAttribute("aria-label") ?? link.textContent)), ["second", "1 Active", "1 Disabled"]);
      await second.getByRole("link", { name: "1 Disabled" }).click();
      await page.row("four").waitFor();
      assert.equal(new URL(page.url()).hash, "#/keys?provider=second&state=disabled");
      await stage.worker.api("DELETE", "/providers/second?with_keys=true", undefined, 204);
      await page.checked();
    });

    test("what happens by itself counts down, soonest first", async () => {
      refuse("mock-401-next-1");
      const [one, two] = await stage.keys([{ key: "mock-401-next-1", label: MARKUP }, { key: "mock-good-next-2", label: "late" }]);
      await probe(one);
      await stage.worker.api("PATCH", `/keys/${two.id}`, { expires: Date.now() + 60.5 * 3_600_000 }, 200);
      const page = await open();
      const next = page.locator("section").filter({ has: page.getByRole("heading", { name: "Happens by itself" }) });
      await next.getByText("is probed · mock").waitFor();
      assert.deepEqual((await next.getByRole("link").allTextContents()), [MARKUP, "late"]);
      assert.match(await next.getByRole("listitem").nth(1).innerText(), /expires · mock\s+2d 12h/);
      const left = async () => (await next.getByRole("time").first().textContent()).split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
      const first = await left();
      await page.waitForFunction((was) => document.querySelector("[tabindex] time").textContent.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) < was, first);
      await next.getByRole("link", { name: "late" }).click();
      await page.getByRole("dialog").getByRole("heading", { name: "late" }).waitFor();
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await page.checked();
    });

    test("a chart tells the five with the most apart, and the others together", async () => {
      await stage.keys([{ key: "mock-good-charts-1" }]);
      // The chart tells of the last minute, in which all of them must be.
      const left = 60_000 - (Date.now() % 60_000);
      if (left < 15_000) await setTimeout(left);
      const times = { "m-1": 7, "m-2": 6, "m-3": 5, "m-4": 4, "m-5": 3, "m-6": 2, "m-7": 1 };
      for (const [model, n] of Object.entries(times)) for (let i = 0; i < n; i++) await chat(stage, model);
      await stage.worker.api("POST", "/flush", undefined, 200);
      const page = await open("#/overview?by=model");
      const chart = (name) => page.getByRole("slider", { name });
      const said = (name) => chart(name).getAttribute("aria-valuetext");
      await chart("Requests").waitFor();
      assert.equal(await said("Requests"), "60 min, m-1 7, m-2 6, m-3 5, m-4 4, m-5 3, The others 3");
      await page.getByRole("button", { name: "Latency", exact: true }).click();
      await chart("Latency").waitFor();
      assert.match(await said("Latency"), /^\S+ [AP]M(, m-\d p95 [\d.]+m?s){5}$/, "times do not add up");
      await page.getByRole("button", { name: "24 hours" }).click();
      await page.getByRole("button", { name: "Failures" }).click();
      await page.locator("[aria-valuemax='23'][aria-valuetext='24 hours, The others 0']").waitFor();
      await page.getByRole("button", { name: "All", exact: true }).click();
      await page.locator("[aria-valuetext='24 hours, Failed 0']").waitFor();
      await page.getByRole("group", { name: "Group by" }).getByRole("button", { name: "Provider" }).click();
      await page.getByRole("button", { name: "Requests", exact: true }).click();
      await page.locator("[aria-valuetext='24 hours, mock 28']").waitFor();
      await page.checked();
    });

    test("nobody is asked while the page is hidden, and at once when it is seen again", async () => {
      const page = await stage.open("#/none");
      await page.clock.install();
      await page.reload();
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      await page.getByText(/^As of/).waitFor();
      const asked = [];
      page.on("request", (request) => request.url().includes("/admin/api/") && asked.push(request.url()));
      const hide = (hidden) => page.evaluate((hidden) => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event("visibilitychange"));
      }, hidden);
      await page.clock.runFor(11_000);
      await page.waitForTimeout(200);
      if (storage === "kv") {
        assert.deepEqual(asked, [], "of KV's lists there are a thousand a day");
        await page.clock.runFor(50_000);
        await page.waitForTimeout(200);
      }
      assert.ok(asked.some((url) => url.includes("/overview")) && asked.some((url) => url.includes("/stats/series")), "it asks again");
      await hide(true);
      asked.length = 0;
      const seen = await page.getByText(/^As of/).textContent();
      await page.clock.runFor(120_000);
      await page.waitForTimeout(1100); // the server's clock goes on
      assert.deepEqual(asked, []);
      assert.equal(await page.getByText(/^As of/).textContent(), seen, "it claims to know what it does not");
      await hide(false);
      await page.getByText(seen, { exact: true }).waitFor({ state: "detached" });
      assert.ok(asked.some((url) => url.includes("/overview")));
      await page.checked();
    });

    test("when one of its answers fails the others stay, the time is that of the oldest, and one click asks again", async () => {
      await stage.keys([{ key: "mock-good-fails-1", label: "fine" }]);
      const page = await open();
      await page.getByText("All is well.").waitFor();
      await page.getByRole("slider").waitFor();
      const seen = await page.getByText(/^As of/).textContent();
      await page.route("**/admin/api/overview", broken);
      await page.waitForTimeout(1100);
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByRole("alert").getByText("This could not be loaded. The storage did not answer. The storage is resting").waitFor();
      await page.getByText("All is well.").waitFor();
      await page.getByRole("slider").waitFor();
      assert.equal(await page.getByText(/^As of/).textContent(), seen);
      await page.unroute("**/admin/api/overview");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      assert.notEqual(await page.getByText(/^As of/).textContent(), seen);
      await page.checked();
    });

    test("offline is said, and mends itself", async () => {
      const page = await open();
      await page.getByText("All is well.").waitFor();
      await page.context().setOffline(true);
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByRole("alert").getByText("The server could not be reached.").waitFor();
      await page.context().setOffline(false);
      await page.getByText("The server could not be reached.").waitFor({ state: "detached" });
      await page.checked();
    });

    test("an ended session asks for the password, and the screen goes on where it was", async () => {
      const page = await open("#/overview?by=key&range=30d");
      await page.locator("[aria-valuemax='29']").waitFor();
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor();
      await page.signIn();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor({ state: "detached" });
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      assert.equal(new URL(page.url()).hash, "#/overview?by=key&range=30d");
      await page.locator("[aria-valuemax='29']").waitFor();
      await page.checked();
    });
  });
}

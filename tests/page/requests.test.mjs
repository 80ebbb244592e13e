// The request log on the page: switched on by one click, filtered, opened, and read on, once on D1 and once on KV.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><b>bold</b>`;
const broken = (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "D1 is resting", type: "server_error", param: null, code: "storage_failed" } }) });

for (const storage of storages) {
  describe(`requests, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage, vars: { KEYPOOL_FLUSH_INTERVAL_MS: "86400000" } })));
    after(() => stage?.close());

    const set = (settings) => stage.worker.api("PATCH", "/settings", settings, 200);
    const flush = () => stage.worker.api("POST", "/flush", undefined, 200);
    const call = async (order = {}) => {
      const body = JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }], ...order });
      const answer = await stage.worker.fetch("/v1/chat/completions", { method: "POST", headers: { "content-type": "application/json" }, body });
      await answer.text();
      return answer.status;
    };
    const rows = (page) => page.locator(".log tbody tr");

    test("the log is off at first: the page says what it would keep, and one click switches it on", async () => {
      await stage.keys([{ key: "mock-good-req-first", label: "first" }]);
      const page = await stage.open("#/requests");
      await page.getByRole("heading", { name: "The request log is off" }).waitFor();
      await page.getByText("no prompts, answers or keys", { exact: false }).waitFor();
      await page.getByText("About 10,000 calls, for 7 days.", { exact: false }).waitFor();
      await page.route("**/admin/api/settings", broken);
      await page.getByRole("button", { name: "Switch it on" }).click();
      await page.getByRole("alert").getByText("D1 is resting").waitFor();
      await page.unroute("**/admin/api/settings");
      await page.getByRole("button", { name: "Switch it on" }).click();
      await page.said("Saved.");
      await page.getByText("Nothing yet. Calls from now on appear here.").waitFor();
      assert.equal((await stage.worker.api("GET", "/settings", undefined, 200)).body.settings.request_log, "meta");
      await call();
      await page.getByRole("button", { name: "Refresh" }).click();
      await rows(page).filter({ hasText: "gpt-4o-mini" }).waitFor();
      await page.checked();
    });

    test("an opened request shows its attempts on one axis of time, its tokens, its cost and what was logged, as text", async () => {
      await set({ request_log: "bodies" });
      await stage.worker.api("PUT", "/prices", { provider: "mock", model: "gpt-4o*", input: 1_000_000, output: 2_000_000 }, 200);
      stage.upstream.script("mock-good-req-400", { status: 400, body: { error: { message: `no ${MARKUP}`, type: "invalid_request_error", code: null } } });
      await stage.keys([{ key: "mock-good-req-400" }]);
      await call({ model: "refused", user: MARKUP });
      await stage.keys([{ key: "mock-401-req-bad", label: MARKUP, weight: 100 }, { key: "mock-good-req-well", label: "well", weight: 5 }]);
      // Until it begins with the bad one.
      for (let i = 0, begin; begin === undefined || !stage.upstream.ledger.slice(begin).some(({ key }) => key.endsWith("bad")); i++) {
        assert.ok(i < 30); // another conversation each time
        await stage.worker.api("POST", "/keys/bulk", { filter: {}, action: "reset" }, 200);
        begin = stage.upstream.ledger.length;
        assert.equal(await call({ model: "gpt-4o-tried", stream: true, prompt_cache_key: `tried ${i}`, user: `tried ${i}` }), 200);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      await flush();
      const page = await stage.open("#/requests?model=gpt-4o-tried");
      await rows(page).getByRole("link").first().click();
      const dialog = page.getByRole("dialog", { name: "POST chat/completions" });
      const attempts = dialog.getByRole("list", { name: "Attempts" }).getByRole("listitem");
      await attempts.first().waitFor();
      const [first, last] = [attempts.first(), attempts.last()];
      assert.equal(await attempts.count(), 2);
      await first.getByText("401 · Key rejected").waitFor();
      await first.getByText(MARKUP, { exact: true }).waitFor();
      await last.getByText("200", { exact: true }).waitFor();
      await last.getByText("well", { exact: true }).waitFor();
      // The second begins where the first has ended, and the answer reaches to the end of the axis.
      const boxOf = (bar) => bar.evaluate((element) => ({ left: element.getBoundingClientRect().left, right: element.getBoundingClientRect().right }));
      const [bad, answer, track] = [await boxOf(first.locator(".track .bad")), await boxOf(last.locator(".track .answer")), await boxOf(last.locator(".track"))];
      assert.ok(bad.left >= track.left && bad.right <= (await boxOf(last.locator(".track .good"))).left + 2, JSON.stringify({ bad, answer }));
      assert.ok(Math.abs(answer.right - track.right) < 2, JSON.stringify({ answer, track }));
      await last.getByText(/^\d+ms from \d+ms/).waitFor();
      await dialog.getByText(/^first byte after \d/).waitFor();
      await dialog.getByText(/^\d+ in, \d+ out/).waitFor();
      await dialog.getByText(/^\$0\.0000\d/).waitFor();
      await dialog.getByText("application/json").first().waitFor();
      await dialog.getByLabel("What the client sent").getByText(`"user": "tried`, { exact: false }).waitFor();
      await dialog.getByLabel("What the client got").getByText("data: [DONE]", { exact: false }).waitFor();
      await dialog.getByRole("button", { name: "Close" }).click();

      await page.goto("/admin/#/requests?model=refused");
      await rows(page).getByRole("link").first().click();
      await dialog.getByLabel("What the client sent").getByText("<img src=x onerror=", { exact: false }).waitFor();
      await dialog.getByLabel("What the client got").getByText("<img src=x onerror=", { exact: false }).waitFor();
      assert.equal(await page.evaluate(() => document.querySelectorAll("#app img:not(.mark), #app .content b").length), 0);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await page.checked();
    });

    test("filters by status, provider, client, model, key and id stay in the address, and older calls are loaded by hand", async () => {
      await set({ request_log: "meta" });
      const [{ id }] = await stage.keys([{ key: "mock-good-req-many", label: "many" }]);
      stage.upstream.script("mock-good-req-many", (c) => (c.body.includes("wrong") ? { status: 422, body: "{}" } : {}));
      for (let i = 0; i < 60; i += 10) await Promise.all(Array.from({ length: 10 }, (_, n) => call({ model: n === 3 ? "wrong" : "right" })));
      await flush();
      const page = await stage.open(`#/requests?key=${id}`);
      await rows(page).nth(49).waitFor();
      assert.equal(await rows(page).count(), 50);
      const newest = await rows(page).first().getByRole("link").getAttribute("href");
      await page.getByRole("button", { name: "Load more" }).click();
      await rows(page).nth(59).waitFor();
      assert.equal(await rows(page).count(), 60);
      assert.equal(await rows(page).first().getByRole("link").getAttribute("href"), newest);
      assert.equal(await page.getByRole("button", { name: "Load more" }).count(), 0);
      // What comes is put on top, and what was loaded stays.
      await call({ model: "late" });
      await page.getByRole("button", { name: "Refresh" }).click();
      await rows(page).filter({ hasText: "late" }).waitFor();
      assert.equal(await rows(page).count(), 61);

      await page.getByRole("button", { name: "4xx" }).click();
      await rows(page).filter({ hasText: "right" }).first().waitFor({ state: "detached" });
      await rows(page).nth(5).waitFor();
      assert.equal(await rows(page).count(), 6);
      await page.reload();
      await rows(page).nth(5).waitFor();
      await page.getByLabel("Model").selectOption("wrong");
      await page.getByLabel("Key", { exact: true }).selectOption({ label: "many" });
      await page.getByLabel("Provider").selectOption("mock");
      await page.getByLabel("Client key").selectOption("PROXY_API_KEY");
      await rows(page).nth(5).waitFor();
      assert.match(page.url(), /(?=.*status=4xx)(?=.*client=env)(?=.*provider=mock)(?=.*model=wrong)/);
      await page.getByLabel("Client key").selectOption("This page");
      await page.getByText("Nothing fits this filter so far.").waitFor();
      await page.getByRole("button", { name: "Clear the filter" }).click();
      await rows(page).filter({ hasText: "late" }).waitFor();
      await page.checked();
    });

    test("a log that cannot be read says so, keeps its rows, and one click tries again; offline and after a new login, too", async () => {
      const page = await stage.open("#/requests");
      await rows(page).first().waitFor();
      const n = await rows(page).count();
      await page.route("**/admin/api/requests?*", broken);
      await page.getByRole("button", { name: "Load more" }).click();
      await page.getByRole("alert").getByText("D1 is resting").waitFor();
      assert.equal(await rows(page).count(), n);
      await page.unroute("**/admin/api/requests?*");
      await page.getByRole("button", { name: "Try again" }).click();
      await rows(page).nth(n).waitFor();
      await page.context().setOffline(true);
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByText("The server could not be reached.", { exact: false }).waitFor();
      await page.context().setOffline(false); // which the page hears
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      await page.context().clearCookies();
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor();
      await page.signIn();
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      const links = await rows(page).getByRole("rowheader").getByRole("link").evaluateAll((all) => all.map(({ href }) => href));
      assert.ok(links.length > n);
      assert.equal(new Set(links).size, links.length, "an entry is there twice");
      await page.checked();
    });
  });
}

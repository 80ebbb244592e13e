// The first run, by the hand: from the login to a program's first answer, once on D1 and once on KV.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { password, storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const broken = (route) => (route.request().method() === "GET" ? route.fallback() : route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "D1 is resting", type: "server_error", param: null, code: "storage_failed" } }) }));

for (const storage of storages) {
  describe(`first run, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage, bare: true, secrets: { PROXY_API_KEY: null } })));
    after(() => stage?.close());

    const guide = (page) => page.getByRole("region", { name: "Five steps and it works" });
    const step = (page) => guide(page).locator("[aria-current=step] h3").textContent();
    const stands = async (page, name) => page.locator("[aria-current=step] h3").getByText(name, { exact: true }).waitFor();
    const empty = async () => {
      await stage.keys([]).catch(() => {}); // of no provider there are none
      const { body } = await stage.worker.api("GET", "/clients", undefined, 200);
      for (const { id } of body.clients) await stage.worker.api("DELETE", `/clients/${id}`, undefined, 204);
      for (const { name } of (await stage.worker.api("GET", "/providers", undefined, 200)).body.providers) await stage.worker.api("DELETE", `/providers/${name}?with_keys=true`, undefined, 204);
    };

    test("the keyboard alone leads from the login to a copied snippet, and the client key in it gets an answer", async () => {
      const page = await stage.open("", { out: true });
      const { keyboard } = page;
      const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.getAttribute("aria-label"));
      const tabTo = async (name) => {
        for (let i = 0; (await focused()) !== name; i++) {
          assert.ok(i < 40, `Tab never came to ${name}`);
          await keyboard.press("Tab");
        }
      };
      await page.getByLabel("Admin password").waitFor();
      await keyboard.type(password);
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "Five steps and it works" }).waitFor();

      await stands(page, "Whose keys are they?");
      await page.waitForFunction(() => document.activeElement.tagName === "SELECT");
      await keyboard.press("End"); // another one, by its address
      await page.getByLabel("Base URL").waitFor();
      await keyboard.press("Tab");
      await keyboard.type(stage.upstream.url);
      await keyboard.press("Enter");

      await stands(page, "Paste your keys");
      await page.waitForFunction(() => document.activeElement.tagName === "TEXTAREA");
      await keyboard.type("mock-good-keyboard-1\nmock-401-keyboard-2");
      await page.getByText("2 new").waitFor();
      await keyboard.press("Control+Enter");

      await stands(page, "See that they work");
      await page.waitForFunction(() => document.activeElement.textContent.includes("Test 2 keys"));
      await keyboard.press("Enter");

      await stands(page, "Make a client key");
      await page.waitForFunction(() => document.activeElement.tagName === "INPUT");
      await keyboard.type("laptop");
      await keyboard.press("Enter");

      await stands(page, "Point your program here");
      await page.waitForFunction(() => document.activeElement.textContent.includes("Copy key"));
      await keyboard.press("Enter");
      await page.getByRole("button", { name: "Copied" }).waitFor();
      const key = await page.evaluate(() => navigator.clipboard.readText());
      assert.match(key, /^kp-/);
      await tabTo("Node.js");
      await keyboard.press("Enter");
      await tabTo("Copy snippet");
      await keyboard.press("Enter");
      await page.waitForFunction(async () => (await navigator.clipboard.readText()).includes("baseURL"));
      const snippet = await page.evaluate(() => navigator.clipboard.readText());
      const [, baseURL] = /baseURL: "(.+)"/.exec(snippet);
      const [, apiKey] = /apiKey: "(.+)"/.exec(snippet);
      assert.deepEqual([baseURL, apiKey], [`${stage.worker.url}/v1`, key]);
      const answer = await new OpenAI({ baseURL, apiKey }).chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content: "Hello" }] });
      assert.ok(answer.choices[0].message.content);

      await tabTo("Refresh");
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "It works" }).waitFor();
      await page.getByRole("button", { name: "Close" }).first().focus();
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "It works" }).waitFor({ state: "detached" });
      await page.reload();
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(500);
      assert.equal(await guide(page).count(), 0);
      await page.checked();
    });

    test("it goes on after a reload where it was, on the overview as on the keys, and can be hidden for good", async () => {
      await empty();
      const page = await stage.open("#/keys");
      await stands(page, "Whose keys are they?");
      await page.getByLabel("Provider").selectOption("guess");
      await page.getByRole("button", { name: "Go on" }).click();
      await stands(page, "Paste your keys");
      await stage.worker.api("POST", "/providers", { name: "own", base_url: stage.upstream.url }, 201);
      await page.reload();
      await stands(page, "Paste your keys");
      await stage.worker.api("POST", "/keys", { text: "mock-good-reload-1", provider: "own" }, 201);
      await page.reload();
      await stands(page, "See that they work");
      await page.getByRole("link", { name: "Overview" }).click();
      await stands(page, "See that they work");
      await guide(page).getByRole("button", { name: "Test 1 key" }).click();
      await stands(page, "Make a client key");
      await page.reload();
      await stands(page, "Make a client key");
      await guide(page).getByLabel("Label").fill("here");
      await guide(page).getByRole("button", { name: "Create" }).click();
      await stands(page, "Point your program here");
      const key = await guide(page).locator(".secret code").textContent();
      // A client key cannot be shown again.
      await page.reload();
      await stands(page, "Point your program here");
      assert.ok(!(await page.content()).includes(key));
      await guide(page).getByText("A client key is shown only once.", { exact: false }).waitFor();
      await guide(page).getByText("kp-your-client-key", { exact: false }).waitFor();
      await guide(page).getByRole("button", { name: "Hide" }).click();
      await guide(page).waitFor({ state: "detached" });
      await page.reload();
      await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      await page.waitForTimeout(500);
      assert.equal(await guide(page).count(), 0);
      await page.checked();
    });

    test("what the server refuses is said at its step, what was typed stays, and one click tries again", async () => {
      await empty();
      const page = await stage.open();
      await page.getByLabel("Provider").selectOption("other");
      await page.getByLabel("Base URL").fill(stage.upstream.url);
      await page.route("**/admin/api/**", broken);
      const again = async (button, kept, typed) => {
        await guide(page).getByRole("button", { name: button }).click();
        await guide(page).getByRole("alert").getByText("D1 is resting").waitFor();
        if (kept) assert.equal(await kept.inputValue(), typed);
        await page.unrouteAll({ behavior: "wait" });
        await guide(page).getByRole("button", { name: button }).click();
      };
      await again("Go on", page.getByLabel("Base URL"), stage.upstream.url);
      await stands(page, "Paste your keys");
      await page.getByLabel("Paste keys").fill("mock-401-refused-1");
      await page.getByText("1 new").waitFor();
      await page.route("**/admin/api/keys", broken);
      await again("Add 1 key", page.getByLabel("Paste keys"), "mock-401-refused-1");
      // A key that does not work is told with its reason; other keys may be added, or the reader goes on.
      await stands(page, "See that they work");
      await page.route("**/admin/api/keys/*/test", broken);
      await again("Test 1 key");
      await guide(page).getByText("401 · Key rejected").waitFor();
      assert.equal(await step(page), "See that they work");
      await guide(page).getByRole("link", { name: "Add keys" }).waitFor();
      await guide(page).getByRole("button", { name: "Go on anyway" }).click();
      await stands(page, "Make a client key");
      await guide(page).getByLabel("Label").fill("mine");
      await page.context().setOffline(true);
      await guide(page).getByRole("button", { name: "Create" }).click();
      await guide(page).getByRole("alert").getByText("The server could not be reached.", { exact: false }).waitFor();
      assert.equal(await guide(page).getByLabel("Label").inputValue(), "mine");
      await page.context().setOffline(false);
      await guide(page).getByRole("button", { name: "Create" }).click();
      await stands(page, "Point your program here");
      await page.checked();
    });
  });
}

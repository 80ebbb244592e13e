// Prices and settings, set on the page against the real Worker.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

for (const storage of storages) {
  describe(`Prices and settings, on ${storage}`, () => {
    let stage;
    const api = async (path) => (await stage.worker.api("GET", path, undefined, 200)).body;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    test("a price is typed in dollars and sent in micro-dollars, replaced, and deleted after a question", async () => {
      const page = await stage.open("#/prices");
      await page.getByRole("link", { name: "Set a price" }).click();
      const dialog = page.getByRole("dialog");
      const fill = async (texts) => {
        for (const [label, text] of Object.entries(texts)) await dialog.getByLabel(label, { exact: true }).fill(text);
      };
      await fill({ Model: "a b", Input: "0.15", Output: "1.1" });
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await dialog.getByText("model is a name of at most 200 letters without spaces").waitFor();
      assert.equal(await dialog.getByLabel("Model").inputValue(), "a b");
      await fill({ Model: "night-*" });
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("night-* added.");
      const row = page.getByRole("row").filter({ hasText: "night-*" });
      await row.getByText("Own").waitFor();
      assert.deepEqual((await api("/prices")).prices, [{ provider: "*", model: "night-*", input: 150_000, cached_input: 150_000, output: 1_100_000 }]);
      for (const text of ["$0.15", "$1.10"]) await row.getByText(text).first().waitFor();

      await row.getByRole("link", { name: "Edit night-*" }).click();
      assert.equal(await dialog.getByLabel("Input", { exact: true }).inputValue(), "0.15");
      await fill({ "Cached input": "0.000001" });
      await dialog.getByRole("button", { name: "Save" }).click();
      await row.getByText("$0.000001").waitFor();
      assert.equal((await api("/prices")).prices[0].cached_input, 1);

      await row.getByRole("button", { name: "Delete night-*" }).click();
      await dialog.getByRole("button", { name: "Delete" }).click();
      await page.said("night-* deleted.");
      await row.waitFor({ state: "detached" });
      assert.deepEqual((await api("/prices")).prices, []);
      await page.checked();
    });

    test("the shipped prices are found, and one of them becomes one's own", async () => {
      const { shipped } = await api("/prices");
      const page = await stage.open("#/prices");
      await page.getByText(`shipped list of ${shipped.date}`).waitFor();
      const rows = page.locator("tbody tr");
      assert.equal(await rows.count(), shipped.prices.length);
      const [{ provider, model }] = shipped.prices;
      await page.getByRole("searchbox").fill(`${provider}/${model}`);
      const found = shipped.prices.filter((price) => `${price.provider}/${price.model}`.includes(`${provider}/${model}`));
      await page.locator(`tbody:not(:has(tr:nth-child(${found.length + 1})))`).waitFor();
      await page.getByRole("link", { name: `Edit ${model}`, exact: true }).click();
      await page.getByRole("dialog").getByLabel("Output", { exact: true }).fill("7");
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
      await rows.filter({ hasText: "Own" }).getByText("$7.00").waitFor();
      const { prices } = await api("/prices");
      assert.deepEqual(prices.map((price) => [price.provider, price.model, price.output]), [[provider, model, 7_000_000]]);
      await page.checked();
    });

    test("settings are stored together, shown in seconds, and returned to the default", async () => {
      const page = await stage.open("#/settings");
      const label = (name) => page.getByLabel(name, { exact: true });
      assert.equal(await label("Tries of a request").getAttribute("placeholder"), "5");
      assert.equal(await label("No new try after").getAttribute("placeholder"), "30");
      await label("Tries of a request").fill("7");
      await label("No new try after").fill("12.5");
      await label("Time zone of a day").fill("Asia/Shanghai");
      await label("Log level").selectOption("warn");
      await label("Request log").selectOption("meta");
      await page.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const stored = { max_attempts: 7, failover_deadline_ms: 12_500, time_zone: "Asia/Shanghai", log_level: "warn", request_log: "meta" };
      assert.deepEqual((await api("/settings")).settings, { ...(await defaultProvider()), ...stored });
      await page.reload();
      assert.equal(await label("No new try after").inputValue(), "12.5");
      for (const name of ["Tries of a request", "No new try after", "Time zone of a day"]) await label(name).fill("");
      for (const name of ["Log level", "Request log"]) await label(name).selectOption("");
      await page.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      assert.deepEqual((await api("/settings")).settings, await defaultProvider());
      assert.equal(await label("Tries of a request").getAttribute("placeholder"), "5");
      await page.checked();
    });

    test("a setting that cannot be is refused with its reason, nothing is stored, and what was typed stays", async () => {
      const page = await stage.open("#/settings");
      await page.getByLabel("Tries of a request").fill("9");
      await page.getByLabel("Time zone of a day").fill("Mars/Olympus");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("alert").getByText("time_zone").waitFor();
      assert.deepEqual((await api("/settings")).settings, await defaultProvider());
      assert.equal(await page.getByLabel("Time zone of a day").inputValue(), "Mars/Olympus");
      assert.equal(await page.getByLabel("Tries of a request").inputValue(), "9");
      await page.getByRole("button", { name: "Cancel" }).click();
      assert.equal(await page.getByLabel("Tries of a request").inputValue(), "");
      assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
      await page.checked();
    });

    test("a client key has a request log of its own", async () => {
      const { body: client } = await stage.worker.api("POST", "/clients", { label: "logged" }, 201);
      const page = await stage.open(`#/clients/${client.id}`);
      await page.getByText("Answers and log").click();
      await page.getByRole("dialog").getByLabel("Request log").selectOption("bodies");
      await page.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const { clients } = await api("/clients");
      assert.equal(clients.find(({ id }) => id === client.id).log, "bodies");
      await page.checked();
    });

    /** The provider screen's own. */
    const defaultProvider = async () => {
      const { default_provider } = (await api("/settings")).settings;
      return default_provider === undefined ? {} : { default_provider };
    };
  });
}

// How requests find their way, set on the page against the real Worker: providers, models, rules.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

for (const storage of storages) {
  describe(`Providers, models and rules, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());
    const asked = (page, path) => page.evaluate((url) => fetch(url).then((response) => response.json()), `/admin/api${path}`);
    const provider = async (page, name) => (await asked(page, "/providers")).providers.find((candidate) => candidate.name === name);

    test("a provider's place among others, its models, headers and layout are set and changed", async () => {
      const page = await stage.open("#/providers/new");
      const dialog = page.getByRole("dialog");
      const fill = async (texts) => {
        for (const [label, text] of Object.entries(texts)) await dialog.getByLabel(label, { exact: true }).fill(text);
      };
      await fill({ Name: "blue", "Base URL": stage.upstream.url, Priority: "7", Weight: "30", Models: "gpt-4*\nblue-1" });
      await dialog.getByLabel("Key is sent as").selectOption("query");
      await dialog.getByLabel("Paths").selectOption("azure");
      await fill({ "api-version": "2024-10-21" });
      await dialog.getByText("Extra headers").click();
      await fill({ Headers: "x-team: the-blue-team-of-ours\nx-cost: 12" });
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("blue added.");
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "blue" }) });
      for (const text of ["priority 7, weight 30", "2 typed", "Azure deployments", "2024-10-21"]) await row.getByText(text).waitFor();
      const stored = await provider(page, "blue");
      assert.deepEqual([stored.priority, stored.weight, stored.models, stored.auth, stored.layout, stored.api_version], [7, 30, ["gpt-4*", "blue-1"], "query", "azure", "2024-10-21"]);
      assert.deepEqual(Object.keys(stored.headers).sort(), ["x-cost", "x-team"]);

      await page.getByRole("link", { name: "Edit blue" }).click();
      const shown = await dialog.getByLabel("Headers", { exact: true }).inputValue();
      assert.doesNotMatch(shown, /the-blue-team-of-ours/, "a header's value is shown masked");
      await fill({ Headers: `${shown.split("\n").find((line) => line.startsWith("x-team"))}\nx-new: 1`, Models: "", Priority: "0" });
      await dialog.getByLabel("Paths").selectOption("openai");
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const changed = await provider(page, "blue");
      assert.deepEqual([changed.priority, changed.weight, changed.models, changed.layout], [0, 30, [], "openai"]);
      assert.deepEqual(Object.keys(changed.headers).sort(), ["x-new", "x-team"]);
      assert.equal(changed.headers["x-team"], stored.headers["x-team"], "a line that was left alone keeps its value");
      await page.checked();
    });

    test("what stands in a preset's braces must be filled in before it is added", async () => {
      const page = await stage.open("#/providers/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Preset").selectOption("azure");
      const url = dialog.getByLabel("Base URL");
      await dialog.getByText("Replace what stands in braces.").waitFor();
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      assert.ok(await url.evaluate((input) => !input.validity.valid));
      await url.fill("https://ours.openai.azure.com");
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("azure added.");
      assert.equal((await provider(page, "azure")).layout, "azure");
      await page.checked();
    });

    test("a provider's list of models is fetched when somebody asks, and a failure says why", async () => {
      await stage.keys([{ key: "mock-good-lister" }]);
      const page = await stage.open("#/providers");
      await page.getByRole("button", { name: "Ask mock for its models now" }).click();
      await page.said(/mock lists \d+ models?\./);
      await page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "mock" }) }).getByText(/^\d+ models?$/).waitFor();
      await page.checked();
    });

    test("an alias with two fallbacks is added, changed and deleted after a question", async () => {
      const aliases = async () => (await asked(page, "/models")).aliases.filter(({ name }) => name === "quick");
      const page = await stage.open("#/models");
      await page.getByRole("link", { name: "Add alias" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Name").fill("quick");
      await dialog.getByLabel("Model", { exact: true }).fill("mock/gpt-4o-mini");
      await dialog.getByLabel("Then").fill("mock/gpt-4o\nmock/*");
      await dialog.getByLabel("the provider refuses").check();
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("quick added.");
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "quick" }) });
      await row.getByText("no key is left, the model is not there, or the provider refuses").waitFor();
      assert.deepEqual(await aliases(), [{ name: "quick", target: "mock/gpt-4o-mini", fallbacks: ["mock/gpt-4o", "mock/*"], economy: null, fallback_on: ["exhausted", "not_found", "refused"] }]);

      await row.getByRole("link", { name: "Edit quick" }).click();
      assert.ok(await dialog.getByLabel("Name").evaluate((input) => input.readOnly));
      await dialog.getByLabel("Economy model").fill("gpt-4o-mini");
      await dialog.getByLabel("the provider refuses").uncheck();
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      assert.deepEqual((await aliases())[0], { name: "quick", target: "mock/gpt-4o-mini", fallbacks: ["mock/gpt-4o", "mock/*"], economy: "gpt-4o-mini", fallback_on: ["exhausted", "not_found"] });

      await row.getByRole("button", { name: "Delete quick" }).click();
      await dialog.getByText("Requests for quick go to a model of that very name, or fail.").waitFor();
      await dialog.getByRole("button", { name: "Delete", exact: true }).click();
      await page.said("quick deleted.");
      assert.deepEqual(await aliases(), []);
      await page.checked();
    });

    test("the merged list of models is searched, and names who has them", async () => {
      const page = await stage.open("#/models");
      await page.getByRole("heading", { name: /\d+ models? in all/ }).waitFor();
      const search = page.getByRole("searchbox");
      await search.fill("gpt-4o-mini");
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "gpt-4o-mini", exact: true }) });
      await row.getByRole("link", { name: "mock" }).click();
      await page.getByRole("dialog").getByRole("heading", { name: "Edit mock" }).waitFor();
      await page.checked();
    });

    test("a rule is tried before it is added, changed, and deleted", async () => {
      const own = async () => (await asked(page, "/rules")).rules.filter(({ shipped }) => !shipped);
      const page = await stage.open("#/rules/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Action").selectOption("rename");
      await dialog.getByLabel("Parameter").fill("max_tokens");
      await dialog.getByLabel("New name").fill("max_output_tokens");
      await dialog.getByLabel("Provider", { exact: true }).fill("mock");
      await dialog.getByLabel("Why").fill("It knows only this name.");
      await dialog.locator("del").getByText('"max_tokens"').waitFor();
      await dialog.locator("ins").getByText('"max_output_tokens"').waitFor();
      assert.deepEqual(await own(), [], "a dry run stored something");
      await dialog.getByRole("button", { name: "Add", exact: true }).click();
      await page.said("Rename max_tokens (mock / *) added.");
      const [rule] = await own();
      assert.deepEqual([rule.provider, rule.model, rule.action, rule.name, rule.to, rule.enabled], ["mock", "*", "rename", "max_tokens", "max_output_tokens", true]);

      await page.getByRole("link", { name: "Edit Rename max_tokens (mock / *)" }).click();
      await dialog.getByLabel("Action").selectOption("force");
      await dialog.getByLabel("Value").fill("64");
      await dialog.locator("ins").getByText("64").waitFor();
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const [changed] = await own();
      assert.deepEqual([changed.action, changed.value, changed.to], ["force", 64, null]);

      await page.getByRole("button", { name: "Delete Force max_tokens (mock / *)" }).click();
      await dialog.getByRole("button", { name: "Delete", exact: true }).click();
      await page.said("Force max_tokens (mock / *) deleted.");
      assert.deepEqual(await own(), []);
      await page.checked();
    });

    test("a shipped rule can be switched off and on, but neither edited nor deleted", async () => {
      const page = await stage.open("#/rules");
      const row = page.getByRole("row").filter({ hasText: "Shipped" }).filter({ hasText: "Active" }).first();
      const name = (await row.getByRole("button", { name: /^Disable / }).getAttribute("aria-label")).slice("Disable ".length);
      assert.equal(await row.getByRole("button", { name: /^Delete/ }).count() + (await row.getByRole("link", { name: /^Edit/ }).count()), 0);
      await row.getByRole("button", { name: `Disable ${name}` }).click();
      await page.said(`${name} is disabled.`);
      await page.getByRole("button", { name: `Enable ${name}` }).first().click();
      await page.said(`${name} is enabled.`);
      await page.checked();
    });

    test("all rules are tried on a body, and a body without a reason to change goes out untouched", async () => {
      const page = await stage.open("#/rules");
      await page.getByText("Dry run").click();
      const trial = page.getByRole("region", { name: "Dry run" });
      await trial.getByLabel("To provider").selectOption("mock");
      await trial.getByLabel("Request body").fill('{"model": "m", "messages": []}');
      await trial.getByText("No rule applies: it goes out untouched.").waitFor();
      await page.checked();
    });

    test("a client key's limits are typed, the preset fills in two, and all are changed and taken away", async () => {
      const stored = async (label) => (await asked(page, "/clients")).clients.find((client) => client.label === label);
      const page = await stage.open("#/clients/new");
      const dialog = page.getByRole("dialog");
      const fill = async (texts) => {
        for (const [label, text] of Object.entries(texts)) await dialog.getByLabel(label, { exact: true }).fill(text);
      };
      await fill({ Label: "intern", Expires: "2030-01-02T03:04" });
      for (const right of ["Choose the pace by x-keypool-pace", "Ask for cached answers by x-keypool-cache"]) await dialog.getByLabel(right).check();
      await dialog.getByText("Limits and budgets").click();
      await dialog.getByLabel("Preset").selectOption("100 in 15 min");
      assert.equal(await dialog.getByLabel("in so many seconds").inputValue(), "900");
      await fill({ "Requests/min": "20", "Tokens/min": "5000", "Tokens a day": "100000", "Tokens a month": "2000000", "Dollars a day": "1.5", "Dollars a month": "20" });
      await dialog.getByText("What it may use, and from where").click();
      await fill({ Models: "gpt-4*\no3", Providers: "mock", "IP addresses": "10.0.0.0/8\n2001:db8::/32" });
      await dialog.getByText("Answers and log").click();
      await dialog.getByLabel("Pace of streams").selectOption("character");
      await fill({ "Keep answers for": "60" });
      await dialog.getByRole("button", { name: "Create" }).click();
      await dialog.getByRole("button", { name: "I have stored it" }).click();
      const made = await stored("intern");
      assert.deepEqual(
        [made.rpm, made.tpm, made.requests, made.window_s, made.day_tokens, made.month_tokens, made.day_micros, made.month_micros, made.pace, made.cache_s],
        [20, 5000, 100, 900, 100_000, 2_000_000, 1_500_000, 20_000_000, "character", 60],
      );
      assert.deepEqual([made.models, made.providers, made.ips], [["gpt-4*", "o3"], ["mock"], ["10.0.0.0/8", "2001:db8::/32"]]);
      assert.deepEqual(made.rights, ["see_attempts", "paced", "cache"]);
      assert.equal(made.expires, await page.evaluate(() => new Date("2030-01-02T03:04").getTime()));
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: "intern" }) });
      for (const text of ["100 requests in 15 minutes", "20 requests/min", "Models: gpt-4*, o3", /of \$1\.50 today/]) await row.getByText(text).waitFor();

      await page.getByRole("link", { name: "Edit intern" }).click();
      assert.equal(await dialog.getByLabel("Preset").inputValue(), "100 in 15 min");
      await dialog.getByLabel("Preset").selectOption("");
      await fill({ "Dollars a day": "", "Requests/min": "30", Expires: "" });
      await dialog.getByRole("button", { name: "Save" }).click();
      await page.said("Saved.");
      const changed = await stored("intern");
      assert.deepEqual([changed.rpm, changed.requests, changed.window_s, changed.day_micros, changed.expires, changed.month_micros], [30, null, null, null, null, 20_000_000]);
      await page.checked();
    });

    test("a limit that cannot be is refused where it stands, even when it is folded away", async () => {
      const page = await stage.open("#/clients/new");
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Label").fill("folded");
      await dialog.getByText("Limits and budgets").click();
      await dialog.getByLabel("Requests/min").fill("-3");
      await dialog.getByText("Limits and budgets").click();
      await dialog.getByRole("button", { name: "Create" }).click();
      await dialog.getByLabel("Requests/min").waitFor({ state: "visible" });
      assert.ok(await dialog.getByLabel("Requests/min").evaluate((input) => input.matches(":focus")));
      await page.checked();
    });
  });
}

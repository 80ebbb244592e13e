// What was counted, as the page shows it, against the real Worker.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { chat, startStage } from "./browser.mjs";

for (const storage of storages) {
  describe(`Usage, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    test("before the first request it says that nothing was counted", async () => {
      const page = await stage.open("#/overview?by=provider");
      for (const place of [page.locator(".card"), page.locator("main")]) await place.locator("> .empty").getByText("Nothing was counted yet.").waitFor();
      assert.equal(await tile(page, "Requests today"), "0");
      assert.equal(await tile(page, "Success today"), "–");
      await page.checked();
    });

    test("tiles, chart and table tell what the admin API counted", async () => {
      await stage.keys([{ key: "mock-good-usage-001", label: "first" }]);
      await stage.worker.api("PUT", "/prices", { model: "dear-*", input: 2_000_000_000, output: 4_000_000_000 }, 200);
      for (const model of ["dear-1", "dear-1", "<b>cheap</b>"]) await chat(stage, model);
      await stage.worker.api("POST", "/flush", undefined, 200);
      const { total, by } = (await stage.worker.api("GET", "/stats?by=model", undefined, 200)).body;
      assert.equal(total.rpd, 3);
      assert.ok(total.today.cost_micros > 0);

      const page = await stage.open("#/overview?by=model");
      const table = page.getByRole("table", { name: "Today" });
      await table.getByRole("button", { name: "<b>cheap</b>" }).waitFor();
      assert.equal(await tile(page, "Requests today"), "3");
      assert.equal(await tile(page, "Tokens today"), String(total.tpd));
      assert.equal(await tile(page, "Success today"), "100%");
      const dear = table.getByRole("row").filter({ hasText: "dear-1" });
      const { tokens, cost_micros } = by.find(({ name }) => name === "dear-1").today;
      const cells = await dear.getByRole("cell").allInnerTexts();
      assert.deepEqual(cells.slice(0, 3), ["2", "100%", String(tokens.prompt + tokens.completion)]);
      assert.equal(Number(cells[3].replace("$", "")), cost_micros / 1e6);
      await table.getByRole("row").filter({ hasText: "cheap" }).getByText("1 unpriced").waitFor();

      const chart = page.getByRole("slider", { name: "Requests" });
      assert.equal(await chart.getAttribute("aria-valuetext"), "60 min, dear-1 2, <b>cheap</b> 1");
      await dear.getByRole("button").click();
      await page.getByRole("heading", { name: "dear-1" }).waitFor();
      await page.locator("[aria-valuetext^='60 min, Succeeded 2,']").waitFor();
      await page.getByRole("button", { name: "Show all" }).click();
      await page.locator("[aria-valuetext^='60 min, dear-1 2,']").waitFor();
      await page.getByRole("button", { name: "All", exact: true }).click();
      await page.locator("[aria-valuetext^='60 min, Succeeded 3,']").waitFor();
      await table.waitFor({ state: "detached" });
      await page.checked();
    });

    test("arrow keys and the pointer go from point to point, and figure and range are kept in the address", async () => {
      const page = await stage.open("#/overview");
      await page.getByRole("button", { name: "30 days" }).click();
      await page.getByRole("button", { name: "Tokens", exact: true }).click();
      const chart = page.getByRole("slider", { name: "Tokens" });
      await page.locator("[role=slider][aria-valuemax='29']").waitFor();
      await chart.focus();
      for (const [key, at] of [["End", "29"], ["ArrowLeft", "28"], ["Home", "0"], ["ArrowLeft", "0"], ["ArrowRight", "1"]]) {
        await page.keyboard.press(key);
        assert.equal(await chart.getAttribute("aria-valuenow"), at, key);
      }
      assert.match(await chart.getAttribute("aria-valuetext"), /^\w+ \d+, Prompt tokens 0, Completion tokens 0$/);
      const box = await chart.boundingBox();
      await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2);
      assert.equal(await chart.getAttribute("aria-valuenow"), "29");
      await page.reload();
      await page.locator("[role=slider][aria-valuemax='29']").waitFor();
      await page.getByRole("slider", { name: "Tokens" }).waitFor();
      await page.checked();
    });

    test("keys and client keys go by their names", async () => {
      const page = await stage.open("#/overview?by=key");
      const table = page.getByRole("table", { name: "Today" });
      await table.getByRole("button", { name: "first" }).waitFor();
      await page.getByRole("group", { name: "Group by" }).getByRole("button", { name: "Client key" }).click();
      await table.getByRole("button", { name: "PROXY_API_KEY" }).waitFor();
      await page.checked();
    });

    test("the cost report is downloaded, and a refusal keeps what was chosen", async () => {
      const page = await stage.open("#/overview");
      await page.getByText("Cost report").click();
      const [from, to] = [page.getByLabel("From"), page.getByLabel("To", { exact: true })];
      await page.getByLabel("Rows by").selectOption("model");
      const today = await to.inputValue();
      await to.fill("2020-01-01");
      await page.getByRole("button", { name: "Download CSV" }).click();
      await page.getByText("from is no later than to.").waitFor();
      assert.equal(await to.inputValue(), "2020-01-01");
      await to.fill(today);
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download CSV" }).click()]);
      assert.equal(download.suggestedFilename(), `keypool-cost-${await from.inputValue()}-${today}-by-model.csv`);
      const text = readFileSync(await download.path(), "utf8");
      assert.match(text, /^model,label,requests,/);
      assert.match(text, /\r\ndear-1,,2,/);
      await page.getByText("from is no later than to.").waitFor({ state: "detached" });
      await page.checked();
    });

    test("when the figures cannot be had, the last ones stay and it says so", async () => {
      const page = await stage.open("#/overview");
      await page.getByRole("slider").waitFor();
      await page.route("**/admin/api/stats*", (route) => route.abort());
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.getByText("This could not be loaded.").waitFor();
      assert.equal(await tile(page, "Requests today"), "3");
      await page.unroute("**/admin/api/stats*");
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByText("This could not be loaded.").waitFor({ state: "detached" });
      await page.checked();
    });
  });
}

const tile = (page, name) => page.locator(".tile").filter({ hasText: name }).locator("dd").innerText();

// A backup is made and restored on the page, and every login is ended, once on D1 and once on KV.
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const broken = (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ error: { message: "D1 is resting", type: "server_error", param: null, code: "storage_failed" } }) });
const passphrase = "seven lamps under the bridge";

for (const storage of storages) {
  describe(`backup, on ${storage}`, () => {
    let stage;
    const file = join(tmpdir(), `keypool-page-backup-${process.pid}-${storage}.json`);
    before(async () => (stage = await startStage({ storage })));
    after(() => (rmSync(file, { force: true }), stage?.close()));

    const forms = (page) => ({ make: page.locator("form").filter({ has: page.getByRole("heading", { name: "Make a backup" }) }), back: page.locator("form").filter({ has: page.getByRole("heading", { name: "Restore" }) }) });
    const labels = async () => (await stage.list("sort=label")).keys.map(({ label }) => label);

    test("it is downloaded only with the same passphrase twice, and says how easy that is to guess", async () => {
      await stage.keys([{ key: "mock-good-backup-1", label: "one" }, { key: "mock-good-backup-2", label: "two" }]);
      const page = await stage.open("#/backup");
      const { make } = forms(page);
      const go = make.getByRole("button", { name: "Download backup" });
      await make.getByText("nobody can recover it", { exact: false }).waitFor();
      await make.getByLabel("Passphrase").fill("aaaaaaaaaaaaaaaa");
      await make.getByText("Easy to guess.").waitFor();
      await make.getByLabel("Passphrase").fill(passphrase);
      await make.getByText("Strong.").waitFor();
      await make.getByLabel("Once more").fill(`${passphrase}!`);
      await make.getByText("The two are not the same.").waitFor();
      assert.ok(await go.isDisabled());
      await make.getByLabel("Once more").fill(passphrase);
      await page.route("**/admin/api/backup", broken);
      await go.click();
      await make.getByRole("alert").getByText("D1 is resting").waitFor();
      assert.equal(await make.getByLabel("Passphrase").inputValue(), passphrase);
      await page.unroute("**/admin/api/backup");
      const [download] = await Promise.all([page.waitForEvent("download"), go.click()]);
      assert.match(download.suggestedFilename(), /^keypool-\d{4}-\d\d-\d\d\.json$/);
      await download.saveAs(file);
      await page.said("The backup is downloaded.");
      const text = readFileSync(file, "utf8");
      assert.equal(JSON.parse(text).keypool, 1);
      assert.doesNotMatch(text, /mock-good|"one"/);
      assert.equal(await make.getByLabel("Passphrase").inputValue(), "");
      await page.checked();
    });

    test("a restore shows what is inside, and writes only what was confirmed with its count", async () => {
      await stage.keys([{ key: "mock-good-backup-3", label: "three" }]);
      const page = await stage.open("#/backup");
      const { back } = forms(page);
      const look = back.getByRole("button", { name: "Look inside" });
      assert.ok(await look.isDisabled());
      await back.getByLabel("Backup file").setInputFiles(file);
      await back.getByLabel("Passphrase").fill("another passphrase");
      await look.click();
      await back.getByRole("alert").getByText("That passphrase does not open this file.").waitFor();
      await back.getByLabel("Passphrase").fill(passphrase);
      await look.click();
      const keys = back.locator(".tile").filter({ hasText: "Keys" });
      await keys.getByText("2", { exact: true }).waitFor();
      await back.getByText(/^\d+ records would be written, 0 deleted\.$/).waitFor();
      assert.deepEqual(await labels(), ["three"], "looking wrote something");
      // What was seen holds for this order only.
      await back.getByRole("button", { name: "Replace", exact: true }).click();
      await keys.waitFor({ state: "detached" });
      await back.getByRole("button", { name: "Merge", exact: true }).click();
      await look.click();
      await back.getByRole("button", { name: /^Merge \d+ records$/ }).click();
      const dialog = page.getByRole("dialog", { name: "Merge this backup?" });
      await dialog.getByText(/\d+ records would be written, 0 deleted\./).waitFor();
      await page.route("**/admin/api/backup/restore", broken);
      await dialog.getByRole("button", { name: /^Merge \d+ records$/ }).click();
      await dialog.getByRole("alert").getByText("D1 is resting").waitFor();
      assert.deepEqual(await labels(), ["three"]);
      await page.unroute("**/admin/api/backup/restore");
      await dialog.getByRole("button", { name: /^Merge \d+ records$/ }).click();
      await page.said(/records restored\./);
      assert.deepEqual(await labels(), ["one", "three", "two"]);

      await back.getByRole("button", { name: "Replace", exact: true }).click();
      await back.getByText("What is not in the file is deleted.").waitFor();
      await look.click();
      await back.getByText(/[1-9]\d* deleted\.$/).waitFor();
      await back.getByRole("button", { name: /^Replace all by/ }).click();
      const sure = page.getByRole("dialog", { name: "Replace everything here?" });
      await sure.getByText(/[1-9]\d* deleted\./).waitFor();
      await sure.getByRole("button", { name: /^Replace all by/ }).click();
      await sure.waitFor({ state: "detached" });
      assert.deepEqual(await labels(), ["one", "two"]);
      await page.checked();
    });

    test("what is no backup is refused with a reason, and an ended session keeps the form", async () => {
      const page = await stage.open("#/backup");
      const { back } = forms(page);
      writeFileSync(`${file}.txt`, "<b>no JSON</b>");
      await back.getByLabel("Backup file").setInputFiles(`${file}.txt`);
      rmSync(`${file}.txt`);
      await back.getByRole("button", { name: "Look inside" }).click();
      await back.getByRole("alert").getByText("This file is damaged, or it is no backup of keypool.", { exact: false }).waitFor();
      await back.getByLabel("Backup file").setInputFiles(file);
      await back.getByLabel("Passphrase").fill(passphrase);
      await page.context().clearCookies();
      await back.getByRole("button", { name: "Look inside" }).click();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor();
      await page.signIn();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor({ state: "detached" });
      await back.getByRole("button", { name: "Look inside" }).click();
      await back.locator(".tile").filter({ hasText: "Keys" }).waitFor();
      await page.checked();
    });

    test("whom Cloudflare Access let in is signed out there too, or it would let them in again", async () => {
      const page = await stage.open("#/overview");
      await page.route("**/admin/api/session", async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ response: answer, json: { ...(await answer.json()), who: "ada@example.com", by: "access" } });
      });
      // The session is the other tests', too.
      await page.route("**/admin/api/logout", (route) => route.fulfill({ status: 204 }));
      await page.route("**/cdn-cgi/access/logout", (route) => route.fulfill({ body: "Signed out of Access" }));
      await page.reload();
      await page.getByRole("button", { name: "Sign out", exact: true }).click();
      await page.getByText("Signed out of Access").waitFor();
    });

    test("signing out everywhere ends this session and every other, after a confirmation", async () => {
      const page = await stage.open("#/settings");
      const other = (await (await fetch(`${stage.worker.url}/admin/api/login`, { method: "POST", body: JSON.stringify({ password: "correct horse battery staple" }) })).json()).token;
      const status = async () => (await fetch(`${stage.worker.url}/admin/api/session`, { headers: { authorization: `Bearer ${other}` } })).status;
      assert.equal(await status(), 200);
      await page.getByRole("button", { name: "Sign out everywhere" }).click();
      const dialog = page.getByRole("dialog", { name: "Sign out everywhere?" });
      await page.route("**/admin/api/logout", broken);
      await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
      await dialog.getByRole("alert").getByText("D1 is resting").waitFor();
      await page.unroute("**/admin/api/logout");
      await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
      await page.getByLabel("Admin password").waitFor();
      assert.equal(await status(), 401);
      await page.checked();
    });
  });
}

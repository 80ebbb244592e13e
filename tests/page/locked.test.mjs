// What the page says when stored keys cannot be decrypted, and while they are not encrypted yet.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { describe, test } from "node:test";
import { startWorker, storages, storeFolder } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const [right, other] = ["1", "2"].map((n) => `page-encryption-key-${n.repeat(20)}`);

for (const storage of storages) {
  describe(`encryption on the page, on ${storage}`, () => {
    const filled = async (t, key) => {
      const persist = storeFolder();
      t.after(() => rmSync(persist, { recursive: true, force: true }));
      const worker = await startWorker({ storage, persist, secrets: { ENCRYPTION_KEY: key } });
      await worker.api("POST", "/providers", { name: "own", base_url: "https://llm.example.com/v1" }, 201);
      await worker.api("POST", "/keys", { text: "sk-page-locked-0001", provider: "own" }, 201);
      const token = await worker.token();
      await worker.close();
      const open = async (secret) => {
        const stage = await startStage({ storage, persist, bare: true, secrets: { ENCRYPTION_KEY: secret } });
        t.after(() => stage.close());
        return stage;
      };
      return { open, token };
    };

    for (const [what, key, title, command] of [
      ["missing", null, "The encryption key is missing", "npx wrangler secret put ENCRYPTION_KEY"],
      ["another one", other, "This is another encryption key", "npx wrangler secret put ENCRYPTION_KEY_OLD"],
      ["too short", "short", "The encryption key is too short", "openssl rand -base64 32"],
    ])
      test(`a key that is ${what} is told, with what to do, before the login and to a session`, async (t) => {
        const { open, token } = await filled(t, right);
        const stage = await open(key);
        for (const session of [false, true]) {
          const page = await stage.open("#/keys", { out: true });
          if (session) {
            await page.context().addCookies([{ name: "keypool_session", value: token, url: `${stage.worker.url}/admin`, httpOnly: true }]);
            await page.reload();
          } else await page.signIn();
          await page.getByRole("heading", { name: title }).waitFor();
          await page.getByText(command, { exact: true }).waitFor();
          await page.getByRole("button", { name: "I have done that" }).click();
          await page.getByRole("heading", { name: title }).waitFor();
          await page.checked();
        }
      });

    test("the banner of keys in clear gives way to how many are left, and that to nothing", async (t) => {
      const { open } = await filled(t, null);
      const plain = await open(null);
      const before = await plain.open();
      await before.getByText("Keys are stored unencrypted.").waitFor();
      await before.checked();
      await plain.close();
      const stage = await open(right);
      const page = await stage.open();
      await page.getByText("Keys and providers: 1 not encrypted yet.").waitFor();
      assert.equal(await page.getByText("Keys are stored unencrypted.").count(), 0);
      await stage.worker.scheduled();
      await page.reload();
      await page.getByText("…0001").first().waitFor();
      assert.equal(await page.locator(".banner").count(), 0);
      await page.checked();
    });
  });
}

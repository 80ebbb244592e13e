// Keys that stand in secrets.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { started, storages, storeFolder } from "./harness.mjs";

const secrets = {
  GEMINI_API_KEY_1: "AIzaSyEnvironment0000000001",
  GEMINI_API_KEY_2: "AIzaSyEnvironment0000000002",
  OPENROUTER_API_KEY: "sk-or-v1-environment00000003",
  AZURE_API_KEY: "azure-needs-an-address-0004",
  UNRELATED_TOKEN: "sk-or-v1-not-a-key-of-the-pool",
  KEYPOOL_METRICS_TOKEN: "metrics-token-00000",
};

for (const storage of storages) {
  describe(`secrets that are keys, on ${storage}`, () => {
    test("are in the pool from the first call on, once, and stay as a person leaves them", async (t) => {
      const persist = storeFolder();
      const first = await started(t, { storage, secrets, persist });
      const providers = (await (await first.fetch("/v1/providers")).json()).data;
      assert.deepEqual(providers.map(({ id, keys }) => [id, keys.active]).sort(), [["gemini", 2], ["openrouter", 1]]);
      const { keys } = (await first.api("GET", "/keys", undefined, 200)).body;
      assert.deepEqual(keys.map((key) => [key.provider, key.weight, key.group, key.state]).sort(), [
        ["gemini", 10, "active", "active"],
        ["gemini", 10, "active", "active"],
        ["openrouter", 10, "active", "active"],
      ]);
      assert.ok(!JSON.stringify(keys).includes(secrets.GEMINI_API_KEY_1));
      const [gone, changed] = keys.filter((key) => key.provider === "gemini");
      await first.api("DELETE", `/keys/${gone.id}`, undefined, 204);
      await first.api("PATCH", `/keys/${changed.id}`, { weight: 3, enabled: false }, 200);
      await first.close();

      const second = await started(t, { storage, secrets: { ...secrets, GEMINI_API_KEY_3: "AIzaSyEnvironment0000000005" }, persist });
      const now = (await second.api("GET", "/keys", undefined, 200)).body.keys;
      assert.equal(now.length, 3, "the deleted one stays deleted, the new one is there");
      assert.ok(!now.some(({ id }) => id === gone.id));
      assert.deepEqual(now.filter(({ id }) => id === changed.id).map((key) => [key.weight, key.enabled]), [[3, false]]);
    });
  });
}

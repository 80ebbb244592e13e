// What an admin is told is what was done: where the storage fails in the middle of a change, "failed" means that nothing was stored.
import assert from "node:assert/strict";
import { test } from "node:test";
import { started, storages } from "./harness.mjs";

for (const storage of storages) {
  test(`a change is stored and answered so, or neither, wherever the storage fails, on ${storage}`, async (t) => {
    const worker = await started(t, { storage, faults: true });
    await worker.api("GET", "/session", undefined, 200);
    const labels = async () => (await worker.api("GET", "/clients", undefined, 200)).body.clients.map(({ label }) => label).sort();
    const [stored, refused] = [[], []];
    for (let calls = 0; calls < 10; calls++) {
      const label = `after-${calls}`;
      await worker.failStorageAfter(calls);
      const { status } = await worker.api("POST", "/clients", { label });
      await worker.failStorage(false);
      assert.ok([201, 503].includes(status), `${status} after ${calls} calls`);
      (status === 201 ? stored : refused).push(label);
      await worker.api("POST", "/flush", undefined, 200);
      assert.deepEqual(await labels(), stored.toSorted(), `after ${calls} calls`);
    }
    assert.ok(stored.length > 0 && refused.length > 0);
  });
}

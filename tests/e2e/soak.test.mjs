// A short `npm run soak`; see tests/soak/soak.mjs.
import { test } from "node:test";
import { soak } from "../soak/soak.mjs";
import { storages } from "./harness.mjs";

for (const storage of storages) {
  test(`everything at once is served and counted, and a killed process takes nothing along, on ${storage}`, async (t) => {
    t.diagnostic(JSON.stringify(await soak({ storage, seconds: 10, kills: 1 })));
  });
}

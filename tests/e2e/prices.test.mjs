// Prices: the shipped list, and the user's own, which win and can be taken away again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startWorker, storages, storeFolder } from "./harness.mjs";
import { assertRefused } from "./refused.mjs";
import { rmSync } from "node:fs";

for (const storage of storages) {
  describe(`prices, on ${storage}`, () => {
    const persist = storeFolder();
    let worker;
    before(async () => {
      worker = await startWorker({ storage, persist });
      for (const provider of [{ name: "groq" }, { name: "mine", preset: "groq" }, { name: "bare", base_url: "https://a.example/v1" }])
        await worker.api("POST", "/providers", provider, 201);
    });
    after(async () => {
      await worker.close();
      rmSync(persist, { recursive: true, force: true });
    });

    const model = "llama-3.3-70b-versatile";
    const shipped = { input: 590_000, cached_input: 590_000, output: 790_000 };
    const put = async (price) => (await worker.api("PUT", "/prices", price, 200)).body;
    const remove = (query, status = 204) => worker.api("DELETE", `/prices?${query}`, undefined, status);
    const listed = async (query = "") => (await worker.api("GET", `/prices${query}`, undefined, 200)).body;
    const price = async (provider, of = model) => (await listed(`?provider=${provider}&model=${of}`)).effective;

    test("the shipped ones have a date and a source, and are those of the preset", async () => {
      const { prices, effective, shipped: list } = await listed();
      assert.deepEqual([prices, effective], [[], null]);
      assert.ok(Date.parse(list.date) > Date.parse("2026-01-01"), list.date);
      const row = list.prices.find((row) => row.provider === "groq" && row.model === model);
      assert.deepEqual(row, { provider: "groq", source: "https://groq.com/pricing", model, ...shipped });
      assert.deepEqual(await price("groq"), shipped);
      assert.deepEqual(await price("mine"), shipped);
      assert.equal(await price("bare"), null);
      assert.equal(await price("groq", "no-such-model"), null);
    });

    test("one's own wins, is replaced, and when it is removed the shipped one shows through", async () => {
      const own = { provider: "groq", model: "llama-*", input: 1, cached_input: 0, output: 2 };
      assert.deepEqual(await put(own), own);
      assert.deepEqual(await price("groq"), { input: 1, cached_input: 0, output: 2 });
      assert.deepEqual(await price("mine"), shipped);
      assert.deepEqual(await put({ ...own, model: "LLAMA-*", input: 3 }), { ...own, input: 3 });
      const all = await put({ model: "*", input: 7, output: 7 });
      assert.deepEqual(all, { provider: "*", model: "*", input: 7, cached_input: 7, output: 7 });
      assert.deepEqual((await listed()).prices, [{ ...own, input: 3 }, all]);
      assert.deepEqual(await price("groq"), { input: 3, cached_input: 0, output: 2 });
      assert.deepEqual(await price("bare"), { input: 7, cached_input: 7, output: 7 });
      await remove("provider=groq&model=llama-*");
      await remove("model=*");
      assert.deepEqual(await price("groq"), shipped);
      assert.deepEqual((await listed()).prices, []);
      assert.equal((await remove("model=*", 404)).body.error.code, "price_not_found");
    });

    test("0 is a price", async () => {
      await put({ provider: "bare", model: "free/*", input: 0, output: 0 });
      assert.deepEqual(await price("bare", "free/model"), { input: 0, cached_input: 0, output: 0 });
      await remove("provider=bare&model=free/*");
    });

    test("what cannot be a price is refused and named", async () => {
      const good = { provider: "groq", model: "x", input: 1, output: 1 };
      for (const [field, value] of [
        ["model", undefined],
        ["model", " "],
        ["model", "two words"],
        ["model", "x".repeat(201)],
        ["provider", ""],
        ["provider", 1],
        ["input", undefined],
        ["input", -1],
        ["input", 0.59],
        ["input", "1"],
        ["input", 10_000_000_001],
        ["cached_input", 1.5],
        ["output", null],
      ]) {
        const answer = await worker.api("PUT", "/prices", { ...good, [field]: value });
        assertRefused(answer, { [field]: value });
        assert.equal(answer.body.error.param, field, JSON.stringify(value));
      }
      assertRefused(await worker.api("PUT", "/prices", { ...good, ouput: 1 }), "a name with a typo");
      assertRefused(await worker.api("DELETE", "/prices?provider=groq"), "no model");
      assert.equal((await worker.api("POST", "/prices", good)).status, 405);
      assert.deepEqual((await listed()).prices, []);
    });

    // KV takes a write a second.
    test("there are a hundred at most, and those may still be replaced", { skip: storage === "kv" }, async () => {
      for (let n = 0; n < 100; n += 1) await put({ model: `m${n}`, input: n, output: n });
      assertRefused(await worker.api("PUT", "/prices", { model: "m100", input: 1, output: 1 }), "one more");
      assert.equal((await put({ model: "m7", input: 1, output: 1 })).input, 1);
      assert.equal((await listed()).prices.length, 100);
      for (let n = 10; n < 100; n += 1) await remove(`model=m${n}`);
    });

    test("they outlive the isolate", async () => {
      await put({ provider: "bare", model: "kept", input: 99, output: 99 });
      const { prices } = await listed();
      await worker.close();
      worker = await startWorker({ storage, persist });
      assert.deepEqual((await listed()).prices, prices);
      assert.deepEqual(await price("bare", "kept"), { input: 99, cached_input: 99, output: 99 });
    });
  });
}

// The list of keys when there are ten thousand.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { rowCount, startStage } from "./browser.mjs";

describe("ten thousand keys", () => {
  let stage;
  before(async () => (stage = await startStage()));
  after(() => stage?.close());

  test("few rows exist, whatever is scrolled to and looked for; how fast and in how much memory is told", async (t) => {
    for (let i = 0; i < 10_000; i += 5000) {
      const text = Array.from({ length: 5000 }, (_, n) => `mock-good-fast-${String(i + n).padStart(5, "0")}|10|n${String(i + n).padStart(5, "0")}`).join("\n");
      await stage.worker.api("POST", "/keys", { text, provider: "mock" }, 201);
    }
    const page = await stage.open("#/overview");
    const debug = await page.context().newCDPSession(page);
    const heap = async () => {
      await debug.send("HeapProfiler.collectGarbage");
      return Math.round((await debug.send("Runtime.getHeapUsage")).usedSize / 1024) / 1024;
    };
    const rows = () => page.locator(".keys tbody tr").count();
    await page.getByRole("link", { name: "Keys", exact: true }).waitFor();
    const before = await heap();

    // From the last byte of the answer to the frame that shows its first rows.
    await page.evaluate(() => {
      performance.clearResourceTimings();
      new MutationObserver((_, observer) => {
        if (!document.querySelector(".keys tbody th.key")) return;
        observer.disconnect();
        requestAnimationFrame(() => requestAnimationFrame(() => (window.shown = performance.now())));
      }).observe(document.body, { childList: true, subtree: true });
      location.hash = "#/keys?sort=label";
    });
    await page.waitForFunction(() => window.shown);
    const first = await page.evaluate(() => window.shown - performance.getEntriesByType("resource").find(({ name }) => name.includes("sort=label")).responseEnd);
    t.diagnostic(`first rows ${Math.round(first)} ms after the response`);
    await page.row("n00000").waitFor();

    const browser = page.context().browser();
    const traced = async (what, act) => {
      await browser.startTracing(page, { categories: ["devtools.timeline", "disabled-by-default-devtools.timeline", "toplevel", "__metadata"] });
      await act();
      const tasks = tasksOf(JSON.parse((await browser.stopTracing()).toString()));
      assert.ok(tasks.length > 0, "the trace has no task of the page");
      const long = (times) => `${times.filter((ms) => ms > 50).length} over 50 ms, the longest ${Math.round(Math.max(...times))} ms`;
      t.diagnostic(`${what}: of ${tasks.length} tasks ${long(tasks.map(({ cpu }) => cpu))} of CPU (${long(tasks.map(({ wall }) => wall))} with what else this machine did)`);
    };
    await traced("scrolling through all", async () => {
      await page.evaluate(async () => {
        for (let y = 0; y < 10_000 * 56; y += 1400) {
          scrollTo(0, y);
          await new Promise((done) => requestAnimationFrame(done));
        }
        scrollTo(0, document.body.scrollHeight);
      });
      await page.row("n09999").waitFor();
    });
    assert.ok((await rows()) < 80, `${await rows()} rows`);
    assert.equal(await rowCount(page), 10_000);
    t.diagnostic(`heap with all of them loaded: ${(await heap()).toFixed(1)} MB, ${before.toFixed(1)} before`);
    await traced("searching and filtering", async () => {
      await page.getByRole("searchbox").pressSequentially("n0012", { delay: 40 });
      await page.row("n09999").waitFor({ state: "detached" });
      await page.row("n00129").waitFor();
      await page.getByRole("button", { name: /^Active/ }).click();
      await page.getByText("10 of 10,000 keys match.").waitFor();
    });
    assert.equal(await rowCount(page), 10);
    await page.getByRole("button", { name: "Clear the filter" }).click();
    await page.row("n00000").waitFor();
    assert.equal(await rowCount(page), 10_000);
    assert.ok((await rows()) < 80, `${await rows()} rows`);
    await page.checked();
  });
});

/** How long the tasks of the page's main thread took, in ms. */
function tasksOf({ traceEvents: all }) {
  const threads = new Set(all.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = all.filter(({ name, pid, tid, ph }) => ph === "X" && name.endsWith("RunTask") && threads.has(`${pid} ${tid}`));
  return tasks.map(({ dur = 0, tdur = 0 }) => ({ wall: dur / 1000, cpu: tdur / 1000 }));
}

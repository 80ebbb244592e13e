// A chat on the page, through the real pool, once on D1 and once on KV.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { storages } from "../e2e/harness.mjs";
import { startStage } from "./browser.mjs";

const MARKUP = `<img src=x onerror="window.hacked=1"><b>bold</b>`;
const chunk = (content, more = {}) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }], ...more })}\n\n`;
const usage = { prompt_tokens: 12, completion_tokens: 34, total_tokens: 46 };
/** One a chat; the page's own look at the models takes none of them. */
const inTurn = (...behaviors) => ({ path }) => (path.endsWith("/chat/completions") ? behaviors.shift() : {});
const streamed = (...chunks) => ({ headers: { "content-type": "text/event-stream" }, chunks });

for (const storage of storages) {
  describe(`playground, on ${storage}`, () => {
    let stage;
    before(async () => (stage = await startStage({ storage })));
    after(() => stage?.close());

    const key = "mock-good-play-1";
    /** A page with the model chosen; `say(text)` sends a message. */
    const open = async (settings) => {
      const page = await stage.open("#/playground", settings);
      await page.getByLabel("Model").fill("gpt-4o-mini");
      const say = async (text) => {
        await page.getByLabel("Message").fill(text);
        await page.getByLabel("Message").press("Enter");
      };
      return Object.assign(page, { say, answers: page.getByRole("article").filter({ has: page.getByRole("heading", { name: "Answer" }) }), talk: page.getByRole("log") });
    };
    const asked = () => JSON.parse(stage.upstream.ledger.filter(({ path }) => path.endsWith("/chat/completions")).at(-1).body);

    test("the answer appears as it streams, then its times, tokens and attempts; the next message takes the talk along", async () => {
      const [{ id }] = await stage.keys([{ key, label: "the one" }]);
      stage.upstream.script(key, streamed(chunk("Hello 你"), 1500, chunk("好 👩‍👩‍👧."), ": ping\r\n\r\n", chunk("", { usage }), "data: [DONE]\n\n"));
      const page = await open();
      await page.say("First question");
      await page.talk.getByText("First question").waitFor();
      await page.talk.getByText("Hello 你", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Stop" }).waitFor();
      await page.talk.getByText("Hello 你好 👩‍👩‍👧.", { exact: true }).waitFor();
      await page.talk.getByText(/^first word .* · all of it [1-9][\d.]* ?s · 12 in, 34 out · 1 attempt$/).click();
      const attempt = page.talk.getByRole("list", { name: "Attempts" }).getByRole("listitem");
      await attempt.getByText("the one", { exact: true }).waitFor();
      await attempt.getByText("200", { exact: true }).waitFor();
      assert.deepEqual([asked().stream, asked().stream_options, asked().messages], [true, { include_usage: true }, [{ role: "user", content: "First question" }]]);

      await page.getByText("Options").click();
      await page.getByLabel("System prompt").fill("Be brief.");
      await page.getByLabel("Temperature").fill("0.3");
      await page.getByLabel("Max tokens").fill("50");
      await page.getByLabel("Only this key (id)").fill(id);
      stage.upstream.script(key, streamed(chunk("Second answer."), "data: [DONE]\n\n"));
      await page.say("Second question");
      await page.talk.getByText("Second answer.", { exact: true }).waitFor();
      const { messages, temperature, max_tokens: most, model } = asked();
      assert.deepEqual([messages.map(({ role, content }) => `${role}: ${content}`), temperature, most, model], [["system: Be brief.", "user: First question", "assistant: Hello 你好 👩‍👩‍👧.", "user: Second question"], 0.3, 50, "gpt-4o-mini"]);

      // It is still there after a look at another screen, and gone when it is cleared.
      await page.getByRole("link", { name: "Connect" }).click();
      await page.getByRole("link", { name: "Playground" }).click();
      await page.talk.getByText("Second answer.", { exact: true }).waitFor();
      await page.getByRole("button", { name: "Clear" }).click();
      assert.equal(await page.talk.getByRole("article").count(), 0);
      await page.checked();
    });

    test("an answer that is no stream, a key that is taken over from, a group, and thoughts are shown", async () => {
      await stage.keys([{ key: "mock-401-play-2", label: "dead", weight: 100, group: "night" }, { key: "mock-good-play-3", label: "alive", weight: 1, group: "night" }]);
      stage.upstream.script("mock-good-play-3", { body: { choices: [{ message: { role: "assistant", content: "All at once.", reasoning_content: "I thought about it." } }], usage } });
      const page = await open();
      await page.getByText("Options").click();
      await page.getByLabel("Group of keys").fill("night");
      for (let i = 0; ; i++) {
        assert.ok(i < 12, "the dead key was never asked first");
        await stage.worker.api("POST", "/keys/bulk", { filter: {}, action: "reset" }, 200);
        // A conversation would stay with the key that it has.
        if (i > 0) await page.getByRole("button", { name: "Clear" }).click();
        await page.say(`Question ${i}`);
        await page.answers.getByText(/all of it/).waitFor();
        await page.answers.getByText("All at once.", { exact: true }).waitFor();
        if (await page.answers.getByText(/2 attempts/).count()) break;
      }
      const last = page.answers.last();
      await last.getByText("401 · Key rejected").waitFor();
      await last.getByText("dead", { exact: true }).waitFor();
      await last.getByText("alive", { exact: true }).waitFor();
      await last.getByText("Thoughts").click();
      await last.getByText("I thought about it.").waitFor();
      await page.checked();
    });

    test("stop ends the answer and the call, and what came stays", async () => {
      await stage.keys([{ key }]);
      stage.upstream.script(key, streamed(chunk("A long "), ...Array.from({ length: 200 }, () => [50, chunk("word ")]).flat()));
      const page = await open();
      await page.say("Talk");
      await page.talk.getByText(/^A long word/).waitFor();
      await page.getByRole("button", { name: "Stop" }).click();
      await page.talk.getByText(/stopped$/).waitFor();
      const text = await page.answers.last().getByText(/^A long/).textContent();
      await page.waitForTimeout(300);
      assert.equal(await page.answers.last().getByText(/^A long/).textContent(), text);
      const call = stage.upstream.ledger.at(-1);
      for (let i = 0; i < 50 && !call.closedEarly; i++) await page.waitForTimeout(50);
      assert.ok(call.closedEarly, "the upstream goes on");
      stage.upstream.script(key, streamed(chunk("Short."), "data: [DONE]\n\n"));
      await page.say("Again");
      await page.talk.getByText("Short.", { exact: true }).waitFor();
      await page.checked();
    });

    test("what an upstream says of a failure is shown as text with the attempts, the message stays, and one click asks again", async () => {
      await stage.keys([{ key, label: "moody" }]);
      stage.upstream.script(key, inTurn({ status: 400, body: { error: { message: `no ${MARKUP}`, type: "invalid_request_error", code: "bad" } } }, streamed(chunk(MARKUP), "data: [DONE]\n\n"), { status: 404, body: { error: { message: "The model `x` does not exist", type: "invalid_request_error", code: "model_not_found" } } }));
      const page = await open();
      await page.say(`What is ${MARKUP}?`);
      await page.getByRole("alert").getByText(`no ${MARKUP} (status 400)`).waitFor();
      await page.answers.last().getByText("moody", { exact: true }).waitFor();
      await page.talk.getByText(`What is ${MARKUP}?`).waitFor();
      await page.getByRole("button", { name: "Try again" }).click();
      await page.talk.getByText(MARKUP, { exact: true }).waitFor();
      assert.equal(asked().messages.length, 1);
      assert.equal(await page.answers.count(), 1);
      await page.say("And x?");
      await page.getByRole("alert").getByText("The model `x` does not exist (status 404)").waitFor();
      assert.equal(await page.evaluate(() => document.querySelectorAll("#app img:not(.mark), .turn b:not(.good, .bad)").length), 0);
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      await page.checked();
    });

    test("a stream that breaks off keeps what came and says so", async () => {
      await stage.keys([{ key }]);
      stage.upstream.script(key, { ...streamed(chunk("Half an "), chunk("answer"), 100, chunk("never")), cut: 2 });
      const page = await open();
      await page.say("Go on");
      await page.talk.getByText(/^Half an answer/).waitFor();
      await page.getByRole("alert").getByText(/./).first().waitFor();
      stage.upstream.script(key, streamed(chunk("Whole."), "data: [DONE]\n\n"));
      await page.getByRole("button", { name: "Try again" }).click();
      await page.talk.getByText("Whole.", { exact: true }).waitFor();
      await page.checked();
    });

    test("offline and an ended session are said, the message stays, and one click sends it", async () => {
      await stage.keys([{ key }]);
      stage.upstream.script(key, () => streamed(chunk("Here I am."), "data: [DONE]\n\n"));
      const page = await open();
      await page.context().setOffline(true);
      await page.say("Anybody there?");
      await page.getByRole("alert").getByText("The server could not be reached.", { exact: false }).waitFor();
      await page.context().setOffline(false);
      await page.getByRole("button", { name: "Try again" }).click();
      await page.talk.getByText("Here I am.", { exact: true }).waitFor();
      await page.context().clearCookies();
      await page.say("And now?");
      await page.getByRole("heading", { name: "Sign in again" }).waitFor();
      await page.signIn();
      await page.getByRole("heading", { name: "Sign in again" }).waitFor({ state: "detached" });
      await page.talk.getByText("And now?").waitFor();
      await page.getByRole("button", { name: "Try again" }).click();
      await page.talk.getByText("Here I am.", { exact: true }).nth(1).waitFor();
      await page.checked();
    });
  });
}

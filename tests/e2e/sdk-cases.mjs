// What a program does with the official Node SDK. Run against the mock provider alone (is the mock faithful?) and
// against the Worker (does the Worker get in the way?).
import assert from "node:assert/strict";
import { toFile } from "openai";
import { sound } from "../../scripts/mock-provider/media.mjs";

const model = "gpt-4o-mini";
const weather = {
  type: "function",
  function: {
    name: "weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

/** `[rule, (client) => Promise]` for every endpoint the SDK has a method for. */
export const sdkCases = [
  [
    "chat answers with text and usage",
    async (client) => {
      const answer = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "two words" }],
      });
      assert.equal(answer.choices[0].message.content, "You said: two words");
      assert.deepEqual(answer.usage, { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 });
      assert.match(answer._request_id, /^req_mock_/);
    },
  ],
  [
    "chat streams text and the usage that was asked for",
    async (client) => {
      const messages = [{ role: "user", content: "héllo 🌍 wörld" }];
      const stream = await client.chat.completions.create({
        model,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      const { text, usage, finish } = await gather(stream);
      assert.equal(text, "You said: héllo 🌍 wörld");
      assert.equal(finish, "stop");
      assert.deepEqual(usage, { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 });
    },
  ],
  [
    "chat streams no usage that was not asked for",
    async (client) => {
      const stream = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "hi" }],
        stream: true,
      });
      assert.equal((await gather(stream)).usage, undefined);
    },
  ],
  [
    "chat streams a tool call in pieces",
    async (client) => {
      const stream = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "weather?" }],
        tools: [weather],
        stream: true,
        stream_options: { include_usage: true },
      });
      const { tools, finish, usage } = await gather(stream);
      assert.equal(finish, "tool_calls");
      assert.deepEqual(tools, [{ name: "weather", arguments: '{"city":"a city"}' }]);
      assert.ok(usage.total_tokens > 0);
    },
  ],
  [
    "a tool's result is sent back",
    async (client) => {
      const messages = [
        { role: "user", content: "weather?" },
        {
          role: "assistant",
          tool_calls: [{ id: "call_mock_1", type: "function", function: { name: "weather", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "call_mock_1", content: "sunny" },
      ];
      const answer = await client.chat.completions.create({ model, messages, tools: [weather] });
      assert.equal(answer.choices[0].message.content, "You said: sunny");
    },
  ],
  [
    "text completions answer and stream",
    async (client) => {
      const whole = await client.completions.create({ model, prompt: "once" });
      assert.equal(whole.choices[0].text, "once and so on");
      let text = "";
      for await (const part of await client.completions.create({ model, prompt: "once", stream: true }))
        text += part.choices[0].text;
      assert.equal(text, "once and so on");
    },
  ],
  [
    "responses answer and stream named events",
    async (client) => {
      assert.equal((await client.responses.create({ model, input: "hi" })).output_text, "You said: hi");
      const types = [];
      for await (const event of await client.responses.create({ model, input: "hi", stream: true }))
        types.push(event.type);
      assert.equal(types[0], "response.created");
      assert.equal(types.at(-1), "response.completed");
      assert.ok(types.includes("response.output_text.delta"));
    },
  ],
  [
    "embeddings come as floats",
    async (client) => {
      const answer = await client.embeddings.create({ model: "text-embedding-3-small", input: ["a", "bcd"] });
      assert.equal(answer.data.length, 2);
      assert.deepEqual(
        answer.data[1].embedding,
        [3, 4, 5, 6, 7, 8, 9, 10].map((n) => n / 16),
      );
    },
  ],
  [
    "images are generated and edited",
    async (client) => {
      const made = await client.images.generate({ model: "dall-e-3", prompt: "a dot", response_format: "b64_json" });
      const png = Buffer.from(made.data[0].b64_json, "base64");
      assert.equal(png.subarray(1, 4).toString(), "PNG");
      const image = await toFile(png, "dot.png", { type: "image/png" });
      assert.ok((await client.images.edit({ model: "dall-e-2", image, prompt: "a line" })).data[0].b64_json);
    },
  ],
  [
    "speech arrives byte for byte",
    async (client) => {
      const answer = await client.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hello" });
      assert.equal(answer.headers.get("content-type"), "audio/mpeg");
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), sound);
    },
  ],
  [
    "sound is uploaded for transcription and translation",
    async (client) => {
      const file = () => toFile(sound, "talk.mp3", { type: "audio/mpeg" });
      assert.equal(
        (await client.audio.transcriptions.create({ model: "whisper-1", file: await file() })).text,
        "talk.mp3: 4096 bytes",
      );
      assert.equal(
        (await client.audio.translations.create({ model: "whisper-1", file: await file() })).text,
        "talk.mp3: 4096 bytes",
      );
      const plain = await client.audio.transcriptions.create({
        model: "whisper-1",
        file: await file(),
        response_format: "text",
      });
      assert.equal(plain, "talk.mp3: 4096 bytes\n");
    },
  ],
  [
    "moderations answer",
    async (client) => {
      const answer = await client.moderations.create({ input: "I will kill it" });
      assert.equal(answer.results[0].flagged, true);
    },
  ],
  [
    "a file is uploaded, listed, looked at, read back and deleted",
    async (client) => {
      const lines = Buffer.from('{"a":1}\n{"b":"ü"}\n');
      const { id } = await client.files.create({ file: await toFile(lines, "lines.jsonl"), purpose: "batch" });
      const listed = [];
      for await (const file of client.files.list()) listed.push(file.id);
      assert.ok(listed.includes(id));
      assert.equal((await client.files.retrieve(id)).bytes, lines.length);
      assert.deepEqual(Buffer.from(await (await client.files.content(id)).arrayBuffer()), lines);
      assert.equal((await client.files.delete(id)).deleted, true);
    },
  ],
  [
    "models are listed and looked at",
    async (client) => {
      const ids = [];
      for await (const found of client.models.list()) ids.push(found.id);
      assert.ok(ids.includes(model));
      assert.equal((await client.models.retrieve(model)).id, model);
    },
  ],
];

async function gather(stream) {
  const seen = { text: "", tools: [], finish: null, usage: undefined };
  for await (const chunk of stream) {
    if (chunk.usage) seen.usage = chunk.usage;
    const [choice] = chunk.choices;
    if (!choice) continue;
    seen.text += choice.delta.content ?? "";
    for (const piece of choice.delta.tool_calls ?? []) {
      const tool = (seen.tools[piece.index] ??= { name: "", arguments: "" });
      tool.name += piece.function.name ?? "";
      tool.arguments += piece.function.arguments ?? "";
    }
    seen.finish = choice.finish_reason ?? seen.finish;
  }
  return seen;
}

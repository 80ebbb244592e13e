// Server-sent events are read right wherever the bytes are cut.
import assert from "node:assert/strict";
import { test } from "node:test";
import { events } from "../../page/sse.js";

const stream = (chunks) => new ReadableStream({
  start(control) {
    for (const chunk of chunks) control.enqueue(chunk);
    control.close();
  },
});

async function read(bytes, size) {
  const chunks = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size));
  const found = [];
  for await (const data of events(stream(chunks))) found.push(data);
  return found;
}

const TEXTS = [
  ["plain", "data: one\n\ndata: two\n\n", ["one", "two"]],
  ["CRLF", "data: one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]],
  ["CR", "data: one\r\rdata: two\r\r", ["one", "two"]],
  ["comments and other fields", ": ping\n\nevent: message\nid: 7\nretry: 10\ndata: one\n\n:\n\ndata: two\n\n", ["one", "two"]],
  ["several lines of data", "data: one\r\ndata: more\r\n\r\ndata:two\n\n", ["one\nmore", "two"]],
  ["a blank that belongs to the data", "data:  one\n\ndata:\n\ndata: two\n\n", [" one", "", "two"]],
  ["letters of several bytes", "data: 你好，🌍é\n\ndata: 👩‍👩‍👧\r\n\r\n", ["你好，🌍é", "👩‍👩‍👧"]],
  ["a byte order mark", "\uFEFFdata: one\n\n", ["one"]],
  ["an end without its blank line", "data: one\n\ndata: two", ["one", "two"]],
  ["an end within a CRLF", "data: one\r\n\r\ndata: two\r", ["one", "two"]],
  ["nothing", "", []],
];

for (const [what, text, expected] of TEXTS) {
  test(`${what}, in chunks of every size`, async () => {
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length + 1; size++) assert.deepEqual(await read(bytes, size), expected, `chunks of ${size}`);
  });
}

test("who stops to listen cancels the body", async () => {
  let cancelled = false;
  const body = new ReadableStream({
    pull: (control) => control.enqueue(new TextEncoder().encode("data: more\n\n")),
    cancel: () => void (cancelled = true),
  });
  for await (const data of events(body)) {
    assert.equal(data, "more");
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(cancelled);
});

test("a body that breaks is an error after what came before it", async () => {
  const found = [];
  const body = new ReadableStream({
    async start(control) {
      control.enqueue(new TextEncoder().encode("data: one\n\n"));
      await new Promise((resolve) => setTimeout(resolve, 20));
      control.error(new TypeError("gone"));
    },
  });
  await assert.rejects(async () => {
    for await (const data of events(body)) found.push(data);
  }, /gone/);
  assert.deepEqual(found, ["one"]);
});

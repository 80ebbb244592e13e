// Event streams as providers really send them, and as the specification allows: `[kind, chunks]`.
// Numbers in `chunks` are pauses in ms that keep the pieces apart on the wire.
const event = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
const done = "data: [DONE]\n\n";
const split = (text, size) => {
  const bytes = Buffer.from(text);
  const parts = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size), 1);
  return parts;
};
const family = Buffer.from(event("👩‍👩‍👧 naïve 日本"));
const middle = family.indexOf(Buffer.from("👩")) + 2;

export const streams = [
  ["comments", [": OPENROUTER PROCESSING\n\n", 5, event("a"), ":\n\n", 5, ": keep-alive\n\n", event("b"), done]],
  [
    "CRLF line ends",
    [event("a").replaceAll("\n", "\r\n"), 5, event("b").replaceAll("\n", "\r\n"), done.replaceAll("\n", "\r\n")],
  ],
  ["CR alone as line end", [event("a").replaceAll("\n", "\r"), 5, done.replaceAll("\n", "\r")]],
  ["data over several lines", ['data: {"choices":\ndata: [{"index":0,"delta":\ndata: {"content":"a"}}]}\n\n', 5, done]],
  ["a character split between chunks", [family.subarray(0, middle), 10, family.subarray(middle), done]],
  ["an event of 1 MB", [event("x".repeat(1 << 20)), 5, done]],
  ["no [DONE]", [event("a"), 5, event("b")]],
  [
    "id, event and retry lines",
    ["retry: 3000\n", "event: message\nid: 1\n", event("a"), 5, "id\nevent: ping\ndata: {}\n\n", done],
  ],
  ["empty data", ["data:\n\n", 5, "data: \n\n", event("a"), "data\n\n", done]],
  ["one byte a chunk", split(event("a") + done, 1)],
  ["chunks that end anywhere", split(event("a").repeat(40) + done, 37)],
  ["a byte order mark", ["\uFEFF", event("a"), 5, done]],
  ["a last line without its end", [event("a"), 5, 'data: {"choices":[]']],
];

/** All bytes of `chunks`, in order. */
export function bytesOf(chunks) {
  return Buffer.concat(chunks.filter((chunk) => typeof chunk !== "number").map((chunk) => Buffer.from(chunk)));
}

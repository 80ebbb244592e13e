// Anthropic's Messages API: whole, or the stream of named events that builds it. The first event knows what went in.
import { events, failure, json, tokens } from "./reply.mjs";

export function messages(call) {
  const body = JSON.parse(call.body);
  if (!Array.isArray(body.messages)) return failure(400, "messages: Field required", "messages", null);
  const asked = body.messages.map((m) => text(m.content)).join(" ");
  const said = `You said: ${text(body.messages.at(-1)?.content)}`;
  const usage = {
    input_tokens: tokens(asked),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 7,
    output_tokens: tokens(said),
  };
  const message = {
    id: "msg_mock",
    type: "message",
    role: "assistant",
    model: body.model,
    content: [{ type: "text", text: said }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage,
  };
  const counted = { prompt_tokens: usage.input_tokens + 7, completion_tokens: usage.output_tokens };
  return body.stream ? events(steps(message, said), counted) : json(message, { usage: counted });
}

function steps(message, said) {
  const { usage, stop_reason, stop_sequence } = message;
  const open = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const parts = said.match(/\S+\s*/g).map((part) => ({ type: "text_delta", text: part }));
  const list = [
    { type: "message_start", message: open },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "ping" },
    ...parts.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence }, usage: { output_tokens: usage.output_tokens } },
    { type: "message_stop" },
  ];
  return list.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

function text(content) {
  if (!Array.isArray(content)) return content ?? "";
  return content.map((part) => part.text ?? "").join(" ");
}

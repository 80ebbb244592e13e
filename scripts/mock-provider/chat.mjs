// Chat and text completions: whole, streamed, with tools, with usage.
import { events, failure, json, tokens } from "./reply.mjs";

const created = 1700000000;

export function chat(call) {
  const body = JSON.parse(call.body);
  if (!Array.isArray(body.messages)) {
    return failure(400, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter");
  }
  const message = reply(body);
  const spoken = message.content ?? message.tool_calls[0].function.arguments;
  const usage = thinking(body, count(body.messages.map((m) => text(m.content)).join(" "), spoken));
  return body.stream ? stream(body, message, usage) : json(full(body, message, usage));
}

export function completions(call) {
  const body = JSON.parse(call.body);
  const said = `${body.prompt} and so on${body.suffix ?? ""}`;
  const usage = count(body.prompt, said);
  const head = { id: "cmpl-mock", object: "text_completion", created, model: body.model };
  const choice = (part, finish) => ({ index: 0, text: part, logprobs: null, finish_reason: finish });
  if (!body.stream) return json({ ...head, choices: [choice(said, "stop")], usage });
  const parts = words(said).map((part) => ({ ...head, choices: [choice(part, null)] }));
  return events([...parts, { ...head, choices: [choice("", "stop")] }, "data: [DONE]\n\n"], usage);
}

function reply(body) {
  const last = body.messages.at(-1) ?? {};
  const tool = body.tool_choice === "none" ? undefined : body.tools?.[0]?.function;
  if (!tool || last.role === "tool")
    return { role: "assistant", content: `You said: ${text(last.content)}`, refusal: null };
  const call = { name: tool.name, arguments: JSON.stringify(example(tool.parameters)) };
  return {
    role: "assistant",
    content: null,
    refusal: null,
    tool_calls: [{ id: "call_mock_1", type: "function", function: call }],
  };
}

function full(body, message, usage) {
  const finish_reason = message.tool_calls ? "tool_calls" : "stop";
  return { ...head(body, "chat.completion"), choices: [{ index: 0, message, logprobs: null, finish_reason }], usage };
}

function stream(body, message, usage) {
  const wanted = body.stream_options?.include_usage;
  const chunk = (delta, finish_reason = null) => ({
    ...head(body, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(wanted ? { usage: null } : {}),
  });
  const list = [
    chunk({ role: "assistant", content: message.tool_calls ? null : "" }),
    ...deltas(message).map((d) => chunk(d)),
  ];
  list.push(chunk({}, message.tool_calls ? "tool_calls" : "stop"));
  if (wanted) list.push({ ...head(body, "chat.completion.chunk"), choices: [], usage });
  return events([...list, "data: [DONE]\n\n"], usage);
}

function deltas(message) {
  if (!message.tool_calls) return words(message.content).map((content) => ({ content }));
  const [{ id, type, function: call }] = message.tool_calls;
  const opening = { tool_calls: [{ index: 0, id, type, function: { name: call.name, arguments: "" } }] };
  const rest = call.arguments
    .match(/.{1,6}/gs)
    .map((part) => ({ tool_calls: [{ index: 0, function: { arguments: part } }] }));
  return [opening, ...rest];
}

function head(body, object) {
  return {
    id: "chatcmpl-mock",
    object,
    created,
    model: body.model,
    service_tier: "default",
    system_fingerprint: "fp_mock",
  };
}

function count(asked, said) {
  const prompt_tokens = tokens(asked);
  const completion_tokens = tokens(said);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/** Gemini's OpenAI endpoint counts the thoughts in the total only. */
function thinking(body, usage) {
  return /^gemini/.test(body.model) ? { ...usage, total_tokens: usage.total_tokens + 30 } : usage;
}

function example(schema) {
  return Object.fromEntries(Object.keys(schema?.properties ?? {}).map((name) => [name, `a ${name}`]));
}

function text(content) {
  if (!Array.isArray(content)) return content ?? "";
  return content.map((part) => part.text ?? "").join(" ");
}

function words(said) {
  return said.match(/\S+\s*/g) ?? [];
}

// The Responses API: one object, or the stream of named events that builds it.
import { owned } from "./owned.mjs";
import { events, failure, json, tokens } from "./reply.mjs";

export function createResponse(call, state) {
  const body = JSON.parse(call.body);
  const before = body.previous_response_id ?? null;
  if (before && !owned(call, state.responses, before))
    return failure(400, `Previous response with id '${before}' not found.`, "previous_response_id", "previous_response_not_found");
  for (const { file_id } of [body.input].flat().flatMap((item) => item?.content ?? []))
    if (file_id && !owned(call, state.files, file_id)) return failure(400, `No such file: ${file_id}`, "input", null);
  const asked = typeof body.input === "string" ? body.input : JSON.stringify(body.input);
  const said = `You said: ${asked}`;
  const usage = {
    input_tokens: tokens(asked),
    output_tokens: tokens(said),
    total_tokens: tokens(asked) + tokens(said),
  };
  const response = finished(`resp_mock_${state.count}`, body, said, usage);
  response.previous_response_id = before;
  state.responses.set(response.id, { key: call.key, about: response });
  const counted = { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens };
  return body.stream ? events(steps(response, said), counted) : json(response, { usage: counted });
}

export function getResponse(call, state, id) {
  const response = owned(call, state.responses, id);
  return response ? json(response.about) : failure(404, `Response with id '${id}' not found.`, "id", null);
}

function finished(id, body, said, usage) {
  const content = [{ type: "output_text", text: said, annotations: [] }];
  const output = [{ id: "msg_mock", type: "message", role: "assistant", status: "completed", content }];
  return {
    id,
    object: "response",
    created_at: 1700000000,
    status: "completed",
    model: body.model,
    output,
    error: null,
    usage,
  };
}

function steps(response, said) {
  const place = { item_id: "msg_mock", output_index: 0, content_index: 0 };
  const open = { ...response, status: "in_progress", output: [], usage: null };
  const parts = said.match(/\S+\s*/g).map((delta) => ["response.output_text.delta", { ...place, delta }]);
  const list = [
    ["response.created", { response: open }],
    [
      "response.output_item.added",
      { output_index: 0, item: { ...response.output[0], status: "in_progress", content: [] } },
    ],
    ["response.content_part.added", { ...place, part: { type: "output_text", text: "", annotations: [] } }],
    ...parts,
    ["response.output_text.done", { ...place, text: said }],
    ["response.content_part.done", { ...place, part: response.output[0].content[0] }],
    ["response.output_item.done", { output_index: 0, item: response.output[0] }],
    ["response.completed", { response }],
  ];
  return list.map(
    ([type, fields], n) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: n, ...fields })}\n\n`,
  );
}

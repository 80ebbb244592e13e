// Batches: made of a file, done at once, with a file that has the answers.
import { keepFile } from "./files.mjs";
import { owned, ownedBy, pageOf } from "./owned.mjs";
import { failure, json } from "./reply.mjs";

export function createBatch(call, state) {
  const { input_file_id, endpoint, completion_window, metadata = null } = JSON.parse(call.body);
  const input = owned(call, state.files, input_file_id);
  if (!input) return failure(400, `Invalid input_file_id: ${input_file_id}`, "input_file_id", null);
  const lines = input.body.toString().split("\n").filter(Boolean).map(JSON.parse);
  const body = Buffer.from(lines.map(({ custom_id }) => JSON.stringify({ custom_id, by: call.key })).join("\n"));
  const output = `file-mock${state.count}-out`;
  keepFile(call, state, output, { purpose: "batch_output", filename: "out.jsonl", body });
  const about = {
    id: `batch_mock${state.count}`,
    object: "batch",
    endpoint,
    completion_window,
    input_file_id,
    output_file_id: output,
    error_file_id: null,
    status: "completed",
    created_at: 1700000000 + state.count,
    request_counts: { total: lines.length, completed: lines.length, failed: 0 },
    metadata,
  };
  state.batches.set(about.id, { key: call.key, about });
  return json(about);
}

export function listBatches(call, state) {
  return pageOf(call, ownedBy(call, state.batches));
}

export function getBatch(call, state, id) {
  const batch = owned(call, state.batches, id);
  return batch ? json(batch.about) : failure(404, `No batch found with id '${id}'.`, null, null);
}

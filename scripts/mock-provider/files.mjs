// Files: upload, list, look, read back, delete. They live as long as the provider.
import { formParts } from "./form.mjs";
import { bytes, failure, json } from "./reply.mjs";

export function uploadFile(call, state) {
  const parts = formParts(call);
  const file = parts.find((part) => part.name === "file");
  if (!file) return failure(400, "Missing required parameter: 'file'.", "file", "missing_required_parameter");
  const purpose = parts.find((part) => part.name === "purpose")?.body.toString() ?? "user_data";
  const id = `file-mock${state.count}`;
  const about = {
    id,
    object: "file",
    bytes: file.body.length,
    created_at: 1700000000,
    filename: file.filename,
    purpose,
    status: "processed",
  };
  state.files.set(id, { about, body: file.body });
  return json(about);
}

export function listFiles(_call, state) {
  const data = [...state.files.values()].map((file) => file.about);
  return json({
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: false,
  });
}

export function getFile(_call, state, id) {
  const file = state.files.get(id);
  return file ? json(file.about) : missing(id);
}

export function fileContent(_call, state, id) {
  const file = state.files.get(id);
  return file ? bytes(file.body, "application/octet-stream") : missing(id);
}

export function deleteFile(_call, state, id) {
  return state.files.delete(id) ? json({ id, object: "file", deleted: true }) : missing(id);
}

function missing(id) {
  return failure(404, `No such File object: ${id}`, "id", null);
}

// Files: upload, list, look, read back, delete. They live as long as the provider, and are there for the key that made them.
import { formParts } from "./form.mjs";
import { owned, ownedBy, pageOf } from "./owned.mjs";
import { bytes, failure, json } from "./reply.mjs";

export function uploadFile(call, state) {
  const parts = formParts(call);
  const file = parts.find((part) => part.name === "file");
  if (!file) return failure(400, "Missing required parameter: 'file'.", "file", "missing_required_parameter");
  const purpose = parts.find((part) => part.name === "purpose")?.body.toString() ?? "user_data";
  return json(keepFile(call, state, `file-mock${state.count}`, { purpose, filename: file.filename, body: file.body }));
}

/** Puts a file there as if it had been uploaded; answers what there is to say of it. */
export function keepFile(call, state, id, { purpose, filename, body }) {
  const about = {
    id,
    object: "file",
    bytes: body.length,
    created_at: 1700000000 + state.count,
    filename,
    purpose,
    status: "processed",
  };
  state.files.set(id, { key: call.key, about, body });
  return about;
}

export function listFiles(call, state) {
  return pageOf(call, ownedBy(call, state.files));
}

export function getFile(call, state, id) {
  const file = owned(call, state.files, id);
  return file ? json(file.about) : missing(id);
}

export function fileContent(call, state, id) {
  const file = owned(call, state.files, id);
  return file ? bytes(file.body, "application/octet-stream") : missing(id);
}

export function deleteFile(call, state, id) {
  if (!owned(call, state.files, id)) return missing(id);
  state.files.delete(id);
  return json({ id, object: "file", deleted: true });
}

function missing(id) {
  return failure(404, `No such File object: ${id}`, "id", null);
}

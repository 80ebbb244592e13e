// Images and sound, both ways.
import { formParts } from "./form.mjs";
import { bytes, failure, json } from "./reply.mjs";

// The smallest PNG that a decoder accepts: one transparent pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** 4 KiB in which every byte value occurs: sound that shows any re-encoding on the way. */
export const sound = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 31 + (i >> 8)) & 255));

export function image(call, _state, kind) {
  if (kind !== "generations" && !formParts(call).some((part) => part.filename)) {
    return failure(400, "Missing required parameter: 'image'.", "image", "missing_required_parameter");
  }
  return json({ created: 1700000000, data: [{ b64_json: pixel, revised_prompt: "a dot" }] });
}

export function speech() {
  return bytes(sound, "audio/mpeg");
}

/** The text names what arrived, so that a client can prove its upload was read. */
export function transcription(call) {
  const parts = formParts(call);
  const file = parts.find((part) => part.name === "file");
  if (!file) return failure(400, "Missing required parameter: 'file'.", "file", "missing_required_parameter");
  const text = `${file.filename}: ${file.body.length} bytes`;
  const format = parts.find((part) => part.name === "response_format")?.body.toString();
  return format === "text" ? bytes(Buffer.from(`${text}\n`), "text/plain; charset=utf-8") : json({ text });
}

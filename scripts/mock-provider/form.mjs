// Reads multipart/form-data (RFC 7578) from a whole body.

/** The parts as `{name, filename?, type?, body}`, in order; none if the call is not a form. */
export function formParts(call) {
  const boundary = /boundary="?([^";]+)"?/i.exec(call.headers["content-type"] ?? "")?.[1];
  if (!boundary) return [];
  const line = Buffer.from(`--${boundary}`);
  const parts = [];
  let from = call.body.indexOf(line);
  while (from >= 0) {
    const start = from + line.length + 2;
    const next = call.body.indexOf(line, start);
    if (next < 0) break;
    // Before the next boundary stands a CRLF that is not the part's.
    parts.push(part(call.body.subarray(start, next - 2)));
    from = next;
  }
  return parts;
}

function part(bytes) {
  const border = bytes.indexOf("\r\n\r\n");
  const head = bytes.subarray(0, border).toString();
  const attribute = (name) => new RegExp(`[; ]${name}="([^"]*)"`, "i").exec(head)?.[1];
  return {
    name: attribute("name"),
    filename: attribute("filename"),
    type: /content-type: *(.*)/i.exec(head)?.[1].trim(),
    body: bytes.subarray(border + 4),
  };
}

// Answers in the shape that send.mjs writes: {status, headers, chunks, usage?}.

export function json(body, { status = 200, usage = body.usage } = {}) {
  const bytes = Buffer.from(JSON.stringify(body));
  return {
    status,
    headers: { "content-type": "application/json", "content-length": bytes.length },
    chunks: [bytes],
    usage,
  };
}

/** An error as OpenAI words it. */
export function failure(status, message, param, code) {
  return json({ error: { message, type: "invalid_request_error", param, code } }, { status });
}

/** Server-sent events: each entry is an object (sent as `data: <json>`) or a ready string. */
export function events(list, usage) {
  const chunks = list.map((event) =>
    Buffer.from(typeof event === "string" ? event : `data: ${JSON.stringify(event)}\n\n`),
  );
  return {
    status: 200,
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
    chunks,
    usage,
  };
}

export function bytes(body, type) {
  return { status: 200, headers: { "content-type": type, "content-length": body.length }, chunks: [body] };
}

/** Words stand in for tokens: exact, and easy to hold a count against. */
export function tokens(text) {
  return String(text).split(/\s+/).filter(Boolean).length;
}

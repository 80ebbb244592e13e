// Writes one answer to the wire, with the accidents that the behavior asks for.

/**
 * Never throws. `standing` are the headers of every answer; `openai()` makes the answer that the behavior disturbs, and is
 * not called when the behavior has one of its own.
 */
export async function send(call, behavior, standing, openai, response) {
  const answer = compose(call, behavior, standing, openai);
  const alive = () => !response.destroyed;
  if (behavior.delay) await pause(behavior.delay, response);
  if (behavior.hang === true || !alive()) return;
  if (behavior.cut === 0) return cut(call, response);

  call.status = answer.status;
  response.writeHead(answer.status, given(answer.headers));
  response.flushHeaders();
  if (call.method === "HEAD") return void response.end();

  let sent = 0;
  for (const chunk of answer.chunks) {
    if (typeof chunk === "number") await pause(chunk, response);
    else {
      if (behavior.hang === sent) return;
      if (behavior.cut === sent) return breakOff(call, response);
      if (sent > 0 && behavior.chunkDelay) await pause(behavior.chunkDelay, response);
      if (!alive()) return;
      if (!response.write(chunk)) await drained(response);
      sent += 1;
      count(call, answer);
    }
  }
  if (alive()) response.end();
}

function compose(call, behavior, standing, openai) {
  const { status = 200, headers, chunks, body } = behavior;
  if (behavior.echo)
    return whole(
      200,
      { ...standing, "content-type": call.headers["content-type"] ?? "application/octet-stream" },
      call.body,
    );
  if (chunks) return { status, headers: { ...standing, ...headers }, chunks };
  if (body !== undefined || behavior.status !== undefined)
    return scripted(status, { ...standing, ...headers }, body ?? "");
  const answer = openai();
  const merged = { ...standing, ...answer.headers, ...headers };
  // One JSON body that is to be cut or to hang is sent in pieces, so that there is a middle to break in.
  const parts =
    behavior.cut > 0 && answer.chunks.length === 1 ? pieces(answer.chunks[0], behavior.cut + 1) : answer.chunks;
  return { ...answer, headers: merged, chunks: parts };
}

function scripted(status, headers, body) {
  const json = typeof body === "object" && !Buffer.isBuffer(body);
  const type = json ? { "content-type": "application/json" } : {};
  return whole(status, { ...type, ...headers }, Buffer.from(json ? JSON.stringify(body) : body));
}

function whole(status, headers, body) {
  const empty = status === 204 || status === 304;
  return {
    status,
    headers: empty ? headers : { ...headers, "content-length": body.length },
    chunks: body.length ? [body] : [],
  };
}

// A script takes a standing header away with null.
function given(headers) {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null));
}

function pieces(body, n) {
  const size = Math.max(1, Math.ceil(body.length / n));
  return Array.from({ length: n }, (_, i) => body.subarray(i * size, (i + 1) * size)).filter((part) => part.length);
}

function count(call, answer) {
  if (!answer.usage) return;
  call.promptTokens = answer.usage.prompt_tokens;
  call.completionTokens = answer.usage.completion_tokens;
}

// What was sent just before a break may be lost on the way; a moment between makes the outcome certain.
async function breakOff(call, response) {
  await pause(20, response);
  cut(call, response);
}

function cut(call, response) {
  call.cut = true;
  response.socket?.destroy();
}

// Both are over at once when the caller hangs up.
function pause(ms, response) {
  return until(response, (resume) => {
    const timer = setTimeout(resume, ms);
    return () => clearTimeout(timer);
  });
}

function drained(response) {
  return until(response, (resume) => {
    response.once("drain", resume);
    return () => response.off("drain", resume);
  });
}

/** Waits for what `start` begins, or for the end of the connection; `start` returns how to call it off. */
function until(response, start) {
  return new Promise((resolve) => {
    const resume = () => {
      callOff();
      response.off("close", resume);
      resolve();
    };
    const callOff = start(resume);
    response.once("close", resume);
  });
}

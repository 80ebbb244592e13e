// What the runtime takes for what keypool does with it, and nothing of keypool. A JSON call's two bodies are read whole, under an
// abort signal joined with the client's and a timer; a stream passes through a gate, and its copy is read once a second; there is
// work behind the answer, and a log line. `PARTS` has the words for it. What is below this cannot be had with these functions.
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 1000;
const WINDOW = 64 * 1024;

export default {
  async fetch(request, { KEY, UPSTREAM, PARTS }, context) {
    const does = (part) => PARTS.includes(part);
    let over = () => {};
    if (does("behind")) context.waitUntil(new Promise((resolve) => (over = resolve)));
    const { pathname, search } = new URL(request.url);
    const headers = new Headers({ "accept-encoding": "identity", "content-type": request.headers.get("content-type"), authorization: `Bearer ${KEY}` });
    const abort = does("signals") ? new AbortController() : undefined;
    const timer = does("timer") ? setTimeout(() => abort.abort(), PATIENCE_MS) : undefined;
    const answer = await fetch(UPSTREAM + pathname + search, {
      method: request.method,
      headers,
      body: does("question") ? await request.arrayBuffer() : request.body,
      redirect: "manual",
      signal: abort && AbortSignal.any([abort.signal, request.signal]),
    });
    const streamed = answer.headers.get("content-type")?.startsWith("text/event-stream");
    const body = streamed ? passed(answer.body, does, over) : does("answer") ? await answer.arrayBuffer() : answer.body;
    if (timer) clearTimeout(timer);
    if (!streamed) over();
    if (does("log")) console.log(JSON.stringify({ time: new Date().toISOString(), level: "info", event: "call", status: answer.status, path: pathname }));
    return new Response(body, { status: answer.status, headers: new Headers(answer.headers) });
  },
};

function passed(body, does, over) {
  if (!does("gate")) return body;
  const gate = new IdentityTransformStream();
  const [source, copy] = does("copy") ? body.tee() : [body];
  const piped = source.pipeTo(gate.writable).then(() => true, () => true);
  const looked = copy ? look(piped, copy.getReader({ mode: "byob" })) : piped;
  looked.then(over, over);
  return gate.readable;
}

async function look(piped, reader) {
  let buffer = new Uint8Array(WINDOW);
  let ended = false;
  for (;;) {
    if (!ended) ended = await Promise.race([piped, new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS, false))]);
    const { value, done } = await reader.read(buffer);
    if (done) return;
    buffer = new Uint8Array(value.buffer);
  }
}

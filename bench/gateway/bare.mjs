// What the runtime takes for what keypool does with it, and nothing of keypool: both bodies of a JSON call are read whole, under
// an abort signal joined with the client's and a timer; a stream passes through a gate, and its copy is read once a second;
// there is work behind the answer, and a log line. What is below this cannot be had with these functions.
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 1000;
const WINDOW = 64 * 1024;

export default {
  async fetch(request, { KEY, UPSTREAM }, context) {
    let over;
    context.waitUntil(new Promise((resolve) => (over = resolve)));
    const { pathname, search } = new URL(request.url);
    const headers = new Headers({ "accept-encoding": "identity", "content-type": request.headers.get("content-type"), authorization: `Bearer ${KEY}` });
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), PATIENCE_MS);
    const answer = await fetch(UPSTREAM + pathname + search, {
      method: request.method,
      headers,
      body: await request.arrayBuffer(),
      redirect: "manual",
      signal: AbortSignal.any([abort.signal, request.signal]),
    });
    const streamed = answer.headers.get("content-type")?.startsWith("text/event-stream");
    const body = streamed ? passed(answer.body, over) : await answer.arrayBuffer();
    clearTimeout(timer);
    if (!streamed) over();
    console.log(JSON.stringify({ time: new Date().toISOString(), level: "info", event: "call", status: answer.status, path: pathname }));
    return new Response(body, { status: answer.status, headers: new Headers(answer.headers) });
  },
};

function passed(body, over) {
  const [source, copy] = body.tee();
  const gate = new IdentityTransformStream();
  const piped = source.pipeTo(gate.writable).then(() => true, () => true);
  look(piped, copy.getReader({ mode: "byob" })).then(over, over);
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

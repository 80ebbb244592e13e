// The Worker's entry module: hands each event to the wasm, and keeps a crash of the wasm short.
//
// A Rust panic, out-of-memory or stack overflow kills the one wasm instance of this isolate, and with it every request
// that is still being worked on: their futures would never be polled again and the callers would hang. Here each of
// them is answered at once with a 503 that SDKs retry, and the next event finds a new instance.
// Answers that are already being streamed are native pipes and go on; those that pass through the wasm are cut off.
import { access } from "./access.mjs";
import * as call from "./call.mjs";
import { open, seal } from "./cipher.mjs";
import * as wasm from "./index.js";

/// What the wasm calls by name.
globalThis.keypool = { access, open, seal, ...call };

const DIED = Symbol();
/// One resolver per event in work, and one per body that passes through the wasm.
const living = new Set();
const state = wasm.__worker_init_state();

// What is thrown in a timer or microtask came out of the wasm: nothing else here runs in one.
addEventListener("error", (event) => {
  if (!isLeftover(event.error)) die(event.error);
});

/// A timer or promise that a dead instance left behind is refused by the glue; the new instance is well.
function isLeftover(error) {
  return /previous wasm instance/i.test(error?.message ?? "");
}

function die(error) {
  console.error(JSON.stringify({ level: "error", event: "wasm_died", requests: living.size, error: String(error) }));
  for (const resolve of living) resolve(DIED);
  living.clear();
  state.criticalError = false;
  wasm.__wbg_reset_state();
}

/// `work`'s result, or `onDeath`'s if the instance dies first. `onDeath` runs in the event's own continuation, because
/// workerd refuses a Response that was made while another request was being handled.
async function guard(work, onDeath) {
  let resolve;
  try {
    const result = await new Promise((settle, reject) => {
      living.add((resolve = settle));
      work().then(settle, reject);
    });
    if (result !== DIED) return result;
  } catch (error) {
    // The Rust handlers turn their errors into answers, so a rejection is a crash as well.
    if (living.has(resolve)) die(error);
  } finally {
    living.delete(resolve);
  }
  return onDeath();
}

/// `getWriter`, for the wasm. Without it nobody would write on, and the client would wait for ever.
keypool.writer = (to) => {
  const writer = to.getWriter();
  const over = ifItDies(() => writer.abort());
  writer.closed.then(over, over);
  return writer;
};

/// `pipeTo`, for the wasm, which says how it ended where the source breaks off. Where it has died, nobody does.
keypool.pipe = (from, to) => {
  const piped = from.pipeTo(to, { preventAbort: true });
  let isAlone = false;
  const over = ifItDies(() => (isAlone = true));
  piped.then(over, () => (isAlone ? to.abort() : over()));
  return piped;
};

/// Does `work` if the instance dies, in this event's own continuation; what is answered calls that off.
function ifItDies(work) {
  let resolve;
  new Promise((settle) => (resolve = settle)).then(work).catch(() => {});
  living.add(resolve);
  return () => living.delete(resolve);
}

function retryLater() {
  const error = {
    message: "The gateway restarted after an internal error. Please send the request again.",
    type: "server_error",
    param: null,
    code: "gateway_restarted",
  };
  return Response.json(
    { error },
    { status: 503, headers: { "retry-after": "1", "x-request-id": crypto.randomUUID() } },
  );
}

/// A small body is read before the wasm is asked: to wait for it there is dearer. A client that breaks off is its matter.
const SMALL = 64 * 1024;

async function serve(request, env, context) {
  const length = Number(request.headers.get("content-length"));
  const read = length > 0 && length <= SMALL && !request.url.includes("/admin/api/");
  const body = read ? await request.arrayBuffer().catch(() => undefined) : undefined;
  return wasm.fetch(request, env, context, body);
}

export default {
  fetch: (request, env, context) => guard(() => serve(request, env, context), retryLater),
  scheduled: (event, env, context) =>
    guard(
      () => wasm.scheduled(event, env, context),
      () => {
        throw new Error("The wasm instance died during this run.");
      },
    ),
};

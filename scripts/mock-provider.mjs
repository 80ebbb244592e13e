// A loopback provider that speaks the OpenAI API well enough for the official SDKs. The e2e tests hold the Worker
// against it, and `npm run dev -- --demo` shows it off. What happens to a call follows from a script or the key's name.
import http from "node:http";
import { behaviorOf } from "./mock-provider/behavior.mjs";
import { openai, standing } from "./mock-provider/openai.mjs";
import { send } from "./mock-provider/send.mjs";

/**
 * Starts the provider on 127.0.0.1.
 *
 * `ledger` is an array with one entry a call, in order of arrival: `{at, key, method, path, query, headers, rawHeaders,
 * body, status, promptTokens, completionTokens, closedEarly, done}`. `path` is the full one (`/v1/...`), `body` a
 * Buffer as it came, `closedEarly` true once the caller hung up before the answer was over, `done` true once all was sent.
 *
 * `script(key, behavior)` overrides what the key's name says: a name ("429"), an object (see behavior.mjs), a function of
 * the call that returns either, or an array of these, one a call, after which the name decides again. "*" is every key.
 */
export async function startMockProvider({ port = 0 } = {}) {
  const ledger = [];
  const scripts = new Map();
  const state = { files: new Map(), batches: new Map(), responses: new Map(), count: 0 };

  const server = http.createServer(async (request, response) => {
    const call = newCall(request);
    ledger.push(call);
    watch(call, response);
    try {
      call.body = await read(request);
    } catch {
      call.closedEarly = true;
      return;
    }
    state.count += 1;
    await send(call, behaviorOf(call, scripts), standing(state.count), () => openai(call, state), response);
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}/v1`,
    port: server.address().port,
    ledger,
    script(key, behavior) {
      scripts.set(key, Array.isArray(behavior) ? [...behavior] : behavior);
    },
    reset() {
      ledger.length = 0;
      scripts.clear();
      state.files.clear();
      state.batches.clear();
      state.responses.clear();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

function newCall(request) {
  const url = new URL(request.url, "http://mock");
  const bearer = /^Bearer\s+(.*)$/i.exec(request.headers.authorization ?? "")?.[1];
  return {
    at: Date.now(),
    key: bearer ?? request.headers["x-api-key"] ?? request.headers["api-key"] ?? "",
    method: request.method,
    path: url.pathname,
    query: url.search,
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body: Buffer.alloc(0),
    status: null,
    promptTokens: 0,
    completionTokens: 0,
    closedEarly: false,
    done: false,
  };
}

function watch(call, response) {
  response.on("finish", () => (call.done = true));
  response.on("close", () => {
    if (!call.done && !call.cut) call.closedEarly = true;
  });
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

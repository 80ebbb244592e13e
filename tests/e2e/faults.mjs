// A Worker around the built Worker whose storage can be made to fail: GET /__faults?on, GET /__faults?off. With ?after=N it fails
// after N more calls, as if the process had died there; with ?after=N&lost the first call that fails is done all the same, and
// only its answer is lost. It also counts what reaches the storage, and what goes on after an answer: GET /__faults?counts;
// `written` are the rows that D1 wrote, `puts` KV's `[name, time]`, `memory` the bytes of the wasm's memory. GET /__faults?ahead=ms
// puts the Worker's clock ahead by so much. GET /__faults?slow=ms makes every call take so much longer, ?refuse=writes and ?refuse=all
// refuse it in Cloudflare's words for a quota that is used up, ?stale answers what KV held when it was first read until it is ?off.
import { memory } from "./memory.mjs";
import worker from "./index.js";

const clock = Date.now;
let ahead = 0;
Date.now = () => clock() + ahead;
let slow = 0;
let refused = "";
let stale = null;
let failing = false;
let left = Infinity;
let lost = false;
const counts = { storage: 0, background: 0, written: 0, puts: [] };
const wrapped = new WeakMap();
const originals = new WeakMap();
/// The SQL of statements.
const said = new WeakMap();
const starts = new Set(["prepare", "bind", "withSession"]);

export default {
  fetch(request, env, context) {
    const url = new URL(request.url);
    if (url.pathname !== "/__faults") return entry("fetch", env, watched(context))(request, faulty(env), watched(context));
    if (url.search === "?counts") return Response.json({ ...counts, memory: memory() });
    if (url.searchParams.has("ahead")) {
      ahead = Number(url.searchParams.get("ahead"));
      return new Response(null, { status: 204 });
    }
    slow = Number(url.searchParams.get("slow") ?? 0);
    refused = url.searchParams.get("refuse") ?? "";
    stale = url.searchParams.has("stale") ? new Map() : null;
    failing = url.search === "?on";
    left = Number(url.searchParams.get("after") ?? Infinity);
    lost = url.searchParams.has("lost");
    return new Response(null, { status: 204 });
  },
  scheduled: (event, env, context) =>
    entry("scheduled", env, watched(context))(event, faulty(env), watched(context)),
};

function watched(context) {
  return {
    waitUntil(work) {
      counts.background += 1;
      const over = () => (counts.background -= 1);
      work.then(over, over);
      context.waitUntil(work);
    },
  };
}

// The build exports an object of handlers, or a class that is made for each event.
function entry(name, env, context) {
  if (typeof worker !== "function") return worker[name].bind(worker);
  const instance = new worker(context, faulty(env));
  return instance[name].bind(instance);
}

function faulty(env) {
  const copy = { ...env };
  if (env.DB) copy.DB = guard(env.DB);
  if (env.API_TOKENS) copy.API_TOKENS = guard(env.API_TOKENS);
  return copy;
}

// Calls that only build a statement are passed on; calls that reach storage reject while it is failing.
function guard(target) {
  const known = wrapped.get(target);
  if (known) return known;
  const proxy = new Proxy(target, {
    get(_target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== "function" || name === "constructor") return value;
      if (starts.has(name)) return (...args) => built(guard(value.apply(target, args)), name === "prepare" ? args[0] : said.get(target));
      return (...args) => {
        counts.storage += 1;
        if (failing) return Promise.reject(down());
        if (slow > 0) return new Promise((resolve) => setTimeout(resolve, slow)).then(() => value.apply(target, args.map(unguard)).then(noted));
        if (refused === "all" || (refused === "writes" && isWrite(name, [target, ...args.flat().map(unguard)]))) return Promise.reject(quota(name, refused));
        if (stale && name.startsWith("get")) return frozen(JSON.stringify([name, args]), () => value.apply(target, args));
        if (name === "put") counts.puts.push([args[0], Date.now()]);
        const answer = () => value.apply(target, args.map(unguard)).then(noted);
        if (left > 0) {
          left -= 1;
          return answer();
        }
        failing = true;
        return (lost ? answer() : Promise.resolve()).then(() => Promise.reject(down()));
      };
    },
  });
  wrapped.set(target, proxy);
  originals.set(proxy, target);
  return proxy;
}

function built(proxy, sql) {
  said.set(originals.get(proxy) ?? proxy, sql);
  return proxy;
}

function isWrite(name, targets) {
  return name === "put" || name === "delete" || targets.some((target) => /\b(?:insert|update|delete|replace|create|alter|drop)\b/i.test(said.get(target) ?? ""));
}

/// As Cloudflare words it.
function quota(name, which) {
  if (name === "put" || name === "delete" || name.startsWith("get") || name === "list") return new Error(`KV ${name}() limit exceeded for the day.`);
  return new Error(which === "all" ? "D1_ERROR: D1 DB is overloaded. Too many requests queued." : "D1_ERROR: Exceeded maximum DB size");
}

function frozen(question, ask) {
  if (!stale.has(question)) stale.set(question, ask());
  return stale.get(question);
}

const down = () => new Error("storage is down (injected)");

function noted(answer) {
  for (const { meta } of Array.isArray(answer) ? answer : []) counts.written += meta?.rows_written ?? 0;
  return answer;
}

function unguard(arg) {
  if (Array.isArray(arg)) return arg.map(unguard);
  return originals.get(arg) ?? arg;
}

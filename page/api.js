// The page's only door to the network. Whatever goes wrong becomes an ApiError, which a view can show.
import { events } from "./sse.js";

const BASE = "/admin/api";
const PATIENCE_MS = 60_000;

/** `code` is the server's own, or one of ours: network, timeout, bad_answer. `status` is 0 if nothing was answered. */
export class ApiError extends Error {
  constructor({ code, message = "", status = 0, retryAfter = null }) {
    super(message);
    Object.assign(this, { code, status, retryAfter });
  }
}

let expired = () => {};
/** Called whenever the server no longer knows our session. */
export const whenExpired = (callback) => (expired = callback);

export const login = (password) => call("POST", "/login", { password });
let leave = () => location.reload();
/** With `everywhere`, of every browser and script. The page that is loaded next knows nothing of this one. */
export async function logout(everywhere) {
  try {
    await call("POST", "/logout", everywhere && { everywhere });
  } catch (failure) {
    if (failure.code !== "login_required") throw failure;
  }
  leave();
}
export async function session() {
  const session = await call("GET", "/session");
  // Or Cloudflare Access would let the same person in again.
  if (session.by === "access") leave = () => location.assign("/cdn-cgi/access/logout");
  return session;
}

const things = (name) => ({
  list: () => call("GET", `/${name}`),
  add: (fields) => call("POST", `/${name}`, fields),
  change: (id, fields) => call("PATCH", at(name, id), fields),
  remove: (id, query = {}) => call("DELETE", `${at(name, id)}?${search(query)}`),
});
/** A collection whose things are named in the query. */
const named = (name) => ({
  list: () => call("GET", `/${name}`),
  put: (thing) => call("PUT", `/${name}`, thing),
  remove: (query) => call("DELETE", `/${name}?${search(query)}`),
});

export const providers = { ...things("providers"), fetchModels: (name) => call("POST", at("providers", name, "models")) };
export const clients = things("clients");
export const rules = { ...things("rules"), test: (order, signal) => call("POST", "/rules/test", order, signal) };
export const prices = named("prices");
export const models = named("models");
export const settings = { list: () => call("GET", "/settings"), change: (changes) => call("PATCH", "/settings", changes) };

export const listKeys = (query, signal) => call("GET", `/keys?${search(query)}`, undefined, signal);
export const addKeys = (paste, signal) => call("POST", "/keys", paste, signal);
export const key = (id) => call("GET", at("keys", id));
export const changeKey = (id, fields) => call("PATCH", at("keys", id), fields);
export const deleteKey = (id) => call("DELETE", at("keys", id));
/** `act`: reset, test, balance or reveal. */
export const actOnKey = (id, act) => call("POST", at("keys", id, act));
/** What another tool exported; `order` as that of `addKeys`. */
export const importKeys = (order, signal) => call("POST", "/import", order, signal);
export const exportKeys = async (order) => file(await post("/keys/export", order));
export const bulk = (order) => call("POST", "/keys/bulk", order);

export const listRequests = (query) => call("GET", `/requests?${search(query)}`);
export const overview = () => call("GET", "/overview");
export const stats = (query) => call("GET", `/stats?${search(query)}`);
export const series = (query) => call("GET", `/stats/series?${search(query)}`);
export async function costReport(query) {
  return file(await send(`${BASE}/stats/cost?${search({ ...query, format: "csv" })}`, {}));
}

export const flush = () => call("POST", "/flush");
export const request = (id) => call("GET", at("requests", id));
export const audit = (query) => call("GET", `/audit?${search(query)}`);

/** A Blob. */
export const backup = async (passphrase) => file(await post("/backup", { passphrase }));
export const restore = (order) => call("POST", "/backup/restore", order);

/** What ids are called: by kind, and by id. */
export async function names() {
  const asked = await Promise.all([listKeys({ limit: 1000 }), clients.list(), providers.list(), rules.list(), models.list()]);
  const [{ keys }, { clients: programs }, { providers: places }, { rules: mends }, { aliases, models: known }] = asked;
  const named = (list) => Object.fromEntries(list.map(({ name, id = name, label = id, key_masked }) => [id, label || key_masked]));
  return { key: named(keys), client: named(programs), provider: named(places), rule: named(mends), model: named([...aliases, ...known]) };
}

/** What the proxy lists, asked for by this page's own door into the pool. */
export const poolModels = () => call("GET", "/v1/models");

/**
 * A chat through the pool: the `trace` of its attempts and the `chunks` of its answer, as they come. What an upstream says
 * of a failure is `quoted`.
 */
export async function chat(order, headers, signal) {
  const response = await post("/v1/chat/completions", order, headers, signal, Infinity);
  const trace = JSON.parse(response.headers.get("x-keypool-trace") ?? "[]");
  if (response.ok) return { trace, chunks: chunks(response) };
  return answered(response).catch((failure) => {
    throw Object.assign(failure, { trace, quoted: failure.code !== "login_required" });
  });
}

async function* chunks(response) {
  if (!/event-stream/.test(response.headers.get("content-type"))) return yield answered(response);
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") continue;
      const chunk = JSON.parse(data);
      if (chunk.error) throw Object.assign(new ApiError({ ...chunk.error, status: response.status }), { quoted: true });
      yield chunk;
    }
  } catch (cause) {
    throw cause instanceof ApiError || cause.name === "AbortError" ? cause : new ApiError({ code: cause.name === "SyntaxError" ? "bad_answer" : "broken", message: cause.message });
  }
}

/** A dictionary of the page's words: a static file, not an API call. */
export async function words(language) {
  const response = await send(`/admin/i18n/${language}.json`, {});
  return answered(response);
}

const at = (...parts) => parts.map((part) => `/${encodeURIComponent(part)}`).join("");

function search(query) {
  const filled = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return new URLSearchParams(filled).toString();
}

async function call(method, path, body, signal) {
  const headers = { accept: "application/json" };
  const response = await (body === undefined ? send(BASE + path, { method, headers, signal }) : post(path, body, headers, signal, PATIENCE_MS, method));
  return answered(response);
}

const post = (path, body, headers, signal, patience, method = "POST") =>
  send(BASE + path, { method, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body), signal }, patience);

async function send(url, { signal, ...options }, patience = PATIENCE_MS) {
  const signals = [signal, patience < Infinity && AbortSignal.timeout(patience)].filter(Boolean);
  const either = AbortSignal.any(signals);
  try {
    return await fetch(url, { ...options, signal: either, credentials: "same-origin", cache: "no-cache" });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause; // the caller changed its mind
    throw new ApiError({ code: cause.name === "TimeoutError" ? "timeout" : "network", message: cause.message });
  }
}

const file = (response) => (response.ok ? response.blob() : answered(response));

async function answered(response) {
  if (response.status === 204) return null;
  const body = await response.json().catch((cause) => {
    if (cause.name === "AbortError") throw cause;
  });
  if (response.ok && body !== undefined) return body;
  const failure = failureOf(response, body);
  if (failure.code === "login_required") expired();
  throw failure;
}

function failureOf(response, body) {
  const { code, message } = body?.error ?? {};
  const seconds = Number(response.headers.get("retry-after"));
  return new ApiError({
    code: code ?? "bad_answer",
    message: message ?? "",
    status: response.status,
    retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : null,
  });
}

// The page's only door to the network. Whatever goes wrong becomes an ApiError, which a view can show.
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
export const logout = () => call("POST", "/logout");
export const session = () => call("GET", "/session");

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
export async function exportKeys(order) {
  const response = await ask("POST", "/keys/export", order);
  return response.ok ? response.blob() : answered(response);
}
export const bulk = (order) => call("POST", "/keys/bulk", order);

export const listRequests = (query) => call("GET", `/requests?${search(query)}`);
export const overview = () => call("GET", "/overview");
export const stats = (query) => call("GET", `/stats?${search(query)}`);
export const series = (query) => call("GET", `/stats/series?${search(query)}`);
export async function costReport(query) {
  const response = await send(`${BASE}/stats/cost?${search({ ...query, format: "csv" })}`, {});
  return response.ok ? response.blob() : answered(response);
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
  return answered(await ask(method, path, body, signal));
}

const ask = (method, path, body, signal) =>
  send(BASE + path, { method, headers: { accept: "application/json", ...(body !== undefined && { "content-type": "application/json" }) }, body: body && JSON.stringify(body), signal });

async function send(url, { signal, ...options }) {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  const either = signal ? AbortSignal.any([signal, limit]) : limit;
  try {
    return await fetch(url, { ...options, signal: either, credentials: "same-origin", cache: "no-cache" });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause; // the caller changed its mind
    throw new ApiError({ code: cause.name === "TimeoutError" ? "timeout" : "network", message: cause.message });
  }
}

async function answered(response) {
  if (response.status === 204) return null;
  const body = await response.json().catch(() => undefined);
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

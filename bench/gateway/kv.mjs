// A KV namespace outside of the measured process, behind the HTTP that workerd's KV binding speaks. Nothing expires here.
import { serve } from "./served.mjs";

export async function startKv(filled = {}) {
  const values = new Map(Object.entries(filled).map(([name, value]) => [name, { value }]));
  const json = (value) => ({ body: JSON.stringify(value) });

  function bulk({ keys, type, withMetadata }) {
    const one = (name) => {
      const found = values.get(name);
      if (!found) return null;
      const value = type === "json" ? JSON.parse(found.value) : found.value;
      return withMetadata ? { value, metadata: found.metadata && JSON.parse(found.metadata) } : value;
    };
    return json(Object.fromEntries(keys.map((name) => [name, one(name)])));
  }

  /// In pages; the cursor is the last name of one.
  function list(params) {
    const [prefix, cursor, limit] = [params.get("prefix") ?? "", params.get("cursor") ?? "", Number(params.get("limit") ?? 1000)];
    const names = [...values.keys()].filter((name) => name.startsWith(prefix) && name > cursor).toSorted();
    const keys = names.slice(0, limit).map((name) => ({ name, metadata: values.get(name).metadata }));
    return json(keys.length < names.length ? { keys, list_complete: false, cursor: keys.at(-1).name } : { keys, list_complete: true });
  }

  function get(name) {
    const found = values.get(name);
    if (!found) return { status: 404 };
    return { headers: found.metadata ? { "cf-kv-metadata": found.metadata } : {}, body: found.value };
  }

  return serve(async (request, url, body) => {
    if (url.pathname === "/bulk/get") return bulk(JSON.parse(body));
    if (url.pathname === "/") return list(url.searchParams);
    const name = decodeURIComponent(url.pathname.slice(1));
    if (request.method === "GET") return get(name);
    if (request.method === "PUT") values.set(name, { value: body, metadata: request.headers["cf-kv-metadata"] });
    if (request.method === "DELETE") values.delete(name);
    return {};
  });
}

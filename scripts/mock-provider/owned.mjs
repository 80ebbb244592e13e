// What lies in one key's account, and is not there for another key: maps from an id to `{key, about}`.
import { json } from "./reply.mjs";

export function owned(call, things, id) {
  const thing = things.get(id);
  return thing?.key === call.key ? thing : undefined;
}

/** What there is to say of each, the newest first. */
export function ownedBy(call, things) {
  return [...things.values()].filter((thing) => thing.key === call.key).map((thing) => thing.about).reverse();
}

/** One page of a list, by `limit`, `after` and `order`. */
export function pageOf(call, all) {
  const asked = new URLSearchParams(call.query);
  const list = asked.get("order") === "asc" ? all.toReversed() : all;
  const from = list.findIndex((about) => about.id === asked.get("after")) + 1;
  const data = list.slice(from, from + Number(asked.get("limit") ?? 20));
  return json({
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + data.length < list.length,
  });
}

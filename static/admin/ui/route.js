// The address after "#": which screen, which thing on it, and its filter. It survives a reload and can be shared.
import { useEffect, useState } from "/vendor/preact.js";

/** "#/keys/k1?state=disabled" -> { screen: "keys", id: "k1", query: { state: "disabled" } } */
export function readHash(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [screen = "", id = null] = path.split("/").filter(Boolean).map(plain);
  return { screen, id, query: Object.fromEntries(new URLSearchParams(query)) };
}

export function hashOf({ screen, id = null, query = {} }) {
  const filled = Object.entries(query).filter(([, value]) => value);
  const tail = filled.length ? `?${new URLSearchParams(filled)}` : "";
  return `#/${screen}${id ? `/${encodeURIComponent(id)}` : ""}${tail}`;
}

export function useRoute() {
  const [route, setRoute] = useState(() => readHash(location.hash));
  useEffect(() => {
    const read = () => setRoute(readHash(location.hash));
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  return route;
}

/** Another address in place of this one: filters do not fill the history. */
export function replaceHash(route) {
  history.replaceState(null, "", hashOf(route));
  dispatchEvent(new Event("hashchange"));
}

function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

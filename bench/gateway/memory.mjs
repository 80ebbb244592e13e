// The Worker's entry module of the bench: the built Worker as it is, and at a second entrance how large its wasm's memory is.
import { memory } from "./watch.mjs";

export { default } from "./index.js";

export const measure = { fetch: () => Response.json({ memory: memory() }) };

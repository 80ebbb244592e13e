// Bundles the page's only third-party code into one ES module: static/vendor/preact.js.
// The page has no build step of its own; this file is git-ignored and made again when a pin in package.json changes.
import { existsSync, readFileSync } from "node:fs";

const FILE = "static/vendor/preact.js";

const SOURCE = `
  import { h } from "preact";
  import htm from "htm";
  export { h, render } from "preact";
  export {
    useState, useEffect, useLayoutEffect, useMemo, useCallback, useRef, useReducer,
  } from "preact/hooks";
  export const html = htm.bind(h);
`;

export async function vendor() {
  const { devDependencies: pin } = JSON.parse(readFileSync("package.json", "utf8"));
  const banner = `/*! preact ${pin.preact} with hooks (MIT), htm ${pin.htm} (Apache-2.0); made by scripts/vendor.mjs */`;
  if (existsSync(FILE) && readFileSync(FILE, "utf8").startsWith(banner)) return;

  const { build } = await import("esbuild");
  await build({
    stdin: { contents: SOURCE, resolveDir: "." },
    outfile: FILE,
    banner: { js: banner },
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "inline",
    logLevel: "warning",
  });
}

// Bundles page/ into static/admin/page.js and style.css, which are git-ignored: one file of each, minified, with Preact and
// htm in it, the page's only third-party code. Everything else in static/ is deployed as it lies there.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const OUT = "static/admin";
const FILES = ["page.js", "style.css"];

/// Does nothing when the files are those of these sources: they say so in their first line.
export async function page() {
  const { devDependencies: pin } = JSON.parse(readFileSync("package.json", "utf8"));
  const banner = `/*! preact ${pin.preact} (MIT), htm ${pin.htm} (Apache-2.0), keypool's page ${fingerprint(pin)} */`;
  if (FILES.every((name) => existsSync(join(OUT, name)) && readFileSync(join(OUT, name), "utf8").startsWith(banner))) return;

  const { build } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: { page: "page/app.js", style: "page/style.css" },
    outdir: OUT,
    banner: { js: banner, css: banner },
    bundle: true,
    format: "esm",
    charset: "utf8",
    target: "es2022",
    minify: true,
    write: false,
    logLevel: "warning",
  });
  for (const { path, text } of outputFiles) {
    // A running Wrangler serves these: each appears whole.
    writeFileSync(`${path}.new`, shortened(text));
    renameSync(`${path}.new`, path);
  }
}

/// Of htm's templates, what means nothing to it: the blanks before a tag, and the name in a closing one.
function shortened(text) {
  return text.replace(/\n +(?=<|\$\{)/g, "").replace(/<\/\w+>/g, "<//>");
}

function fingerprint(pin) {
  const hash = createHash("sha256").update(`${pin.esbuild} ${readFileSync("scripts/page.mjs")}`);
  for (const file of readdirSync("page", { recursive: true }).map(String).sort()) {
    if (/\.(js|css)$/.test(file)) hash.update(`${file}\0`).update(readFileSync(join("page", file)));
  }
  return hash.digest("hex").slice(0, 12);
}

// docs/PERFORMANCE.md, whose numbers stand between markers, and its pictures.
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { plots } from "./plots.mjs";
import { described, goals } from "./tables.mjs";

const PAGE = "docs/PERFORMANCE.md";

/// Of a whole run.
export function write(results) {
  let page = readFileSync(PAGE, "utf8");
  page = between(page, "targets", `${goals(results)}\n\n${measuredOn()}`);
  page = between(page, "scenarios", results.map(described).join("\n\n"));
  writeFileSync(PAGE, page);
  for (const [name, svg] of Object.entries(plots(results))) writeFileSync(`docs/${name}`, svg);
}

function measuredOn() {
  const cpus = os.cpus();
  const load = os.loadavg()[0].toFixed(1);
  const date = new Date().toISOString().slice(0, 10);
  return `Measured on ${date} with ${cpus.length} cores (${cpus[0].model.trim()}), load ${load} at the end.`;
}

function between(page, name, fresh) {
  const [begin, end] = [`<!-- ${name}: generated -->\n`, `<!-- /${name} -->`];
  const [head, rest] = page.split(begin);
  const [, tail] = rest?.split(end) ?? [];
  if (tail === undefined) throw new Error(`${PAGE} has no part \`${name}\``);
  return `${head}${begin}\n${fresh}\n\n${end}${tail}`;
}

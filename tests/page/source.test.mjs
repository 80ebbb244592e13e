// Rules about the page's files, held without a browser.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

const root = fileURLToPath(new URL("../..", import.meta.url));
const filesIn = (folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
  .sort();
const read = (file) => readFileSync(join(root, file), "utf8");
const modules = filesIn("page").filter((file) => file.endsWith(".js") && file !== "page/preact.js");
const sections = ["en", "zh"].map((name) => JSON.parse(read(`static/admin/i18n/${name}.json`)));
const [en, zh] = sections.map((dictionary) => Object.fromEntries(Object.entries(dictionary).flatMap(([section, texts]) => Object.entries(texts).map(([name, text]) => [section ? `${section}.${name}` : name, text]))));
const forms = (text) => (typeof text === "string" ? [text] : Object.values(text));
const holes = (text) => [...new Set(forms(text).flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)))].sort();

test("both dictionaries have the same names, in order", () => {
  assert.deepEqual(Object.keys(zh), Object.keys(en));
  for (const names of [sections[0], ...Object.values(sections[0])].map(Object.keys)) assert.deepEqual(names, names.toSorted());
});

test("a text has the same holes in both languages, and none is empty", () => {
  for (const name of Object.keys(en)) {
    assert.deepEqual(holes(zh[name]), holes(en[name]), name);
    for (const form of [...forms(en[name]), ...forms(zh[name])]) assert.ok(form.trim(), name);
  }
});

test("every text that the page names exists, and every text is named", () => {
  const code = modules.map(read).join("\n");
  const literal = [...code.matchAll(/\b(?:t|rich|has|word)\(\s*"([^"]+)"/g), ...code.matchAll(/\bt\([^"`()]*\? "([^"]+)" : "[^"]+"/g), ...code.matchAll(/\bt\([^"`()]*\? "[^"]+" : "([^"]+)"/g)].map(([, name]) => name);
  for (const name of literal) assert.ok(name in en, `${name} is missing`);
  const patterns = [...code.matchAll(/\b(?:t|rich|has|word)\((?:[^`()]*\? )?`([^`]+)`/g), ...code.matchAll(/= `(error\.[^`]+)`/g)].map(([, text]) => new RegExp(`^${text.replaceAll(".", "\\.").replace(/\$\{[^}]+\}/g, ".+")}$`));
  const quoted = new Set([...code.matchAll(/"([a-z0-9_.-]+)"/g)].map(([, name]) => name));
  const unused = Object.keys(en).filter((name) => !quoted.has(name) && !patterns.some((pattern) => pattern.test(name)));
  assert.deepEqual(unused, []);
});

test("every field has its word, and no word of a field is left over", () => {
  const code = modules.map(read).join("\n");
  const settings = [...readFileSync(join(root, "src/config.rs"), "utf8").matchAll(/"(\w+)",\s*(?:var: )?"KEYPOOL_/g)].map(([, name]) => name);
  const named = [...code.matchAll(/\b(?:as|name): "(\w+)"/g)].map(([, name]) => name);
  for (const name of settings) assert.ok(`field.${name}` in en, `the setting ${name} has no word`);
  for (const name of Object.keys(en).filter((name) => name.startsWith("field."))) {
    const field = name.split(".")[1];
    assert.ok(named.includes(field) || settings.includes(field) || new RegExp(`["\`.]${field}\\b`).test(code), `nothing is called ${name}`);
  }
});

test("no text is written into a view", () => {
  for (const file of modules) {
    for (const template of templates(read(file))) {
      const attributes = [...template.matchAll(/\b(?:placeholder|title|alt|aria-label|label|hint|action)="([^"]*\p{L}[^"]*)"/gu)].map(([whole]) => whole);
      assert.deepEqual(attributes, [], file);
      const text = template.replace(/<(code|pre)>[^<]*<\/\1>/g, "").replace(/<[^>]*>/g, " ");
      assert.doesNotMatch(text, /\p{L}/u, `${file}: ${text.trim().slice(0, 80)}`);
    }
  }
});

test("third-party code comes in by one door", () => {
  for (const file of modules) assert.doesNotMatch(read(file), /^(?:im|ex)port .*from "[^.]/m, file);
});

test("modules import from their own layer's ground only", () => {
  const layer = (file) => (file.split("/").length === 2 ? file.slice(5, -3) : file.split("/")[1]);
  const below = { app: ["api", "i18n", "ui", "views"], views: ["views", "ui", "api", "i18n"], ui: ["ui", "i18n"], api: ["sse"], sse: [], i18n: [] };
  for (const file of modules) {
    for (const [, from] of read(file).matchAll(/^import .* from "([^"]+)";$/gm)) {
      const target = new URL(from, `http://x/${file}`).pathname.slice(1);
      if (target === "page/preact.js") continue;
      assert.ok(modules.includes(target), `${file} imports ${from}, which is no file`);
      assert.ok(below[layer(file)].includes(layer(target)), `${file} must not import ${target}`);
    }
  }
});

test("one view is not part of another", () => {
  const screen = (file) => file.split("/")[2].replace(".js", "");
  for (const file of modules.filter((name) => name.startsWith("page/views/"))) {
    for (const [, from] of read(file).matchAll(/from "(\.[^"]+)"/g)) {
      const target = new URL(from, `http://x/${file}`).pathname.slice(1);
      if (target.startsWith("page/views/")) assert.equal(screen(target), screen(file), `${file} imports ${target}`);
    }
  }
});

test("there is one fetch, no markup from strings, no inline style or script", () => {
  assert.deepEqual(modules.filter((file) => /\bfetch\(/.test(read(file))), ["page/api.js"]);
  for (const file of [...modules, "static/admin/boot.js", "static/admin/index.html"]) {
    assert.doesNotMatch(read(file), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:/, file);
    assert.doesNotMatch(read(file), / style="|<style|<script>|\son[a-z]+="/, file);
  }
});

test("no file is longer than 300 lines", () => {
  for (const file of [...modules, "page/style.css"]) assert.ok(read(file).split("\n").length <= 300, file);
});

test("a reader downloads at most 60 KB in brotli, whatever the language", (t) => {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
  const sizeOf = (file) => brotliCompressSync(readFileSync(join(root, file)), quality).length;
  const sum = (list) => list.reduce((bytes, file) => bytes + sizeOf(file), 0);
  const files = filesIn("static").filter((file) => file !== "static/_headers");
  const dictionaries = ["static/admin/i18n/en.json", "static/admin/i18n/zh.json"];
  const size = sum(files.filter((file) => !dictionaries.includes(file))) + Math.max(...dictionaries.map(sizeOf));
  t.diagnostic(`${(size / 1024).toFixed(1)} KB, ${files.length - 1} files`);
  assert.ok(size <= 60 * 1024, `${size} bytes`);
});

/** The html`...` templates of a module, their ${holes} taken out; templates inside holes count on their own. */
function templates(code) {
  const found = [];
  for (let at = code.indexOf("html`"); at >= 0; at = code.indexOf("html`", at + 5)) found.push(template(code, at + 5)[0]);
  return found;
}

function template(code, from) {
  let text = "";
  for (let i = from; i < code.length; i++) {
    if (code[i] === "`") return [text, i];
    if (code.startsWith("${", i)) {
      i = hole(code, i + 2);
      text += '""';
    } else text += code[i];
  }
  throw new Error("a template without an end");
}

/** Where the hole that begins at `from` ends. */
function hole(code, from) {
  let depth = 1;
  for (let i = from; i < code.length; i++) {
    if (code[i] === "`") i = template(code, i + 1)[1];
    else if (code[i] === "{") depth += 1;
    else if (code[i] === "}" && --depth === 0) return i;
  }
  throw new Error("a hole without an end");
}

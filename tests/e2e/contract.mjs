// docs/openapi.yaml as a judge: what an answer must look like, and what nobody has asked for yet.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv2020 from "ajv/dist/2020.js";
import { parse } from "yaml";
import { root } from "./harness.mjs";

const base = "/admin/api";
const methods = ["get", "post", "put", "patch", "delete"];

/** `check(method, path, status, body)` throws if the document does not allow this answer, `fits(name, value)` if that is none of a schema; `missing()` lists what was never asked. */
export function contract() {
  const document = closed(parse(readFileSync(join(root, "docs/openapi.yaml"), "utf8")));
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false, validateSchema: false });
  ajv.addSchema(document, "openapi");
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    methods
      .filter((method) => item[method])
      .map((method) => ({ path, method, pattern: pattern(path), seen: new Set() })),
  );

  const follow = (node) => {
    if (!node?.$ref) return node;
    return node.$ref
      .split("/")
      .slice(1)
      .reduce((at, name) => at[unescape(name)], document);
  };
  const validator = (schema) => {
    const known = ajv.getSchema(`openapi${schema.$ref ?? ""}`);
    return schema.$ref && known ? known : ajv.compile(absolute(schema));
  };

  function check(method, path, status, body, sent) {
    const pathname = path.split("?")[0];
    const operation = operations.find((o) => o.method === method.toLowerCase() && o.pattern.test(pathname));
    assert.ok(operation, `${method} ${pathname} is not in docs/openapi.yaml`);
    const { responses, requestBody } = document.paths[operation.path][operation.method];
    const response = follow(responses[status] ?? responses[`${String(status)[0]}XX`] ?? responses.default);
    assert.ok(response, `${method} ${operation.path} answers ${status}, which docs/openapi.yaml does not mention`);
    operation.seen.add(status);
    hold(validator, response, body, `${status} of ${method} ${operation.path}`);
    if (status < 300 && sent !== undefined)
      hold(validator, follow(requestBody), sent, `the body of ${method} ${operation.path}`);
  }

  const missing = () =>
    operations.filter((o) => ![...o.seen].some((status) => status < 400)).map((o) => `${o.method} ${o.path}`);
  /** Throws if `value` is none of that schema. */
  const fits = (name, value) => {
    const described = { content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } } };
    hold(validator, described, value, name);
  };
  return { check, fits, missing };
}

function hold(validator, described, body, what) {
  const schema = described?.content?.["application/json"]?.schema;
  if (!schema) return assert.equal(body ?? null, null, `${what} has a body that docs/openapi.yaml does not describe`);
  const validate = validator(schema);
  if (!validate(body)) assert.fail(`${what}: ${JSON.stringify(validate.errors, null, 1)}\n${JSON.stringify(body)}`);
}

/** The path without the parameters' values; the document may or may not begin its paths with /admin/api. */
function pattern(path) {
  const parts = (path.startsWith(base) ? path.slice(base.length) : path).split("/");
  return new RegExp(`^${parts.map((part) => (part.startsWith("{") ? "[^/]+" : part)).join("/")}$`);
}

// A property that the document does not mention is a mistake in one of the two.
function closed(node, composed = false) {
  if (Array.isArray(node)) return node.map((item) => closed(item, composed));
  if (node === null || typeof node !== "object") return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value, name === "allOf")]));
  const object = node.properties && [node.type].flat().includes("object");
  return object && !composed && !("additionalProperties" in node) && !("unevaluatedProperties" in node) && !node.allOf
    ? { ...copy, additionalProperties: false }
    : copy;
}

// References inside a schema that is compiled alone must name the document.
function absolute(node) {
  if (Array.isArray(node)) return node.map(absolute);
  if (node === null || typeof node !== "object") return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, value]) => [
      name,
      name === "$ref" && value.startsWith("#") ? `openapi${value}` : absolute(value),
    ]),
  );
}

function unescape(name) {
  return decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~");
}

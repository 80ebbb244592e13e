// Plain workerd processes: no proxy before them, nothing else in them. Killed at the end, because a polite end waits for
// open streams.
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { env } from "../../scripts/ready.mjs";

// The one that comes with Wrangler.
const required = createRequire(createRequire(import.meta.url).resolve("wrangler"));
const binary = required("workerd").default;
const running = new Set();

process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/**
 * Starts a workerd in `folder`. `modules` are paths of files, the entry first; or `{name, path}`. `vars` are texts, `storage`
 * is `{binding, kind, port}`, `sockets` names the entrances ("main" is the default export).
 * Returns `{pid, ports, close}`, the ports by the entrances' names.
 */
export async function startWorkerd(folder, { modules, date, flags, vars, storage, sockets = ["main"], inspector = false }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const named = modules.map((module) => (typeof module === "string" ? { name: basename(module), path: module } : module));
  for (const { name, path } of named) copyFileSync(path, join(folder, name));
  writeFileSync(join(folder, "config.capnp"), config({ modules: named, date, flags, vars, storage, sockets }));
  const options = ["--control-fd=3", ...(inspector ? ["--inspector-addr=127.0.0.1:0"] : [])];
  const child = spawn(binary, ["serve", ...options, "config.capnp"], {
    cwd: folder,
    env: { PATH: env.PATH },
    // Log lines are made and go nowhere, but for warnings.
    stdio: ["ignore", "ignore", openSync(join(folder, "stderr"), "w"), "pipe"],
  });
  running.add(child);
  const ended = new Promise((resolve) => child.once("exit", (code) => running.delete(child) && resolve(code)));
  const close = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const ports = await Promise.race([listening(child.stdio[3], sockets.length + (inspector ? 1 : 0)), ended]);
  if (typeof ports !== "object") throw new Error(`workerd ended in ${folder}: ${readFileSync(join(folder, "stderr"), "utf8")}`);
  return { pid: child.pid, ports, close };
}

/// The ports of as many entrances, as workerd tells of them.
function listening(pipe, count) {
  const ports = {};
  return new Promise((resolve) => {
    createInterface({ input: pipe }).on("line", (line) => {
      const { event, socket, port } = JSON.parse(line);
      if (event === "listen-inspector") ports.inspector = port;
      else if (event === "listen") ports[socket] = port;
      if (Object.keys(ports).length === count) resolve(ports);
    });
  });
}

function config({ modules, date, flags, vars, storage, sockets }) {
  const text = JSON.stringify;
  const bindings = Object.entries(vars).map(([name, value]) => `(name = ${text(name)}, text = ${text(value)})`);
  const services = [`(name = "net", network = (allow = ["public", "private"]))`];
  if (storage) {
    services.push(`(name = "storage", external = (address = "127.0.0.1:${storage.port}", http = ()))`);
    bindings.push(`(name = ${text(storage.binding)}, ${BINDINGS[storage.kind]})`);
  }
  const listed = modules.map(({ name }) => `(name = ${text(name)}, ${kindOf(name)} = embed ${text(name)})`);
  services.push(`(name = "main", worker = (
      modules = [${listed.join(", ")}],
      compatibilityDate = ${text(date)},
      compatibilityFlags = [${flags.map(text).join(", ")}],
      bindings = [${bindings.join(", ")}],
      globalOutbound = "net",
    ))`);
  const entrances = sockets.map((name) => {
    const service = name === "main" ? `"main"` : `(name = "main", entrypoint = ${text(name)})`;
    return `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${service})`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${services.join(",\n    ")},
  ],
  sockets = [${entrances.join(", ")}],
);
`;
}

const BINDINGS = {
  d1: `wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = "storage")])`,
  kv: `kvNamespace = "storage"`,
};

const kindOf = (name) => (name.endsWith(".wasm") ? "wasm" : "esModule");

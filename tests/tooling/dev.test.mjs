// `npm run dev -- --demo`: what it prints works, and nothing is left when it ends.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the demo answers the curl line that it prints, and ends with all its children", async (t) => {
  const port = await freePort();
  const dev = spawn(process.execPath, ["scripts/dev.mjs", "--demo", "--port", port], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => dev.once("exit", resolve));
  t.after(() => dev.kill("SIGTERM"));

  const shown = await printed(dev, "Ctrl-C ends it.");
  assert.match(shown, new RegExp(`Page +http://localhost:${port}/admin/\n`));
  const box = shown.slice(shown.indexOf("Base URL"));
  const line = box.match(/^ +curl (?:.*\\\n)*.*$/m)[0];
  const answer = JSON.parse(execFileSync("sh", ["-c", line], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  assert.match(answer.choices[0].message.content, /Hello/);
  assert.equal((await fetch(`http://localhost:${port}/admin/`)).status, 200);

  dev.kill("SIGINT");
  assert.equal(await ended, 0);
  await assert.rejects(fetch(`http://localhost:${port}/healthz`));
});

function printed(child, wanted) {
  return new Promise((resolve, reject) => {
    let text = "";
    const add = (chunk) => {
      text += chunk;
      if (text.includes(wanted)) resolve(text);
    };
    child.stdout.on("data", add);
    child.stderr.on("data", add);
    child.once("exit", () => reject(new Error(`It ended:\n${text}`)));
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "localhost", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// The provider and the clients: one process of Rust, driven by lines of JSON.
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { ask, env, stop } from "../../scripts/ready.mjs";

/// Builds it. Returns the program's path.
export function built() {
  const options = ["build", "--profile", "simulation", "--locked", "--quiet", "--package", "gateway-bench"];
  if (spawnSync("cargo", options, { env, stdio: "inherit" }).status !== 0) stop("This failed: cargo build of bench/gateway");
  const { target_directory } = JSON.parse(ask("cargo", "metadata", "--format-version=1", "--no-deps", "--locked", "--offline"));
  return `${target_directory}/simulation/gateway-bench`;
}

/// Returns `{port, tell, close}`: where the provider listens, and how to give it all a command (`src/main.rs`).
export async function startEnds(program = built()) {
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("bench/gateway's program has ended");
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  };
  const { port } = await next();
  const tell = (command) => {
    child.stdin.write(`${JSON.stringify(command)}\n`);
    return next();
  };
  const close = () => new Promise((resolve) => child.once("exit", resolve) && child.stdin.end());
  return { port, tell, close };
}

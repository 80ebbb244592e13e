// What the benches measure with: a process's CPU time, turns, and quantiles. Linux only: the CPU time is read from /proc.
import { readdirSync, readFileSync } from "node:fs";

/// How long all threads of the process have run, in nanoseconds.
export function ran(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]), 0);
}

/// How much memory the process holds, in bytes.
export function resident(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

/// The workerds that this process has started.
export function workerds() {
  const stat = (pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, "utf8");
    } catch {
      return ""; // It ended meanwhile.
    }
  };
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => stat(pid).match(/\((.*)\) \S (\d+)/)?.slice(1).join() === `workerd,${process.pid}`);
}

/// Each goes first as often as the others do.
export function turned(list, by) {
  return list.map((_, i) => list[(i + by) % list.length]);
}

export function quantile(values, q) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round(q * (sorted.length - 1))];
}

/// A function that gives the isolate's debugger a command.
export async function inspect(port) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  const waiting = new Map();
  socket.onmessage = ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    if (error) throw new Error(error.message);
    waiting.get(id)?.(result);
  };
  let last = 0;
  return (method, params = {}) => {
    const id = (last += 1);
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}

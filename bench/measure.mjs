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

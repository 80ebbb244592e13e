// Cold start: a workerd that has just been started, with the storage filled, until it has answered its first chat.
import { ran, turned } from "../measure.mjs";
import { spread } from "./compare.mjs";
import { named } from "./gateways.mjs";

const request = { do: "closed", model: "json-300-0", size: 300, clients: 1, requests: 1 };
/// What a profile looks at.
export const firstChat = { fresh: 10, command: request };

export async function cold(world) {
  const stages = [
    { ...(await world.make.floor()), label: "floor" },
    { ...(await world.make.rust()), label: "a Worker in Rust that forwards" },
    { ...(await world.make.keypool({ keys: named("ok", 10) })), label: "keypool on D1" },
  ];
  try {
    const found = stages.map((stage) => ({ stage, ms: [], cpu: [], first: [] }));
    for (let i = 0; i < (world.quick ? 3 : 20); i++) for (const each of turned(found, i)) await once(world, each, i > 0);
    const [floor] = found;
    return {
      upload: world.upload,
      leastUpload: world.leastUpload,
      rows: found.map(({ stage, ms, cpu, first }) => ({
        name: stage.label,
        ms: spread(ms),
        cpu: spread(cpu),
        first: spread(first),
        more: spread(ms.map((time, i) => time - floor.ms[i])),
      })),
    };
  } finally {
    for (const stage of stages) await stage.close();
  }
}

/// The first of all reads files that the disk cache then has.
async function once(world, { stage, ms, cpu, first }, counts) {
  const begun = performance.now();
  const workerd = await stage.start();
  const listening = performance.now();
  try {
    const heard = await world.tell({ ...request, port: workerd.ports.main, key: stage.key });
    if (heard.answered !== 1) throw new Error(`${stage.label}, cold: ${heard.failure}`);
    const ended = performance.now();
    if (!counts) return;
    ms.push(ended - begun);
    first.push(ended - listening);
    cpu.push(ran(workerd.pid) / 1e6);
  } finally {
    await workerd.close();
  }
}

// Whether the CPU of a request, the wasm's memory or the process's grows with the requests that were served. The floor runs in turn with it,
// so that a machine that becomes slower is not held against keypool.
import { ran, resident } from "../measure.mjs";
import { named } from "./gateways.mjs";

const TENTHS = 10;
/// Of a tenth; keypool and floor take turns after each.
const PARTS = 5;

export async function sustained(world) {
  const requests = world.quick ? 5_000 : 50_000;
  const request = { do: "closed", model: "json-300-0", size: 300, clients: 32, requests: requests / TENTHS / PARTS };
  const stages = [await world.make.floor(), await world.make.keypool({ keys: named("ok", 10) })];
  const [floor, keypool] = stages;
  try {
    const tenths = [];
    for (let i = 0; i < TENTHS; i++) {
      const marks = stages.map(({ pid }) => ran(pid));
      for (let part = 0; part < PARTS; part++) for (const { port, key } of stages) await answered(world, { ...request, port, key });
      const [base, cpu] = stages.map(({ pid }, at) => (ran(pid) - marks[at]) / (requests / TENTHS) / 1000);
      tenths.push({ cpu, floor: base, ratio: cpu / base, memory: await keypool.memory(), process: resident(keypool.pid), floorProcess: resident(floor.pid) });
    }
    const [second, last] = [tenths[1], tenths.at(-1)];
    const grown = { cpu: last.cpu / second.cpu, ratio: last.ratio / second.ratio, memory: last.memory - second.memory, process: last.process / second.process };
    return { requests, tenths, grown, asked: keypool.storage.asked() };
  } finally {
    await Promise.all([floor.close(), keypool.close()]);
  }
}

async function answered(world, command) {
  const heard = await world.tell(command);
  if (heard.failed > 0) throw new Error(`${heard.failed} requests failed: ${heard.failure}`);
}

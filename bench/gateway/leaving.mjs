// Clients that leave in the middle of a stream: is the call to the provider closed, and how soon? A chunk comes each 50 ms.
export async function leaving(world) {
  const requests = world.quick ? 3 : 20;
  const rows = [];
  for (const [kind, label] of [["floor", "floor"], ["keypool", "keypool on D1"], ["js-pool", "a common pool"]]) {
    const stage = await world.make[kind]();
    try {
      const command = { do: "leave", model: "stream-400-50", size: 300, stream: true, requests };
      rows.push({ name: label, ...(await world.tell({ ...command, port: stage.port, key: stage.key })) });
    } finally {
      await stage.close();
    }
  }
  return { rows };
}

// An admin who changes things while they are used. What was acknowledged must be there in the end: `stage.kept` are the labels of keys.
import { pause } from "./soak.mjs";

let serial = 0;

export async function admin(stage, figures) {
  const { api } = stage.owner;
  serial += 1;
  const label = `admin-${serial}`;
  const { added } = (await api("POST", "/keys", { keys: [{ key: `mock-good-admin-${String(serial % 50).padStart(6, "0")}`, provider: "steady", label }] }, 201)).body;
  const [{ id }] = added;
  stage.kept.push(label);
  await api("PATCH", `/keys/${id}`, { weight: 1 + (serial % 100) }, 200);
  await api("POST", "/keys/bulk", { filter: { q: "admin-1", provider: "steady" }, action: serial % 2 ? "disable" : "enable" }, 200);
  if (serial % 10 === 0) {
    const client = (await api("POST", "/clients", { label }, 201)).body;
    await api("DELETE", `/clients/${client.id}`, undefined, 204);
    figures.changes += 2;
  }
  await api("PUT", "/models", { name: "fast", target: serial % 2 ? "steady/gpt-4o" : "dark/gpt-4o" }, 200);
  await api("PATCH", "/settings", { wait_budget_ms: serial % 2 ? 10_000 : null }, 200);
  figures.changes += 5;
  if (stage.kept.length > 20) {
    const old = stage.kept[0];
    const { keys } = (await api("GET", `/keys?q=${old}&limit=1000`, undefined, 200)).body;
    await api("DELETE", `/keys/${keys.find((key) => key.label === old).id}`, undefined, 204);
    stage.kept.shift();
    figures.changes += 1;
  }
  await pause(300);
}

// Damaged backups, thousands of them in `npm run fuzz`: each is refused as the caller's fault, or what it brings is such that
// everything goes on. The parser is the real one, behind the real door.
import assert from "node:assert/strict";
import { test } from "node:test";
import { started, storages } from "./harness.mjs";

/// `npm run fuzz` counts in cheaper cases.
const asked = process.env.KEYPOOL_FUZZ_TIMES;
const TIMES = asked ? Math.ceil(Number(asked) / 100) : 150;
const SEED = Number(process.env.KEYPOOL_FUZZ_SEED ?? (asked ? Date.now() % 2 ** 31 : 1));
const passphrase = "a passphrase of some length";
const SECRETS = ["mock-good-fuzz-000001", "mock-good-fuzz-000002", "gateway-token-0123456789"];
const WORDS = ["", "0", "-1", "1e999", "18446744073709551616", "null", "true", "[]", "{}", "\"\"", "\"..\"", "\"a\\r\\nb\"", "\"\\u0000\"", "\"http://127.0.0.1/v1\"", "\"https://169.254.169.%32%35%34/\"",
  "\"Provider\"", "\"key\"", "\"admin\"", "{\"name\":\"host\"}", "\"\\ud800\"", "[[[[[[[[", "\"kdf\":null,", "\"iterations\":0", "\"iterations\":4294967295", "\"keypool\":2", "\"AAAA\"", "99999999999999"];

/** Numbers below `n` that are the same for one seed (mulberry32). */
function diceOf(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

/** One to four damages: bytes that are lost, doubled, changed, or values that become others. */
function damaged(text, dice) {
  for (let i = dice(3) ? 0 : dice(4); i >= 0; i--) {
    const [at, length] = [dice(text.length + 1), 1 + dice(dice(2) ? 4 : 200)];
    const [front, cut, back] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
    text = [
      () => front + back,
      () => front + cut + cut + back,
      () => front + String.fromCharCode(32 + dice(95)) + text.slice(at + 1),
      () => front + WORDS[dice(WORDS.length)] + back,
      ...Array.from({ length: 8 }, () => () => valued(text, dice)),
    ][dice(12)]();
  }
  return text;
}

/** One of its values is another one; so the JSON stays whole, and what reads it is reached. */
function valued(text, dice) {
  const values = [...text.matchAll(/(?<=[:[,])(?:"(?:[^"\\]|\\.)*"|-?\d+|true|false|null)(?=[,}\]])/g)];
  if (values.length === 0) return text;
  const { index, 0: value } = values[dice(values.length)];
  const other = dice(3) ? WORDS[dice(WORDS.length)] : values[dice(values.length)][0];
  return text.slice(0, index) + other + text.slice(index + value.length);
}

for (const storage of storages) {
  test(`a damaged backup is refused or harmless, on ${storage}, seed ${SEED}`, async (t) => {
    const worker = await started(t, { storage });
    await worker.api("POST", "/providers", { name: "own", base_url: "https://api.example.com/v1", headers: { "x-gateway": SECRETS[2] }, balance_url: "/b", balance_path: "a.b" }, 201);
    await worker.api("POST", "/keys", { keys: SECRETS.slice(0, 2).map((key) => ({ key, label: "one", weight: 5, models: ["gpt-*"], rpm: 60 })), provider: "own" }, 201);
    await worker.api("POST", "/clients", { label: "phone", rpm: 50, ips: ["10.0.0.0/8"] }, 201);
    await worker.api("PUT", "/models", { name: "fast", target: "own/gpt-4o-mini", fallbacks: ["gpt-4.1"] }, 200);
    await worker.api("POST", "/rules", { action: "default", name: "temperature", value: 0.5, model: "gpt-*" }, 201);
    await worker.api("PUT", "/prices", { provider: "own", model: "gpt-*", input: 1, cached_input: 2, output: 3 }, 200);
    await worker.api("PATCH", "/settings", { max_attempts: 4 }, 200);
    const made = async (body) => (await (await worker.admin("/backup", { method: "POST", body: JSON.stringify(body) })).text()).trim();
    const [plain, sealed] = [await made({ plain: true }), await made({ passphrase })];
    assert.ok(plain.includes(SECRETS[0]) && !sealed.includes(SECRETS[0]));
    const restore = async (text, dry_run) => {
      const answer = await worker.admin("/backup/restore", { method: "POST", body: `{"passphrase":${JSON.stringify(passphrase)},"mode":"merge","dry_run":${dry_run},"file":${text}}` });
      return { status: answer.status, text: await answer.text() };
    };
    const content = ({ text }) => JSON.parse(text).records;
    const same = content(await restore(sealed, true));
    const dice = diceOf(SEED);
    const statuses = {};
    for (let i = 0; i < TIMES; i++) {
      const isSealed = i % 5 === 0;
      const text = damaged(isSealed ? sealed : plain, dice);
      const answer = await restore(text, isSealed);
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      assert.ok([200, 400].includes(answer.status), `${answer.status} for ${text}: ${answer.text}`);
      for (const secret of SECRETS) assert.ok(!answer.text.includes(secret), `a secret is told for ${text}`);
      // Of a sealed file nothing that counts can be changed unseen.
      if (isSealed && answer.status === 200) assert.deepEqual(content(answer), same, text);
      if (i % 10 === 9 || (answer.status === 200 && !isSealed)) {
        for (const path of ["/keys", "/providers", "/clients", "/models", "/rules", "/prices", "/settings", "/session"]) {
          const { status, body } = await worker.api("GET", path);
          assert.equal(status, 200, `${path} after ${text}: ${JSON.stringify(body)}`);
        }
        assert.equal((await worker.api("GET", "/session")).body.storage_warning, null, text);
      }
    }
    t.diagnostic(JSON.stringify(statuses));
    assert.ok(statuses[200] > 0 && statuses[400] > 0);
  });
}

// The demo behind `npm run dev -- --demo`: a mock provider, keys of every temper, and a trickle of requests.

/// The name of a mock key says how the provider treats it; the rest makes it as long as a real one.
const KEYS = [
  { key: "mock-good-1-5e0c77a1d2f94b36", label: "good, weight 5", weight: 5 },
  { key: "mock-good-2-b8134d90e6a27fc1", label: "good, weight 3", weight: 3 },
  { key: "mock-good-3-2fd96ab05c83e714", label: "good, weight 2", weight: 2 },
  { key: "mock-slow-1-94c1e83b7a60d52f", label: "slow", weight: 1 },
  { key: "mock-429-1-d07b5f2e19a86c43", label: "rate limited", weight: 2 },
  { key: "mock-401-1-61ea98c4f03b7d25", label: "revoked", weight: 2 },
  { key: "mock-402-1-c3f240b7961d8ea5", label: "out of credit", weight: 2 },
];

const EVERY_MS = 2000;
/// An hour of traffic: a forgotten terminal does not go on for ever.
const REQUESTS = 1800;

/// Starts everything. Returns `end`, and the milliseconds that a first chat took.
export async function startDemo({ url, password, clientKey }) {
  if (!password || !clientKey) throw new Error(".dev.vars must have ADMIN_PASSWORD and PROXY_API_KEY");
  const { startMockProvider } = await import("./mock-provider.mjs");
  const mock = await startMockProvider({ port: 0 });
  await fill(url, password, mock.url);
  const start = performance.now();
  await chat(url, clientKey, 0);
  const firstChat = Math.ceil(performance.now() - start);
  const endTraffic = traffic(url, clientKey);
  const end = async () => {
    endTraffic();
    await mock.close();
  };
  return { end, firstChat };
}

async function fill(url, password, mockUrl) {
  let token = null;
  const admin = async (method, path, body) => {
    const answer = await fetch(`${url}/admin/api${path}`, {
      method,
      headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
    return JSON.parse(text);
  };
  ({ token } = await admin("POST", "/login", { password }));
  await admin("POST", "/providers", { name: "mock", base_url: mockUrl });
  await admin("PATCH", "/providers/mock", { default: true });
  await admin("POST", "/keys", { keys: KEYS.map((key) => ({ ...key, provider: "mock" })) });
}

function traffic(url, clientKey) {
  let sent = 1;
  let busy = false;
  const timer = setInterval(async () => {
    if (busy) return;
    if (sent > REQUESTS) {
      console.log("The demo's traffic is over; everything else goes on.");
      clearInterval(timer);
      return;
    }
    busy = true;
    await chat(url, clientKey, sent++).catch(() => {});
    busy = false;
  }, EVERY_MS);
  return () => clearInterval(timer);
}

/// Every third one is streamed, not the first.
async function chat(url, clientKey, number) {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${clientKey}` },
    body: JSON.stringify({
      model: "mock-gpt",
      stream: number % 3 === 2,
      messages: [{ role: "user", content: `Demo question ${number + 1}` }],
    }),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`a chat was answered ${answer.status}: ${text}`);
}

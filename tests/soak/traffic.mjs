// What clients do: chats and streams, large bodies, embeddings, leaving in the middle. Each must be answered as if nothing ever failed.
import assert from "node:assert/strict";

const JSON_HEADERS = { "content-type": "application/json" };
const LARGE = "long ".repeat(50_000);

/** One call; where the process that served it was killed, the client tries the other one, as an SDK does. */
export async function call(stage, figures, client) {
  const kind = ["chat", "chat", "stream", "stream", "leave", "body", "embedding"][(figures.calls + client) % 7];
  const workers = stage.workers();
  const worker = workers[(figures.calls + client) % workers.length];
  figures.calls += 1;
  try {
    await KINDS[kind](worker, figures, client);
  } catch (error) {
    if (stage.workers().includes(worker) || error.code === "ERR_ASSERTION") throw error;
    figures.again += 1;
  }
}

const KINDS = {
  async chat(worker, _, client) {
    const answer = await post(worker, "chat/completions", { ...chat(client), temperature: 0 });
    const { choices, usage } = await read(answer);
    assert.ok(choices[0].message.content && usage.total_tokens > 0);
  },
  async stream(worker, figures, client) {
    const answer = await post(worker, "chat/completions", { ...chat(client), stream: true, stream_options: { include_usage: true } });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    assert.ok(text.endsWith("data: [DONE]\n\n"), `a stream ended with ${JSON.stringify(text.slice(-80))}`);
    figures.streams += 1;
  },
  async leave(worker, figures, client) {
    const gone = new AbortController();
    const answer = await post(worker, "chat/completions", { ...chat(client), stream: true }, gone.signal);
    assert.equal(answer.status, 200);
    await answer.body.getReader().read();
    gone.abort();
    figures.left += 1;
  },
  async body(worker, figures, client) {
    const body = chat(client);
    body.messages.unshift({ role: "system", content: LARGE });
    await read(await post(worker, "chat/completions", body));
    figures.bodies += 1;
  },
  async embedding(worker) {
    const { data } = await read(await post(worker, "embeddings", { model: "text-embedding-3-small", input: "one text" }));
    assert.ok(data.length > 0);
  },
};

const chat = (client) => ({ model: client % 2 ? "gpt-4o" : "gpt-4o-mini", messages: [{ role: "user", content: `Client ${client} wants ${"some ".repeat(client)}words.` }] });

const post = (worker, path, body, signal) => worker.fetch(`/v1/${path}`, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(body), signal });

async function read(answer) {
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

/// Who guesses comes from another address than the admin, who would have to wait with them otherwise.
const STRANGER = { "cf-connecting-ip": "203.0.113.66" };

/** What nobody should send. Each gets a refusal of the caller in OpenAI's shape, and costs no key anything. */
const BAD = [
  ["/v1/chat/completions", { body: "{\"model\":" }, [400, 404]],
  ["/v1/chat/completions", { headers: { authorization: "Bearer kp-nobody" }, body: "{}" }, [401]],
  ["/v1/%63hat/completions", { body: "{}" }, [404]],
  ["/v1//chat/completions", { body: "{}" }, [404]],
  ["/nobody/v1/chat/completions", { body: "{\"model\":\"gpt-4o\"}" }, [404]],
  ["/wp-login.php", { body: "a=b" }, [404]],
  ["/admin/api/keys", { body: "{}", headers: { authorization: "Bearer a.b.c" } }, [401]],
  ["/admin/api/keys", { body: "{}", headers: { authorization: "Bearer eyJhbGciOiJub25lIn0.e30." } }, [401]],
  ["/admin/api/login", { headers: STRANGER, body: "{\"password\":\"wrong\"}" }, [401, 429]],
  ["/admin/api/login", { headers: STRANGER, body: "[".repeat(5000) }, [400, 429]],
];

export async function badInput(stage, figures) {
  const [path, init, statuses] = BAD[figures.bad % BAD.length];
  figures.bad += 1;
  const answer = await stage.owner.fetch(path, { method: "POST", ...init, headers: { ...JSON_HEADERS, ...init.headers } });
  const { error } = await answer.json();
  assert.ok(statuses.includes(answer.status), `${path}: ${answer.status}`);
  assert.ok(error.message && error.type && "code" in error && "param" in error, path);
  await new Promise((resolve) => setTimeout(resolve, 20));
}

// The common way to write a pool of keys: it parses the body, reads its keys from KV for every request, tries one key after
// the other, and reads every chunk of the answer to find the usage, which it adds up in memory.
const used = { prompt: 0, completion: 0 };

export default {
  async fetch(request, { CLIENT_KEY, POOL, UPSTREAM }) {
    if (request.headers.get("authorization") !== `Bearer ${CLIENT_KEY}`) return refuse(401, "Wrong key.");
    const body = await request.json();
    if (!body.model || !Array.isArray(body.messages)) return refuse(400, "No chat.");
    const keys = (await POOL.get("keys", "json")).filter((key) => key.enabled && key.resting < Date.now());
    for (let tries = 0; tries < 5 && keys.length > 0; tries += 1) {
      const [key] = keys.splice(Math.floor(Math.random() * keys.length), 1);
      const answer = await send(request, UPSTREAM, key.value, body);
      if (answer.status < 400) return watched(answer);
      await answer.body?.cancel();
    }
    return refuse(503, "No key is left.");
  },
};

function send(request, upstream, key, body) {
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${key}`);
  headers.delete("content-length");
  return fetch(upstream + new URL(request.url).pathname, { method: "POST", headers, body: JSON.stringify(body) });
}

function watched(answer) {
  const decoder = new TextDecoder();
  let text = "";
  const look = (line) => {
    const data = line.replace(/^data: /, "");
    if (data.includes('"usage"')) count(JSON.parse(data).usage);
  };
  const watch = new TransformStream({
    transform(chunk, controller) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop();
      lines.forEach(look);
      controller.enqueue(chunk);
    },
    flush: () => look(text),
  });
  return new Response(answer.body.pipeThrough(watch), answer);
}

function count(usage) {
  used.prompt += usage?.prompt_tokens ?? 0;
  used.completion += usage?.completion_tokens ?? 0;
}

function refuse(status, message) {
  return Response.json({ error: { message, type: "error", param: null, code: null } }, { status });
}

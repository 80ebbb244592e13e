// Providers that want their calls in a shape of their own, each as its documentation has it, at a server that insists.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { clientKey, startWorker, storages } from "./harness.mjs";

/** Paths, headers and query that a provider documents; whatever else comes is refused with what was wrong. */
const documented = {
  // learn.microsoft.com/azure/ai-services/openai/reference
  azure: { base: "", key: ["api-key", "azure-key-000000001"], path: "/openai/deployments/my-gpt/chat/completions", query: "api-version=2024-10-21", model: "my-gpt" },
  // ai.google.dev/gemini-api/docs/openai
  gemini: { base: "/v1beta/openai", key: ["authorization", "Bearer AIzaSyPreset000000000001"], path: "/v1beta/openai/chat/completions", query: "", model: "gemini-2.5-flash" },
  // docs.siliconflow.cn
  siliconflow: { base: "/v1", key: ["authorization", "Bearer sk-silicon-0000000001"], path: "/v1/chat/completions", query: "", model: "Qwen/Qwen3-8B" },
  // help.aliyun.com: OpenAI compatible mode
  dashscope: { base: "/compatible-mode/v1", key: ["authorization", "Bearer sk-dash-00000000001"], path: "/compatible-mode/v1/chat/completions", query: "", model: "qwen-plus" },
  // cloud.baidu.com/doc/qianfan-api: V2
  qianfan: { base: "/v2", key: ["authorization", "Bearer bce-v3/ALTAK-preset/0001"], path: "/v2/chat/completions", query: "", model: "ernie-4.5-turbo-128k" },
};

for (const storage of storages) {
  describe(`presets, on ${storage}`, () => {
    let worker, server, seen;
    before(async () => {
      server = createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        seen = { method: request.method, url: request.url, headers: request.headers, body };
        const answer = { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
        if (request.url.includes("/nothing")) {
          response.writeHead(404, { "content-type": "text/html", link: `<${request.url}>; rel=self` });
          return response.end(`The requested URL ${request.url} was not found.`);
        }
        if (request.url.includes("/echoed") || request.url.includes("/batches")) {
          const status = request.url.includes("/batches") ? 404 : 200;
          const error = request.url.includes("/echoed-error") ? { message: `no such thing as ${request.url}`, code: "bad" } : undefined;
          response.writeHead(status, { "content-type": "application/json", location: request.url, link: `<${request.url}>` });
          return response.end(JSON.stringify(status === 404 ? { error: { message: `not found: ${request.url}` } } : error ? { error } : { ok: true }));
        }
        response.setHeader("content-type", "application/json").end(JSON.stringify(request.method === "GET" ? { object: "list", data: [] } : answer));
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      worker = await startWorker({ storage });
    });
    after(async () => {
      await worker.close();
      server.close();
    });
    const origin = () => `http://127.0.0.1:${server.address().port}`;
    const client = () => new OpenAI({ apiKey: clientKey, baseURL: `${worker.url}/v1`, maxRetries: 0 });
    const ask = (model) => client().chat.completions.create({ model, messages: [{ role: "user", content: "hi" }] });

    for (const [preset, { base, key: [header, value], path, query, model }] of Object.entries(documented)) {
      test(`${preset} gets the path, header and query that it documents`, async () => {
        await worker.api("POST", "/providers", { preset, base_url: origin() + base }, 201);
        await worker.api("POST", "/keys", { keys: [{ key: value.replace("Bearer ", ""), provider: preset }] }, 201);
        const answer = await ask(`${preset}/${model}`);
        assert.equal(answer.choices[0].message.content, "hi");
        const [at, asked = ""] = seen.url.split("?");
        assert.deepEqual([seen.method, at, asked], ["POST", path, query]);
        assert.equal(seen.headers[header], value);
        const carriers = ["authorization", "api-key", "x-api-key"].filter((name) => name in seen.headers);
        assert.deepEqual(carriers, [header]);
        assert.equal(JSON.parse(seen.body).model, model);
        assert.ok(!JSON.stringify([seen.url, seen.headers]).includes(clientKey));
      });
    }

    test("a plain name goes to the preset whose maker gives such names", async () => {
      for (const [model, at] of [["ernie-x1", "/v2/"], ["qwen-max", "/compatible-mode/"], ["gemini-2.5-pro", "/v1beta/"]]) {
        await ask(model);
        assert.ok(seen.url.startsWith(at), `${model}: ${seen.url}`);
      }
    });

    test("Azure's calls without a deployment, and a version of the client's own", async () => {
      await worker.fetch("/azure/v1/files?purpose=batch");
      assert.equal(seen.url, "/openai/files?purpose=batch&api-version=2024-10-21");
      await worker.fetch("/azure/v1/embeddings?api-version=2025-01-01", { method: "POST", headers: { "content-type": "application/json" }, body: '{"model":"my emb","input":"x"}' });
      assert.equal(seen.url, "/openai/deployments/my%20emb/embeddings?api-version=2025-01-01");
      await worker.api("POST", "/providers", { preset: "azure", name: "azure2" }, 400);
    });

    test("a gateway in front gets its own token, and a key may stand in the query", async () => {
      await worker.api("POST", "/providers", { name: "gateway", base_url: `${origin()}/v1/account/gateway/openai`, headers: { "cf-aig-authorization": "Bearer gateway-token-0001" } }, 201);
      await worker.api("POST", "/keys", { keys: [{ key: "sk-behind-gateway-0001", provider: "gateway" }] }, 201);
      await ask("gateway/gpt-4o-mini");
      assert.equal(seen.url, "/v1/account/gateway/openai/chat/completions");
      assert.equal(seen.headers["cf-aig-authorization"], "Bearer gateway-token-0001");
      const shown = (await worker.api("GET", "/providers/gateway", undefined, 200)).body.headers;
      assert.deepEqual(Object.keys(shown), ["cf-aig-authorization"]);
      assert.ok(!JSON.stringify(shown).includes("gateway-token-0001"));
      await worker.api("PATCH", "/providers/gateway", { auth: "query", headers: { "cf-aig-authorization": null, "x-team": "a" } }, 200);
      await ask("gateway/gpt-4o-mini");
      assert.equal(seen.url, "/v1/account/gateway/openai/chat/completions?key=sk-behind-gateway-0001");
      assert.deepEqual([seen.headers["cf-aig-authorization"], seen.headers["x-team"], seen.headers.authorization], [undefined, "a", undefined]);
      // Whatever way an answer goes: good, an error in a good one, refused as a list over two keys.
      await worker.api("POST", "/keys", { keys: [{ key: "sk-behind-gateway-0002", provider: "gateway" }] }, 201);
      for (const path of ["echoed", "echoed-error", "batches"]) {
        const answer = await worker.fetch(`/gateway/v1/${path}`);
        const told = JSON.stringify([...answer.headers]) + (await answer.text());
        assert.ok(seen.url.includes("sk-behind-gateway"), path);
        assert.ok(!told.includes("sk-behind-gateway"), `${path}: ${told}`);
      }
      const lost = await worker.fetch("/gateway/v1/nothing");
      assert.equal(lost.status, 404);
      assert.ok(seen.url.includes("sk-behind-gateway"), "the provider has it in the address");
      const told = JSON.stringify([...lost.headers]) + (await lost.text());
      assert.match(told, /was not found/);
      assert.ok(!told.includes("sk-behind-gateway"), told);
      assert.ok(!worker.logs().includes("sk-behind-gateway"));
    });
  });
}

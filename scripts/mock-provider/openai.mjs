// The OpenAI API, and Anthropic's messages, as far as a client can tell: one table of routes, each a function of the call.
import { createBatch, getBatch, listBatches } from "./batches.mjs";
import { chat, completions } from "./chat.mjs";
import { deleteFile, fileContent, getFile, listFiles, uploadFile } from "./files.mjs";
import { image, speech, transcription } from "./media.mjs";
import { messages } from "./messages.mjs";
import { failure, json } from "./reply.mjs";
import { createResponse, getResponse } from "./responses.mjs";

const routes = [
  ["POST", /^\/chat\/completions$/, chat],
  ["POST", /^\/completions$/, completions],
  ["POST", /^\/responses$/, createResponse],
  ["GET", /^\/responses\/([^/]+)$/, getResponse],
  ["POST", /^\/messages$/, messages],
  ["POST", /^\/embeddings$/, embeddings],
  ["POST", /^\/images\/(generations|edits|variations)$/, image],
  ["POST", /^\/audio\/speech$/, speech],
  ["POST", /^\/audio\/(transcriptions|translations)$/, transcription],
  ["POST", /^\/moderations$/, moderations],
  ["GET", /^\/models$/, () => json({ object: "list", data: models })],
  ["GET", /^\/models\/(.+)$/, model],
  ["POST", /^\/files$/, uploadFile],
  ["GET", /^\/files$/, listFiles],
  ["GET", /^\/files\/([^/]+)$/, getFile],
  ["GET", /^\/files\/([^/]+)\/content$/, fileContent],
  ["POST", /^\/batches$/, createBatch],
  ["GET", /^\/batches$/, listBatches],
  ["GET", /^\/batches\/([^/]+)$/, getBatch],
  ["DELETE", /^\/files\/([^/]+)$/, deleteFile],
];

const models = ["gpt-4o-mini", "gpt-4.1", "text-embedding-3-small", "dall-e-3", "tts-1", "whisper-1"].map((id) => ({
  id,
  object: "model",
  created: 1715367049,
  owned_by: "mock",
}));

/**
 * The answer `{status, headers, chunks, usage?}` of a healthy provider. Anything may stand before `/v1`; a path it does not
 * know is echoed.
 */
export function openai(call, state) {
  const path = call.path.replace(/^.*?\/v1(?=\/|$)/, "");
  const method = call.method === "HEAD" ? "GET" : call.method;
  for (const [verb, pattern, handle] of routes) {
    const match = pattern.exec(path);
    if (match && verb === method) return attempt(() => handle(call, state, match[1]));
  }
  return echo(call);
}

function attempt(handle) {
  try {
    return handle();
  } catch (error) {
    if (error instanceof SyntaxError)
      return failure(400, "We could not parse the JSON body of your request.", null, null);
    throw error;
  }
}

/** The headers that a real answer carries whatever the endpoint; `n` counts the answers. */
export function standing(n) {
  return {
    "x-request-id": `req_mock_${n}`,
    "openai-organization": "mock-org",
    "openai-processing-ms": "12",
    "openai-version": "2020-10-01",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": String(9999 - (n % 9000)),
    "x-ratelimit-reset-requests": "6ms",
  };
}

function echo(call) {
  const { method, path, query, headers, body } = call;
  return json({ method, path, query, headers, body: body.toString("base64") });
}

function model(_call, _state, id) {
  const found = models.find((m) => m.id === id);
  return found ? json(found) : failure(404, `The model '${id}' does not exist`, "model", "model_not_found");
}

function embeddings(call) {
  const body = JSON.parse(call.body);
  const inputs = [body.input].flat();
  const words = inputs.join(" ").split(/\s+/).length;
  const data = inputs.map((text, index) => ({
    object: "embedding",
    index,
    embedding: body.encoding_format === "base64" ? base64(vector(text)) : vector(text),
  }));
  return json({ object: "list", data, model: body.model, usage: { prompt_tokens: words, total_tokens: words } });
}

function vector(text) {
  return Array.from({ length: 8 }, (_, i) => ((String(text).length + i) % 16) / 16);
}

function base64(floats) {
  return Buffer.from(new Float32Array(floats).buffer).toString("base64");
}

function moderations(call) {
  const { input } = JSON.parse(call.body);
  const flagged = /\bkill\b/.test([input].flat().join(" "));
  return json({
    id: "modr-mock",
    model: "omni-moderation-latest",
    results: [{ flagged, categories: { violence: flagged }, category_scores: { violence: flagged ? 0.98 : 0.001 } }],
  });
}

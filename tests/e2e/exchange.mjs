// One HTTP exchange without the helpfulness of fetch: no decompression, no added headers, broken answers are kept.
import http from "node:http";
import { gunzipSync } from "node:zlib";

/**
 * Sends `body` (string or Buffer, or an array of them with numbers as pauses in ms, sent chunked) and resolves to
 * `{status, headers, body, complete}`: `complete` is false when the connection broke before the answer was over.
 * Rejects when that takes longer than `patience` ms.
 */
export function exchange(url, { method = "GET", headers = {}, body, patience = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no end after ${patience} ms`));
      request.destroy();
    }, patience);
    const request = http.request(url, { method, headers, agent: false }, (answer) => {
      const parts = [];
      const finish = () =>
        resolve({
          status: answer.statusCode,
          headers: answer.headers,
          body: Buffer.concat(parts),
          complete: answer.complete,
        });
      answer
        .on("data", (part) => parts.push(part))
        .on("error", () => {})
        .on("close", finish);
    });
    request.on("error", reject).on("close", () => clearTimeout(timer));
    void write(request, body);
  });
}

/** The bytes that an answer means. */
export function decoded(answer) {
  return answer.headers["content-encoding"] === "gzip" ? gunzipSync(answer.body) : answer.body;
}

/** Starts an exchange and leaves after the first bytes of the answer's body; resolves to them. */
export function leaveEarly(url, { method = "POST", headers = {}, body } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent: false }, (answer) => {
      answer.on("error", () => {});
      answer.once("data", (part) => {
        request.destroy();
        resolve(part);
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function write(request, body) {
  if (!Array.isArray(body)) return request.end(body);
  for (const part of body) {
    if (typeof part === "number") await new Promise((resolve) => setTimeout(resolve, part));
    else request.write(part);
  }
  request.end();
}

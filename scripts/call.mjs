// What a call asks of JavaScript, each in one crossing: to hand a text over costs more than most of the work here.
const LATE = null;

/// The headers of those names that are there: lines of names and values in turn.
export function read(headers, names) {
  let text = "";
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) text += `${name}\n${value}\n`;
  }
  return text;
}

export const head = (request, names) => `${request.method}\n${request.url}\n${read(request.headers, names)}`;

/// New headers: those of the names alone. What we look into must not be compressed.
export function picked(headers, names) {
  const found = new Headers({ "accept-encoding": "identity" });
  for (const name of names) {
    const value = headers.get(name);
    if (value !== null) found.set(name, value);
  }
  return found;
}

/// New headers: all but those.
export function without(headers, names) {
  const rest = new Headers(headers);
  for (const name of names) rest.delete(name);
  return rest;
}

/// One line; `text` is a JSON object with something in it.
export const log = (level, text) => console[level](`{"time":"${new Date().toISOString()}",${text.slice(1)}`);

export const respond = (status, headers, body) => new Response(body, { status, headers });

/// One JSON document; lines of JSON are a stream.
const DOCUMENT = /^\s*(application\/json|[^;]*\+json)\s*(;|$)/i;

/// Sends a request on behalf of `client`: when that goes away, so does this. Resolves to the response and what cancels its
/// body, to nothing when it took longer than `ms`, or to a number when nobody answered. A success that is a JSON document of at
/// most `most` bytes is read to its end: the third is its bytes then, or null when it broke off.
export function send(url, method, headers, body, client, ms, most) {
  const abort = new AbortController();
  // Passed directly, the runtime would not heed the client's.
  const signal = client ? AbortSignal.any([abort.signal, client.signal]) : abort.signal;
  // Following would send the key to wherever the upstream points.
  const asked = fetch(url, { method, headers, body, redirect: "manual", signal });
  const begun = asked.then(
    (response) => (isWhole(response, method, most) ? bytes(response).then((read) => [response, abort, read]) : [response, abort]),
    () => 0,
  );
  return inTime(begun, abort, ms);
}

function isWhole({ ok, headers, body }, method, most) {
  return most > 0 && ok && body && method !== "HEAD" && DOCUMENT.test(headers.get("content-type")) && Number(headers.get("content-length")) <= most;
}

const bytes = (response) => response.arrayBuffer().then((buffer) => new Uint8Array(buffer), () => LATE);

/// Resolves to the whole body; to nothing when it broke off or took too long.
export function whole(response, abort, ms) {
  return inTime(bytes(response), abort, ms);
}

function inTime(work, abort, ms) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      abort.abort();
      resolve(LATE);
    }, ms);
    work.then(
      (result) => {
        clearTimeout(timer);
        resolve(result);
      },
      (error) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

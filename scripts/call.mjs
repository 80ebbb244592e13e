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
/// most `most` bytes, or does not say how long it is, is read: the third is what `bytes` resolves to.
export function send(url, method, headers, body, client, ms, most) {
  const abort = new AbortController();
  // Passed directly, the runtime would not heed the client's.
  const signal = client ? AbortSignal.any([abort.signal, client.signal]) : abort.signal;
  // Following would send the key to wherever the upstream points.
  const asked = fetch(url, { method, headers, body, redirect: "manual", signal });
  const begun = asked.then(
    (response) => {
      const length = lengthOf(response);
      return isWhole(response, length, method, most) ? bytes(response, length, most).then((read) => [response, abort, read]) : [response, abort];
    },
    () => 0,
  );
  return inTime(begun, abort, ms);
}

/// Null when it does not say.
const lengthOf = ({ headers }) => headers.get("content-length");

/// Not by its `body`: the runtime makes a stream for whoever looks there.
function isWhole({ status, headers }, length, method, most) {
  const hasBody = status >= 200 && status < 300 && status !== 204 && status !== 205 && method !== "HEAD";
  return most > 0 && hasBody && DOCUMENT.test(headers.get("content-type")) && Number(length) <= most;
}

/// Resolves to the bytes of the body, or to null when it broke off. Of one that is longer than `most`: to an array of its beginning.
function bytes(response, length, most) {
  const read = length !== null && Number(length) <= most ? response.arrayBuffer().then((all) => new Uint8Array(all)) : gathered(response.body, most);
  return read.catch(() => LATE);
}

async function gathered(body, most) {
  let [all, size] = [new Uint8Array(), 64 * 1024];
  const reader = body?.getReader({ mode: "byob" });
  while (reader && all.length <= most) {
    const { value = new Uint8Array() } = await reader.read(new Uint8Array(size), { min: size });
    const isLast = value.length < size;
    all = all.length > 0 ? joined(all, value) : value;
    if (isLast) return all;
    size = Math.min(all.length, most + 1 - all.length);
  }
  reader?.releaseLock();
  return reader ? [all] : all;
}

function joined(one, other) {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/// Resolves to what `bytes` does; to null as well when it took too long.
export function whole(response, abort, ms, most) {
  return inTime(bytes(response, lengthOf(response), most), abort, ms);
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

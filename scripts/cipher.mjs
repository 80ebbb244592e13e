// AES-256-GCM over many texts, by one call from the wasm: a crossing or more for each would cost more than the cipher.
const name = "AES-GCM";
/// In bytes; in front of what it was used for.
const NONCE = 12;

/// By id; each is imported once in an isolate.
const keys = {};

export const seal = (id, secret, bytes, lengths) =>
  each(id, secret, bytes, lengths, async (key, text, additionalData) => {
    const iv = crypto.getRandomValues(new Uint8Array(NONCE));
    const sealed = await crypto.subtle.encrypt({ name, iv, additionalData }, key, text);
    return joined([iv, new Uint8Array(sealed)]);
  });

/// What was changed, or belongs elsewhere, is empty then.
export const open = (id, secret, bytes, lengths) =>
  each(id, secret, bytes, lengths, async (key, sealed, additionalData) => {
    const algorithm = { name, iv: sealed.subarray(0, NONCE), additionalData };
    const text = await crypto.subtle.decrypt(algorithm, key, sealed.subarray(NONCE)).catch(() => 0);
    return new Uint8Array(text);
  });

/// `lengths` has two numbers for each text: its own, and that of what is authenticated with it and follows it in `bytes`.
/// Resolves to the outcomes one behind the other, and their lengths.
async function each(id, secret, bytes, lengths, work) {
  keys[id] ??= await crypto.subtle.importKey("raw", secret, name, false, ["encrypt", "decrypt"]);
  let at = 0;
  const take = (length) => bytes.subarray(at, (at += length));
  const outcomes = [];
  for (let i = 0; i < lengths.length; i += 2) outcomes.push(work(keys[id], take(lengths[i]), take(lengths[i + 1])));
  const parts = await Promise.all(outcomes);
  return [joined(parts), Uint32Array.from(parts, (part) => part.length)];
}

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

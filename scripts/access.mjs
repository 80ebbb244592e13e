// Who came through Cloudflare Access: checks the token that it adds to each request. RS256 is WebCrypto's, so the wasm
// carries no RSA.
const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
/// Access signs with another key every few weeks. An unknown key is looked for, but made-up ones make no flood of requests.
const KEPT_MS = 3_600_000;
const PAUSE_MS = 60_000;
const PATIENCE_MS = 10_000;
/// How far ahead of ours the clock that issued a token may be, in seconds.
const LEEWAY = 60;

/// The team's keys by id, and when they were last asked for.
let held = { team: "", asked: 0, read: 0, keys: {} };

/// Resolves to the claims of a token for that audience which holds `now` (Unix milliseconds), or to null. Rejects when the
/// team's keys cannot be had.
export async function access(team, audience, token, now) {
  const [head, body, signature, ...more] = token.split(".");
  const [header, claims] = [parsed(head), parsed(body)];
  if (more.length > 0 || header?.alg !== "RS256" || !claims) return null;
  const key = await keyOf(team, String(header.kid), now);
  const genuine = key && (await crypto.subtle.verify(algorithm, key, bytes(signature), new TextEncoder().encode(`${head}.${body}`)));
  const { iss, aud, iat, exp, nbf = 0 } = claims;
  const second = now / 1000;
  const holds = iss === team && [aud].flat().includes(audience) && exp > second && iat <= second + LEEWAY && nbf <= second + LEEWAY;
  return genuine && holds ? { who: String(claims.email || claims.common_name || claims.sub || ""), iat, exp } : null;
}

async function keyOf(team, id, now) {
  if (held.team !== team) held = { team, asked: 0, read: 0, keys: {} };
  const due = !Object.hasOwn(held.keys, id) || held.read + KEPT_MS < now;
  if (due && held.asked + PAUSE_MS <= now) {
    held.asked = now;
    const fresh = await keysOf(team).catch((error) => {
      // Those we have may still do.
      if (held.read === 0) throw error;
    });
    if (fresh) held = { team, asked: now, read: now, keys: fresh };
  }
  return Object.hasOwn(held.keys, id) ? held.keys[id] : null;
}

async function keysOf(team) {
  const answer = await fetch(`${team}/cdn-cgi/access/certs`, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
  const keys = {};
  for (const { kid, kty, n, e } of (await answer.json()).keys)
    if (kty === "RSA") keys[kid] = await crypto.subtle.importKey("jwk", { kty, n, e }, algorithm, false, ["verify"]);
  return keys;
}

function parsed(part) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes(part)));
  } catch {
    return null;
  }
}

function bytes(part = "") {
  try {
    return Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

// What a key does, from a script or from its name (`mock-<name>-<anything>`).
//
// A behavior is an object; every field is optional, and {} is a good key:
//   status, headers, body   the answer instead of the OpenAI one (body: string, Buffer, or an object sent as JSON;
//                           a header that is null is left out)
//   chunks                  the body as a list: strings and Buffers are written, numbers are pauses in ms
//   delay                   ms before the head      chunkDelay   ms between the chunks of a stream
//   cut                     break the connection after so many chunks (0: before the head)
//   hang                    true: no head ever; a number: silence after so many chunks
//   echo                    answer with the request's own bytes and content type

const error = (status, message, type, code, headers = {}) => ({
  status,
  headers,
  body: { error: { message, type, param: null, code } },
});

const named = {
  good: {},
  slow: { delay: 250, chunkDelay: 120 },
  401: error(
    401,
    "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
    "invalid_request_error",
    "invalid_api_key",
  ),
  402: error(402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
  429: error(
    429,
    "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 30s.",
    "requests",
    "rate_limit_exceeded",
    {
      "retry-after": "30",
      "x-ratelimit-limit-requests": "3",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "30s",
    },
  ),
  500: error(500, "The server had an error while processing your request. Sorry about that!", "server_error", null),
  hang: { hang: true },
  cut: { cut: 3 },
};

/** The behavior for this call; arrays in `scripts` are used up one a call. */
export function behaviorOf(call, scripts) {
  return resolve(scripts.get(call.key), call) ?? resolve(scripts.get("*"), call) ?? byName(call.key);
}

function resolve(script, call) {
  if (Array.isArray(script)) return resolve(script.shift(), call);
  if (typeof script === "function") return resolve(script(call), call);
  if (typeof script === "string" || typeof script === "number") return named[script];
  return script;
}

function byName(key) {
  const name = /mock-([a-z0-9]+)/.exec(key)?.[1];
  return named[name] ?? named.good;
}

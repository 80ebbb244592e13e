// Answers of providers when something is wrong, by row of the table in README.md: the bodies that they document, or that their
// users reported (links beside them), cut to what matters. An entry is [provider, status, body, headers?]; text goes as it is.

const google = (code, status, message, ...details) => ({ error: { code, message, status, details } });
const openai = (message, type, code = null, param = null) => ({ error: { message, type, param, code } });
const kind = (name) => `type.googleapis.com/google.rpc.${name}`;
const plan = "You exceeded your current quota, please check your plan and billing details.";

/** As the mock provider takes it. */
export function behavior([, status, body, headers = {}]) {
  return { status, body, headers };
}

export const keyDead = [
  ["OpenAI", 401, openai("Incorrect API key provided: sk-x.", "invalid_request_error", "invalid_api_key")],
  ["OpenAI, a closed account", 403, openai("Your account is gone", "invalid_request_error", "account_deactivated")],
  // docs.anthropic.com/en/api/errors
  ["Anthropic", 401, { type: "error", error: { type: "authentication_error", message: "invalid x-api-key" } }],
  // github.com/google-gemini/gemini-cli/issues/25198
  [
    "Gemini",
    400,
    [
      google(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", {
        "@type": kind("ErrorInfo"),
        reason: "API_KEY_INVALID",
      }),
    ],
  ],
  [
    "Gemini, a leaked key",
    403,
    google(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
  ],
  [
    "Gemini, a suspended project",
    403,
    google(403, "PERMISSION_DENIED", "Permission denied: Consumer 'api_key:x' has been suspended.", {
      reason: "CONSUMER_SUSPENDED",
    }),
  ],
  // github.com/anomalyco/opencode/issues/14252
  ["OpenRouter", 401, { error: { message: "User not found.", code: 401 } }],
  // learn.microsoft.com/azure/ai-services/openai
  ["Azure", 401, { error: { code: "401", message: "Access denied due to invalid subscription key or wrong API endpoint." } }],
  // github.com/deepseek-ai/DeepSeek-R1/issues/82
  ["DeepSeek", 401, openai("Authentication Fails (no such user)", "authentication_error", "invalid_request_error")],
  // docs.siliconflow.com/en/faqs/error-code
  ["SiliconFlow", 401, '"Invalid token"'],
  // github.com/nark/WiredSwift/issues/44
  ["Groq", 401, { error: { message: "Invalid API Key", type: "invalid_request_error", code: "invalid_api_key" } }],
  // github.com/agent0ai/agent-zero/issues/539
  ["Mistral", 401, { detail: "Unauthorized" }],
  ["NVIDIA", 401, { status: 401, title: "Unauthorized", detail: "Authentication failed" }],
];

export const keyBroke = [
  ["OpenAI", 429, openai(plan, "insufficient_quota", "insufficient_quota")],
  [
    "OpenAI, a hard limit",
    400,
    openai("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
  ],
  // docs.anthropic.com/en/api/errors
  [
    "Anthropic",
    400,
    {
      type: "error",
      error: { type: "invalid_request_error", message: "Your credit balance is too low to access the Anthropic API." },
    },
  ],
  // github.com/Alishahryar1/free-claude-code/issues/772
  ["OpenRouter", 402, { error: { message: "Insufficient credits. This account never purchased credits.", code: 402 } }],
  // github.com/continuedev/continue/issues/9942
  ["DeepSeek", 402, openai("Insufficient Balance", "unknown_error", "invalid_request_error")],
  // docs.siliconflow.cn/en/faqs/error-code
  ["SiliconFlow", 403, { code: 30001, message: "Sorry, your account balance is insufficient", data: null }],
];

const violations = (...ids) => ({ "@type": kind("QuotaFailure"), violations: ids.map((quotaId) => ({ quotaId })) });

export const dayQuota = [
  // github.com/google-gemini/gemini-cli/issues/8437
  [
    "Gemini",
    429,
    [
      google(
        429,
        "RESOURCE_EXHAUSTED",
        plan,
        violations("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
        { "@type": kind("RetryInfo"), retryDelay: "2s" },
      ),
    ],
  ],
  ["OpenRouter", 429, { error: { message: "Rate limit exceeded: free-models-per-day. Add 10 credits", code: 429 } }],
  // docs.siliconflow.com/en/faqs/error-code
  ["SiliconFlow", 429, { message: "Request was rejected due to rate limiting. Details:RPD limit reached.", data: null }],
];

const slow = (said) => openai(`Rate limit reached for m on requests per min. ${said}`, "requests", "rate_limit_exceeded");
const inSeconds = (s) => new Date(Date.now() + s * 1000);

/** With the rest that each asks for, in ms: [provider, status, body, headers, ms]. */
export const rateLimited = () => [
  ["OpenAI, retry-after-ms", 429, slow("Limit 3, Used 3."), { "retry-after-ms": "45000", "retry-after": "90" }, 45_000],
  ["OpenAI, retry-after", 429, slow("Please try again in 7ms."), { "retry-after": "30" }, 30_000],
  ["OpenAI, a decimal", 429, slow(""), { "retry-after": "20.5" }, 20_500],
  [
    "OpenAI, the exhausted one of two limits",
    429,
    slow(""),
    {
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "1m20s",
      "x-ratelimit-remaining-tokens": "5",
      "x-ratelimit-reset-tokens": "6ms",
    },
    80_000,
  ],
  ["OpenAI, the message", 429, slow("Please try again in 5.289s."), {}, 5_289],
  // github.com/google-gemini/gemini-cli/issues/8437
  [
    "Gemini, a minute's quota",
    429,
    google(429, "RESOURCE_EXHAUSTED", plan, violations("GenerateRequestsPerMinutePerProjectPerModel"), {
      "@type": kind("RetryInfo"),
      retryDelay: "37.8s",
    }),
    {},
    37_800,
  ],
  // openrouter.ai/docs/api-reference/limits
  ["OpenRouter", 402, { error: { message: "Add credits", code: 402 } }, { "retry-after": "40" }, 40_000],
  // github.com/jasonacox/TinyLLM/issues/17
  [
    "Azure",
    429,
    { error: { code: "429", message: "Requests have exceeded token rate limit. Please retry after 33 seconds." } }, {}, 33_000,
  ],
  // github.com/continuedev/continue/issues/10920
  ["Groq", 429, openai("Rate limit reached for m on tokens per minute (TPM). Please try again in 1m12s.", "tokens"), {}, 72_000],
  ["a reset beyond the clamp", 429, slow(""), { "retry-after": "86400" }, 600_000],
  ["a reset of nothing", 429, slow(""), { "retry-after": "0" }, 1_000],
];

/** docs.anthropic.com/en/api/rate-limits and an HTTP date say it to the second only. */
export const rateLimitedUntil = () => {
  const at = inSeconds(50);
  const body = { type: "error", error: { type: "rate_limit_error", message: "This request would exceed your rate limit." } };
  return [
    [
      "Anthropic",
      429,
      body,
      { "anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": at.toISOString() },
      at.getTime(),
    ],
    ["an HTTP date", 429, body, { "retry-after": at.toUTCString() }, Math.floor(at.getTime() / 1000) * 1000],
    ["OpenRouter, Unix ms", 429, body, { "x-ratelimit-reset": String(at.getTime()) }, at.getTime()],
  ];
};

export const bare = [
  // github.com/raycast/extensions/issues/31107
  ["Mistral", 429, { object: "error", message: "Rate limit exceeded", type: "rate_limited", param: null, code: "1300" }],
  // github.com/Alishahryar1/free-claude-code/issues/690
  ["NVIDIA", 429, { status: 429, title: "Too Many Requests" }],
  // github.com/AIDotNet/OpenDeepWiki/issues/269
  ["SiliconFlow", 429, { message: "Request was rejected due to rate limiting. Details: TPM limit reached.", data: null }],
  ["a reset in 55,000 years", 429, openai("slow", "requests", "rate_limit_exceeded"), { "x-ratelimit-reset": "1.7e15" }],
];

export const modelBusy = [
  // docs.anthropic.com/en/api/errors
  ["Anthropic", 529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } }],
  // console.groq.com/docs/errors
  ["Groq", 498, openai("Flex tier capacity exceeded", "server_error", "capacity_exceeded")],
  ["Gemini", 503, google(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")],
  [
    "Gemini, no capacity",
    429,
    google(429, "RESOURCE_EXHAUSTED", "No capacity available.", { reason: "MODEL_CAPACITY_EXHAUSTED" }),
  ],
  // github.com/continuedev/continue/issues/6185
  [
    "Mistral",
    429,
    {
      object: "error",
      message: "Service tier capacity exceeded for this model.",
      type: "invalid_request_error",
      code: null,
    },
  ],
  ["OpenAI", 503, openai("Slow down", "server_error", "slow_down")],
  ["SiliconFlow", 503, { code: 50505, message: "Model service overloaded. Please try again later.", data: null }],
  ["a proxy", 503, "no healthy upstream"],
];

export const keyLacksModel = [
  [
    "OpenAI",
    404,
    openai("The model `gpt-9` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
  ],
  ["OpenAI, a project", 403, openai("Project `p` does not have access to model `m`", "invalid_request_error", "model_not_found")],
  // github.com/Alishahryar1/free-claude-code/issues/1021
  ["NVIDIA", 404, { status: 404, title: "Not Found", detail: "Function 'f': Not found for account 'a'" }],
  // learn.microsoft.com/azure/ai-services/openai
  ["Azure", 404, { error: { code: "DeploymentNotFound", message: "The API deployment for this resource does not exist." } }],
];

export const blocked = [
  [
    "OpenAI, a region",
    403,
    openai("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"),
  ],
  [
    "OpenRouter, moderation",
    403,
    {
      error: {
        code: 403,
        message: "m requires moderation. Your input was flagged.",
        metadata: { reasons: ["violence"], flagged_input: "api key not valid" },
      },
    },
  ],
];

export const forbidden = [
  // github.com/Alishahryar1/free-claude-code/issues/1242
  ["NVIDIA", 403, { status: 403, title: "Forbidden", detail: "Authorization failed" }],
  ["without a word", 403, ""],
];

export const caller = [
  [
    "OpenAI, too long",
    400,
    openai("maximum context length is 128000 tokens", "invalid_request_error", "context_length_exceeded", "messages"),
  ],
  [
    "Azure, its content filter",
    400,
    {
      error: {
        code: "content_filter",
        message: "The response was filtered",
        innererror: { code: "ResponsibleAIPolicyViolation" },
      },
    },
  ],
  ["Anthropic", 413, { type: "error", error: { type: "request_too_large", message: "Request exceeds the maximum size" } }],
  ["Gemini, a region", 400, google(400, "FAILED_PRECONDITION", "User location is not supported for the API use.")],
  ["DeepSeek", 422, openai("Invalid parameter", "invalid_request_error", "invalid_request_error")],
  ["SiliconFlow", 400, { code: 20012, message: "Model does not exist. Please check it carefully.", data: null }],
  // github.com/HunorLaczko/ha-groq-cloud-api/issues/27
  [
    "Groq, one request over the limit",
    413,
    openai(
      "Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 12328",
      "tokens",
      "rate_limit_exceeded",
    ),
  ],
  // docs.mistral.ai/api
  [
    "Mistral",
    422,
    {
      detail: [
        { loc: ["body", "x"], msg: "Extra inputs are not permitted", type: "extra_forbidden", input: "invalid_api_key" },
      ],
    },
  ],
  ["a path that is not there", 404, "404 page not found"],
  ["a method", 405, ""],
  ["a content type", 415, "<html><center><h1>415 Unsupported Media Type</h1></center></html>"],
  [
    "a mistake with odd bytes",
    400,
    '{ "error": {"message":"your mistake é","type":"invalid_request_error","param":"x","code":null} }\n',
  ],
];
